"""The borders between the panes: where they may stand, dragged, moved by keys, and remembered."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import middle, write_run
from tests.tui.test_room_pictures import SIZES, compare
from textual import events
from textual.pilot import Pilot

from agentdeck.control.kept_layouts import write_layout
from agentdeck.tui import layout as layouts
from agentdeck.tui.app import DeckApp
from agentdeck.tui.layout import BadLayoutError, Layout
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.splits import (
    LEAST_HEIGHT,
    LEAST_TOP,
    LEAST_WIDTH,
    Axis,
    Frame,
    Places,
    touched,
)
from agentdeck.tui.remembering import PANES, Remembering
from agentdeck.tui.snapshot import FixedSource, _text
from agentdeck.tui.widgets.split_grid import SplitGrid
from agentdeck.tui.widgets.task_pane import TABS

ROOM = Frame(120, 34, wide=False)
WIDE = Frame(200, 58, wide=True)
REPO = "/repo/.git"


@pytest.mark.parametrize(
    ("wished", "found"),
    [
        (Places(57, 22), Places(57, 22)),
        (Places(1, 1), Places(LEAST_WIDTH, LEAST_TOP)),
        (Places(119, 33), Places(120 - LEAST_WIDTH, 34 - LEAST_HEIGHT)),
    ],
)
def test_every_pane_keeps_its_least_size(wished: Places, found: Places) -> None:
    assert ROOM.kept_in(wished) == found


def test_with_the_wall_of_tails_three_rows_keep_theirs() -> None:
    """A border that is pushed against the next one stops; it does not push that one."""
    assert WIDE.kept_in(Places(80, 50, 45)) == Places(80, 48, 53)
    assert WIDE.kept_in(Places(80, 20, 0)) == Places(80, 20, 20 + LEAST_HEIGHT)
    assert WIDE.kept_in(Places(80, 20, 58)) == Places(80, 20, 58 - LEAST_HEIGHT)


@pytest.mark.parametrize("frame", [ROOM, WIDE, Frame(100, 18, wide=False)])
def test_a_share_leads_back_to_the_same_cell(frame: Frame) -> None:
    """Leaving and coming back moves no border, wherever it stands."""
    for column in range(LEAST_WIDTH, frame.width - LEAST_WIDTH + 1):
        lower = frame.height - LEAST_HEIGHT - 1 if frame.wide else None
        places = frame.kept_in(Places(column, LEAST_TOP + 1, lower))
        kept = {str(name): share for name, share in frame.shares(places).items()}
        assert frame.placed(kept) == places


def test_a_border_is_two_cells_thick_and_crossings_have_both() -> None:
    places = Places(80, 32, 45)
    assert touched(places, 79, 10) == {Axis.COLUMN: -1}
    assert touched(places, 80, 10) == {Axis.COLUMN: 0}
    assert touched(places, 81, 10) == {}
    assert touched(places, 80, 31) == {Axis.COLUMN: 0, Axis.ROW: -1}
    assert touched(places, 10, 45) == {Axis.LOWER: 0}
    assert touched(places, 100, 45) == {}  # the wall of tails goes over both rows


def deck(folder: Path, *, keep: bool = False) -> DeckApp:
    story = middle()
    return DeckApp(
        write_run(story, folder, logs=False),
        FixedSource(),
        clock=Clock(story.history[-1].at),
        preload=story.history,
        remembering=Remembering(REPO) if keep else None,
    )


def places_of(app: DeckApp) -> Places:
    return app.room.query_one(SplitGrid)._places()


def is_held(app: DeckApp) -> bool:
    return app.mouse_captured is app.room.query_one(SplitGrid)


async def drag(pilot: Pilot[None], to: tuple[int, int], *, button: int = 1) -> None:
    """The pointer moves with its button pressed."""
    await pilot._post_mouse_events([events.MouseMove], offset=to, button=button)
    await pilot.pause()


async def test_a_border_follows_the_pointer_cell_by_cell(tmp_path: Path) -> None:
    """Taken hold of at either half it stays under the pointer; a release lets go of the mouse."""
    app = deck(tmp_path)
    async with app.run_test(size=SIZES["200x60"]) as pilot:
        await pilot.pause()
        before = places_of(app)
        await pilot.mouse_down(offset=(before.column - 1, 10))
        assert is_held(app)
        assert places_of(app) == before
        for by in (1, 7, -4):
            await drag(pilot, (before.column - 1 + by, 10))
            assert places_of(app).column == before.column + by
        await drag(pilot, (0, 10))
        assert places_of(app).column == LEAST_WIDTH
        await pilot.mouse_up(offset=(0, 10))
        assert not is_held(app)
        assert app.screen.selections == {}
        await drag(pilot, (60, 10))
        assert places_of(app).column == LEAST_WIDTH
        rest = places_of(app)
        assert (rest.row, rest.lower) == (before.row, before.lower)


async def test_a_crossing_moves_both_and_a_double_click_puts_them_back(tmp_path: Path) -> None:
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        app.room.query_one(SplitGrid).seconds = lambda: 5.0
        before = places_of(app)
        await pilot.mouse_down(offset=(before.column, before.row + 1))  # the header is a row
        await drag(pilot, (70, 15))
        await pilot.mouse_up(offset=(70, 15))
        assert places_of(app) == Places(70, 14)
        await pilot.mouse_down(offset=(70, 5))
        await pilot.mouse_up(offset=(70, 5))
        await pilot.mouse_down(offset=(70, 5))
        await pilot.mouse_up(offset=(70, 5))
        await pilot.pause()
        assert places_of(app) == Places(before.column, 14)


async def test_the_mouse_is_let_go_of_wherever_the_button_was_released(tmp_path: Path) -> None:
    """Outside of the terminal, or while another screen came: nothing follows the pointer then."""
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        column = places_of(app).column
        await pilot.mouse_down(offset=(column, 10))
        await drag(pilot, (column + 3, 10), button=0)
        assert not is_held(app)
        assert places_of(app).column == column
        await pilot.mouse_down(offset=(column, 12))
        app.press("view.inbox")
        await pilot.pause()
        assert not is_held(app)
        assert not app.room.query_one(SplitGrid).has_class("-moving")


async def test_keys_move_borders_and_one_puts_them_back(tmp_path: Path) -> None:
    """On the queue beside the wall of tails, up and down move the border above the queue."""
    app = deck(tmp_path)
    async with app.run_test(size=SIZES["200x60"]) as pilot:
        await pilot.pause()
        before = places_of(app)
        await pilot.press("ctrl+right", "ctrl+up")
        await pilot.pause()
        assert before.lower is not None
        found = places_of(app)
        assert found == Places(before.column + 2, before.row - 1, before.lower)
        await pilot.press("4")
        await pilot.pause()
        await pilot.press("ctrl+down", "ctrl+left")
        await pilot.pause()
        assert places_of(app) == Places(before.column, found.row, before.lower + 1)
        await pilot.press("ctrl+home")
        await pilot.pause()
        assert places_of(app) == before
        await pilot.press("ctrl+home")
        assert "as shipped" in list(app._notifications)[-1].message


async def test_where_panes_are_tabs_the_key_says_so(tmp_path: Path) -> None:
    """At 80x24, and while one pane fills the screen; a press on the frame holds nothing."""
    app = deck(tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+left")
        assert "100x20" in list(app._notifications)[-1].message
        await pilot.mouse_down(offset=(0, 10))
        assert not is_held(app)
        await pilot.resize_terminal(120, 36)
        await pilot.press("z", "ctrl+left")
        assert "z shows all" in list(app._notifications)[-1].message


async def test_borders_come_back_and_fit_another_size(tmp_path: Path) -> None:
    """What was moved at 120x36 stands at the same share at 110x30; the wide room has its own."""
    app = deck(tmp_path / "one", keep=True)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        for _ in range(3):
            app.press("view.border_left")
            app.press("view.border_up")
            await pilot.pause()
        await pilot.pause()
        moved = places_of(app)
        await pilot.press("q")
    again = deck(tmp_path / "two", keep=True)
    async with again.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        assert places_of(again) == moved
        await pilot.resize_terminal(110, 30)
        await pilot.pause()
        here = places_of(again)
        assert abs(here.column / 110 - moved.column / 120) < 0.01
        assert abs(here.row / 28 - moved.row / 34) < 0.03
        await pilot.resize_terminal(200, 60)
        await pilot.pause()
        assert places_of(again) == Places(80, 32, 45)


def test_a_border_outside_of_the_room_is_no_layout() -> None:
    with pytest.raises(BadLayoutError):
        layouts.read(layouts.write(Layout(borders={"rows": 1.5})), tabs=TABS, panes=PANES)


@pytest.mark.parametrize("size", SIZES)
async def test_a_room_with_moved_borders(tmp_path: Path, size: str) -> None:
    """You should see the plan in three quarters of the width and half of the height, the task and
    the queue in narrow panes that still fit their titles; at 80x24 one pane as ever.
    """
    borders = {
        "columns": 0.74, "rows": 0.5, "wide-columns": 0.74, "wide-rows": 0.5, "wide-lower": 0.8,
    }  # fmt: skip
    write_layout(REPO, layouts.write(Layout(borders=borders)))
    app = deck(tmp_path, keep=True)
    async with app.run_test(size=SIZES[size]) as pilot:
        await pilot.pause()
        picture = _text(app)
    compare(f"borders-{size}.txt", picture)
