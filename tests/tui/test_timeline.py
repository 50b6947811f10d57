"""The plan on a time line: pictures, and every key and click of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.tui.sample_journal import (
    GATES,
    LONG_ID,
    STARTED_AT,
    Story,
    awkward,
    begun,
    finished,
    large,
    middle,
    middle_plan,
    task,
)
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual import events

from agentdeck.core import events as e
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase, Plan
from agentdeck.tui.forecasting import Forecasting
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.plan_view import PlanView
from agentdeck.tui.presentation.timeline import Timeline, planned_spans
from agentdeck.tui.presentation.timeline_rows import TimelineRows
from agentdeck.tui.presentation.timeline_window import Window, panned, whole, zoomed
from agentdeck.tui.widgets.plan_pane import PlanPane
from agentdeck.tui.widgets.timeline_view import Axis, TimeRows


def timeline_of(told: Story, later: float = 0.0) -> Timeline:
    model = Model(Clock(STARTED_AT + told.at + later))
    model.take(told.history)
    Forecasting(model, None).at_once()
    deck = model.moment(None, offline="", folded=frozenset())
    return Timeline(deck, planned_spans(deck))


def drawn(timeline: Timeline, name: str, width: int = 80) -> str:
    ended = timeline.deck.state.outcome is not None
    rows = TimelineRows(timeline, whole(timeline.extent, ended=ended), width)
    return text_of(rows.row(TaskId(name)))


def synced() -> Story:
    """A first phase that is closed by a sync point, and a second one behind it."""
    plan = Plan(
        name="synced",
        tasks=(task("A-1", "First", phase="a"), task("B-1", "Second", phase="b")),
        gates=GATES,
        phases=(Phase(PhaseId("a"), "Ground", sync=True), Phase(PhaseId("b"), "House")),
    )
    told = Story(plan)
    told.through("A-1", 300)
    told.wait(60)
    told.tell(e.PhaseClosed(PhaseId("a")))
    told.start("B-1")
    told.wait(200)
    told.progress("B-1", 9_000, 0.1)
    return told


def paused() -> Story:
    told = middle()
    told.tell(e.RunPaused("you"))
    return told


STORIES: list[tuple[str, Callable[[], Story]]] = [
    ("middle", middle),
    ("begun", begun),
    ("finished", finished),
    ("synced", synced),
    ("paused", paused),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "story"), STORIES)
async def test_the_timeline(
    tmp_path: Path, size: str, name: str, story: Callable[[], Story]
) -> None:
    """You should see: *middle* green bars that landed, the two pieces of S-4 that failed, low bars
    of what waits in the queue, a line of now, broken lines ahead (heavy ones for S-3 and W-1, which
    decide the end), "Foundation" above the rule at its end; *begun* broken lines only, "by
    estimates"; *finished* green bars, times from the start, no now; *synced* a heavy rule below
    "Ground"; *paused* nothing ahead, and "paused: no forecast".
    """
    picture = await take(tmp_path, story(), size, ".svg", screen="timeline")
    compare(f"timeline-{name}-{size}.svg", picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("name", "story"), [("large", large), ("awkward", awkward)])
async def test_many_tasks_and_awkward_names(
    tmp_path: Path, size: str, name: str, story: Callable[[], Story]
) -> None:
    """You should see: *large* a staircase of bars with a scroll bar and the waves' names; *awkward*
    whole borders, all 64 characters of the long id over its bar, wide titles cut with `…`.
    """
    picture = await take(tmp_path, story(), size, screen="timeline")
    assert name != "awkward" or LONG_ID in picture
    assert all(cell_len(row) <= SIZES[size][0] for row in picture.splitlines())
    compare(f"timeline-{name}-{size}.txt", picture)


async def test_ascii(tmp_path: Path) -> None:
    """You should see no character beyond ASCII, and every kind of bar in a sign of its own."""
    picture = await take(tmp_path, middle(), "120x36", screen="timeline", ascii_only=True)
    assert picture.isascii(), sorted({char for char in picture if not char.isascii()})
    compare("timeline-ascii.txt", picture)


async def test_no_tasks(tmp_path: Path) -> None:
    """You should see a sentence that says what will appear."""
    picture = await take(tmp_path, Story(Plan(name="none", tasks=())), "80x24", screen="timeline")
    assert "appears here on a time line" in picture


async def test_five_hundred_tasks(tmp_path: Path) -> None:
    """You should see only the rows that fit, and each of them whole."""
    tasks = tuple(task(f"T-{n:03}", f"Part {n}") for n in range(500))
    picture = await take(
        tmp_path, Story(Plan(name="wide", tasks=tasks, agents_limit=40)), "80x24", screen="timeline"
    )
    assert "500 tasks" in picture
    assert picture.count(" T-0") > 10


# --- what is drawn ------------------------------------------------------------------------------


def test_a_failed_attempt_ends_in_its_sign_and_the_next_begins_with_its_number() -> None:
    row = drawn(timeline_of(middle()), "S-4", 160)
    assert "✖2" in row
    assert row.rstrip().count("✖") == 3  # the sign of the task, and one for each attempt


def test_waiting_in_the_queue_is_drawn_apart_from_work() -> None:
    assert "▇▂" in drawn(timeline_of(middle()), "S-5", 120)


def test_what_is_ahead_is_told_from_what_was_done_without_colours() -> None:
    timeline = timeline_of(begun())
    assert "╍╍" in drawn(timeline, "CORE-001")
    assert "╌╌" in drawn(timeline, "CORE-003")
    assert not set("▇▅▃▂▁") & set(drawn(timeline, "CORE-003"))


def test_a_running_bar_grows_up_to_now() -> None:
    early, late = (drawn(timeline_of(synced(), more), "B-1").count("▇") for more in (0, 400))
    assert late > early


def test_rows_go_by_their_start_and_equal_ones_by_the_plan() -> None:
    order = timeline_of(middle()).order()
    assert order[:4] == ["CORE-001", "CORE-002", "CORE-003", "S-4"]
    assert order[-4:] == ["CORE-004", "W-2", "W-4", "W-5"]
    assert [name for name in order if name in ("S-5", "S-6", "S-7")] == ["S-5", "S-6", "S-7"]


def test_a_phase_ends_where_it_was_closed_or_is_expected_to() -> None:
    first, *_ = timeline_of(synced()).rules
    assert (first.title, first.sync, first.past) == ("Ground", True, True)
    assert first.at == STARTED_AT + 360
    assert [rule.title for rule in timeline_of(begun()).rules] == [
        "Foundation",
        "Streams",
        "Wire-up",
    ]


def test_nothing_is_ahead_of_a_run_that_has_ended_or_stands_still() -> None:
    for told in (finished(), paused()):
        assert timeline_of(told).ahead == {}
    assert timeline_of(finished()).words == ""


# --- the window -----------------------------------------------------------------------------------

ALL = Window(0.0, 1_000.0)


def test_zooming_keeps_what_it_is_about_where_it_is() -> None:
    near = zoomed(ALL, ALL, 2.0, 400.0)
    assert near == Window(200.0, 700.0)
    assert zoomed(Window(200.0, 700.0), ALL, 0.5, 400.0) is None


def test_a_window_never_leaves_the_run() -> None:
    assert panned(Window(900.0, 1_000.0), ALL, 0.5) == Window(900.0, 1_000.0)
    assert panned(Window(10.0, 110.0), ALL, -0.5) == Window(0.0, 100.0)
    assert panned(ALL, ALL, 1.0) is None


def test_all_of_it_does_not_creep_with_each_forecast() -> None:
    """A second or two more keeps the same window."""
    one, other = (whole((0.0, 3_000.0 + more), ended=False) for more in (0.0, 9.0))
    assert one == other


# --- keys and mouse -------------------------------------------------------------------------------


async def timeline_in(deck: Room) -> tuple[PlanPane, TimeRows]:
    plan = deck.app.room.query_one(PlanPane)
    await deck.press("1", *(["g"] if plan.shown is PlanView.OUTLINE else ["g", "g"]))
    assert plan.shown is PlanView.TIMELINE
    return plan, deck.app.room.query_one(TimeRows)


async def test_zoom_pan_and_all_of_it(tmp_path: Path) -> None:
    """Each changes the times above the bars; home brings the first picture back."""
    async with room(tmp_path, middle()) as deck:
        plan, rows = await timeline_in(deck)
        axis = deck.app.room.query_one(Axis)
        seen = [str(axis._lines)]
        for key in ("greater_than_sign", "left", "right", "less_than_sign"):
            await deck.press(key)
            seen.append(str(axis._lines))
        assert seen[0] != seen[1] != seen[2] != seen[3]
        assert seen[4] == seen[0]
        await deck.press("greater_than_sign", "greater_than_sign")
        assert "–" in plan.timeline.words
        await deck.press("home")
        assert str(axis._lines) == seen[0]
        assert rows.has_focus


async def test_panning_all_of_it_does_nothing(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await timeline_in(deck)
        axis = deck.app.room.query_one(Axis)
        before = str(axis._lines)
        await deck.press("left", "right")
        assert str(axis._lines) == before


async def test_zoom_says_why_where_there_is_no_timeline(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("greater_than_sign")
        assert deck.toasts == ["The plan is no timeline now: g turns it."]


async def test_a_click_on_a_bar_selects_and_the_wheel_scrolls(tmp_path: Path) -> None:
    async with room(tmp_path, large()) as deck:
        _, rows = await timeline_in(deck)
        rows.scroll_to(y=0, animate=False)
        await deck.pilot.pause()
        await deck.pilot.click(TimeRows, offset=(30, 3))
        await deck.pilot.pause()
        assert deck.selected == rows.keys[3] == "T-003"
        rows.post_message(_wheel(rows))
        await deck.pilot.pause()
        assert rows.scroll_offset.y > 0


async def test_the_cursor_follows_what_needs_me_and_enter_opens(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        _, rows = await timeline_in(deck)
        await deck.press("full_stop")
        assert rows.cursor == deck.selected == "S-4"
        await deck.press("down", "enter")
        assert (deck.selected, deck.app.room.pane) == ("S-5", "task")


async def test_the_timeline_zoomed_has_the_whole_screen(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        _, rows = await timeline_in(deck)
        narrow = rows.size.width
        await deck.press("z")
        assert rows.size.width > 2 * narrow - 10


def _wheel(rows: TimeRows) -> events.MouseScrollDown:
    return events.MouseScrollDown(rows, 5, 5, 0, 1, 0, False, False, False)


def test_a_plan_that_is_dropped_from_keeps_its_other_rows() -> None:
    """A row whose task is gone is empty, and no error."""
    assert drawn(timeline_of(Story(middle_plan())), "NOT-THERE") == ""
