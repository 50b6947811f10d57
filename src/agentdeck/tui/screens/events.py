"""The events screen (`E`): the journal row by row, in plain words.

Rules:
- Only what is visible is read, in a thread, and drawn; so a journal of any length opens at once.
- The end is followed until the cursor leaves it; then the rows that came are counted in the frame.
- `&` (or `/`), `f` and `T` leave only some events: with a text, of some kinds, about one task. A
  process of its own looks for them; what it has found so far is shown. Escape takes that back.
- `b` shows the run as it was right after the row's event; so does `B`, in the present.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import ClassVar, Final

import msgspec
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from agentdeck.core.errors import DeckError
from agentdeck.core.event_words import told_of
from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.tui.event_pages import GROUP, EventPages
from agentdeck.tui.event_search import EventsFound
from agentdeck.tui.event_searching import EventSearch
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.presentation.event_filter import (
    KINDS,
    EventQuery,
    filter_words,
    task_of,
)
from agentdeck.tui.presentation.events import event_lines, event_row, title_of
from agentdeck.tui.presentation.line import EMPTY, Line, Span
from agentdeck.tui.screens.full_screen import FullScreen, own_and_shared
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.widgets.event_list import EventList
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.log_foot import LogFoot
from agentdeck.tui.widgets.styled import Pane

AROUND: Final = 64  # events on both sides of the screen that are read with it
HINT: Final = "text or expression · enter · escape"
EMPTY_EVENTS: Final = "What happens in the run will stand here, an event a row."
NOTHING_PASSES: Final = "No event passes the filter; escape takes it away."
READING: Final = "The journal is being read."
LOOKING: Final = "The journal is being looked through."
FOOTER: Final = (
    "events.open", "events.filter", "events.kinds", "events.task", "events.failure",
    "events.there", "events.end", "screen.back", "deck.help", "deck.palette",
)  # fmt: skip


class EventsScreen(FullScreen):
    """Rows of events and a foot."""

    BINDINGS: ClassVar[list[BindingType]] = own_and_shared(
        [
            Binding("escape", "leave_one", show=False),
            Binding("E,q", "back", show=False),
            Binding("ampersand,slash", "filter", show=False),
            Binding("f", "kinds(1)", show=False),
            Binding("F", "kinds(-1)", show=False),
            Binding("T", "of_task", show=False),
            Binding("n", "failure(1)", show=False),
            Binding("N", "failure(-1)", show=False),
            Binding("b", "look_there", show=False),
            Binding("g", "edge(0)", show=False),
            Binding("G", "edge(1)", show=False),
        ]
    )
    OWN_KEYS = frozenset("j k g G f F T n N b ampersand slash".split())

    def __init__(self) -> None:
        super().__init__(id="events")
        self._query = EventQuery()
        self._search: EventSearch | None = None
        self._last = 0  # the newest event that is known
        self._goes = False  # a failure is being looked for

    @cached_property
    def _pages(self) -> EventPages:
        return EventPages(self.deck_app, self.refresh_deck)

    def compose(self) -> ComposeResult:
        """Header, rows, a foot, keys."""
        yield HeaderBar()
        with Pane(id="events-list"):
            yield EventList(id="events-rows")
            yield LogFoot()
        yield KeyBar()

    def on_mount(self) -> None:
        """The newest event has the cursor; in the past the one that the replay stands at."""
        rows = self.query_one(EventList)
        replay = self.deck_app.looking_back.replay
        if replay is not None and replay.count < len(replay.events):
            rows.restart(replay.count - 1)
        rows.focus()
        super().on_mount()

    def on_unmount(self) -> None:
        """Nothing goes on behind a screen that is gone."""
        self._end_search()
        self._pages.close()

    # --- drawing -------------------------------------------------------------------------------

    def refresh_deck(self) -> None:
        """Show the run as it is now."""
        if not self.is_attached:
            return
        replay = self.deck_app.looking_back.replay
        deck = self.moment()
        self._last = deck.state.seq if replay is None else len(replay.events)
        if self._search is not None and self._search.go_on(self._last):
            self._listen(self._search)
        rows = self.query_one(EventList)
        text = self._query.text

        def draw(number: int, width: int) -> Line:
            seq = self._seq(number)
            return event_row(deck, self._pages.get(seq), seq, self._last, width, text)

        rows.show(self._count, draw, empty=self._empty_words)
        self._want()
        deck = self.moment()
        self.query_one(HeaderBar).show(deck)
        self._show_frame(rows)
        self.query_one(KeyBar).show(self.context)

    @property
    def has_content(self) -> bool:
        """Has the first page come, if there is one?"""
        return not self._pages.are_awaited

    @property
    def _empty_words(self) -> str:
        if self._search is None:
            return EMPTY_EVENTS
        return NOTHING_PASSES if self._search.idle else LOOKING

    def _show_frame(self, rows: EventList) -> None:
        figures = (
            f"{self._last:,}" if self._search is None else f"{self._count:,} of {self._last:,}"
        )
        right: Line = (Span(figures, "muted"),) if self._last else EMPTY
        new = rows.new_rows
        if new:
            right = (Span(f" {new:,} new (G) ", "alert-calm"), Span("  "), *right)
        frame = self.query_one("#events-list", Pane)
        frame.set_titles((Span("Events"),), right)
        foot, search = self.query_one(LogFoot), self._search
        if search is None:
            late = self.is_seen and self._pages.are_awaited
            foot.say((Span(READING, "muted"),) if late else EMPTY)
        else:
            back: Line = (Span("esc", "key bold"), Span(" shows all", "muted"))
            slow = search.slow
            words = filter_words(
                self._query, self._count, search.looked_at, search.asked, slow=slow
            )
            foot.say(words, back)

    @property
    def _count(self) -> int:
        return self._last if self._search is None else len(self._search.numbers)

    def _seq(self, number: int) -> int:
        """The number of an event in the journal, by that of its row."""
        if self._search is None:
            return number + 1
        return self._search.numbers[number] if number < len(self._search.numbers) else 0

    def _want(self) -> None:
        seen = self.query_one(EventList).visible_rows
        low, high = max(0, seen.start - AROUND), min(self._count, seen.stop + AROUND)
        near = (n for n in (*seen, *range(low, seen.start), *range(seen.stop, high)))
        self._pages.want(self._seq(number) for number in near)

    # --- what is chosen ------------------------------------------------------------------------

    @property
    def chosen(self) -> Recorded | None:
        """The event of the row with the cursor, if it has been read."""
        number = self.query_one(EventList).cursor
        return self._pages.get(self._seq(number)) if 0 <= number < self._count else None

    @property
    def task_here(self) -> TaskId | None:
        """The task that it is about."""
        recorded = self.chosen
        if recorded is None:
            return None
        tasks = self.deck_app.model.state.tasks
        about = told_of(recorded.event).about
        names = (task_of(recorded.event), about, about.rpartition(".")[0])
        return next((TaskId(name) for name in names if name in tasks), None)

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        return Context(self.moment(), "events", self.deck_app.keys, footer=FOOTER)

    def on_event_list_moved(self, event: EventList.Moved) -> None:
        """The cursor moved, or what can be seen."""
        event.stop()
        self.refresh_deck()

    def on_event_list_opened(self, event: EventList.Opened) -> None:
        """Enter: the whole event."""
        event.stop()
        self.action_open()

    # --- keys ----------------------------------------------------------------------------------

    def act(self, key: Key) -> None:
        """The keys of the footer can be clicked, too."""
        acts: dict[str, Callable[[], None]] = {
            "view.events": self.action_back,
            "events.open": self.action_open,
            "events.filter": self.action_filter,
            "events.kinds": lambda: self.action_kinds(1),
            "events.task": self.action_of_task,
            "events.failure": lambda: self.action_failure(1),
            "events.there": self.action_look_there,
            "events.end": lambda: self.action_edge(1),
        }
        if key.id == "replay.turn" and self.deck_app.looking_back.replay is None:
            self.action_look_there()
        elif key.id in acts:
            acts[key.id]()
        else:
            super().act(key)

    def action_open(self) -> None:
        """The whole event, as it is in the journal."""
        recorded, deck = self.chosen, self.moment()
        if recorded is None:
            self.notify("It has not been read yet; try again.", timeout=3)
            return
        page = Reading(title_of(recorded), lambda width: event_lines(deck, recorded, width))
        _ = self.app.push_screen(page)

    def action_edge(self, end: int) -> None:
        """To the first event, or to the newest one, and follow."""
        rows = self.query_one(EventList)
        if end:
            rows.action_last()
        else:
            rows.action_first()

    def action_look_there(self) -> None:
        """The run as it was right after the event, in the room."""
        recorded = self.chosen
        if recorded is not None:
            task = self.task_here
            self.deck_app.looking_back.look_at(recorded.seq)
            self.show_in_room(task)

    # --- filters -------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Ask for a text."""
        self.query_one(LogFoot).ask("&", HINT)

    def on_log_foot_answered(self, event: LogFoot.Answered) -> None:
        """It was typed; None = nothing is wanted."""
        event.stop()
        self.query_one(EventList).focus()
        if event.text is not None:
            self._turn(msgspec.structs.replace(self._query, text=event.text))
        self.refresh_deck()

    def action_kinds(self, by: int) -> None:
        """Other kinds of events."""
        kinds = KINDS[(KINDS.index(self._query.kinds) + by) % len(KINDS)]
        self._turn(msgspec.structs.replace(self._query, kinds=kinds))

    def action_of_task(self) -> None:
        """Only what is about the row's task; once more: about all."""
        task = None if self._query.task is not None else self.task_here
        if task is None and self._query.task is None:
            self.notify("The row is about no task.", timeout=3)
            return
        self._turn(msgspec.structs.replace(self._query, task=task))

    def action_leave_one(self) -> None:
        """From some events to all of them; from there to the room."""
        if self._query.is_open:
            self.action_back()
        else:
            self._turn(EventQuery())

    def _turn(self, query: EventQuery) -> None:
        """Show other events. The cursor stays on its own, where all are shown again."""
        if query == self._query:
            return
        rows, recorded = self.query_one(EventList), self.chosen
        followed = rows.following
        self._end_search()
        self._query = query
        if query.is_open:
            rows.restart(None if followed or recorded is None else recorded.seq - 1)
        else:
            rows.restart()
            self._search = EventSearch(self.deck_app.folder.path, query, self._last)
            self._listen(self._search)
        self.refresh_deck()

    def _listen(self, search: EventSearch) -> None:
        app = self.app  # a screen that is gone has none, and the thread may outlive it

        def told(found: EventsFound) -> None:
            app.call_from_thread(self._take, search, found)

        self.run_worker(lambda: search.listen(told), thread=True, group=GROUP, exit_on_error=False)

    def _take(self, search: EventSearch, found: EventsFound) -> None:
        if search is self._search:
            search.take(found)
            self.refresh_deck()

    def _end_search(self) -> None:
        if self._search is not None:
            self._search.end()
            self._search = None

    # --- failures ------------------------------------------------------------------------------

    def action_failure(self, by: int) -> None:
        """To the next event that tells of a failure, or the one before."""
        start = self._seq(self.query_one(EventList).cursor) + by if self._count else 0
        if not self._goes and self._count:
            self._goes = True
            app, last = self.app, self._last
            self.run_worker(
                lambda: self._look_for_failure(app, start, by, last),
                thread=True,
                group=GROUP,
                exit_on_error=False,
            )

    def _look_for_failure(self, app: App[object], start: int, by: int, last: int) -> None:
        try:
            found = self._pages.log.next_failure(start, by, last)
        except DeckError:
            found = None  # the pages say what is wrong with the journal
        app.call_from_thread(self._go_to_failure, found, by)

    def _go_to_failure(self, seq: int | None, by: int) -> None:
        self._goes = False
        if not self.is_attached:
            return
        number = self._number(seq) if seq is not None else None
        if number is None:
            self.notify(f"No failure {'after' if by > 0 else 'before'} this.", timeout=3)
        else:
            self.query_one(EventList).go(number)

    def _number(self, seq: int) -> int | None:
        """The row of an event; with a filter, all are shown again where it does not pass."""
        if self._search is None:
            return seq - 1
        numbers: Sequence[int] = self._search.numbers
        at = bisect_left(numbers, seq)
        if at < len(numbers) and numbers[at] == seq:
            return at
        self._turn(EventQuery())
        return seq - 1
