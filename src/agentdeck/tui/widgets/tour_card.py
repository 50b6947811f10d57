"""A card of the tour: over the room, beside the pane that it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.geometry import Offset
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.presentation.line import Line, Span
from agentdeck.tui.presentation.tour import CARD_CELLS, STEPS, card_lines, place_of
from agentdeck.tui.widgets.styled import roles_of

FRAME: Final = 2  # rows, or cells, of a frame
INSET: Final = 2  # cells between the frame and the text, both sides together


class TourCard(Widget):
    """Draws `card_lines`."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="tour")
        self._lines: list[Line] = []
        self._step = 0
        self._shows: Mapping[str, str] = {}

    def show(self, step: int, shows: Mapping[str, str]) -> None:
        """Show a step; `shows` says how the person's keys are shown, by id."""
        self._step, self._shows = step, shows
        screen = (self.app.size.width, self.app.size.height)
        width = min(CARD_CELLS, screen[0])
        self._lines = card_lines(step, width - FRAME - INSET, shows)
        size = (width, len(self._lines) + FRAME)
        self.styles.width, self.styles.height = size
        self.styles.offset = Offset(*place_of(STEPS[step].pane, screen, size))
        self.border_title = STEPS[step].title
        self.border_subtitle = f"{step + 1} of {len(STEPS)} · esc ends the tour"
        self.display = True
        self.refresh()

    def again(self) -> None:
        """The screen has another size."""
        if self._shows:
            self.show(self._step, self._shows)

    def render_line(self, y: int) -> Strip:
        """One row."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = (Span(" "), *self._lines[y])
        return roles_of(self).strip(line, width, self.rich_style)


__all__ = ["TourCard"]
