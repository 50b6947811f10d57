"""A seed that fails becomes a smaller run that fails in the same way, and can be looked at."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from agentdeck.control.runs import fold_run, run_in
from agentdeck.core import events as e
from agentdeck.core.errors import EXIT_ENVIRONMENT, NotFoundError
from agentdeck.core.fold import fold
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.testing.ring_checks import RingChecks
from agentdeck.testing.scripted_world import Violation
from agentdeck.testing.searching import FAULTS, main
from agentdeck.testing.shrinking import shrink
from agentdeck.testing.simulation import course_of, seeded
from agentdeck.testing.situation import COMMAND, Breach, Situation, tried

FAILS = 15  # a seed that sees the bug below
EFFORT = 8_000  # events; some two seconds


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks when a step fails, though only beside an agent that works."""
    real = RingChecks._once

    def once(checks: RingChecks, event: e.AnyEvent) -> None:
        working = any(task.state is TaskState.WORKING for task in checks.shadow.tasks.values())
        if isinstance(event, e.StepFailed) and working:
            raise Violation("a step fails beside an agent")
        real(checks, event)

    monkeypatch.setattr(RingChecks, "_once", once)


def failed(situation: Situation) -> Breach:
    found = tried(situation)
    assert isinstance(found, Breach)
    return found


def test_a_failing_seed_shrinks_to_what_is_needed_for_it(bug: None) -> None:
    """The same line sees the same bug, with fewer tasks, faults and events; run again, again."""
    whole = failed(Situation(FAILS))
    small = shrink(whole, EFFORT)
    assert small.place == whole.place
    assert small.size < whole.size
    assert len(small.situation.plan.tasks) <= 2
    assert len(small.situation.troubles) == 1
    again = failed(small.situation)
    assert (again.place, again.history) == (small.place, small.history)


def test_what_is_left_of_a_situation_is_written_as_a_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The options that it prints make the same journal again."""
    some = Situation(5, 11, (TaskId("A"),), tuple(n for n in FAULTS if n not in ("lost", "crash")))
    ending = tried(some)
    program, module, name, *options = shlex.split(some.command)
    assert f"{program} {module} {name}" == COMMAND
    assert main(options) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2].split()[0] == str(len(ending.history))
    assert type(ending.history[-1].event).__name__ in said[-2]


def test_nobody_needs_a_task_that_was_left_out() -> None:
    """Each fault and each task can be left out by itself."""
    plan, _ = course_of(0)
    gone = next(task.after[0] for task in plan.tasks if task.after)
    left = Situation(0, without=(gone,), calm=FAULTS)
    assert gone not in left.plan.by_id
    assert all(gone not in task.after for task in left.plan.tasks)
    assert left.troubles == ()


def test_an_unknown_fault_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(["--seed", "1", "--only", "flood"])
    assert "'flood' is no fault; they are step_fails," in capsys.readouterr().err


def test_a_search_tells_the_smaller_run_and_how_often_each_fault_happened(
    bug: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("agentdeck.testing.searching.EFFORT", 500)
    assert main(["--first", str(FAILS), "--seeds", "1"]) == 1
    said = capsys.readouterr()
    assert f"replay it: {COMMAND} --seed {FAILS}\nsmaller, " in said.err
    assert [line.split()[0] for line in said.out.splitlines()[:-1]] == list(FAULTS)
    assert "0 of 1 seeds hold every invariant" in said.out


def test_what_happened_is_counted_where_it_happens() -> None:
    """Every crash of an engine is one in the totals, and there is no other."""
    run = seeded(18)
    run.run()
    starts = sum(type(one.event).__name__ == "EngineStarted" for one in run.history)
    assert run.met["crash"] == starts - 1 > 0
    assert set(run.met) <= {*FAULTS, "reached"}


def test_a_run_is_kept_as_a_folder_that_the_deck_replays(tmp_path: Path) -> None:
    """`agentdeck replay FOLDER` reads it, and so does whoever folds its journal."""
    path = tmp_path / "seed-2"
    assert main(["--seed", "2", "--journal", str(path)]) == 0
    folder = run_in(path)
    expected = seeded(2)
    expected.run()
    assert fold_run(folder) == fold(expected.history)
    argv = [
        sys.executable,
        "-m",
        "agentdeck",
        "replay",
        str(path),
        "--at",
        "3",
        "--plain",
    ]  # it stands still there
    shown = subprocess.run(
        argv, input="quit\n", capture_output=True, text=True, check=False, timeout=120
    )
    assert shown.returncode == 0, shown.stderr
    assert f"replay of run {path.name}" in shown.stdout
    assert main(["--seed", "2", "--journal", str(path)]) == EXIT_ENVIRONMENT  # it is there


def test_a_folder_without_a_journal_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no journal in it"):
        run_in(tmp_path)
