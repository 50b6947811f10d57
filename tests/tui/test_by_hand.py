"""Taking over from the deck, with a real engine, a real agent and a real command of a person."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import pytest
from tests.tui.live_run import A, git, live_deck, made_run, put_claude_on_path
from textual.drivers.headless_driver import HeadlessDriver
from textual.widgets import Input

from agentdeck.core import commands as c
from agentdeck.core.state import TaskState
from agentdeck.tui.screens import hands_dialogs
from agentdeck.tui.screens.dialogs import AskText, Confirm
from agentdeck.tui.screens.hands_dialogs import GiveBack, WaitForEnd

LONG = "! write from-agent.txt\n! sleep 300"
# It ends when a file is there, whatever it is told before.
SLOW = """[agents.slow]
command = ["sh", "-c", "trap '' INT TERM; until [ -e {go} ]; do sleep 0.05; done"]
"""


@pytest.fixture(autouse=True)
def claude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_claude_on_path(tmp_path, monkeypatch)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A screen that can be handed over, as a terminal's can."""
    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that ends the slow agent; the person's shell writes another one and ends with 3."""
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\necho by hand > shell.txt\nexit 3\n")
    shell.chmod(0o755)
    monkeypatch.setenv("SHELL", str(shell))
    return tmp_path / "go"


async def test_a_person_works_in_the_session_and_says_that_it_is_finished(
    tmp_path: Path, terminal: None
) -> None:
    """`o` ends the agent's turn, opens its session in the worktree, and asks; the work lands."""
    folder = made_run(tmp_path, LONG)
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.until(lambda: deck.task.attempts[-1].session is not None, "a session")
        await deck.press("o")
        await deck.until(lambda: isinstance(deck.app.screen, GiveBack), "the question")
        assert deck.task.taken_by == "kim"
        session = deck.task.attempts[-1].session
        path = Path(deck.task.attempts[-1].path or "")
        assert session is not None
        assert session in (path.parent / "words").read_text().splitlines()
        await deck.press("f")
        await deck.is_in(TaskState.LANDED)
    assert git(folder, "show", "deck/p:by-hand.txt") == "by hand"
    assert git(folder, "show", "deck/p:from-agent.txt")


async def test_a_task_is_kept_opened_again_and_given_back_to_its_agent(
    tmp_path: Path, terminal: None
) -> None:
    """Enter keeps it; `o` opens it again without a wait; `O` gives it back with words."""
    async with live_deck(made_run(tmp_path, LONG)) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.until(lambda: deck.task.attempts[-1].session is not None, "a session")
        await deck.press("o")
        await deck.until(lambda: isinstance(deck.app.screen, GiveBack), "the question")
        made = Path(deck.task.attempts[-1].path or "") / "by-hand.txt"
        await deck.press("enter")
        await deck.is_back()
        assert deck.task.state is TaskState.TAKEN
        made.unlink()
        await deck.press("o")
        await deck.until(lambda: isinstance(deck.app.screen, GiveBack), "the question again")
        assert made.exists()
        await deck.press("escape")
        await deck.is_back()
        await deck.press("O")
        await deck.until(lambda: isinstance(deck.app.screen, GiveBack), "the choices")
        await deck.press("g")
        await deck.until(lambda: isinstance(deck.app.screen, AskText), "a line for words")
        deck.app.screen.query_one(Input).value = "mind by-hand.txt"
        await deck.press("enter")
        await deck.until(lambda: len(deck.task.attempts) == 2, "another attempt")
        assert [told.text for told in deck.task.attempts[-1].told] == ["mind by-hand.txt"]


