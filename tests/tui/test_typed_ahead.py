"""What is typed ahead is not lost, and acts nowhere but where it was meant to.

Keys are posted at once, as a deck finds them that was busy; nothing is waited for in between.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.tui.sample_journal import asking, middle
from tests.tui.test_room_keys import Room, room
from textual import events
from textual.keys import _character_to_key
from textual.screen import Screen
from textual.widgets import Input

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.tui import typed_ahead
from agentdeck.tui.screens.dialogs import AskText, ChooseTheme
from agentdeck.tui.screens.quick_add import QuickAddDialog

PATIENCE_S = 60.0
Sent = TypeVar("Sent", bound=c.Command)


async def until(holds: Callable[[], bool], what: str | Callable[[], str]) -> None:
    """Wait until something holds, with the loop running."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited for {what if isinstance(what, str) else what()}")
        await asyncio.sleep(0.01)


def stands(deck: Room) -> str:
    """Where keys go now, and which do not."""
    app = deck.app
    seen = f"{app.screen_stack}, running {app.is_running}, focus {app.screen.focused}"
    return f"{seen}, toasts {deck.toasts}, held {app.ahead._held}, open {app.ahead._is_open}"


NAMES = {"\n": "enter", "\b": "backspace", "\x1b": "escape", "\x06": "ctrl+f", "\x10": "ctrl+p"}


def type_on(deck: Room, text: str) -> None:
    """Press keys without waiting for what the one before them does."""
    for char in text:
        name = NAMES.get(char) or _character_to_key(char)
        deck.app.post_message(events.Key(name, char if char.isprintable() else None))


def has_a_line(deck: Room, kind: type[Screen[Any]]) -> bool:
    """Is such a screen there, with what it is made of?"""
    return isinstance(deck.app.screen, kind) and bool(deck.app.screen.query(Input))


async def the_one_sent(deck: Room, kind: type[Sent]) -> Sent:
    """The only command that comes of what was typed."""
    await until(lambda: bool(deck.source.sent), kind.__name__)
    (sent,) = deck.source.sent
    assert isinstance(sent, kind)
    return sent


async def test_an_answer_can_be_typed_before_its_dialog_is_drawn(tmp_path: Path) -> None:
    """`i`, the words and enter come at once; all of the words are sent, also what was mistyped."""
    told = asking()
    told.tell(e.AskWithdrawn(TaskId("S-3"), 1, "p1"), e.AskWithdrawn(TaskId("S-3"), 1, "p2"))
    async with room(tmp_path, told) as deck:
        await deck.select("S-3")
        deck.app.press("task.steer")
        type_on(deck, "squash ix\bt\n")
        sent = await the_one_sent(deck, c.Answer)
        assert sent.text == "squash it"


async def test_feedback_can_be_typed_before_its_dialog_is_drawn(tmp_path: Path) -> None:
    """The letters are feedback, not a skip, an approval or the end of the deck."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        deck.app.press("task.retry_feedback")
        type_on(deck, "sqaxQ first\n")
        sent = await the_one_sent(deck, c.Retry)
        assert sent.feedback == "sqaxQ first"


async def test_a_key_and_what_is_typed_for_its_dialog_may_come_in_one_piece(tmp_path: Path) -> None:
    """A deck that was busy finds them all at once: none is lost, and none acts on what is below."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        type_on(deck, "Rquite another way, as asked\n")
        sent = await the_one_sent(deck, c.Retry)
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


async def test_a_command_is_typed_in_one_piece(tmp_path: Path) -> None:
    """`:`, the words and enter; what is typed behind them is for the dialog that it opens."""
    async with room(tmp_path, middle()) as deck:
        type_on(deck, ":retry S-4\n")
        await until(lambda: bool(deck.source.sent), "the retry")
        assert deck.source.sent == [c.Retry(TaskId("S-4"))]
        deck.source.sent.clear()
        type_on(deck, ":stop S-1\ny")
        await until(lambda: bool(deck.source.sent), "the stop")
        assert deck.source.sent == [c.Stop(TaskId("S-1"))]
        assert deck.app.screen is deck.app.room


async def test_the_palette_takes_what_was_typed_not_what_it_began_with(tmp_path: Path) -> None:
    """`ctrl+p`, words and enter: not the first command of all, though that was the first row."""
    async with room(tmp_path, middle()) as deck:
        type_on(deck, "\x10themes\bx\b\n")
        await until(lambda: isinstance(deck.app.screen, ChooseTheme), "the themes")
        assert deck.source.sent == []
        type_on(deck, "\x1b/W-2\n")
        await until(lambda: deck.selected == "W-2", "the task")
        assert deck.app.screen is deck.app.room


