"""The wall: who stands where, how many tiles fit, what its keys do, and what is read for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.tui.sample_journal import STARTED_AT, Story, begun, middle
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from tests.tui.wall_story import at_work, one_ends
from textual.pilot import Pilot

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.wall import (
    ENDED_S,
    LEAST_HEIGHT,
    LEAST_WIDTH,
    MAX_TILES,
    Place,
    Places,
    arranged,
    pages_for,
    shape_for,
    tile_feet,
    tile_titles,
    wall_head,
)
from agentdeck.tui.screens.dialogs import AskText, Confirm
from agentdeck.tui.screens.room import RoomScreen
from agentdeck.tui.screens.wall import WallScreen, WallTile
from agentdeck.tui.widgets.log_view import LogView
from agentdeck.tui.widgets.task_pane import TaskPane

T = TaskId
BIG = (200, 57)  # cells and rows that the wall has at 200x60


def deck_of(told: Story) -> Deck:
    model = Model()
    model.take(told.history)
    return Deck(model.state, STARTED_AT + told.at, frozen=True)


def wall(deck: Room) -> WallScreen:
    assert isinstance(deck.app.screen, WallScreen)
    return deck.app.screen


def tiles(deck: Room) -> list[str]:
    """Title, or "" for a free place, of each tile of the page."""
    return [
        str(tile.border_title) if tile.visible else ""
        for tile in wall(deck).query(WallTile)
        if tile.display
    ]


def shown_logs(deck: Room) -> list[WallTile]:
    return [tile for tile in wall(deck).query(WallTile) if tile._source is not None]


async def look(deck: Room) -> None:
    deck.app.draw()
    await deck.pilot.pause()
    deck.app.draw()
    await deck.pilot.pause()


# --- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_wall_in_the_middle_of_a_run(tmp_path: Path, size: str) -> None:
    """You should see "4 agents at work · 1 asks" and four tiles, two by two: S-1, S-3 (lit, since
    it is chosen, its question loud), S-2 and S-9 (paused); in each frame digit, sign, id and time,
    below what it does, tokens and cost.
    """
    compare(f"wall-{size}.svg", await take(tmp_path, middle(), size, ".svg", screen="wall"))


@pytest.mark.parametrize("size", SIZES)
async def test_a_wall_of_twelve(tmp_path: Path, size: str) -> None:
    """You should see: *200x60* all twelve, four by three; *120x36* nine, "1 of 2 pages"; *80x24*
    four, "1 of 3 pages"; wide characters that leave all frames whole.
    """
    compare(f"wall-12-{size}.svg", await take(tmp_path, at_work(12), size, ".svg", screen="wall"))


WALLS: list[tuple[str, Callable[[], Story], tuple[str, ...]]] = [
    ("none", begun, ()),
    ("one", lambda: at_work(1), ()),
    ("two", lambda: at_work(2, awkward=True), ()),
    ("forty", lambda: at_work(40), ("right_square_bracket",)),
    ("zoomed", middle, ("2",)),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "story", "keys"), WALLS)
async def test_other_walls(
    tmp_path: Path, size: str, name: str, story: Callable[[], Story], keys: tuple[str, ...]
) -> None:
    """You should see: *none* what will appear here; *one* one log over all; *two* long ids whole,
    below each other at 80x24; *forty* the second page; *zoomed* S-3 alone, "2 of 4 agents".
    """

    async def press(pilot: Pilot[None]) -> None:
        await pilot.press(*keys)

    picture = await take(tmp_path, story(), size, screen="wall", steps=press)
    compare(f"wall-{name}-{size}.txt", picture)


async def test_an_ended_agent_on_the_wall(tmp_path: Path) -> None:
    """You should see A-2's tile in its place with "ended: failed, exit 1: out of memory" in red,
    and "2 agents at work · 1 ended" above.
    """

    async def end(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, DeckApp)
        told = at_work(3)
        one_ends(told, "A-2", failed=True)
        app.take(told.history)

    picture = await take(tmp_path, at_work(3), "120x36", ".svg", screen="wall", steps=end)
    compare("wall-ended.svg", picture)


async def test_the_wall_in_ascii(tmp_path: Path) -> None:
    """You should see no character beyond ASCII; the chosen tile has a frame like the others."""
    picture = await take(tmp_path, middle(), "120x36", screen="wall", ascii_only=True)
    assert picture.isascii(), sorted({char for char in picture if not char.isascii()})
    compare("wall-ascii.txt", picture)


# --- how many fit --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "size", "shape"),
    [
        (0, BIG, (1, 1)), (1, BIG, (1, 1)), (2, BIG, (2, 1)), (3, BIG, (2, 2)), (5, BIG, (3, 2)),
        (7, BIG, (3, 3)), (12, BIG, (4, 3)), (40, BIG, (4, 3)), (12, (120, 33), (3, 3)),
        (2, (80, 21), (1, 2)), (12, (80, 21), (2, 2)), (5, (30, 5), (1, 1)),
    ],
)  # fmt: skip
def test_the_smallest_wall_that_holds_all_or_the_largest_that_fits(
    count: int, size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert shape_for(count, *size) == shape


@given(st.integers(0, 60), st.integers(20, 260), st.integers(4, 90))
def test_no_tile_is_too_small_to_read(count: int, width: int, height: int) -> None:
    shape = shape_for(count, width, height)
    assert 1 <= shape.tiles <= MAX_TILES
    if shape.tiles > 1:
        assert width // shape.columns >= LEAST_WIDTH
        assert height // shape.rows >= LEAST_HEIGHT
    assert pages_for(count, shape.tiles) * shape.tiles >= count


# --- who stands where ----------------------------------------------------------------------------


def of(*names: str | None) -> Places:
    return tuple(Place(T(name)) if name else None for name in names)


def names(places: Places) -> list[str]:
    return ["-" if place is None else place.task + "†" * bool(place.ended_at) for place in places]


def live(text: str) -> list[TaskId]:
    return [T(name) for name in text.split()]


def test_an_ended_agent_stays_for_a_moment_and_nobody_moves() -> None:
    first = arranged(of("A", "B", "C", "D"), live("A C D"), 100.0, *BIG)
    assert names(first) == ["A", "B†", "C", "D"]
    soon = arranged(first, live("A C D"), 100.0 + ENDED_S - 1, *BIG)
    assert names(soon) == ["A", "B†", "C", "D"]
    assert names(arranged(soon, live("A C D"), 100.0 + ENDED_S, *BIG)) == ["A", "-", "C", "D"]


def test_who_comes_waits_for_the_place_of_who_has_ended() -> None:
    """The wall does not grow for the moment in which both would be on it."""
    first = arranged(of("A", "B", "C", "D"), live("A C D E"), 100.0, *BIG)
    assert names(first) == ["A", "B†", "C", "D"]
    then = arranged(first, live("A C D E"), 100.0 + ENDED_S, *BIG)
    assert names(then) == ["A", "E", "C", "D"]


def test_who_comes_beyond_that_has_a_place_at_once() -> None:
    found = arranged(of("A", "B"), live("A C D"), 100.0, *BIG)
    assert names(found) == ["A", "B†", "C"]


def test_a_task_that_is_tried_again_gets_its_place_back() -> None:
    first = arranged(of("A", "B"), live("A"), 100.0, *BIG)
    assert names(arranged(first, live("A B"), 103.0, *BIG)) == ["A", "B"]


def test_when_fewer_tiles_would_do_the_rest_move_together_in_order() -> None:
    first = arranged(of("A", "B", "C", "D", "E"), live("B E"), 100.0, *BIG)
    assert names(first) == ["A†", "B", "C†", "D†", "E"]
    assert names(arranged(first, live("B E"), 100.0 + ENDED_S, *BIG)) == ["B", "E"]


@given(st.lists(st.sets(st.integers(0, 30), max_size=20), max_size=12))
def test_everybody_at_work_gets_a_place_and_only_one(steps: list[set[int]]) -> None:
    """Whoever comes and goes: at the latest a moment after, and nobody who works ever moves unless
    the wall gets smaller.
    """
    places: Places = ()
    now = 0.0
    for step in steps:
        at_once = [T(f"t{number:02}") for number in sorted(step)]
        for _ in range(2):
            before = places
            places = arranged(places, at_once, now, *BIG)
            stayed = [p.task for p in before if p is not None and p.task in at_once]
            moved = [t for t in stayed if _at(before, t) != _at(places, t)]
            assert not moved or len(places) < len(before)
            assert [t for t in _tasks(places) if t in stayed] == stayed or not moved
            now += ENDED_S
        assert sorted(_tasks(places)) == at_once


def _tasks(places: Places) -> list[TaskId]:
    return [place.task for place in places if place is not None]


def _at(places: Places, task: TaskId) -> int:
    return next(n for n, place in enumerate(places) if place is not None and place.task == task)


# --- what stands around a log --------------------------------------------------------------------


@pytest.mark.parametrize("room_cells", [24, 31, 41, 70])
def test_frames_are_never_too_narrow_for_what_stands_in_them(room_cells: int) -> None:
    deck = deck_of(at_work(12))
    for task in deck.state.tasks:
        if deck.state.tasks[task].attempt is None:
            continue
        name, figures = tile_titles(deck, task, "1", room_cells)
        assert task in text_of(name)
        assert ":" in text_of(figures)  # the time is always there
        left, right = tile_feet(deck, Place(task), room_cells)
        assert cells(left) + cells(right) <= room_cells
        assert "$" in text_of(right)


def test_agent_model_time_tokens_and_cost_are_told_where_there_is_room() -> None:
    deck = deck_of(at_work(1))
    assert text_of(tile_titles(deck, T("A-1"), "1", 70)[1]) == "claude·sonnet · 01:07"
    assert text_of(tile_titles(deck, T("A-1"), "1", 42)[1]) == "sonnet · 01:07"
    left, right = tile_feet(deck, Place(T("A-1")), 70)
    assert (text_of(left), text_of(right)) == ("Edit src/part_0.py", "900 · $0.03")


def test_the_line_above_counts_who_works_asks_and_has_ended() -> None:
    deck = deck_of(middle())
    head = text_of(wall_head(deck, of("S-1"), "3 of 7 pages", 80))
    assert head.startswith(" Wall  4 agents at work · 1 asks")
    assert head.rstrip().endswith("[ 3 of 7 pages ]")


# --- keys ----------------------------------------------------------------------------------------


async def test_arrows_and_letters_move_and_the_selection_follows(tmp_path: Path) -> None:
    """Past an edge nothing happens."""
    async with room(tmp_path, at_work(4)) as deck:
        await deck.press("w")
        seen = []
        for key in ("right", "down", "left", "up", "l", "j", "h", "k", "left", "up"):
            await deck.press(key)
            seen.append(wall(deck).chosen)
        assert seen == ["A-2", "A-4", "A-3", "A-1"] * 2 + ["A-1", "A-1"]
        await deck.press("tab", "tab")
        assert wall(deck).chosen == "A-3"
        await deck.press("shift+tab")
        assert (wall(deck).chosen, deck.selected) == ("A-2", "A-2")


async def test_keys_of_tasks_act_on_the_chosen_tile(tmp_path: Path) -> None:
    async with room(tmp_path, at_work(4)) as deck:
        await deck.press("w", "right", "space")
        assert deck.source.sent == [c.Pause(T("A-2"))]
        await deck.press("x")
        assert isinstance(deck.app.screen, Confirm)
        await deck.press("y", "i")
        assert deck.source.sent[-1] == c.Stop(T("A-2"))
        assert isinstance(deck.app.screen, AskText)
        await deck.press("escape", "r")
        assert "A-2 is working: only an ended attempt can be retried" in deck.toasts[-1]
        assert isinstance(deck.app.screen, WallScreen)


async def test_pages_turn_and_end(tmp_path: Path) -> None:
    async with room(tmp_path, at_work(12), (80, 24)) as deck:
        await deck.press("w")
        seen = []
        for key in ("left_square_bracket", *["right_square_bracket"] * 3, "left_square_bracket"):
            await deck.press(key)
            seen.append(wall(deck).chosen)
        assert seen == ["A-1", "A-5", "A-9", "A-9", "A-5"]
        assert deck.toasts == ["There is no further page."] * 2


@pytest.mark.parametrize("back", ["2", "escape", "z"])
async def test_a_digit_zooms_one_and_goes_back(tmp_path: Path, back: str) -> None:
    async with room(tmp_path, at_work(4), logs=True) as deck:
        await deck.press("w", "2")
        await look(deck)
        assert len(tiles(deck)) == 1
        assert "A-2" in tiles(deck)[0]
        assert wall(deck).query(WallTile).first().size.width > 100
        await deck.press("right_square_bracket")
        assert wall(deck).chosen == "A-3"
        await deck.press(back)
        await look(deck)
        assert len(tiles(deck)) == 4
        assert isinstance(deck.app.screen, WallScreen)
        await deck.press("z", "escape", "9")
        assert "There is no tile 9 here." in deck.toasts


async def test_a_zoomed_log_scrolls(tmp_path: Path) -> None:
    """With arrows and with letters; the end follows again."""
    async with room(tmp_path, at_work(2), (80, 20), logs=True) as deck:
        write_lines(deck, "A-1", 12)
        await deck.press("w", "1")
        await look(deck)
        view = wall(deck).query(WallTile).first().query_one(LogView)
        seen = []
        for key in ("up", "end", "k", "end", "pageup"):
            await deck.press(key)
            seen.append(view.following)
        assert seen == [False, True, False, True, False]


@pytest.mark.parametrize("key", ["escape", "w", "q"])
async def test_ways_back_to_the_room(tmp_path: Path, key: str) -> None:
    async with room(tmp_path, at_work(4)) as deck:
        await deck.press("w", "down", key)
        assert isinstance(deck.app.screen, RoomScreen)
        assert deck.selected == "A-3"
        assert deck.app.return_code is None


async def test_enter_opens_the_task_in_the_room_and_d_its_diff(tmp_path: Path) -> None:
    async with room(tmp_path, at_work(4)) as deck:
        await deck.press("w", "down", "enter")
        assert isinstance(deck.app.screen, RoomScreen)
        assert (deck.selected, deck.app.room.pane) == ("A-3", "task")
        await deck.press("w", "d")
        assert deck.app.room.query_one(TaskPane).tab == "diff"
        assert deck.selected == "A-3"


async def test_the_wall_opens_at_the_task_that_is_looked_at(tmp_path: Path) -> None:
    """Also on a further page."""
    async with room(tmp_path, at_work(12), (80, 24)) as deck:
        await deck.select("A-10")
        await deck.press("w")
        await look(deck)
        assert wall(deck).chosen == "A-10"
        assert "A-9" in tiles(deck)[0]


async def test_the_mouse_chooses_a_tile_and_two_clicks_zoom_it(tmp_path: Path) -> None:
    async with room(tmp_path, at_work(4), logs=True) as deck:
        await deck.press("w")
        await look(deck)
        await deck.pilot.click("#tile-3", offset=(10, 3))
        await look(deck)
        assert wall(deck).chosen == "A-4"
        await deck.pilot.click("#tile-2", offset=(10, 3), times=2)
        await look(deck)
        assert len(tiles(deck)) == 1
        assert "A-3" in tiles(deck)[0]


async def test_a_key_without_a_meaning_says_so(tmp_path: Path) -> None:
    async with room(tmp_path, at_work(2)) as deck:
        await deck.press("w", "y")
        assert "y does nothing here" in deck.toasts[0]


# --- agents that end -----------------------------------------------------------------------------


async def test_an_ended_agent_is_shown_then_gives_way_and_nobody_moves(tmp_path: Path) -> None:
    """The choice goes to the tile beside it."""
    told = at_work(6)
    async with room(tmp_path, told) as deck:
        await deck.press("w", "right")
        await look(deck)
        one_ends(told, "A-2", failed=True)
        deck.app.take(told.history)
        await look(deck)
        ended = list(wall(deck).query(WallTile))[1]
        assert "ended: failed" in str(ended.border_subtitle)
        assert wall(deck).chosen == "A-2"
        deck.app.model.clock = Clock(STARTED_AT + told.at + ENDED_S)
        await look(deck)
        assert [name.partition("A-")[2][:1] for name in tiles(deck)] == ["1", "", *"3456"]
        assert wall(deck).chosen == "A-1"


# --- what is read --------------------------------------------------------------------------------


def write_lines(deck: Room, task: str, count: int) -> None:
    folder = deck.app.folder.attempt(T(task), 1)
    with (folder / "raw.log").open("a", encoding="utf-8") as log:
        for n in range(count):
            call = {"type": "tool_use", "id": f"c{n}", "name": "Read", "input": {"file_path": "a"}}
            message = {"id": f"n{n}", "role": "assistant", "content": [call]}
            log.write(json.dumps({"type": "assistant", "message": message}) + "\n")


async def test_only_the_tiles_of_the_page_are_read(tmp_path: Path) -> None:
    """Four of forty files are open, other ones on another page, none after the wall is left."""
    async with room(tmp_path, at_work(40), (80, 24), logs=True) as deck:
        await deck.press("w")
        await look(deck)
        screen = wall(deck)
        first = [tile._source for tile in shown_logs(deck)]
        assert len(first) == 4
        await deck.press("right_square_bracket")
        await look(deck)
        second = [tile._source for tile in shown_logs(deck)]
        assert len(second) == 4
        assert not {id(source) for source in first} & {id(source) for source in second}
        await deck.press("escape")
        assert [tile for tile in screen.query(WallTile) if tile._source is not None] == []


async def test_new_lines_are_shown_at_the_next_tick(tmp_path: Path) -> None:
    async with room(tmp_path, at_work(2), logs=True) as deck:
        await deck.press("w")
        await look(deck)
        view = list(wall(deck).query(WallTile))[1].query_one(LogView)
        before = view._source.newest
        write_lines(deck, "A-2", 3)
        wall(deck).tick_logs()
        assert view._source.newest > before
