"""A whole run in a real terminal, led with keys from the inbox alone: as a person would.

Rules: as in `test_tmux`. Keys of a dialog are sent without waiting for it to be drawn: who knows
the deck does not wait either.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.tui.test_tmux import Terminal, git, state_of, terminal

from agentdeck.core.events import Outcome
from agentdeck.testing.settling import settle

pytestmark = pytest.mark.tmux

__all__ = ["terminal"]  # a fixture is known where its name is


def in_front(terminal: Terminal) -> tuple[str, str] | None:
    """The sign and the task that the inbox shows in full; None while it shows none."""
    found = re.findall(r"╭─ (\S) ([A-Z][A-Z0-9-]*)(?: |$)", terminal.screen)
    return found[-1] if found else None


def answer_one(terminal: Terminal) -> str | None:
    """Answer what stands first in the inbox, if anything does; which task that was."""
    shown = in_front(terminal)
    if shown is None:
        return None
    sign, task = shown
    match sign:
        case "?":
            terminal.press("i")
            terminal.type("sqlite, and quickly")
            terminal.press("Enter")
        case "✖":
            terminal.press("R")
            terminal.type("a, quite another way")
            terminal.press("Enter")
        case "◇":
            terminal.press("a")
        case _:
            return None
    settle(lambda: is_over(terminal, sign, task), lambda: f"an end of {task}\n{terminal.screen}")
    return task


def is_over(terminal: Terminal, sign: str, task: str) -> bool:
    """Is it no row of the inbox any more, with no dialog before the rows?"""
    screen = terminal.screen
    row = rf"(?m)^│ {re.escape(sign)} {task} "
    dialog = r"escape (leaves|sends)"
    return "╭─ Inbox ─" in screen and not re.search(f"{row}|{dialog}", screen)


def promote(terminal: Terminal, branch: str) -> None:
    """Bring what landed into the base, with the key that the inbox names."""
    terminal.sees(r"M +bring it in")
    terminal.press("M")
    terminal.sees(r"╭─ Promote ─")
    terminal.press("Right", "Enter")
    repo = terminal.repo
    settle(
        lambda: git(repo, "rev-parse", "main") == git(repo, "rev-parse", branch),
        lambda: f"what landed in main\n{terminal.screen}",
    )
    terminal.sees(r"Nothing waits for you")
    terminal.press("Escape")
    terminal.sees(r"╭─ Plan ─")  # a q right behind an escape would be another key
    terminal.press("q")
    terminal.sees(r"The run has ended\.")
    terminal.sees(r"left with 0")


def test_a_run_is_led_from_its_inbox_on_80_by_24(terminal: Terminal, tmp_path: Path) -> None:
    """Each thing that waits is answered and the next one stands there; then promote, and leave."""
    terminal.start(80, 24)
    terminal.sees(r"! 4 need you")
    terminal.press("!")
    terminal.sees(r"╭─ Inbox ─+ 4 need you")
    answered: list[str] = []

    def done() -> bool:
        task = answer_one(terminal)
        answered.extend([task] if task is not None else [])
        return set(answered) == {"ASKS", "FAILS", "NOW", "YES"}

    settle(done, lambda: f"four answers, not {answered}")
    assert len(answered) == 4
    terminal.sees(r"Nothing waits for you")
    (tmp_path / "go").touch()
    terminal.sees(r"✔ complete ")
    repo = terminal.repo
    assert git(repo, "show", "deck/keys:colour.txt") == "sqlite, and quickly"
    (last,) = [task for task in state_of(repo).tasks.values() if task.id == "FAILS"]
    assert last.feedback == "a, quite another way"
    promote(terminal, "deck/keys")
    assert state_of(repo).outcome is Outcome.COMPLETE
