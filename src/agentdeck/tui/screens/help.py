"""The help screen: every key with what it does, why it cannot act now, and what the signs mean."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from agentdeck.tui.keys import Context, Group, reason
from agentdeck.tui.presentation.line import EMPTY, Line, Span, wrapped
from agentdeck.tui.presentation.status import SIGNS
from agentdeck.tui.widgets.row_list import LinesView

KEY_CELLS: Final = 7
LABEL_CELLS: Final = 21


def help_lines(context: Context, width: int) -> list[Line]:
    """The whole page."""
    found: list[Line] = []
    for group in Group:
        found += [*([EMPTY] if found else []), (Span(str(group), "accent bold"),)]
        for key in context.keys:
            if key.group is not group:
                continue
            why = reason(key, context)
            role = "faint" if why else ""
            lead: Line = (
                Span(f"  {key.show:<{KEY_CELLS}}", "faint" if why else "key bold"),
                Span(f"{key.label:<{LABEL_CELLS}}", role),
            )
            room = width - KEY_CELLS - LABEL_CELLS - 2
            lines = list(wrapped(key.tooltip, room, "faint" if why else "muted"))
            if why:
                lines += wrapped(f"not now: {why}", room, "state-paused")
            found.append((*lead, *lines[0]))
            blank = Span(" " * (KEY_CELLS + LABEL_CELLS + 2))
            found += [(blank, *line) for line in lines[1:]]
    found += [EMPTY, (Span("Signs", "accent bold"),)]
    for status, sign in SIGNS.items():
        found.append(
            (
                Span(f"  {sign.glyph:<{KEY_CELLS}}", sign.role),
                Span(f"{status:<{LABEL_CELLS}}"),
                Span(sign.meaning, "muted"),
            )
        )
    return found


class HelpScreen(ModalScreen[None]):
    """Shows `help_lines`."""

    CSS_PATH = Path(__file__).with_name("help.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,f1,enter", "close", "Close", show=False)
    ]

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._on_what = context

    def compose(self) -> ComposeResult:
        """One list of lines."""
        with Vertical(id="help"):
            yield LinesView(id="help-lines")

    def on_mount(self) -> None:
        """Fill it."""
        self.set_class(bool(getattr(self.app, "ascii_only", False)), "-ascii")
        frame = self.query_one("#help")
        frame.border_title, frame.border_subtitle = "Keys", "escape closes"
        lines = self.query_one(LinesView)
        lines.show(lambda width: help_lines(self._on_what, width), "help")
        lines.focus()

    def action_close(self) -> None:
        """Back to the room."""
        _ = self.dismiss(None)
