"""A page to read over the room: lines that can be scrolled, and escape back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from agentdeck.tui.first_picture import PaintedWhole
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.widgets.row_list import LinesView

Make = Callable[[int], Sequence[Line]]


class Reading(ModalScreen[None], PaintedWhole[None]):
    """Shows what `make(width)` returns."""

    CSS_PATH = Path(__file__).with_name("reading.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,v,C", "close", "Close", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
    ]

    def __init__(self, title: str, make: Make) -> None:
        super().__init__()
        self._title, self._make = title, make

    def compose(self) -> ComposeResult:
        """One list of lines."""
        with Vertical(id="page"):
            yield LinesView(id="page-lines")

    def on_mount(self) -> None:
        """Fill it."""
        self.set_class(bool(getattr(self.app, "ascii_only", False)), "-ascii")
        frame = self.query_one("#page")
        frame.border_title = self._title.replace("[", "\\[")
        frame.border_subtitle = "escape closes"
        self.query_one(LinesView).focus()
        self.turn_to(self._make)

    def turn_to(self, make: Make) -> None:
        """Show other lines; a page that was closed meanwhile stays closed."""
        self._make = make
        if self.is_attached:
            self.query_one(LinesView).show(make, self._title)

    def action_page(self, by: int) -> None:
        """A screen on."""
        view = self.query_one(LinesView)
        view.scroll_relative(y=by * max(1, view.size.height - 1), animate=False)

    def action_close(self) -> None:
        """Back to the room."""
        _ = self.dismiss(None)
