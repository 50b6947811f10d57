"""What is typed before a line can hear it is not lost, and is no command of what is below."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.tui.sample_journal import asking, middle
from tests.tui.test_room_keys import Room, room
from textual import events
from textual.widgets import Input

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.ids import TaskId

PATIENCE_S = 60.0


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds, with the loop running."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"waited for {what}"
        await asyncio.sleep(0.01)


def type_on(deck: Room, text: str) -> None:
    """Press keys without waiting for what the one before them does."""
    for char in text:
        name = {"\n": "enter", "\b": "backspace"}.get(char, char)
        key = events.Key(name, char if char.isprintable() else None)
        deck.app.post_message(key)


async def test_an_answer_can_be_typed_before_its_dialog_is_drawn(tmp_path: Path) -> None:
    """`i`, the words and enter come at once; all of the words are sent, also what was mistyped."""
    told = asking()
    told.tell(e.AskWithdrawn(TaskId("S-3"), 1, "p1"), e.AskWithdrawn(TaskId("S-3"), 1, "p2"))
    async with room(tmp_path, told) as deck:
        await deck.select("S-3")
        deck.app.press("task.steer")
        type_on(deck, "squash ix\bt\n")
        await until(lambda: bool(deck.source.sent), "the answer")
        (sent,) = deck.source.sent
        assert isinstance(sent, c.Answer)
        assert sent.text == "squash it"


async def test_feedback_can_be_typed_before_its_dialog_is_drawn(tmp_path: Path) -> None:
    """The letters are feedback, not a skip, an approval or the end of the deck."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        deck.app.press("task.retry_feedback")
        type_on(deck, "sqaxQ first\n")
        await until(lambda: bool(deck.source.sent), "the retry")
        (sent,) = deck.source.sent
        assert isinstance(sent, c.Retry)
        assert sent.feedback == "sqaxQ first"


async def test_a_key_and_what_is_typed_for_its_dialog_may_come_in_one_piece(tmp_path: Path) -> None:
    """A deck that was busy finds them all at once: none is lost, and none acts on what is below."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        type_on(deck, "Rquite another way, as asked\n")
        await until(lambda: bool(deck.source.sent), "the retry")
        (sent,) = deck.source.sent
        assert isinstance(sent, c.Retry)
        assert sent.feedback == "quite another way, as asked"


@pytest.mark.parametrize("key", ["view.search", "mark.by", "run.budget", "task.add"])
async def test_letters_that_come_early_are_in_the_line(tmp_path: Path, key: str) -> None:
    """In every screen that opens with a line; none of them acts on the selected task."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        deck.app.press(key)
        type_on(deck, "saQ")

        def there() -> bool:
            lines = list(deck.app.screen.query(Input))
            return bool(lines) and lines[0].has_focus and lines[0].value == "saQ"

        await until(there, "the letters")
        assert deck.source.sent == []
