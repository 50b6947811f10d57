"""The help screen: what is where one is, every key, and a line to look for one.

Rules: `/` looks for words, and the page follows while one types. Escape first ends that.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from agentdeck.tui.first_picture import PaintedWhole
from agentdeck.tui.keys import Context
from agentdeck.tui.presentation.help_page import help_lines
from agentdeck.tui.widgets.row_list import LinesView

MAX_TYPED: Final = 60  # characters that are looked for


class HelpScreen(ModalScreen[None], PaintedWhole[None]):
    """Shows `help_lines`."""

    CSS_PATH = Path(__file__).with_name("help.tcss")
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Close", show=False),
        Binding("question_mark,q,f1,enter", "close", "Close", show=False),
        Binding("slash", "find", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("down", "scroll(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
    ]

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._on_what = context
        self._find = ""

    def compose(self) -> ComposeResult:
        """One list of lines, and a line to type in that is hidden at first."""
        with Vertical(id="help"):
            yield LinesView(id="help-lines")
            field = Input(placeholder="words of a key", max_length=MAX_TYPED, compact=True)
            field.display = False
            yield field

    def on_mount(self) -> None:
        """Fill it."""
        self.set_class(bool(getattr(self.app, "ascii_only", False)), "-ascii")
        self.query_one("#help").border_title = "Keys"
        self._show()
        self.query_one(LinesView).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What has these words."""
        self._find = event.value
        self._show()

    def on_input_submitted(self) -> None:
        """Read what was found."""
        self.query_one(LinesView).focus()

    def action_find(self) -> None:
        """Look for words."""
        field = self.query_one(Input)
        field.display = True
        field.focus()
        self._show()

    def action_scroll(self, by: int) -> None:
        """A line on, also while one types."""
        self.query_one(LinesView).scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        """A screen on."""
        view = self.query_one(LinesView)
        view.scroll_relative(y=by * max(1, view.size.height - 1), animate=False)

    def action_back(self) -> None:
        """The whole page again, or back to where one was."""
        field = self.query_one(Input)
        if not field.display:
            self.action_close()
            return
        field.value, self._find = "", ""
        field.display = False
        self.query_one(LinesView).focus()
        self._show()

    def action_close(self) -> None:
        """Back to where one was."""
        _ = self.dismiss(None)

    def _show(self) -> None:
        looking = self.query_one(Input).display
        ends = "esc shows all" if looking else "/ finds · esc closes"
        self.query_one("#help").border_subtitle = ends
        find = self._find
        self.query_one(LinesView).show(
            lambda width: help_lines(self._on_what, width, find), f"help {find}"
        )
