"""The first line of the deck."""

from __future__ import annotations

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.painting import repaint
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.header import header_line
from agentdeck.tui.presentation.line import Line, cells
from agentdeck.tui.presentation.line_changes import changed_cells
from agentdeck.tui.widgets.styled import ground_of, roles_of


class HeaderBar(Widget):
    """Draws `header_line`; a click on what is loud in it asks for the inbox."""

    class AlertPressed(Message):
        """The person wants to see what needs them."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._deck: Deck | None = None
        self._line: Line = ()
        self._drawn_from: tuple[object, ...] = ()

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        self._deck = deck
        if not self.size.width:  # a screen that was opened just now: it is shown with its size
            return
        drawn_from = (deck.subject, deck.second, self.size.width)
        if drawn_from == self._drawn_from:
            return
        self._drawn_from = drawn_from
        self._put(header_line(deck, self.size.width))

    def tell(self, line: Line) -> None:
        """Show a line in place of a moment."""
        self._drawn_from = ()
        self._put(line)

    def _put(self, line: Line) -> None:
        x, end = changed_cells(self._line, line)
        if x < end:
            self._line = line
            repaint(self, Region(x, 0, end - x, 1))

    def on_resize(self) -> None:
        """Another width shows more or less."""
        if self._deck is not None:
            self.show(self._deck)

    def on_click(self, event: events.Click) -> None:
        """Is it the alert that was clicked?"""
        x = 0
        for span in self._line:
            x += cells((span,))
            if event.x < x:
                if span.role == "alert":
                    self.post_message(self.AlertPressed())
                return

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """The line."""
        return roles_of(self).strip(self._line, self.size.width, ground_of(self))
