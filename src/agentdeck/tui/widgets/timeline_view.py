"""The time line of the plan: an axis that stays, and rows that scroll below it.

Rules: the part of the run that is seen is all of it until a person zooms; then it stands still
while time goes on. Rows are put in order anew only when a task has started, the plan was changed or
a forecast has come, so they do not change places with every forecast.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time
from agentdeck.tui.presentation.line import EMPTY, Line, Span
from agentdeck.tui.presentation.timeline import Spans, Timeline, is_unbegun, planned_spans
from agentdeck.tui.presentation.timeline_rows import TimelineRows
from agentdeck.tui.presentation.timeline_window import PAN, ZOOM, Window, panned, whole, zoomed
from agentdeck.tui.widgets.row_list import RowList
from agentdeck.tui.widgets.styled import ground_of, roles_of

HIGH: Final = 16  # rows, from which on the axis says all that it can
MIDDLE: Final = 9  # rows, from which on it has two lines
EMPTY_WORDS: Final = "What each task did, and what is ahead of it, appears here on a time line."


class TimeRows(RowList):
    """The rows; left and right pan, home shows all of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "pan(-1)", show=False),
        Binding("right", "pan(1)", show=False),
        Binding("home", "whole", show=False),
    ]

    class PanWanted(Message):
        """The person wants to see what was before, or comes behind."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class WholeWanted(Message):
        """The person wants to see all of it."""

    def action_pan(self, by: int) -> None:
        """Another part of the time."""
        self.post_message(self.PanWanted(by))

    def action_whole(self) -> None:
        """All of the time."""
        self.post_message(self.WholeWanted())


class Axis(Widget):
    """The lines above the rows."""

    def __init__(self) -> None:
        super().__init__(id="timeline-axis")
        self._lines: list[Line] = []

    def show(self, lines: list[Line]) -> None:
        """Show these."""
        if lines != self._lines:
            if len(lines) != len(self._lines):
                self.styles.height = len(lines)
            self._lines = lines
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One of them, above the bars of the rows."""
        line = (Span(" "), *self._lines[y]) if y < len(self._lines) else EMPTY
        return roles_of(self).strip(line, self.size.width, ground_of(self))


class TimelineView(Vertical):
    """Axis and rows."""

    def __init__(self) -> None:
        super().__init__(id="timeline")
        self._window: Window | None = None  # None: all of it
        self._timeline: Timeline | None = None
        self._selected: TaskId | None = None
        self._painter: TimelineRows | None = None
        self._painted_for: tuple[int, Window] | None = None
        self._order: list[TaskId] = []
        self._ordered_for: tuple[object, ...] = ()
        self._planned: tuple[tuple[object, ...], Spans] | None = None

    def compose(self) -> ComposeResult:
        """Both."""
        yield Axis()
        yield TimeRows(id="timeline-rows", empty=EMPTY_WORDS)

    @property
    def rows(self) -> TimeRows:
        """What has the focus."""
        return self.query_one(TimeRows)

    def show(self, deck: Deck, *, move: bool = True) -> None:
        """Show this moment; without `move` the cursor stays on its row."""
        self._timeline = Timeline(deck, self._planned_for(deck))
        if move:
            self._selected = deck.selected
        self._draw(deck, move=move)

    def put_cursor(self, task: TaskId) -> None:
        """Another task is selected, and nothing else has changed."""
        self._selected = task
        self.rows.put_cursor(task)

    def _draw(self, deck: Deck, *, move: bool = True) -> None:
        if self._timeline is None:
            return
        self._painted_for = None
        rows = self.rows
        rows.show(self._in_order(deck), self._row)
        if self._selected is not None and move:
            rows.put_cursor(self._selected)
        height = 3 if self.size.height >= HIGH else 2 if self.size.height >= MIDDLE else 1
        if height == 3 and not self._timeline.rules:
            height = 2
        width = rows.row_width
        lines = self._painted(width).axis(height) if deck.state.tasks and width > 0 else []
        self.query_one(Axis).show(lines)

    def _row(self, key: str, width: int) -> Line:
        return self._painted(width).row(TaskId(key))

    def _painted(self, width: int) -> TimelineRows:
        assert self._timeline is not None  # rows are shown by `show` alone
        wanted = (width, self._seen)
        if self._painter is None or wanted != self._painted_for:
            self._painted_for = wanted
            self._painter = TimelineRows(self._timeline, self._seen, width)
        return self._painter

    def _in_order(self, deck: Deck) -> list[TaskId]:
        assert self._timeline is not None
        started = sum(bool(self._timeline.stretches(task)) for task in deck.state.tasks)
        known = bool(self._timeline.ahead)
        size, kept = len(deck.state.tasks), deck.only.tasks if deck.only is not None else None
        key = (deck.state.run, deck.state.plan_changes, size, started, known, kept)
        if key != self._ordered_for:
            self._ordered_for, self._order = key, self._timeline.order()
        return self._order

    def _planned_for(self, deck: Deck) -> Spans | None:
        if not is_unbegun(deck):
            return None
        key = (deck.state.run, deck.state.plan_changes, deck.state.agents_limit)
        if self._planned is None or self._planned[0] != key:
            self._planned = (key, planned_spans(deck))
        return self._planned[1]

    # --- the window ------------------------------------------------------------------------------

    @property
    def _whole(self) -> Window:
        assert self._timeline is not None
        ended = self._timeline.deck.state.outcome is not None
        return whole(self._timeline.extent, ended=ended)

    @property
    def _seen(self) -> Window:
        return self._window or self._whole

    @property
    def words(self) -> str:
        """What of the run is seen, when that is not all of it, and what the bars ahead rest on."""
        if self._timeline is None:
            return ""
        parts = [self._timeline.words]
        if self._window is not None:
            utc = self._timeline.deck.frozen
            ends = (clock_time(at, utc=utc) for at in self._window)
            parts.insert(0, "–".join(ends))
        return " · ".join(part for part in parts if part)

    def zoom(self, by: int) -> None:
        """Nearer (1) or further away (-1), round the selected task's bar, or round now."""
        if self._timeline is not None:
            factor = ZOOM if by > 0 else 1 / ZOOM
            self._see(zoomed(self._seen, self._whole, factor, self._anchor()))

    def pan(self, by: int) -> None:
        """Earlier (-1) or later (1)."""
        if self._timeline is not None and self._window is not None:
            self._see(panned(self._window, self._whole, by * PAN))

    def see_all(self) -> None:
        """All of the run, also as it grows."""
        self._see(None)

    def _see(self, window: Window | None) -> None:
        self._window = window
        if self._timeline is not None:
            self._draw(self._timeline.deck)

    def _anchor(self) -> float:
        """What stays where it is: the middle of the selected bar, if that is seen, or now."""
        timeline, seen = self._timeline, self._seen
        assert timeline is not None
        task = self._selected
        end = timeline.end(task) if task is not None else None
        if task is not None and end is not None:
            middle = (timeline.start(task) + end) / 2
            if seen.start <= middle <= seen.end:
                return middle
        return timeline.now if seen.start <= timeline.now <= seen.end else sum(seen) / 2

    def on_resize(self) -> None:
        """Another width has other bars."""
        if self._timeline is not None:
            self._draw(self._timeline.deck)
