"""A whole run in a real terminal, led with keys from the inbox alone: as a person would.

Rules: as in `test_tmux`. Keys of a dialog are sent without waiting for it to be drawn: who knows
the deck does not wait either.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from tests.tui.test_tmux import Terminal, git, settle, state_of, terminal

from agentdeck.core.events import Outcome
from agentdeck.core.state import TaskState
from agentdeck.shipped import sample_plan

pytestmark = pytest.mark.tmux

__all__ = ["terminal"]  # a fixture is known where its name is

DAW: Final = "daw-agent-parallelism"
# What the agents of some of its tasks do beside their work, so that a person has something to do.
DAW_SCRIPTS: Final = {
    "INFRA-001": "! ask Which database, postgres or sqlite?\n! write-answer db.txt",
    "INFRA-002": "! on 1: give-up the docker daemon does not answer\n! append infra.txt done",
    "AUTH-001": "! append auth.txt done\n! ask May I change the schema?\n! write-answer schema.txt",
    "MODEL-001": "! on 1: give-up no such model\n! append model.txt done",
}
DAW_APPROVED: Final = ("DB-001", "API-001")
WAIT_DAW_S: Final = 400.0  # for all of its 47 tasks


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


def daw_plan() -> str:
    """The DAW plan, with what a person has to do in it."""
    blocks = map(with_work, sample_plan(DAW).split("\n[[task]]\n"))
    return "\n[[task]]\n".join(blocks).replace("[defaults]\n", "[defaults]\nretries = 0\n", 1)


def with_work(block: str) -> str:
    """One task of the plan, with its script or its approval."""
    name = block.partition('id = "')[2].partition('"')[0]
    if name in DAW_APPROVED:
        return block.replace("\nphase = ", '\nland = "approve"\nphase = ', 1)
    if name not in DAW_SCRIPTS:
        return block
    head, mark, rest = block.partition('tasks.json."""')
    assert mark, name
    return f'{head}tasks.json.\n\n{DAW_SCRIPTS[name]}\n"""{rest}'


@pytest.mark.soak
@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_the_daw_plan_is_led_by_keys_with_eight_agents(
    terminal: Terminal, size: tuple[int, int]
) -> None:
    """From the start to promotion; on the way its wall, diff, gates, history, queue, timeline."""
    repo = terminal.repo
    (repo / "daw.toml").write_text(daw_plan(), encoding="utf-8")
    git(repo, "add", "daw.toml")
    git(repo, "commit", "-qm", "Add the plan")
    terminal.start(*size, "daw.toml", "--agent", "scripted", "--agents", "8", "--speed", "2000")
    terminal.sees(rf"{DAW}")
    terminal.sees(r"need you")
    for key, seen in (
        ("w", r" Wall "), ("Escape", r"╭─ Plan ─"), ("d", r"Log +Diff +Gates"),
        ("]", r"Log +Diff +Gates"), ("]", r"Log +Diff +Gates"), ("]", r"Log +Diff +Gates"),
        ("4", r"Merge queue"), ("1", r"╭─ Plan ─"), ("%", r"╭─ Load ─"), ("Escape", r"╭─ Plan ─"),
        ("P", r"‖ paused|need you"), ("P", r"╭─ Plan ─"), ("E", r"╭─ Events ─"),
        ("Escape", r"╭─ Plan ─"), ("!", r"╭─ Inbox ─"),
    ):  # fmt: skip
        terminal.press(key)
        terminal.sees(seen)
    answered: list[str] = []

    def complete() -> bool:
        task = answer_one(terminal)
        answered.extend([task] if task is not None else [])
        return "✔ complete " in terminal.screen

    settle(complete, lambda: f"the end of the run; answered {answered}", WAIT_DAW_S)
    assert {*DAW_SCRIPTS, *DAW_APPROVED} <= set(answered)
    state = state_of(repo)
    assert {task.state for task in state.tasks.values()} == {TaskState.LANDED}
    assert len(state.tasks) == 47
    assert git(repo, "show", f"deck/{DAW}:db.txt") == "sqlite, and quickly"
    promote(terminal, f"deck/{DAW}")
