"""How the verbs meet the control room, a terminal, and a log that grows."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentdeck.cli import demo, output
from agentdeck.cli.headless import end_of, exit_status
from agentdeck.cli.runs import parse_size
from agentdeck.control.runs import RunFolder, fold_run, newest_run, summary_of
from agentdeck.control.start import responds
from agentdeck.core import commands as c
from agentdeck.core.events import Outcome
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Land, Plan, Task
from agentdeck.core.state import Attempt, Question, RunState, TaskRun, TaskState

Deck = Callable[..., Any]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    """A terminal on stdout, and the control room only notes which run it was opened on."""
    opened: list[RunFolder] = []

    def run_deck(folder: RunFolder, *, ascii_only: bool = False) -> int:
        assert not ascii_only
        opened.append(folder)
        return 0

    monkeypatch.setattr("agentdeck.tui.show.run_deck", run_deck)
    for module in ("run", "room"):
        monkeypatch.setattr(f"agentdeck.cli.{module}.in_terminal", lambda: True)
    return opened


def test_run_opens_the_control_room_over_a_detached_engine(
    deck: Deck, repo: Path, terminal: list[RunFolder]
) -> None:
    """Leaving the room leaves the engine at work; `attach` opens the same run."""
    assert deck("run", "waits.toml").code == 0
    assert terminal == [newest_run(repo)]
    assert responds(terminal[0])
    assert deck("attach").code == 0
    assert terminal == [newest_run(repo)] * 2


def test_attach_starts_an_engine_that_is_gone_but_not_for_an_ended_run(
    deck: Deck, repo: Path, terminal: list[RunFolder]
) -> None:
    """A run that has finished is only looked at."""
    assert deck("run", "quick.toml", "--headless").code == 0
    assert deck("attach").code == 0
    assert not summary_of(terminal[0]).engine


def test_without_a_terminal_attach_says_what_to_do_instead(deck: Deck, repo: Path) -> None:
    assert deck("run", "quick.toml", "--headless").code == 0
    said = deck("attach")
    assert said.code == 2
    assert "`agentdeck status`" in said.err


def test_snapshot_hands_everything_on(
    deck: Deck, repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(
        "agentdeck.tui.snapshot.write_snapshot", lambda folder, **rest: asked.append((folder, rest))
    )
    assert deck("run", "quick.toml", "--headless").code == 0
    run = newest_run(repo)
    file = str(tmp_path / "deck.svg")
    assert deck("snapshot", run.run, "-o", file, "--size", "80x24", "--at", "3").code == 0
    assert asked == [(run, {"size": (80, 24), "out": Path(file), "at": 3, "screen": "main"})]


def test_a_log_is_followed_until_the_attempt_has_ended(deck: Deck, repo: Path) -> None:
    """`logs -f` shows what comes later and ends by itself."""
    assert deck("run", "waits.toml", "--no-attach").code == 0
    folder = newest_run(repo)
    deadline = time.monotonic() + 20
    while fold_run(folder).tasks[TaskId("A")].state is not TaskState.WORKING:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    threading.Timer(0.5, (repo.parent / "go").touch).start()
    done = subprocess.run(
        [sys.executable, "-m", "agentdeck", "logs", "A", "-f"],
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "I write red" in done.stdout
    assert done.returncode == 0


def test_a_reader_that_goes_away_is_no_error(deck: Deck, repo: Path) -> None:
    """`agentdeck logs | head` ends without a word on stderr."""
    assert deck("run", "quick.toml", "--headless").code == 0
    done = subprocess.run(
        f"{sys.executable} -m agentdeck logs A --raw | true; "
        f"{sys.executable} -m agentdeck show quick.toml | true",
        shell=True,
        cwd=repo,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""


# --- the demo person ---------------------------------------------------------------------------

A = TaskId("A")


def standing(state: TaskState, *, land: Land = Land.AUTO, tries: int = 1) -> RunState:
    plan = Plan(name="p", tasks=(Task(id=A),), land=land)
    attempts = [
        Attempt(
            number=number,
            agent=AgentName("scripted"),
            model=None,
            pool=None,
            fresh=True,
            claimed_at=0.0,
            launched_at=1.0,
            questions=[Question("q1", "Which?", 2.0)] if state is TaskState.ASKING else [],
        )
        for number in range(1, tries + 1)
    ]
    return RunState(
        seq=9, plan=plan, agents_limit=1, tasks={A: TaskRun(id=A, state=state, attempts=attempts)}
    )


@pytest.mark.parametrize(
    ("state", "wish"),
    [
        (standing(TaskState.ASKING), c.Steer),
        (standing(TaskState.REVIEWING), c.Approve),
        (standing(TaskState.PROPOSED, land=Land.APPROVE), c.Approve),
        (standing(TaskState.PROPOSED), None),
        (standing(TaskState.WORKING), None),
        (standing(TaskState.FAILED), c.Retry),
        (standing(TaskState.FAILED, tries=3), c.Skip),
        (standing(TaskState.LANDED), None),
    ],
)
def test_the_demo_person_does_what_is_needed_and_no_more(
    state: RunState, wish: type[Any] | None
) -> None:
    """Every state that waits for a person gets its answer, so the demo always ends."""
    plan = state.plan
    if state.tasks[A].state is TaskState.ASKING:
        assert plan.agent_by_name[AgentName("scripted")].use == "scripted"
    assert [type(found) for found in demo.wishes(state)] == ([wish] if wish else [])


# --- how a headless run ends -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "outcome", "code"),
    [
        (TaskState.LANDED, Outcome.COMPLETE, 0),
        (TaskState.FAILED, Outcome.STOPPED, 1),
        (TaskState.LANDED, Outcome.STOPPED, 1),
        (TaskState.FAILED, None, 1),
        (TaskState.CANCELLED, None, 1),
        (TaskState.ASKING, None, 6),
        (TaskState.REVIEWING, None, 6),
    ],
)
def test_the_status_of_a_headless_run(state: TaskState, outcome: Outcome | None, code: int) -> None:
    """A script can tell done, failed and "a person is needed" apart."""
    run = standing(state)
    run.outcome = outcome
    assert end_of(run) is not None
    assert exit_status(run) == code


def test_a_run_at_work_does_not_end() -> None:
    assert end_of(standing(TaskState.WORKING)) is None


# --- printing ----------------------------------------------------------------------------------


def test_tables_are_aligned_by_cells(capsys: pytest.CaptureFixture[str]) -> None:
    """Wide characters take two cells; numbers stand to the right; nothing trails."""
    output.table(("NAME", "N", "X"), [("日本", "7", "a"), ("abcd", "12", "")])
    assert capsys.readouterr().out == "NAME   N  X\n日本   7  a\nabcd  12\n"


def test_foreign_text_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Titles, reasons and names come from plans and agents; their escapes vanish, in errors too."""
    evil = "a\x1b]0;owned\x07b\x1b[2Jc\nd"
    output.table(("X",), [(evil,)])
    output.print_error(evil, evil)
    said = capsys.readouterr()
    assert said.out == "X\nabc d\n"
    assert "\x1b" not in said.err
    assert "\x07" not in said.err


def test_colour_is_only_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """And never with NO_COLOR or a dumb terminal."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.paint_state("failed") == "failed"
    monkeypatch.setattr(output, "in_terminal", lambda stream=None: True)
    assert output.paint_state("failed") == "\x1b[31mfailed\x1b[0m"
    monkeypatch.setenv("TERM", "dumb")
    assert output.paint_state("failed") == "failed"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.paint_state("failed") == "failed"


@pytest.mark.parametrize("text", ["120x36", "120X36", " 120x36 ", "120×36"])
def test_sizes(text: str) -> None:
    assert parse_size(text) == (120, 36)
