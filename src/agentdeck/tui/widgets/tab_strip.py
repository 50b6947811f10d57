"""One row of names, one of which is chosen: tabs of a task, panes of a small screen."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.presentation.line import Line, Span, cells
from agentdeck.tui.widgets.styled import ground_of, roles_of


class TabStrip(Widget):
    """Draws the names; a click chooses one."""

    class Chosen(Message):
        """The person clicked a name."""

        def __init__(self, strip: TabStrip, tab: str) -> None:
            super().__init__()
            self.strip = strip
            self.tab = tab

        @property
        def control(self) -> TabStrip:
            """The row of names."""
            return self.strip

    def __init__(self, *, id: str) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._tabs: tuple[tuple[str, str, str], ...] = ()
        self._active = ""

    def show(self, tabs: tuple[tuple[str, str, str], ...], active: str) -> None:
        """Show these.

        Args:
            tabs: for each an id, its name, and a role for a mark such as a count ("" = none).
            active: the id of the chosen one.
        """
        if (tabs, active) != (self._tabs, self._active):
            self._tabs, self._active = tabs, active
            self.refresh()

    def _pieces(self) -> list[tuple[str, Line]]:
        found: list[tuple[str, Line]] = []
        for tab, name, role in self._tabs:
            shown = "tab-on" if tab == self._active else role or "muted"
            found.append((tab, (Span(f" {name} ", shown),)))
        return found

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """The row."""
        line = tuple(span for _, piece in self._pieces() for span in (*piece, Span(" ")))
        return roles_of(self).strip(line, self.size.width, ground_of(self))

    def on_click(self, event: events.Click) -> None:
        """Choose the name under the mouse."""
        x = 0
        for tab, piece in self._pieces():
            if x <= event.x < x + cells(piece):
                self.post_message(self.Chosen(self, tab))
                return
            x += cells(piece) + 1
