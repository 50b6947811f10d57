"""`kill -9` of the engine in the middle of a run: nothing runs twice, nothing is lost.

Rules: the moments are numbers of the journal, drawn from a seed; so each seed is the same story
again. The agents write down every start, outside of what git and the engine know.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from agentdeck.control import blocking, start
from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.errors import DeckError
from agentdeck.core.events import AnyEvent, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import kill_engine, told_in
from agentdeck.testing.settling import settle

TASKS = 12
KILLS = 3
FIRST_KILL = 4  # events: the run has begun
LAST_KILL = 100  # events: a run of twelve tasks has about 130

HEAD = """\
version = 1
[plan]
name = "crash"
agents = 4
[agents.sh]
command = [
  "sh",
  "-c",
  "echo {{task}} $AGENTDECK_ATTEMPT $$ >> '{starts}'; sleep 0.3; echo x > {{task}}.txt; sleep 0.1",
]
[defaults]
agent = "sh"
retries = 0
[gates.unit]
run = "echo $AGENTDECK_GATE >> '{gates}'; sleep 0.05"
when = "merge"
"""


def plan_text(starts: Path, gates: Path) -> str:
    """Twelve tasks; each from the fifth on needs one of the first."""
    text = HEAD.format(starts=starts, gates=gates)
    for number in range(TASKS):
        text += f'[[task]]\nid = "T{number}"\ntitle = "Task {number}"\n'
        if number >= 4:
            text += f'after = ["T{number - 4}"]\n'
    return text


def last_seq(folder: RunFolder) -> int:
    journal = Journal(folder.journal)
    try:
        return journal.last_seq()
    finally:
        journal.close()


def of_the_run(run: str) -> list[str]:
    """The command lines of what still carries the tag of an attempt or gate of this run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("AGENTDECK_TAG", "").startswith(f"{run}/"):
                found.append(" ".join(process.cmdline()))
    return found


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def doubled(found: list[AnyEvent]) -> list[str]:
    """Facts that must be told once and were told more often."""
    once = (e.AttemptClaimed, e.AttemptLaunched, e.AttemptExited, e.AttemptCollected)
    told = Counter(
        f"{type(event).__name__} {event.task}.{event.attempt}"
        for event in found
        if isinstance(event, once)
    )
    told.update(f"landed {event.entry}" for event in found if isinstance(event, e.EntryLanded))
    return [what for what, times in told.items() if times > 1]


def crash_story(tmp_path: Path, seed: int, kills: int) -> None:
    """One run with `kills` kills at moments drawn from `seed`, and all that must hold of it."""
    repo, starts = tmp_path / "repo", tmp_path / "starts"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = plan_text(starts, tmp_path / "gates")
    folder = create_run(repo, read_plan(text, file="crash.toml"), text)
    moments = sorted(random.Random(seed).sample(range(FIRST_KILL, LAST_KILL), kills))
    start.ensure_engine(folder)
    try:
        for moment in moments:
            settle(lambda: last_seq(folder) >= moment, f"event {moment}")  # noqa: B023
            kill_engine(folder)
            before = {
                (task.id, attempt.number): attempt.process
                for task in fold_run(folder).tasks.values()
                for attempt in task.attempts
                if attempt.process is not None
            }
            start.ensure_engine(folder)
            state = fold_run(folder)
            for (task, number), process in before.items():
                assert state.tasks[task].attempts[number - 1].process == process, "adopted"
        settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
    finally:
        with suppress(DeckError), blocking.connect(folder) as client:
            if fold_run(folder).outcome is None:
                client.send(c.EndRun())
                settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
            client.stop("the test is over")

    state = fold_run(folder)
    assert state.outcome is Outcome.COMPLETE
    assert {task.state for task in state.tasks.values()} == {TaskState.LANDED}
    assert [len(task.attempts) for task in state.tasks.values()] == [1] * TASKS
    begun = [line.split() for line in starts.read_text().splitlines()]
    assert sorted(task for task, _, _ in begun) == sorted(state.tasks), "each agent began once"
    for name, _, pid in begun:
        known = state.tasks[TaskId(name)].attempts[0].process
        assert known is not None
        assert known.pid == int(pid)
    found = told_in(folder)
    assert doubled(found) == []
    assert sum(isinstance(event, e.EngineStarted) for event in found) == kills + 1
    merges = git(repo, "log", "--merges", "--format=%s", state.target).splitlines()
    own = [subject for subject in merges if ": " in subject]  # the others land several as one
    assert sorted(own) == sorted(f"Complete T{n}: Task {n}" for n in range(TASKS))
    line = git(repo, "rev-list", "--first-parent", f"{state.base}..{state.target}").split()
    assert set(line) == {landing.commit for landing in state.landings}
    assert "error" not in git(repo, "fsck", "--no-dangling")
    assert git(repo, "status", "--porcelain") == ""
    settle(lambda: not of_the_run(state.run), "the end of every process of the run")


def test_three_kills_in_a_run_of_twelve_tasks(tmp_path: Path) -> None:
    """The same processes are found again, nothing begins twice, and all land exactly once."""
    crash_story(tmp_path, seed=int(os.environ.get("CRASH_SEED", "1")), kills=KILLS)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(20))
def test_many_kills_at_many_moments(tmp_path: Path, seed: int) -> None:
    """The same with eight kills, twenty times."""
    crash_story(tmp_path, seed=1_000 + seed, kills=8)
