"""A log that is gone through: find, filter, kinds, times, wrap, folds, copy, around a `LogView`.

Rules:
- What is looked for is matched in a process of its own (`log_search`); here its hits are shown. A
  key is answered all the while, and whatever no longer concerns what is shown is called off.
- Another look (times, wrap, kinds, folds) keeps the place that is read.
- What is copied is bounded, and what was copied is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property, partial
from typing import ClassVar, Final

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.css.query import NoMatches

from agentdeck.control.log_times import offset_of_share, offset_of_time
from agentdeck.control.logtail import LogTail
from agentdeck.tui.filtered_tail import FilteredTail
from agentdeck.tui.layout import LogHabits
from agentdeck.tui.presentation.line import EMPTY, Line, Span
from agentdeck.tui.presentation.log_copy import COPY_CHARS, line_text
from agentdeck.tui.presentation.log_drawing import LEAD_CELLS, LogDrawing
from agentdeck.tui.presentation.log_foot import found_words, kept_words
from agentdeck.tui.presentation.log_found import Found, Hits, Query
from agentdeck.tui.presentation.log_pattern import pattern_of
from agentdeck.tui.presentation.log_rows import (
    OPEN_FROM,
    EachLine,
    Kinds,
    LogLook,
    Times,
    passages_of,
)
from agentdeck.tui.presentation.log_source import ListSource, Place
from agentdeck.tui.presentation.log_times import goal_of
from agentdeck.tui.presentation.rendered_source import RenderedSource
from agentdeck.tui.searching import LogSearch
from agentdeck.tui.widgets.log_foot import LogFoot
from agentdeck.tui.widgets.log_view import LogView
from agentdeck.tui.widgets.styled import roles_of

KINDS: Final[tuple[Kinds, ...]] = ("all", "tools", "prose", "trouble")
TIMES: Final[tuple[Times, ...]] = ("clock", "since", "off")
LATER_LINES: Final = 200  # read behind a call for its output
LATER_OF_ALL: Final = 12  # likewise when every call is unfolded: most outputs come at once
FEW_ROWS: Final = 400  # of a filter: below, what comes before them is shown at once
SIGNS: Final = {
    "/": "text or a regular expression",
    "&": "show only lines with it; empty shows all",
    ":": "12:40, +5m or 50%",
}


class LogReader(Vertical):
    """A log, and the line at its foot."""

    DEFAULT_CSS = "LogReader { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", show=False, id="log.find"),
        Binding("n", "step(1)", show=False, id="log.next"),
        Binding("N", "step(-1)", show=False, id="log.previous"),
        Binding("ampersand", "filter", show=False, id="log.filter"),
        Binding("f", "kinds", show=False, id="log.kinds"),
        Binding("T", "times", show=False, id="log.times"),
        Binding("colon", "jump", show=False, id="log.jump"),
        Binding("W", "wrap", show=False, id="log.wrap"),
        Binding("enter", "fold", show=False, id="log.fold"),
        Binding("Z", "fold_all", show=False, id="log.fold_all"),
        Binding("y", "copy", show=False, id="log.copy"),
        Binding("Y", "copy_all", show=False, id="log.copy_all"),
        Binding("escape", "leave", show=False, id="log.leave"),
    ]

    def __init__(self) -> None:
        super().__init__(id="log-reader")
        self._tail: LogTail | None = None
        self._base: LogLook | None = None
        self._source: RenderedSource | None = None
        self._kinds: Kinds = "all"
        self._times: Times = "clock"
        self._wraps = {False: True, True: False}  # by raw: as it was written, a line is a row
        self._keep = ""  # only lines with this are shown
        self._find = ""
        self._filtering: LogSearch | None = None
        self._finding: LogSearch | None = None
        self._goal: Place | None = None  # from where the first hit is looked for
        self._at: tuple[int | None, Place] | None = None  # of the hit at hand: line and place
        self._opened: set[Place] = set()  # unfolded, or folded while all are unfolded
        self._all_open = False
        self._seen = 0  # lines of the tail that searches know of

    def compose(self) -> ComposeResult:
        """The log above, the foot below."""
        yield self.view
        yield self._foot

    # --- what is shown ---------------------------------------------------------------------------

    @cached_property
    def view(self) -> LogView:
        """The rows."""
        view = LogView(id="log", ascii_only=roles_of(self).ascii_only)
        view.marks, view.folding = self._marks, self._fold_sideways
        return view

    @cached_property
    def _foot(self) -> LogFoot:
        return LogFoot()

    @property
    def about(self) -> str:
        """What is left out, in a word: `tools`; empty when all is shown."""
        kinds = self._kinds if self._base is not None and not self._base.raw else "all"
        words = {"all": "", "tools": "tools", "prose": "prose", "trouble": "errors and asks"}
        return words[kinds]

    @property
    def look(self) -> LogLook | None:
        """How the log is looked at; None while there is none."""
        if self._base is None:
            return None
        kinds = "all" if self._base.raw else self._kinds
        wrap = self._wraps[self._base.raw]
        return msgspec.structs.replace(self._base, kinds=kinds, wrap=wrap, times=self._times)

    @property
    def habits(self) -> LogHabits:
        """How the person looks at any log."""
        return LogHabits(self._kinds, self._times, self._wraps[False], self._wraps[True])

    @habits.setter
    def habits(self, found: LogHabits) -> None:
        self._kinds, self._times = found.kinds, found.times
        self._wraps = {False: found.wrap, True: found.wrap_raw}

    def focus(self, scroll_visible: bool = True) -> LogReader:
        """The rows get it."""
        self.view.focus(scroll_visible)
        return self

    def show_text(self, rows: list[Text]) -> None:
        """Say something where there is no log."""
        self._end()
        self.view.set_source(ListSource(rows))

    def end_at(self, until: int | None) -> bool:
        """Let the log end somewhere else; False when more of it is shown already."""
        return self._tail is None or self._tail.end_at(until)

    def show_log(self, tail: LogTail, look: LogLook, *, fresh: bool) -> None:
        """Show a log: from its end if it is another one, else where it was read."""
        if fresh:
            self._end()
            self._opened.clear()
            self._all_open = False
        place = None if fresh or self.view.following else self.view.standing
        if self._base is not None and self._base.raw != look.raw:
            self._opened.clear()
            place = place and Place(place.offset, 0)
        if self._tail is not None:
            self._tail.close()
        self._tail, self._base = tail, look
        tail.poll()
        self._seen = tail.total
        self._look_again(place)

    def go_to(self, offset: int, find: str) -> None:
        """To the line at an offset of the file, with `find` marked; n goes on from there."""
        self.view.go_to(Place(offset, 0))
        if find:
            self._look_for(find, jump=False)

    def tick(self) -> bool:
        """Look for new lines. Was there any?"""
        fresh = self.view.tick()
        tail = self._tail
        if tail is None or not (self._filtering or self._finding):
            return fresh
        if self._filtering is not None:
            tail.poll()
        if tail.total != self._seen:
            self._seen = tail.total
            for search in (self._filtering, self._finding):
                if search is not None and search.hits.done and search.more():
                    search.hits.done = False
                    self._hear(search)
            return True
        return fresh

    def on_unmount(self) -> None:
        """No process is left behind."""
        for search in (self._filtering, self._finding):
            if search is not None:
                search.end()

    def _look_again_here(self) -> None:
        """Another look at where one is."""
        self._look_again(None if self.view.following else self.view.standing)

    def _look_again(self, place: Place | None) -> None:
        """The same log with another look; at a place, or following its end."""
        look, tail = self.look, self._tail
        if look is None or tail is None:
            return
        if self._filtering is not None:
            self._filtering.end()
            self._filtering = None
        draw = LogDrawing(
            look, roles_of(self), opened=self._is_open, later=self._later, kept=self._kept()
        )
        if self._keep or look.kinds != "all":
            search = self._search(None, at=None)
            self._filtering = search
            source = RenderedSource(FilteredTail(tail, search.hits), EachLine, draw)
            place = None
        else:
            source = RenderedSource(tail, partial(passages_of, look), draw)
        self._source = source
        if place is None:
            self.view.set_source(source)
        else:
            self.view.set_source_at(source, place)
        if self._find:
            self._look_for(self._find, jump=False)
        if self._filtering is not None:
            self._hear(self._filtering)
        self._say()

    def _kept(self) -> partial[Iterator[range]] | None:
        look = self.look
        if not self._keep and (look is None or look.kinds == "all"):
            return None
        return partial(self._kept_rows)

    def _kept_rows(self, offset: int) -> Iterator[range]:
        """The rows of a passage that the filter lets through."""
        hits = self._filtering.hits.of(offset) if self._filtering is not None else []
        return (range(hit.row, hit.last + 1) for hit in hits)

    def _end(self) -> None:
        for search in (self._filtering, self._finding):
            if search is not None:
                search.end()
        self._filtering = self._finding = None
        self._keep = self._find = ""
        self._base, self._source, self._at = None, None, None
        if self._tail is not None:
            self._tail.close()
            self._tail = None
        self._say()

    def _redraw(self) -> None:
        """The same rows, drawn anew: more of them or fewer are unfolded."""
        if self._source is not None:
            self.view.redraw(self._source)

    # --- searches --------------------------------------------------------------------------------

    def _search(self, find: str | None, *, at: int | None) -> LogSearch:
        assert self._tail is not None
        look = self.look
        assert look is not None
        keep = self._keep or None
        return LogSearch(
            Query(str(self._tail.path), look, find, keep, at=at, until=self._tail.until)
        )

    def _hear(self, search: LogSearch) -> None:
        self.run_worker(
            partial(self._listen, search), thread=True, group="log-search", exit_on_error=False
        )

    def _listen(self, search: LogSearch) -> None:
        """In a thread: take in what the process tells."""
        search.listen(lambda found: self.app.call_from_thread(self._told, search, found))

    def _told(self, search: LogSearch, found: Found) -> None:
        if search not in (self._filtering, self._finding):
            return
        search.hits.take(found)
        try:
            if search is self._finding:
                self._found()
            else:
                self._filtered(found)
            self._say()
        except NoMatches:  # the room is being taken down
            return

    def _filtered(self, found: Found) -> None:
        source, view = self._source, self.view
        if source is None:
            return
        few = source.count() < FEW_ROWS
        if view.following and (found.again is not None or (found.hits and (found.ahead or few))):
            source.again()
            view.repaint()
        elif found.hits and found.ahead:
            source.newest += len(found.hits)

    def _found(self) -> None:
        hits, goal = self._finding.hits if self._finding else None, self._goal
        if hits is None:
            return
        if goal is not None and len(hits):
            self._goal = None
            number = hits.step(Place(goal.offset, goal.row - 1), 1) or 0
            last = len(hits) - 1
            behind = hits.hit(last).offset < goal.offset
            self._go_to_hit(last if behind else number)
        self.view.repaint()

    def _look_for(self, text: str, *, jump: bool) -> None:
        standing = self.view.standing or Place(0, 0)
        if self._finding is not None:
            self._finding.end()
            self._finding = None
        self._find = text
        self._at = None
        self._goal = standing if jump else None
        if text and self._tail is not None:
            search = self._search(text, at=standing.offset)
            self._finding = search
            self._hear(search)
        self.view.repaint()
        self._say()

    def _go_to_hit(self, number: int) -> None:
        assert self._finding is not None
        hit = self._finding.hits.hit(number)
        place = Place(hit.offset, hit.row)
        self.view.go_to(place)
        self._at = (self.view.here, place)

    def _place_of_hit(self) -> Place:
        """From where the next hit is counted."""
        if self._at is not None and self._at[0] == self.view.here:
            return self._at[1]
        return self.view.standing or Place(0, 0)

    def _marks(self, place: Place) -> Iterator[tuple[int, int]]:
        """What is coloured in a row: what is looked for, else what is filtered for."""
        search = self._finding or (self._filtering if self._keep else None)
        marks = search.hits.marks(place.offset) if search is not None else ()
        return (
            (mark.start + LEAD_CELLS, mark.stop + LEAD_CELLS)
            for mark in marks
            if mark.row == place.row
        )

    # --- the foot --------------------------------------------------------------------------------

    def on_log_foot_typed(self, event: LogFoot.Typed) -> None:
        """Name what is wrong with an expression while it is typed."""
        event.stop()
        fault = pattern_of(event.text).fault if event.sign in "/&" else ""
        self._foot.hint(f"as plain text: {fault}" if fault else SIGNS[event.sign])

    def on_log_foot_answered(self, event: LogFoot.Answered) -> None:
        """A line was typed, or nothing is wanted."""
        event.stop()
        self.view.focus()
        text = event.text
        if text is not None:
            match event.sign:
                case "/":
                    self._look_for(text or self._find, jump=True)
                case "&":
                    self._filter_for(text)
                case _:
                    self._jump_to(text)
        self._say()

    def _filter_for(self, text: str) -> None:
        if text != self._keep:
            place = self.view.standing if not text and not self.view.following else None
            self._keep = text
            self._look_again(place)

    def _jump_to(self, text: str) -> None:
        look, tail = self.look, self._tail
        if look is None or tail is None or not text.strip():
            return
        goal = goal_of(text, look.started_at, utc=look.utc)
        if isinstance(goal, str):
            self.notify(f"{text}: {goal}.", severity="warning", markup=False)
            return
        if goal.share is not None:
            offset = offset_of_share(tail.path, goal.share, tail.until)
        else:
            offset = offset_of_time(tail.path, goal.at or 0.0, tail.until)
        if offset is None:
            said = "no line of this log says when it was written; 50% goes to its middle"
            self.notify(f"{said}.", severity="warning", markup=False)
            return
        if goal.share == 1:
            self.view.action_scroll_end()
        else:
            self.view.go_to(Place(offset, 0))

    def _say(self) -> None:
        left: list[Span] = []
        if self._keep or (self._base is not None and self.about):
            words = kept_words(
                self._keep, self.about, self._filtering.hits if self._filtering else None
            )
            left += words
        right: Line = EMPTY
        if self._finding is not None:
            hits = self._finding.hits
            at = hits.number_of(self._at[1]) if self._at is not None else None
            left += [Span("   ")] if left else []
            left += found_words(self._find, at, hits)
            right = (Span("n", "key"), Span(" next  ", "faint"), Span("esc", "key"))
        elif left:
            right = (Span("esc", "key"), Span(" shows all", "faint"))
        self._foot.say(tuple(left), right)

    # --- keys ------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Escape is the log's only while it has something to end; others need the rows' focus."""
        if action == "leave":
            return bool(self._find or self._keep or self.about)
        return True

    def action_find(self) -> None:
        """Type what to look for."""
        if self._has_log():
            self._foot.ask("/", SIGNS["/"])

    def action_filter(self) -> None:
        """Type what to show."""
        if self._has_log():
            self._foot.ask("&", SIGNS["&"])

    def action_jump(self) -> None:
        """Type a time to go to."""
        if self._has_log():
            self._foot.ask(":", SIGNS[":"])

    def action_step(self, by: int) -> None:
        """To the next hit or the one before, around the ends."""
        if self._finding is None:
            self.notify("Nothing is looked for yet; / begins.", timeout=3)
            return
        number = self._finding.hits.step(self._place_of_hit(), by)
        if number is None:
            self.notify(f"{self._find} is not here.", timeout=3, markup=False)
            return
        self._goal = None
        self._go_to_hit(number)
        self._say()

    def action_kinds(self) -> None:
        """All, tools, prose, errors and asks."""
        if self._is_rendered("The raw log has no kinds; it has them as it reads best."):
            self._kinds = KINDS[(KINDS.index(self._kinds) + 1) % len(KINDS)]
            self._look_again_here()

    def action_times(self) -> None:
        """Times of day, since the attempt began, none."""
        if self._is_rendered("The raw log has the times that are written in it."):
            self._times = TIMES[(TIMES.index(self._times) + 1) % len(TIMES)]
            said = {"clock": "times of day", "since": "since the attempt began", "off": "off"}
            self.notify(f"Times: {said[self._times]}.", timeout=2)
            self._look_again_here()

    def _is_rendered(self, otherwise: str) -> bool:
        """Is there a log as it reads best? Of the raw one it is said why nothing is done."""
        if not self._has_log():
            return False
        if self._base is not None and self._base.raw:
            self.notify(otherwise, timeout=3)
            return False
        return True

    def action_wrap(self) -> None:
        """Long lines over several rows, or one row each."""
        if self._has_log() and self._base is not None:
            raw = self._base.raw
            self._wraps[raw] = not self._wraps[raw]
            said = "wrapped" if self._wraps[raw] else "one row each; ← → show the rest"
            self.notify(f"Long lines: {said}.", timeout=2)
            self._look_again_here()

    def action_fold(self) -> None:
        """Show what is behind the row, or hide it."""
        place = self._foldable()
        if place is None:
            self.notify("There is nothing to unfold in this line.", timeout=3)
        else:
            self._turn(place)

    def action_fold_all(self) -> None:
        """Unfold every call, or fold all of them."""
        self._all_open = not self._all_open
        self._opened.clear()
        self._redraw()

    def action_copy(self) -> None:
        """Copy the line."""
        number = self.view.here
        if number is not None and (text := self._text_of(number)):
            self._copy(text, "the line")

    def action_copy_all(self) -> None:
        """Copy the lines on the screen that have what is looked for; without that, all of them."""
        numbers: Iterable[int] = self.view.lines_shown
        what = "on the screen"
        if self._finding is not None:
            hits = self._finding.hits
            numbers = [n for n in numbers if self._is_hit(n, hits)]
            what = f"on the screen with {self._find}"
        texts = list(dict.fromkeys(filter(None, map(self._text_of, numbers))))
        if not texts:
            self.notify(f"No line {what}.", timeout=3, markup=False)
            return
        count = f"{len(texts)} line{'s' * (len(texts) != 1)}"
        self._copy("\n".join(texts), f"{count} {what}")

    def action_leave(self) -> None:
        """End what is looked for; then what is filtered."""
        if self._find:
            self._look_for("", jump=False)
            return
        place = None if self.view.following else self.view.standing
        self._keep, self._kinds = "", "all"
        self._look_again(place)

    def _has_log(self) -> bool:
        if self._tail is None:
            self.notify("There is no log yet.", timeout=3)
        return self._tail is not None

    # --- folds and copies ------------------------------------------------------------------------

    def _is_open(self, place: Place) -> bool:
        return (place in self._opened) != self._all_open

    def _later(self, end: int) -> Iterator[bytes]:
        assert self._tail is not None
        count = LATER_OF_ALL if self._all_open else LATER_LINES
        return (line.data for line in self._tail.lines_after(end, count))

    def _foldable(self) -> Place | None:
        """The row at hand, or the one above it that it was unfolded from, if it folds."""
        number, source = self.view.here, self._source
        while number is not None and source is not None and (row := source.row(number)) is not None:
            place = source.place(number)
            above = source.row(number - 1)
            if row.number < OPEN_FROM and not row.folds:
                return None
            if row.number < OPEN_FROM and (row.first or above is None):
                return place
            number -= 1
        return None

    def _turn(self, place: Place) -> None:
        self._opened ^= {place}
        self._redraw()
        self.view.go_to(place)
        if self._is_open(place):
            self.view.bring_up()

    def _fold_sideways(self, opens: bool) -> bool:
        """Right unfolds and left folds, on a row that can; anything else is not for here."""
        if self._base is None or self._base.raw:
            return False
        place = self._foldable()
        if place is None or self._is_open(place) == opens:
            return False
        self._turn(place)
        return True

    def _is_hit(self, number: int, hits: Hits) -> bool:
        place = self._source.place(number) if self._source is not None else None
        if place is None:
            return False
        return any(hit.row <= place.row <= hit.last for hit in hits.of(place.offset))

    def _text_of(self, number: int) -> str:
        source, tail, look = self._source, self._tail, self.look
        if source is None or tail is None or look is None:
            return ""
        row, passage = source.row(number), source.passage(number)
        if row is None or passage is None:
            return ""
        if row.number >= OPEN_FROM:
            return row.text.plain.strip().removeprefix("│").removeprefix("|").strip()
        return line_text(look, tail.line(*passage).data.split(b"\n"), row.number)

    def _copy(self, text: str, what: str) -> None:
        whole = len(text)
        self.app.copy_to_clipboard(text[:COPY_CHARS])
        said = f"Copied {what}, {whole:,} characters."
        if whole > COPY_CHARS:
            said = f"Copied the first {COPY_CHARS:,} of {whole:,} characters of {what}."
        self.notify(said, timeout=3, markup=False)
