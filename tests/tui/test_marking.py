"""Many tasks at once: marks, ranges, the filter, and keys that act on all that is marked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.tui.sample_journal import Story, large, middle, task
from tests.tui.test_room_keys import Recording, Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot
from textual.widgets import Input

from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError, RefusedError
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.tui.app import DeckApp
from agentdeck.tui.bulk_commands import WAYS, bulk_of, result_words
from agentdeck.tui.keys import KEYS, label
from agentdeck.tui.marks import Marking
from agentdeck.tui.presentation.graph_label import graph_label
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.marking import Filter, matching
from agentdeck.tui.presentation.outline import outline_row, outline_rows
from agentdeck.tui.screens.dialogs import AskText, Confirm, SkipDialog
from agentdeck.tui.screens.mark_dialog import Cycle, TasksBy
from agentdeck.tui.widgets.plan_pane import PlanPane
from agentdeck.tui.widgets.row_list import RowList

BY_ID = {key.id: key for key in KEYS}

T = TaskId


def marked(deck: Room) -> list[str]:
    return [str(task) for task in deck.app.room.context.marked]


def mark(deck: Room, *tasks: str) -> None:
    deck.app.room.marking.add(map(T, tasks))
    deck.app.room.refresh_deck()


# --- marks ----------------------------------------------------------------------------------------


async def test_a_mark_is_set_taken_away_and_the_cursor_goes_on(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("g")
        await deck.select("S-1")
        await deck.press("V", "V")
        assert (marked(deck), deck.selected) == (["S-1", "S-2"], "S-3")
        await deck.select("S-1")
        await deck.press("V")
        assert marked(deck) == ["S-2"]
        await deck.press("escape")
        assert marked(deck) == []
        assert deck.toasts == []


@pytest.mark.parametrize(("down", "up"), [("shift+down", "shift+up"), (")", "(")])
async def test_a_range_grows_and_shrinks_with_its_cursor(
    tmp_path: Path, down: str, up: str
) -> None:
    """What was marked before it stays."""
    names = {")": "right_parenthesis", "(": "left_parenthesis"}
    down, up = names.get(down, down), names.get(up, up)
    async with room(tmp_path, middle()) as deck:
        mark(deck, "S-2")
        await deck.press("g")
        await deck.select("S-1")
        await deck.press(down, down, down)
        assert marked(deck) == ["S-1", "S-2", "S-3", "S-4"]
        await deck.press(up, up)
        assert (marked(deck), deck.selected) == (["S-1", "S-2"], "S-2")


async def test_a_new_range_begins_where_the_cursor_was_put(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("g")
        await deck.select("S-1")
        await deck.press("shift+down", "down", "down", "shift+down")
        assert marked(deck) == ["S-1", "S-2", "S-4", "S-5"]


async def test_marks_are_the_same_in_every_view_and_pane(tmp_path: Path) -> None:
    """Set on the timeline and in the queue, seen in the outline and counted in the title."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("g", "g")
        await deck.select("S-9")
        await deck.press("V")
        await deck.press("4", "home", "V")
        assert marked(deck) == ["S-5", "S-9"]
        assert deck.selected == "S-6"
        now = deck.app.room.moment()
        assert "▌S-5" in text_of(outline_row(now, "S-5", 50))
        assert "2 marked" in str(deck.app.room.query_one("#plan").border_title)


def test_the_end_of_a_list_is_marked_and_no_further() -> None:
    marks = Marking()
    order = [T("A"), T("B")]
    assert marks.toggle(order, T("B")) == "B"
    assert marks.extend(order, T("B"), 1) == "B"
    assert marks.extend([], T("C"), 1) == "C"
    assert marks.marked == {"B", "C"}


# --- the filter -----------------------------------------------------------------------------------