async def test_a_task_is_added_in_one_piece(tmp_path: Path) -> None:
    """Nothing of the line acts on the room: it has the letters of half of the keys."""
    async with room(tmp_path, middle()) as deck:
        type_on(deck, "nsquash Quirks and exports\n")
        sent = await the_one_sent(deck, c.EditPlan)
        assert "squash Quirks and exports" in str(sent)


async def test_enter_in_the_search_waits_for_the_hits_of_its_words(tmp_path: Path) -> None:
    """It does not say that nothing is found, nor open a hit of half of the words."""
    async with room(tmp_path, middle(), logs=True) as deck:
        type_on(deck, "\x06LLM API\n")
        await until(lambda: deck.app.screen is deck.app.room and deck.selected == "S-2", "the hit")
        assert deck.toasts == []


async def test_what_is_typed_for_a_line_in_a_pane_is_in_it(tmp_path: Path) -> None:
    """`2` brings the log to the front and `/` its line: no letter acts on the task."""
    async with room(tmp_path, middle(), logs=True) as deck:
        await deck.select("S-2")
        type_on(deck, "2/saQ")
        line = deck.app.room.query_one("#task Input", Input)
        await until(lambda: line.has_focus and line.value == "saQ", "the letters")
        assert deck.source.sent == []
        assert deck.app.screen is deck.app.room


async def test_what_is_typed_behind_escape_is_for_what_is_below(tmp_path: Path) -> None:
    """A dialog that is opened and closed again at once takes no key with it, and leaves none."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        type_on(deck, "Rqaq\x1br")
        await until(lambda: bool(deck.source.sent), "the retry")
        assert deck.source.sent == [c.Retry(TaskId("S-4"))]
        assert deck.app.screen is deck.app.room


async def test_one_screen_over_the_other_in_one_piece(tmp_path: Path) -> None:
    """Events with the help over them, spending, inbox, load, themes: the last key adds a task."""
    async with room(tmp_path, middle()) as deck:
        type_on(deck, "E?\x1bqSGg!q%qt\x1bnq")
        await until(lambda: has_a_line(deck, QuickAddDialog), "the last dialog")
        line = deck.app.screen.query_one(Input)
        await until(lambda: line.value == "q", lambda: f"what is typed into it; {stands(deck)}")
        assert deck.app.screen_stack[-2] is deck.app.room
        assert deck.toasts == []


async def test_a_key_that_chooses_in_a_screen_waits_for_its_rows(tmp_path: Path) -> None:
    """`%` and arrows: all of them count, though the rows were not there yet."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-1")
        type_on(deck, "%jj\n")
        there = lambda: deck.app.screen is deck.app.room and deck.selected == "S-3"  # noqa: E731
        await until(there, "the task of the third row")


async def test_what_is_pasted_keeps_its_place(tmp_path: Path) -> None:
    """Between the letters before and behind it."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        type_on(deck, "Rsee ")
        deck.app.post_message(events.Paste("src/quack.py"))
        type_on(deck, " first\n")
        sent = await the_one_sent(deck, c.Retry)
        assert sent.feedback == "see src/quack.py first"


async def test_what_was_typed_for_a_line_that_is_refused_is_no_command(tmp_path: Path) -> None:
    """The words of a message would retry, approve and leave; they are dropped, and that is said."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("CORE-001")
        type_on(deck, "iar.S-4 xQ\n")
        await until(lambda: len(deck.toasts) == 2, "what is said")
        assert "no turn follows" in deck.toasts[0]
        assert "was not taken" in deck.toasts[1]
        await deck.press("home", "r")
        assert [type(sent) for sent in deck.source.sent] == []
        assert deck.selected != "S-4"
        assert deck.app.screen is deck.app.room
        await deck.select("S-4")
        await deck.press("r")
        assert deck.source.sent == [c.Retry(TaskId("S-4"))]


