"""The events screen: what is read and drawn of a journal, what its filters leave, its keys."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from tests.tui.queue_story import train_under_way
from tests.tui.sample_journal import STARTED_AT, Story, awkward, begun, finished, middle, write_run
from tests.tui.spending_story import paid
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot

from agentdeck.control import event_log
from agentdeck.control.event_log import EventLog, runs_of
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.ids import TaskId
from agentdeck.engine.journal import Journal
from agentdeck.tui import event_search
from agentdeck.tui.event_search import EventsFound, EventsWanted
from agentdeck.tui.model import Model
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.event_filter import EventQuery, Kinds, Sieve, kind_of
from agentdeck.tui.presentation.events import JSON_LINES, event_lines, event_row
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.replay import Replay
from agentdeck.tui.screens.events import AROUND, EventsScreen
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.widgets.event_list import EventList
from agentdeck.tui.widgets.row_list import LinesView

T = TaskId


def deck_of(told: Story) -> Deck:
    model = Model()
    model.take(told.history)
    return Deck(model.state, STARTED_AT + told.at, frozen=True)


def screen_of(deck: Room) -> EventsScreen:
    screen = deck.app.screen
    assert isinstance(screen, EventsScreen)
    return screen


def rows_of(deck: Room) -> EventList:
    return screen_of(deck).query_one(EventList)


def cursor(deck: Room) -> int:
    """The number of the event under the cursor."""
    recorded = screen_of(deck).chosen
    assert recorded is not None
    return recorded.seq


def shown(deck: Room) -> list[int]:
    """The numbers of the events that pass."""
    screen = screen_of(deck)
    return [screen._seq(number) for number in range(screen._count)]


def passing(told: Story, query: EventQuery) -> list[int]:
    sieve = Sieve(query)
    return [one.seq for one in told.history if sieve.passes(one)]


async def happens(deck: Room, *events: AnyEvent) -> None:
    """An engine writes events and tells of them."""
    after = deck.app.model.state.seq
    journal = Journal(deck.app.folder.journal, writable=True)
    told = journal.append(events, deck.app.model.clock.now(), after=after, durable=False)
    journal.close()
    deck.app.take(told)
    deck.app.draw()
    await deck.press()


# --- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_journal(tmp_path: Path, size: str) -> None:
    """You should see the newest events, the last one with the cursor: number, time, a sign, the
    task, what happened; failures in red, S-3's question in yellow; from 120 cells on the kind.
    """
    compare(f"events-{size}.svg", await take(tmp_path, middle(), size, ".svg", screen="events"))


async def test_only_failures_without_signs_beyond_ascii(tmp_path: Path) -> None:
    """You should see four events of S-4 and S-8, and "only failures  4 events" at the foot."""

    async def turn(pilot: Pilot[None]) -> None:
        await pilot.press("f", "f")
        await pilot.app.workers.wait_for_complete()

    how = {"screen": "events", "steps": turn, "ascii_only": True}
    picture = await take(tmp_path, middle(), "80x24", **how)  # type: ignore[arg-type]
    assert picture.isascii()
    compare("events-failures-80x24.txt", picture)


# --- what is read --------------------------------------------------------------------------------


async def test_only_what_is_visible_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a long journal a screen and a little around it is read, at the end, at the start, and
    nothing again; a journal that cannot be read says so once.
    """
    read: list[int] = []
    whole = EventLog.read

    def counted(log: EventLog, first: int, count: int) -> list[Recorded]:
        read.extend(range(first, first + count))
        return whole(log, first, count)

    monkeypatch.setattr(EventLog, "read", counted)
    told = begun()
    told.start("CORE-001")
    last = told.history[-1].seq
    told.tell(*(e.AgentsLimitSet(number % 50 + 1, "you") for number in range(4_000)))
    async with room(tmp_path, told) as deck:
        await deck.press("E")
        assert cursor(deck) == last + 4_000
        screen = rows_of(deck).size.height + 2 * AROUND
        assert 0 < len(read) <= screen
        await deck.press("home")
        assert cursor(deck) == 1
        assert len(read) <= 2 * screen
        before = len(read)
        await deck.press("end")
        assert len(read) == before
        await deck.press("escape")
        deck.app.folder.journal.unlink()
        await deck.press("E", "home", "end")
        assert len(deck.toasts) == 1
        assert "cannot be opened" in deck.toasts[0]


def test_numbers_without_a_gap_are_read_at_once() -> None:
    assert list(runs_of([7, 3, 4, 5, 9, 8, 4])) == [(3, 3), (7, 3)]
    assert list(runs_of([])) == []