async def test_marks_by_a_filter_with_a_count_that_follows(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("asterisk", "s", "minus", "asterisk")
        dialog = deck.app.screen
        assert isinstance(dialog, TasksBy)
        count = dialog.query_one("#mark-count")
        assert str(count.render()).startswith("9 of 18 tasks")
        await deck.press("down", "left")
        assert dialog.wanted.state == "working"
        assert str(count.render()).startswith("2 of 18 tasks: S-1, S-2")
        await deck.press("enter")
        assert marked(deck) == ["S-1", "S-2"]


async def test_a_filter_that_means_nothing_stays_open(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        await deck.press("asterisk")
        deck.app.screen.query_one(Input).value = "nobody"
        await deck.press("enter")
        assert deck.toasts == ["No task is like that."]
        await deck.press("escape")
        assert marked(deck) == []


async def test_the_plan_shows_only_what_is_asked_for(tmp_path: Path) -> None:
    """You should see in the outline and on the timeline only those, below their phase, in the graph
    the others faint; the title says what and how many; the dialog begins with it; escape ends it.
    """
    async with room(tmp_path, middle()) as deck:
        pane = deck.app.room.query_one(PlanPane)
        await deck.press("f", "s", "minus", "asterisk", "down", "left", "enter")
        now = deck.app.room.moment()
        assert text_of(pane._left_title(now)) == "Plan · only working · s-* (2)"
        assert {span.role for span in graph_label(now, T("W-1"), 0)} == {"faint", ""}
        assert text_of(graph_label(now, T("S-1"), 0)).endswith("S-1")
        await deck.press("g")
        assert outline_rows(now) == ["phase:streams", "S-1", "S-2"]
        assert pane.order() == ["S-1", "S-2"]
        await deck.press("g")
        assert pane.order() == ["S-1", "S-2"]
        await deck.press("f")
        assert deck.app.screen.query_one(Input).value == "s-*"
        await deck.press("escape", "V", "escape")
        assert marked(deck) == []
        assert deck.app.room.moment().only is not None
        await deck.press("escape")
        assert text_of(pane._left_title(deck.app.room.moment())) == "Plan"
        assert len(pane.order()) == 18


async def test_a_filter_by_phase_and_label(tmp_path: Path) -> None:
    tasks = (task("A-1", "x", labels=("ui",)), task("A-2", "y"))
    async with room(tmp_path, Story(Plan(name="two", tasks=tasks))) as deck:
        await deck.press("asterisk", "tab", "tab", "tab", "right")
        assert [cycle.value for cycle in deck.app.screen.query(Cycle)] == ["", "", "ui"]
        await deck.press("enter")
        assert marked(deck) == ["A-1"]


async def test_patterns_are_globs_of_ids(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        now = deck.app.room.moment()
        assert matching(now, Filter("core-00?, w-1")) == [
            "CORE-001", "CORE-002", "CORE-003", "CORE-004", "W-1",
        ]  # fmt: skip
        assert len(matching(now, Filter(phase="streams"))) == 9
        assert matching(now, Filter("S-*", state="failed")) == ["S-4"]


# --- keys that act on all -------------------------------------------------------------------------

MARKED = ("CORE-001", "S-1", "S-2", "S-4", "S-7")
SENDS: list[tuple[str, list[AnyCommand]]] = [
    ("space", [c.Pause(T("S-1")), c.Pause(T("S-2"))]),
    ("r", [c.Retry(T("S-4")), c.Retry(T("S-7"))]),
    ("a", [c.Approve(T("S-7"))]),
    ("m", [c.Merge(T("S-7"))]),
    ("h", [c.Hold(T("S-1")), c.Hold(T("S-2")), c.Hold(T("S-4")), c.Hold(T("S-7"))]),
]


@pytest.mark.parametrize(("key", "sent"), SENDS)
async def test_a_key_acts_on_all_that_can_and_names_the_others(
    tmp_path: Path, key: str, sent: list[AnyCommand]
) -> None:
    async with room(tmp_path, middle()) as deck:
        mark(deck, *MARKED)
        await deck.press(key)
        assert deck.source.sent == sent
        (said,) = deck.toasts
        assert said.startswith(f"{len(sent)} ")
        assert f"{len(MARKED) - len(sent)} not: CORE-001 is landed" in said


async def test_what_is_paused_as_a_whole_is_resumed(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        mark(deck, "S-9")
        assert label(BY_ID["task.pause"], deck.app.room.context) == "resume 1"
        await deck.press("space")
        assert deck.source.sent == [c.Resume(T("S-9"))]
        assert deck.toasts == ["1 resumed."]
        mark(deck, "S-1")
        assert label(BY_ID["task.pause"], deck.app.room.context) == "pause 2"


async def test_a_key_that_can_act_on_none_says_why(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        mark(deck, "CORE-001", "CORE-002")
        await deck.press("space")
        assert deck.source.sent == []
        assert "2 not: CORE-001 is landed" in deck.toasts[0]


async def test_stopping_many_asks_once_with_their_number(tmp_path: Path) -> None:
    """Enter is the safe side; a stated yes stops all that can be stopped."""
    async with room(tmp_path, middle()) as deck:
        mark(deck, *MARKED)
        await deck.press("x")
        assert isinstance(deck.app.screen, Confirm)
        assert "End 3 tasks: S-1, S-2, S-7?" in deck.app.screen._question
        assert "2 of them with an agent" in deck.app.screen._question
        await deck.press("enter")
        assert deck.source.sent == []
        await deck.press("x", "y")
        assert deck.source.sent == [c.Stop(T("S-1")), c.Stop(T("S-2")), c.Stop(T("S-7"))]


async def test_one_dialog_skips_all_and_a_cascade_skips_nobody_twice(tmp_path: Path) -> None:
    """W-5 needs W-2: with the cascade it goes along, so it is not skipped for itself."""
    async with room(tmp_path, middle()) as deck:
        mark(deck, "S-1", "W-2", "W-5")
        await deck.press("s")
        dialog = deck.app.screen
        assert isinstance(dialog, SkipDialog)
        assert dialog._note == "1 not: S-1 is working: stop it first"
        await deck.press("down", "enter")
        assert deck.source.sent == [c.Skip(T("W-2"), SkipMode.CASCADE)]
        await deck.press("s", "enter")
        assert deck.source.sent[1:] == [
            c.Skip(T("W-2"), SkipMode.DONE),
            c.Skip(T("W-5"), SkipMode.DONE),
        ]


async def test_all_are_told_the_same_feedback(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        mark(deck, "S-4", "S-7", "S-1")
        await deck.press("R")
        assert isinstance(deck.app.screen, AskText)
        deck.app.screen.query_one(Input).value = "smaller steps"
        await deck.press("enter")
        assert deck.source.sent == [
            c.Retry(T("S-4"), "smaller steps"), c.Retry(T("S-7"), "smaller steps"),
        ]  # fmt: skip


async def test_on_the_queue_stopping_takes_entries_out(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        mark(deck, "S-5", "S-6", "S-1")
        await deck.press("4", "x", "y")
        assert deck.source.sent == [c.Stop(T("S-1")), c.Drop(T("S-5")), c.Drop(T("S-6"))]


async def test_other_keys_act_on_the_selected_task_alone(tmp_path: Path) -> None:
    async with room(tmp_path, middle()) as deck:
        mark(deck, "S-2")
        await deck.select("S-1")
        await deck.press("i")
        assert isinstance(deck.app.screen, AskText)
        assert "S-1" in str(deck.app.screen.query_one(".dialog").border_title)


async def test_what_the_engine_refuses_is_named_and_the_rest_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send(source: Recording, command: AnyCommand) -> int:
        if command == c.Pause(T("S-1")):
            raise RefusedError("S-1 has just ended")
        source.sent.append(command)
        return 1

    async with room(tmp_path, middle()) as deck:
        monkeypatch.setattr(Recording, "send", send)
        mark(deck, "S-1", "S-2")
        await deck.press("space")
        assert deck.source.sent == [c.Pause(T("S-2"))]
        assert deck.toasts == ["1 paused; 1 not: S-1 has just ended."]


async def test_without_an_engine_the_rest_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[AnyCommand] = []

    async def gone(_: Recording, command: AnyCommand) -> int:
        tried.append(command)
        raise DeckError("the engine is gone", hint="start it")

    async with room(tmp_path, middle()) as deck:
        monkeypatch.setattr(Recording, "send", gone)
        mark(deck, "S-1", "S-2")
        await deck.press("space")
        assert tried == [c.Pause(T("S-1"))]
        assert deck.toasts == ["The engine is gone. Start it."]


def test_many_reasons_are_counted_after_the_first_ones() -> None:
    refused = [(T(f"A-{n}"), f"A-{n} is landed") for n in range(9)]
    words = result_words([c.Pause(T("B"))], refused)
    assert words == "1 paused; 9 not: A-0 is landed; A-1 is landed; A-2 is landed; and 6 more"


def test_every_bulk_key_is_a_key_of_a_task() -> None:
    told = middle()
    for key in WAYS:
        assert BY_ID[key].of_task
        bulk = bulk_of(key, told.state, list(told.state.tasks))
        assert len(bulk.commands) + len(bulk.refused) == len(told.state.tasks)


# --- pictures -------------------------------------------------------------------------------------


async def _marks(pilot: Pilot[None]) -> None:
    app = pilot.app
    assert isinstance(app, DeckApp)
    app.room.marking.add([T("S-1"), T("S-2"), T("S-5"), T("S-7")])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["main", "outline", "timeline"])
async def test_marked_tasks(tmp_path: Path, size: str, screen: str) -> None:
    """You should see a bar before the ids of S-1, S-2, S-5 and S-7 in every pane, "4 marked" in the
    title of the plan, and the number behind the keys that act on all of them.
    """
    picture = await take(tmp_path, middle(), size, ".svg", screen=screen, steps=_marks)
    compare(f"marked-{screen}-{size}.svg", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_the_filter(tmp_path: Path, size: str) -> None:
    """You should see a line for ids, three values, how many tasks are meant, and the first ones."""

    async def type_it(pilot: Pilot[None]) -> None:
        await pilot.press("s", "minus", "asterisk", "down", "right")

    picture = await take(tmp_path, middle(), size, ".svg", screen="mark", steps=type_it)
    compare(f"mark-{size}.svg", picture)


async def test_five_hundred_marks(tmp_path: Path) -> None:
    """All are marked at once, and a key says what it would do."""
    async with room(tmp_path, large()) as deck:
        await deck.press("asterisk", "enter")
        assert len(marked(deck)) == 200
        assert label(BY_ID["task.stop"], deck.app.room.context) == "stop 200"
        assert isinstance(deck.app.room.query_one("#outline"), RowList)


@pytest.mark.parametrize("key", ["view.filter", "mark.by"])
def test_help_names_all_that_tasks_can_be_told_apart_by(key: str) -> None:
    """What the dialog can ask for is what its key says."""
    said = next(one.tooltip for one in KEYS if one.id == key).casefold()
    asked = [field for field in Filter._fields if field != "ids"]
    assert all({"repo": "repository"}.get(field, field) in said for field in asked)