async def test_an_agent_without_a_session_is_asked_about_first(
    tmp_path: Path,
    terminal: None,
    slow: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Enter means no. After a yes the wait can be left, and `o` comes back; then it is a shell.

    A shell ends with what the last command ended with: nobody has to confirm that.
    """
    typed = io.StringIO("\n")
    monkeypatch.setattr("sys.stdin", typed)
    async with live_deck(made_run(tmp_path, "x", SLOW.format(go=slow), "slow")) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.press("o")
        await deck.sees("slow has named no session")
        await deck.press("enter")
        await deck.is_back()
        assert deck.task.taken_by == ""
        await deck.press("o")
        await deck.sees("slow has named no session")
        await deck.press("y")
        await deck.until(lambda: isinstance(deck.app.screen, WaitForEnd), "the wait")
        await deck.sees("slow is told to end its turn")
        await deck.press("escape")
        await deck.is_back()
        await deck.sees("kim takes it over")
        await deck.press("o")
        await deck.until(lambda: isinstance(deck.app.screen, WaitForEnd), "the wait again")
        await asyncio.to_thread(slow.touch)
        await deck.until(lambda: isinstance(deck.app.screen, GiveBack), "the question")
        await deck.sees("shell ended with 3.")
        assert (Path(deck.task.attempts[-1].path or "") / "shell.txt").exists()
    assert "enter goes back to the room" not in capfd.readouterr().out
    assert typed.read() == "\n"


async def test_a_session_that_fails_at_once_stays_to_be_read(
    tmp_path: Path,
    terminal: None,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """What it said would be gone with the room's next picture: enter goes back to it."""
    with (tmp_path / "bin" / "claude").open("a") as script:
        script.write("echo no network\nexit 7\n")
    typed = io.StringIO("\n")
    monkeypatch.setattr("sys.stdin", typed)
    async with live_deck(made_run(tmp_path, LONG)) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.until(lambda: deck.task.attempts[-1].session is not None, "a session")
        await deck.press("o")
        await deck.sees("claude ended with 7.")
    said = capfd.readouterr().out
    assert "no network\nclaude ended with 7; enter goes back to the room\n" in said
    assert typed.read() == ""


async def test_a_screen_that_is_no_terminal_names_the_command(tmp_path: Path) -> None:
    """No agent is disturbed for a screen that cannot be handed over."""
    folder = made_run(tmp_path, LONG)
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.press("o")
        await deck.until(lambda: bool(deck.toasts), "a word on it")
        assert f"`agentdeck take-over A --run {folder.run}`" in deck.toasts[-1]
        assert deck.task.state is TaskState.WORKING
        assert deck.task.taken_by == ""


async def test_a_task_that_goes_another_way_ends_the_wait(
    tmp_path: Path, terminal: None, slow: Path
) -> None:
    """It is stopped meanwhile by somebody else: the dialog closes and says what became of it."""
    folder = made_run(tmp_path, "x", SLOW.format(go=slow), "slow")
    async with live_deck(folder) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.press("o")
        await deck.sees("slow has named no session")
        await deck.press("y")
        await deck.until(lambda: isinstance(deck.app.screen, WaitForEnd), "the wait")
        await deck.app.source.send(c.Stop(A, by="lou"))
        await asyncio.to_thread(slow.touch)
        await deck.is_back()
        await deck.is_in(TaskState.CANCELLED)
        await deck.until(lambda: bool(deck.toasts), "a word on it")
        assert deck.toasts[-1] in (  # as the last look at the run found it
            "A is ended and its work is taken in.",
            "A has ended; its work is being collected.",
            "A is cancelled (r retry, s skip): stopped by lou.",
        )


async def test_an_agent_that_does_not_end_is_not_waited_for_for_ever(
    tmp_path: Path, terminal: None, slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait has a bound, and says what to do then."""
    monkeypatch.setattr(hands_dialogs, "TAKEN_S", 0.0)
    async with live_deck(made_run(tmp_path, "x", SLOW.format(go=slow), "slow")) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.press("o")
        await deck.sees("slow has named no session")
        await deck.press("y")
        await deck.until(lambda: bool(deck.toasts), "a word")
        assert "take it over again when it has" in deck.toasts[-1]
        await deck.is_back()
        await asyncio.to_thread(slow.touch)


async def test_what_another_has_in_hands_is_asked_about(tmp_path: Path, terminal: None) -> None:
    """Two people in one worktree are in each other's way."""
    async with live_deck(made_run(tmp_path, LONG)) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.until(lambda: deck.task.attempts[-1].session is not None, "a session")
        await deck.app.source.send(c.TakeOver(A, by="lou"))
        await deck.is_in(TaskState.TAKEN)
        await deck.press("o")
        await deck.sees("A is in the hands of lou, who may be at work there")
        assert isinstance(deck.app.screen, Confirm)
        await deck.press("escape")
        await deck.is_back()
        await deck.press("O")
        await deck.sees("What becomes of A?")
        await deck.app.source.send(c.HandBack(A, by="lou"))
        await deck.until(lambda: bool(deck.toasts), "a word on it")
        await deck.is_back()
        assert deck.toasts == ["A is not in anybody's hands any more."]
