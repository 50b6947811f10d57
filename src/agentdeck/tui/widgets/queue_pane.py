"""The merge queue pane: what waits behind what; with the whole screen to itself, as a train."""

from __future__ import annotations

from functools import cached_property

from textual.app import ComposeResult

from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import Span, plain
from agentdeck.tui.presentation.merge_queue import (
    queue_row,
    queue_rows,
    queue_title,
    targets,
    task_of_row,
)
from agentdeck.tui.presentation.train_rows import TrainView
from agentdeck.tui.widgets.row_list import RowList
from agentdeck.tui.widgets.styled import Pane

EMPTY_QUEUE = (
    "Proven work waits here to be merged: in which order, on what, with which gates. "
    "{task.approve} approves, {task.merge} moves a task to the front."
)
KEYS = (
    "{task.move_down} {task.move_up} move · {task.merge} front · {task.hold} hold · "
    "{task.stop} drop · {view.raw} verdicts · {view.conflict} conflict"
)


class QueuePane(Pane):
    """Draws `queue_rows`, or a `TrainView` where it is the only pane."""

    _below = ""  # in the lower frame

    def compose(self) -> ComposeResult:
        """One list."""
        yield self._rows

    @cached_property
    def _rows(self) -> RowList:
        return RowList(id="queue-rows")

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        rows = self._rows
        whole = self.screen.has_class("-single")
        if self.is_news(deck.subject, deck.second, self.size, rows.row_width, whole):
            self._show_rows(rows, deck, whole=whole)
        if not rows.has_focus:
            keys = rows.keys
            rows.put_cursor(next((k for k in keys if task_of_row(deck, k) == deck.selected), None))

    def _show_rows(self, rows: RowList, deck: Deck, *, whole: bool) -> None:
        empty = deck.in_words(EMPTY_QUEUE)
        if whole:
            view = TrainView(deck)
            keys = view.keys
            rows.show(keys, view.row, headings=view.headings, empty=empty)
        else:
            keys = queue_rows(deck)
            rows.show(keys, lambda key, width: queue_row(deck, key, width), empty=empty)
        below = deck.in_words(KEYS).replace("[", "\\[") if whole and deck.state.queue else ""
        if below != self._below:
            self._below = self.border_subtitle = below
        target = plain(targets(deck.state))
        to = (Span(" → ", "faint"), Span(target, "muted")) if target else ()
        self.set_titles((Span("Merge queue"), *to), queue_title(deck))
