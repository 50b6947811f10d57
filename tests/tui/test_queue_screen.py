"""The whole merge queue on the screen: the train, its times, its keys, its pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.queue_story import QueueStory, crowd, one_waits, train_under_way
from tests.tui.sample_journal import Story, middle, write_run
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot

from agentdeck.control.conflict import FileInConflict, Hunk, MergeConflict
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.tui.model import Model
from agentdeck.tui.presentation.conflict import Sides, conflict_lines, conflict_of
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.train_rows import TrainView
from agentdeck.tui.presentation.train_times import gauges, times_of
from agentdeck.tui.screens.dialogs import Confirm
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.snapshot import draw
from agentdeck.tui.widgets.row_list import RowList

T = TaskId


def deck_of(told: Story) -> Deck:
    model = Model()
    model.take(told.history)
    return Deck(model.state, told.history[-1].at, frozen=True, gates=model.gates)


def shown(told: Story, width: int = 116) -> list[str]:
    view = TrainView(deck_of(told))
    return [text_of(view.row(key, width)).rstrip() for key in view.keys]


# --- pictures ------------------------------------------------------------------------------------


async def take(tmp_path: Path, told: Story, size: str, *keys: str, select: str = "Q-3") -> str:
    async def steps(pilot: Pilot[None]) -> None:
        await pilot.press("4")
        if size != "80x24":
            await pilot.press("z")
        for key in keys:
            await pilot.pause()
            await pilot.press(key)

    folder = write_run(told, tmp_path, logs=False)
    how = {"size": SIZES[size], "selected": select, "steps": steps}
    return await draw(folder, told.history, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", SIZES)
async def test_the_whole_queue(tmp_path: Path, size: str) -> None:
    """You should see the target on top; car 1 hung on it with Q-3 and Q-4, unit and lint green and
    e2e with a bar at two fifths; car 2 on Q-3 and Q-4; below "Waiting 4" with Q-7 held, Q-8 with
    "conflict (C)" and why, and a time for all but the held one; the keys in the lower frame.
    """
    compare(f"train-{size}.svg", await take(tmp_path, train_under_way(), size))


@pytest.mark.parametrize("size", SIZES)
async def test_a_single_entry(tmp_path: Path, size: str) -> None:
    """You should see one car, its first gate without a bar (it was never green), no "Waiting"."""
    compare(f"train-one-{size}.svg", await take(tmp_path, one_waits(), size, select="Q-1"))


@pytest.mark.parametrize("size", SIZES)
async def test_very_many_entries(tmp_path: Path, size: str) -> None:
    """You should see two cars, "Waiting 196", numbers and ids in columns, titles cut with "…"."""
    compare(f"train-crowd-{size}.svg", await take(tmp_path, crowd(), size, select="Q-2"))


@pytest.mark.parametrize("size", SIZES)
async def test_the_verdicts_of_an_entry(tmp_path: Path, size: str) -> None:
    """You should see unit, lint and e2e with pass rate, runs, median, P95 and flakes in columns;
    below, for each, its verdicts, the newest first; one of unit is flaky, its red run below it.
    """
    compare(f"verdicts-{size}.svg", await take(tmp_path, train_under_way(), size, "v"))


# --- what is drawn -------------------------------------------------------------------------------


def test_the_train_is_drawn_as_it_is_built() -> None:
    """What is built on what, who is in which batch and slot, and which gate runs."""
    rows = shown(train_under_way())
    assert rows[0].startswith(" ▶ deck/webhooks")
    assert "car 1 · batch of 2 · slot 1 of 2 · on webhooks" in rows[2]
    assert "unit ✔   lint ✔   e2e ◑ █████░░░░░░░ 00:40 of ~01:35" in rows[3]
    assert ["Q-3" in rows[4], "Q-4" in rows[5]] == [True, True]
    assert "car 2 · batch of 2 · slot 2 of 2 · on Q-3, Q-4" in rows[7]
    waiting = rows[rows.index(" Waiting  4") + 1 :]
    assert "is held by you" in waiting[0]
    assert "lands" not in waiting[0]
    assert "conflict (C)  waits for Q-5: they do not merge in" in waiting[1]


def test_an_empty_queue_draws_no_train() -> None:
    told = QueueStory(2)
    told.enters("Q-1")
    commit = told.makes("Q-1", tip=told.tip)
    told.lands("Q-1", commit=commit)
    assert [row.split()[:2] for row in shown(told)] == [["✔", "Q-1"]]


@pytest.mark.parametrize("width", [40, 76, 116, 196])
def test_no_row_is_wider_than_the_screen(width: int) -> None:
    for told in (train_under_way(), crowd(30), middle()):
        view = TrainView(deck_of(told))
        assert all(cells(view.row(key, width)) <= width for key in view.keys)


def test_a_held_queue_says_so_and_foretells_nothing() -> None:
    told = train_under_way()
    told.tell(e.QueueHeld("you"))
    rows = shown(told)
    assert "held: nothing lands" in rows[0]
    assert not [row for row in rows if "lands ~" in row]


# --- when what lands -----------------------------------------------------------------------------


def test_a_car_lands_after_its_own_gates_and_the_car_before_it() -> None:
    """e2e of the first has 55 of 95 s left; the second has lint and e2e left."""
    told = train_under_way()
    found = times_of(deck_of(told)).lands_at
    now = told.history[-1].at
    first, second = found[EntryId("Q-3")] - now, found[EntryId("Q-5")] - now
    assert first == pytest.approx(95 + 0.25 - 40, abs=1)
    assert second == pytest.approx(4.25 - 2 + 95.25, abs=1)
    assert found[EntryId("Q-4")] == found[EntryId("Q-3")]


def test_who_waits_starts_when_a_slot_is_free() -> None:
    told = train_under_way()
    found = times_of(deck_of(told)).lands_at
    whole = 38.25 + 4.25 + 95.25
    assert found[EntryId("Q-8")] - found[EntryId("Q-3")] == pytest.approx(whole, abs=1)
    assert found[EntryId("Q-9")] == found[EntryId("Q-8")]
    assert EntryId("Q-7") not in found


def test_a_gate_that_was_never_green_has_no_bar_and_no_time() -> None:
    told = one_waits()
    deck = deck_of(told)
    (unit, *_) = gauges(deck, deck.cars[0], times_of(deck).usual_s)
    assert (unit.running, unit.elapsed_s, unit.usual_s) == (True, 12.0, None)
    assert times_of(deck).lands_at == {}


# --- keys ----------------------------------------------------------------------------------------


async def open_queue(deck: Room, *, whole: bool = True) -> None:
    await deck.press("4", *(["z"] if whole else []))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("key", "command"),
    [
        ("K", c.Move(T("Q-5"), c.Place.UP)),
        ("J", c.Move(T("Q-5"), c.Place.DOWN)),
        ("m", c.Merge(T("Q-5"))),
        ("h", c.Hold(T("Q-5"))),
    ],
)
async def test_keys_of_the_queue(
    tmp_path: Path, key: str, command: c.AnyCommand, *, whole: bool
) -> None:
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await open_queue(deck, whole=whole)
        await deck.select("Q-5")
        await deck.press(key)
        assert deck.source.sent == [command]
        assert deck.toasts == []


@pytest.mark.parametrize(
    ("key", "task", "why"),
    [
        ("K", "Q-3", "first in the merge queue already"),
        ("J", "Q-10", "last in the merge queue already"),
        ("K", "Q-1", "Q-1 is landed: it is not in the merge queue"),
        ("C", "Q-3", "Q-3 is in no conflict that is known"),
    ],
)
async def test_what_cannot_be_done_in_the_queue_says_why(
    tmp_path: Path, key: str, task: str, why: str
) -> None:
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await open_queue(deck)
        await deck.select(task)
        await deck.press(key)
        assert deck.source.sent == []
        assert why in deck.toasts[0]


async def test_x_drops_in_the_queue_asks_once_and_enter_means_no(tmp_path: Path) -> None:
    """Elsewhere it stops the task, as ever."""
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await open_queue(deck)
        await deck.select("Q-9")
        await deck.press("x")
        assert isinstance(deck.app.screen, Confirm)
        await deck.press("enter")
        assert deck.source.sent == []
        await deck.press("x", "right", "enter")
        assert deck.source.sent == [c.Drop(T("Q-9"))]
        await deck.press("z", "1", "x", "y")
        assert deck.source.sent[-1] == c.Stop(T("Q-9"))


async def test_the_cursor_passes_over_headings(tmp_path: Path) -> None:
    """Down from Q-4 is Q-5, past the head and the gates of the next car."""
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await deck.select("Q-3")
        await open_queue(deck)
        seen = []
        for _ in range(5):
            await deck.press("down")
            seen.append(deck.selected)
        assert seen == ["Q-4", "Q-5", "Q-6", "Q-7", "Q-8"]
        await deck.press("home")
        assert deck.selected == "Q-3"


async def test_a_moved_entry_keeps_the_cursor(tmp_path: Path) -> None:
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await deck.select("Q-9")
        await open_queue(deck)
        told = train_under_way()
        told.tell(e.EntryMoved(EntryId("Q-9"), EntryId("Q-3")))
        deck.app.take(told.history)
        deck.app.draw()
        await deck.pilot.pause()
        rows = deck.app.room.query_one("#queue-rows", RowList)
        assert (rows.cursor, deck.selected) == ("Q-9", "Q-9")
        assert list(rows.keys).index("Q-9") < list(rows.keys).index("Q-3")


async def test_v_shows_verdicts_in_the_queue_and_the_raw_log_elsewhere(tmp_path: Path) -> None:
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await deck.select("Q-3")
        await open_queue(deck)
        await deck.press("v")
        assert isinstance(deck.app.screen, Reading)
        await deck.press("escape")
        await deck.press("z", "1", "v")
        assert not isinstance(deck.app.screen, Reading)


async def test_a_conflict_that_git_cannot_show_says_so(tmp_path: Path) -> None:
    """There is no repository behind this run."""
    async with room(tmp_path, train_under_way(), logs=False) as deck:
        await open_queue(deck)
        await deck.select("Q-8")
        await deck.press("C")
        page = deck.app.screen
        assert isinstance(page, Reading)
        lines = [text_of(line) for line in page._make(80)]
        assert lines[0] == "The conflict cannot be shown"


# --- the conflict page ---------------------------------------------------------------------------

SIDES = Sides("a" * 40, "b" * 40, "Q-5", "Q-8")
FOUND = MergeConflict(
    (FileInConflict("src/x.py", (Hunk(7, ("def f():",), ("    return 1",), (), ("# end",), 3),)),)
)


def test_whose_conflict_it_is_follows_from_what_it_was_built_behind() -> None:
    """Q-8 does not merge behind Q-5, which is in the second car."""
    sides = conflict_of(deck_of(train_under_way()).state, T("Q-8"))
    assert sides is not None
    assert (sides.ours, sides.theirs) == ("Q-5", "Q-8")


@pytest.mark.parametrize("width", [60, 120])
def test_both_sides_stand_there_with_their_names(width: int) -> None:
    lines = [text_of(line) for line in conflict_lines(SIDES, FOUND, width)]
    text = "\n".join(lines)
    for part in ("┌ Q-5", "┌ Q-8", "    return 1", "(nothing)", "3 more lines", "src/x.py"):
        assert part in text
    assert max(map(len, lines)) <= width
    assert ("┌ Q-5" in text and any("┌ Q-5" in x and "┌ Q-8" in x for x in lines)) == (width > 99)


def test_what_merges_by_now_says_so() -> None:
    lines = conflict_lines(SIDES, MergeConflict(()), 80)
    assert "merge by now" in text_of(lines[-1])