# --- following -----------------------------------------------------------------------------------


async def test_the_end_is_followed_until_it_is_left(tmp_path: Path) -> None:
    """What comes while something else is read is counted, and moves nothing."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("E")
        await happens(deck, e.AgentsLimitSet(3, "you"))
        assert cursor(deck) == 115
        await deck.press("up")
        top = rows_of(deck).visible_rows
        await happens(deck, e.AgentsLimitSet(4, "you"), e.AgentsLimitSet(5, "you"))
        assert cursor(deck) == 114
        assert rows_of(deck).visible_rows == top
        assert "2 new" in str(deck.app.screen.query_one("#events-list").border_title)
        await deck.press("G")
        assert cursor(deck) == 117
        assert rows_of(deck).new_rows == 0


# --- filters -------------------------------------------------------------------------------------


async def test_filters_leave_some_events_and_escape_shows_all(tmp_path: Path) -> None:
    """A text, kinds, a task, also together; what happens meanwhile passes through the filter, too.
    Escape keeps the event under the cursor.
    """
    told = middle()
    async with room(tmp_path, told) as deck:
        await deck.press("E")
        await deck.press("ampersand", *"gate", "enter")
        assert shown(deck) == passing(told, EventQuery(text="gate"))
        await deck.press("f", "f")
        both = EventQuery(text="gate", kinds=Kinds.FAILURES)
        assert shown(deck) == passing(told, both) == [83, 104]
        await happens(deck, e.AgentsLimitSet(3, "you"), e.TaskPauseAsked(T("S-1"), "gatekeeper"))
        assert shown(deck) == [83, 104]
        await deck.press("up")
        await deck.press("escape")
        assert cursor(deck) == 83
        assert len(shown(deck)) == 116
        await deck.press("T")
        about = shown(deck)
        assert about == passing(told, EventQuery(task=T("S-4")))
        assert 83 in about
        await deck.press("T", "slash", *"zzz", "enter")
        assert shown(deck) == []
        await deck.press("enter")
        assert deck.toasts == ["No event passes the filter; escape takes it away."]
        await deck.press("escape", "escape")
        assert deck.app.screen.id == "room"


@pytest.mark.parametrize("kinds", [kinds for kinds in Kinds if kinds is not Kinds.ALL])
def test_every_kind_has_its_events(kinds: Kinds) -> None:
    """None of them is empty on runs in which everything happens, and none has all."""
    stories = (middle(), paid(), train_under_way(), finished())
    found = sum(len(passing(told, EventQuery(kinds=kinds))) for told in stories)
    assert 0 < found < sum(len(told.history) for told in stories)


def test_a_task_has_its_entries_too() -> None:
    """In the merge queue it goes by the name of its entry; that of another task is another."""
    told = middle()
    kinds = {
        kind_of(told.history[seq - 1].event)
        for seq in passing(told, EventQuery(task=T("CORE-001")))
    }
    assert {"attempt.claimed", "entry.queued", "entry.built", "entry.landed"} <= kinds
    assert passing(told, EventQuery(task=T("S-1"))) != passing(told, EventQuery(task=T("S-2")))
    assert not passing(told, EventQuery(task=T("CORE")))


def answers(monkeypatch: pytest.MonkeyPatch, wanted: EventsWanted, *more: int) -> list[EventsFound]:
    """What the searching process says to a query, and to wishes to go on."""
    lines = [msgspec.json.encode(wanted), *(b"%d" % until for until in more)]
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\n".join(lines) + b"\n")))
    monkeypatch.setattr(sys, "stdout", out)
    assert event_search.main() == 0
    said: bytes = out.buffer.getvalue()
    return [msgspec.json.decode(line, type=EventsFound) for line in said.splitlines()]


def test_a_search_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = middle()
    folder = write_run(told, tmp_path, logs=False)
    query = EventQuery(kinds=Kinds.FAILURES)
    first, second = answers(monkeypatch, EventsWanted(str(folder.path), query, 90), 114)
    assert (first.numbers, first.looked_at, first.done) == ([83], 90, True)
    assert (second.numbers, second.looked_at) == ([104, 105, 107], 114)


def test_an_expression_that_takes_for_ever_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = begun()
    told.tell(e.PromoteAsked("you"), e.PromoteWaiting("a" * 60))
    folder = write_run(told, tmp_path, logs=False)
    monkeypatch.setattr(event_search, "PIECE_CPU_S", 0.05)
    wanted = EventsWanted(str(folder.path), EventQuery(text="(a+)+§"), 4)
    assert answers(monkeypatch, wanted)[-1] == EventsFound(done=True, slow=True)


# --- going about ---------------------------------------------------------------------------------


async def test_keys_of_the_screen_and_of_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures are one key apart, also across the pieces in which the journal is read; enter shows
    what is in the journal; keys of tasks act on the task of the event.
    """
    monkeypatch.setattr(event_log, "PIECE", 7)
    async with room(tmp_path, middle()) as deck:
        await deck.press("E")
        await deck.press("space", "enter")
        assert deck.source.sent == [c.Pause(T("S-1"))]
        assert isinstance(deck.app.screen, Reading)
        lines = deck.app.screen.query_one(LinesView)._lines
        text = "\n".join(text_of(line) for line in lines[3:])
        assert json.loads(text)["activity"] == "Edit src/session/stream.py"
        await deck.press("escape")
        seen = []
        for _ in range(4):
            await deck.press("N")
            seen.append(cursor(deck))
        assert seen == [107, 105, 104, 83]
        await deck.press("N")
        assert deck.toasts == ["No failure before this."]
        await deck.press("n")
        assert cursor(deck) == 104
        await deck.press("home")
        deck.app.clear_notifications()
        await deck.press("T", "y")
        assert deck.toasts == [
            "The row is about no task.",
            "y does nothing here; ? shows the keys.",
        ]
        await deck.press("end", "d")
        assert (deck.app.screen.id, deck.selected) == ("room", "S-1")


