"""The line of a replay; a click on its bar goes there."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.replay import ReplayMoment, bar_place, replay_line
from agentdeck.tui.widgets.styled import ground_of, roles_of


class ReplayBar(Widget):
    """Draws `replay_line`; is not there while nothing is replayed."""

    class Scrubbed(Message):
        """A place of the bar was clicked."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self) -> None:
        super().__init__(id="replay")
        self._moment: ReplayMoment | None = None
        self._utc = False
        self._line: Line = ()

    def show(self, moment: ReplayMoment | None, *, utc: bool) -> None:
        """Show where the replay is; None = nothing is replayed."""
        self._moment, self._utc = moment, utc
        self.display = moment is not None
        if moment is not None:
            line = replay_line(moment, self.size.width, utc=utc)
            if line != self._line:
                self._line = line
                self.refresh()

    def on_resize(self) -> None:
        """Another width has another bar."""
        self.show(self._moment, utc=self._utc)

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - there is one
        """The line."""
        return roles_of(self).strip(self._line, self.size.width, ground_of(self))

    def on_click(self, event: events.Click) -> None:
        """Go to the place under the mouse."""
        if self._moment is None:
            return
        found = bar_place(self._moment, self.size.width, utc=self._utc)
        if found is not None and found[0] <= event.x < found[0] + found[1]:
            _ = self.post_message(self.Scrubbed((event.x - found[0]) / found[1]))
