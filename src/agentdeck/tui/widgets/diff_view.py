"""A diff that is gone through: a cursor, files and changes to jump to, comments below their lines.

Rules:
- Only the rows that can be seen are drawn. Whoever made the rows knows what they mean.
- The keys here act while the view has the focus; what a comment says is asked for elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.presentation.diff_rows import DiffRow, seek
from agentdeck.tui.widgets.styled import roles_of

SHIFT_CELLS = 8  # one step sideways
WHEEL_LINES = 3


class DiffView(Widget, can_focus=True):
    """Shows rows of a diff, with a cursor."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "DiffView { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1_000_000)", show=False),
        Binding("end", "move(1_000_000)", show=False),
        Binding("left", f"shift(-{SHIFT_CELLS})", show=False),
        Binding("right", f"shift({SHIFT_CELLS})", show=False),
        Binding("n", "seek('change', 1)", show=False),
        Binding("N", "seek('change', -1)", show=False),
        Binding("f", "seek('file', 1)", show=False),
        Binding("F", "seek('file', -1)", show=False),
        Binding("c", "comment", show=False),
        Binding("C", "list_comments", show=False),
    ]

    class CommentWanted(Message):
        """The person has something to say about a line."""

        def __init__(self, file: str, line: int) -> None:
            super().__init__()
            self.file, self.line = file, line

    class ListWanted(Message):
        """The person wants to see every comment."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self.rows: Sequence[DiffRow] = ()
        self.cursor = 0
        self._top = 0
        self._shift = 0

    def show_rows(self, rows: Sequence[DiffRow], *, fresh: bool) -> None:
        """Show these; the cursor stays at its line unless they are `fresh`."""
        before = self.rows[self.cursor] if self.rows and not fresh else None
        self.rows = rows
        if fresh:
            self.cursor = next((at for at, row in enumerate(rows) if row.file), 0)
            self._top = self._shift = 0
        elif before is not None:
            self.cursor = self._row_of(before, self.cursor)
        self._settle()

    def go_to(self, file: str, line: int) -> None:
        """Put the cursor on a line of a file."""
        lines = [n for n, r in enumerate(self.rows) if (r.file, r.line) == (file, line)]
        if lines:
            self.cursor = lines[0]
            self._settle()

    def _row_of(self, wanted: DiffRow, near: int) -> int:
        same = [
            at
            for at, row in enumerate(self.rows)
            if (row.kind, row.file, row.line) == (wanted.kind, wanted.file, wanted.line)
        ]
        return min(same, key=lambda at: abs(at - near), default=near)

    # --- keys ------------------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        """So many rows on."""
        self.cursor += by
        self._settle()

    def action_page(self, by: int) -> None:
        """A screen on, less a row."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_shift(self, by: int) -> None:
        """Show what is left or right of long lines."""
        self._shift = max(0, self._shift + by)
        self.refresh()

    def action_seek(self, kind: str, by: int) -> None:
        """To the next change or file, shown near the top."""
        self.cursor = seek(self.rows, self.cursor, kind, by)
        self._top = max(0, self.cursor - 2)
        self._settle()

    def action_comment(self) -> None:
        """Say something about the line with the cursor."""
        row = self.rows[self.cursor] if self.rows else None
        if row is None or not row.file or row.kind == "hunk":
            self.notify("A comment is on a line of a file: move there first.", timeout=3)
            return
        self.post_message(self.CommentWanted(row.file, row.line))

    def action_list_comments(self) -> None:
        """Every comment of this attempt."""
        self.post_message(self.ListWanted())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves by rows."""
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves by rows."""
        event.stop()
        self.action_move(-WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where it was clicked."""
        self.cursor = self._top + event.y
        self._settle()

    # --- drawing ---------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Fewer rows may be seen."""
        self._settle()

    def on_focus(self) -> None:
        """The cursor is brighter."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is fainter."""
        self.refresh()

    def _settle(self) -> None:
        """Keep the cursor within the rows and on the screen."""
        height = max(1, self.size.height)
        self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self._top = max(self._top, self.cursor - height + 1)
        self._top = max(0, min(self._top, self.cursor, max(0, len(self.rows) - height)))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, base, at = self.size.width, self.rich_style, self._top + y
        if at >= len(self.rows):
            return Strip.blank(width, base)
        under = None
        if at == self.cursor and self.rows[at].file:
            under = roles_of(self).style("cursor" if self.has_focus else "cursor-rest")
        ground = base + under if under is not None else base
        parts = self.rows[at].text.render(self.app.console)
        segments = [
            Segment(part.text.replace("\n", " "), ground + part.style if part.style else ground)
            for part in parts
        ]
        strip = Strip([Segment(" ", ground), *segments]).crop(self._shift)
        if strip.cell_length > width:
            strip = Strip.join([strip.crop(0, width - 1), Strip([Segment("…", ground)])])
        return strip.adjust_cell_length(width, ground)
