"""The spending screen: what it shows, what its keys do, and the way to a task and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import finished, middle, overspent
from tests.tui.spending_story import paid
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.spending import SpendingView
from agentdeck.tui.screens.spending import EMPTY_SPENDING, SpendingScreen
from agentdeck.tui.widgets.row_list import LinesView, RowList

T = TaskId


def rows_of(deck: Room) -> RowList:
    return deck.app.screen.query_one("#spending-rows", RowList)


def title(deck: Room) -> str:
    return str(deck.app.screen.query_one("#spending-list").border_title)


def shown(deck: Room) -> str:
    return deck.app.screen.id or type(deck.app.screen).__name__


def view_of(deck: Room) -> SpendingView:
    screen = deck.app.screen
    assert isinstance(screen, SpendingScreen)
    assert screen._view is not None
    return screen._view


def head(deck: Room) -> str:
    view = deck.app.screen.query_one("#spending-head", LinesView)
    return text_of(view._lines[0])


# --- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_what_a_run_costs(tmp_path: Path, size: str) -> None:
    """You should see "≈$1.31 of $5" with a bar at a quarter, the other two budgets below it, tokens
    by kind, two courses over 13 minutes, what it costs at its end, in yellow the model without a
    price; three tasks with figures in columns, the dearest first, PAY-3 with a dash for its cost.
    """
    compare(f"spending-{size}.svg", await take(tmp_path, paid(), size, ".svg", screen="spending"))


async def test_a_budget_that_is_used_up(tmp_path: Path) -> None:
    """You should see a full red bar with "used up ($)", below it that of the phase at a third, and
    that there is no forecast until it is raised.
    """
    picture = await take(tmp_path, overspent(), "120x36", ".svg", screen="spending")
    compare("spending-overspent-120x36.svg", picture)


# --- keys ----------------------------------------------------------------------------------------


async def test_groupings_and_orders_turn_and_rows_open(tmp_path: Path) -> None:
    """The cursor stays on its task; a row of many opens to these, and escape leads back to it;
    enter on a task looks at it in the room.
    """
    async with room(tmp_path, paid()) as deck:
        await deck.press("S")
        assert shown(deck) == "spending"
        assert "By task" in title(deck)
        rows_of(deck).put_cursor("PAY-3")
        await deck.press("g")
        assert "By model" in title(deck)
        assert rows_of(deck).cursor == "house-model-7b"
        await deck.press("G", "G")
        assert "Attempt by attempt" in title(deck)
        assert rows_of(deck).cursor == "PAY-3#1.0"
        assert "cost▾" in head(deck)
        await deck.press("greater_than_sign")
        assert "tokens▾" in head(deck)
        await deck.press("less_than_sign", "less_than_sign")
        assert "attempt ▾" in head(deck)
        await deck.press("greater_than_sign", "g", "g", "g", "home")
        assert rows_of(deck).cursor == "claude"
        await deck.press("enter")
        assert list(rows_of(deck).keys) == ["PAY-1", "PAY-2"]
        assert "only agent claude" in title(deck)
        await deck.press("escape")
        assert "By agent" in title(deck)
        assert rows_of(deck).cursor == "claude"
        await deck.press("G", "G", "end", "enter")
        assert shown(deck) == "room"
        assert (deck.selected, deck.app.room.pane) == ("PAY-3", "task")


async def test_keys_of_tasks_and_of_other_screens_act_from_here(tmp_path: Path) -> None:
    """Also on a row that is one attempt; on a row of many tasks there is none to act on."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("S")
        rows_of(deck).put_cursor("S-1")
        await deck.press("space", "G")
        assert deck.source.sent == [c.Pause(T("S-1"))]
        rows_of(deck).put_cursor("S-2#1.0")
        await deck.press("space", "g", "g", "home", "space")
        assert deck.source.sent[1:] == [c.Pause(T("S-2"))]
        assert deck.toasts == ["Select a task first."]
        await deck.press("dollar_sign")
        assert shown(deck) == "ChangeBudget"
        await deck.press("escape", "exclamation_mark")
        assert shown(deck) == "inbox"
        await deck.press("S")
        assert shown(deck) == "spending"
        await deck.press("S")
        assert shown(deck) == "room"


async def test_the_past_had_other_figures(tmp_path: Path) -> None:
    """Looking back, the screen shows what had been spent by then; a command says why not; before
    anything was spent it says what will be there.
    """
    async with room(tmp_path, finished()) as deck:
        await deck.press("S")
        whole = view_of(deck).whole.usd
        await deck.press("B")
        await deck.press("apostrophe", "apostrophe")
        assert 0 < view_of(deck).whole.usd < whole
        assert view_of(deck).whole.usd == deck.app.model.state.usd
        await deck.press("dollar_sign")
        assert deck.toasts == ["This is the past of the run."]
        deck.app.clear_notifications()
        deck.app.looking_back.look_at(2)
        await deck.press("enter", "y")
        assert deck.toasts == [EMPTY_SPENDING, "y does nothing here; ? shows the keys."]