async def test_what_does_not_come_takes_what_was_typed_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is dropped after a while, and said; what is typed later acts at once."""
    monkeypatch.setattr(typed_ahead, "WAIT_S", 0.2)
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        come = deck.app.ahead.expect()
        type_on(deck, "r")
        await until(lambda: bool(deck.toasts), "what is said")
        assert "did not come" in deck.toasts[0]
        assert deck.source.sent == []
        await deck.press("r")
        assert deck.source.sent == [c.Retry(TaskId("S-4"))]
        come()


async def test_a_loop_that_was_held_up_has_not_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine that slept, or was too busy for the deck, drops nothing that was typed."""
    monkeypatch.setattr(typed_ahead, "WAIT_S", 0.2)
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        come = deck.app.ahead.expect()
        type_on(deck, "r")
        await until(lambda: bool(deck.app.ahead._held), "the key")
        time.sleep(0.5)  # noqa: ASYNC251 - the loop is held up
        for _ in range(5):  # it looks again
            await asyncio.sleep(0)
        come()
        await until(lambda: bool(deck.source.sent), "the retry")
        assert deck.toasts == []


async def test_a_letter_waits_until_the_line_has_the_focus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long that takes: the dialog itself would lose it."""
    monkeypatch.setattr(typed_ahead, "QUIET_S", 0.01)
    monkeypatch.setattr(typed_ahead, "NEW_QUIET_S", 0.01)
    monkeypatch.setattr(QuickAddDialog, "_update_auto_focus", lambda _: None)
    monkeypatch.setattr(QuickAddDialog, "set_focus", lambda *_, **__: None)
    async with room(tmp_path, middle()) as deck:
        looks = 0
        waits_for_focus = deck.app.ahead._waits_for_focus

        def counted(top: Screen[Any]) -> bool:
            nonlocal looks
            looks += isinstance(top, QuickAddDialog)
            return waits_for_focus(top)

        monkeypatch.setattr(deck.app.ahead, "_waits_for_focus", counted)
        type_on(deck, "nq")
        await until(lambda: looks > typed_ahead.TURNS + 20, "many looks")
        line = deck.app.screen.query_one(Input)
        assert line.value == ""
        Screen.set_focus(deck.app.screen, line)
        await until(lambda: line.value == "q", lambda: f"the letter; {stands(deck)}")


async def test_no_more_is_held_than_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes first is kept; what is too much is not taken, and that is said once."""
    monkeypatch.setattr(typed_ahead, "MAX_HELD", 5)
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        type_on(deck, "Rabcdefgh")
        await until(lambda: has_a_line(deck, AskText), "the dialog")
        line = deck.app.screen.query_one(Input)
        await until(lambda: line.value == "abcd", "four letters")
        assert len(deck.toasts) == 1
        assert "first 5 keys" in deck.toasts[0]


async def test_a_click_does_not_hit_a_screen_that_nobody_has_seen(tmp_path: Path) -> None:
    """It was aimed at the room: it neither takes the focus from the line nor chooses anything."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        deck.app.press("task.retry_feedback")
        for kind in (events.MouseDown, events.MouseUp):
            deck.app.post_message(kind(None, 5, 5, 0, 0, 1, False, False, False))
        type_on(deck, "again\n")
        sent = await the_one_sent(deck, c.Retry)
        assert sent.feedback == "again"
        assert deck.selected == "S-4"


async def test_ctrl_c_comes_in_its_turn(tmp_path: Path) -> None:
    """In a line it copies, as it does when one types slowly; nothing of the line is lost by it."""
    async with room(tmp_path, middle()) as deck:
        await deck.select("S-4")
        type_on(deck, "Rone")
        deck.app.post_message(events.Key("ctrl+c", None))
        type_on(deck, " two\n")
        sent = await the_one_sent(deck, c.Retry)
        assert sent.feedback == "one two"


async def test_keys_that_come_while_the_deck_goes_are_nobodys(tmp_path: Path) -> None:
    """It leaves in order, however much is typed behind `q`."""
    async with room(tmp_path, middle()) as deck:
        type_on(deck, "q" + "jrE:" * 20)
        await until(lambda: not deck.app.is_running, "the end")
    assert deck.app.return_code == 0
    assert deck.source.sent == []


async def test_a_screen_that_has_just_come_is_given_time_to_set_itself_up(tmp_path: Path) -> None:
    """A run at work has messages all the time, so keys do not wait for all of them for long.

    Those of a new screen are what its line and its focus come by: its first key waits longer.
    """
    async with room(tmp_path, middle()) as deck:
        ahead = deck.app.ahead
        await deck.select("S-4")
        await deck.press("1")
        assert ahead._patience == typed_ahead.QUIET_S
        await deck.press("R")
        await until(lambda: isinstance(deck.app.screen, AskText), "the dialog")
        assert ahead._patience == typed_ahead.NEW_QUIET_S
        await deck.press("x")
        assert ahead._patience == typed_ahead.QUIET_S