async def test_the_run_is_seen_as_it_was_at_an_event(tmp_path: Path) -> None:
    """From the present with B or b; from the past, where the events after it are dim, with b."""
    async with room(tmp_path, middle()) as deck:
        await deck.press("E")
        await deck.press("N")
        await deck.press("B")
        replay = deck.app.looking_back.replay
        assert replay is not None
        assert deck.app.screen.id == "room"
        assert (replay.count, deck.app.model.state.seq, deck.selected) == (107, 107, "S-8")
        await deck.press("E")
        assert cursor(deck) == 107
        assert len(shown(deck)) == 114
        await deck.press("home")
        await deck.press("down", "b")
        assert deck.app.screen.id == "room"
        assert (replay.count, deck.app.model.state.seq) == (2, 2)


# --- what is drawn -------------------------------------------------------------------------------


def test_the_future_is_dim_and_the_present_is_marked() -> None:
    """While the run is seen again."""
    told = middle()
    replay = Replay(told.history)
    replay.seek(104)
    deck = replace(deck_of(told), replay=replay.moment())
    now, later = (event_row(deck, told.history[n], n + 1, 114, 116) for n in (103, 104))
    assert text_of(now).startswith("▶")
    assert not text_of(later).startswith("▶")
    roles = {span.role for span in later if span.text.strip() and "✖" not in span.text}
    assert roles == {"faint"}


@pytest.mark.parametrize("width", [76, 116, 196])
def test_no_row_is_wider_than_the_screen(width: int) -> None:
    """Nor does any text of an agent act on the terminal."""
    for told in (middle(), awkward(), paid(), train_under_way()):
        deck = deck_of(told)
        for one in told.history:
            row = event_row(deck, one, one.seq, 114, width)
            lines = [row, *event_lines(deck, one, width)]
            assert all(cells(line) <= width for line in lines)
            assert "\x1b" not in "".join(map(text_of, lines))


def test_json_is_whole_however_long_a_text_is() -> None:
    """Nothing of a long text is cut; only of very many lines the rest is counted."""
    told = begun()
    long = "one two  three " * 900
    told.tell(e.PromoteAsked("you"), e.PromoteWaiting(long))
    text = "".join(
        text_of(line).strip() for line in event_lines(deck_of(told), told.history[-1], 80)
    )
    assert long.replace(" ", "") in text.replace(" ", "")
    files = tuple(f"src/file_{n}.py" for n in range(JSON_LINES + 50))
    told.start("CORE-001")
    told.end("CORE-001", [e.FileTouched(name, 1, 1) for name in files])
    lines = event_lines(deck_of(told), told.history[-1], 80)
    assert len(lines) < JSON_LINES + 10
    assert "more lines" in text_of(lines[-1])


def test_what_was_looked_for_is_lit() -> None:
    told = middle()
    row = event_row(deck_of(told), told.history[103], 104, 114, 116, "UNIT")
    assert [span.text for span in row if "hit" in span.role] == ["unit"]
