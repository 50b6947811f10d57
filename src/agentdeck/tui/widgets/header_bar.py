"""The first line of the deck."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.header import header_line
from agentdeck.tui.presentation.line import Line, cells
from agentdeck.tui.widgets.styled import roles_of


class HeaderBar(Widget):
    """Draws `header_line`; a click on what is loud in it asks for the inbox."""

    class AlertPressed(Message):
        """The person wants to see what needs them."""

    def __init__(self) -> None:
        super().__init__(id="header")
        self._deck: Deck | None = None
        self._line: Line = ()

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        self._deck = deck
        self.tell(header_line(deck, self.size.width))

    def tell(self, line: Line) -> None:
        """Show a line in place of a moment."""
        if line != self._line:
            self._line = line
            self.refresh()

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
        return roles_of(self).strip(self._line, self.size.width, self.rich_style)
