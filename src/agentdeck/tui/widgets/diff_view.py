"""A diff that is gone through: a cursor, files and changes to jump to, comments below their lines.

Rules:
- Only the rows that can be seen are drawn.
- From `SIDES_AT` columns on the old lines stand beside the new ones. Who turns that keeps it so,
  for every task, at every width that is not too narrow for two columns.
- The keys here act while the view has the focus; what a comment says is asked for elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.presentation.diff_paint import GUTTER, Cell, DiffPainter
from agentdeck.tui.presentation.diff_rows import (
    INDENT,
    DiffRow,
    Remark,
    place_of,
    seek,
    with_remarks,
)
from agentdeck.tui.presentation.status import ascii_signs
from agentdeck.tui.widgets.styled import roles_of

SHIFT_CELLS: Final = 8  # one step sideways
WHEEL_LINES: Final = 3
SIDES_AT: Final = 160  # cells, from which on two columns of code have room by themselves
LEAST_SIDES: Final = 60  # cells, below which a column of two would show no code to speak of
MAX_STRIPS: Final = 1_000  # rows that are kept as they were drawn; some fifteen screens
ABOVE: Final = 2  # rows that stay above the row that was jumped to
_TWO_COLUMNS: Final = frozenset({"line", "gone"})
_LISTED: Final = frozenset({"tree", "folder"})


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
        Binding("enter", "open", show=False),
        Binding("vertical_line", "sides", show=False),
        Binding("backslash", "tree", show=False),
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
        self.rows: Sequence[DiffRow] = []
        self.cursor = 0
        self._top = self._shift = 0
        self._painter: DiffPainter | None = None
        self._remarks: Sequence[Remark] = ()
        self._wanted: bool | None = None  # two columns or one; None = as the width says
        self._shown_as: tuple[bool, int] | None = None  # two columns? and how wide
        self._came_from: DiffRow | None = None  # where `tree` was pressed
        self._drawn: dict[int, Strip] = {}  # rows without the cursor, by their place
        self._drawn_as: object = None  # the look that they have

    def show_text(self, lines: Sequence[Text]) -> None:
        """Show these lines in the place of a diff."""
        self._painter, self._remarks, self._came_from = None, (), None
        self.rows = [DiffRow("text", text=line) for line in lines]
        self._drawn.clear()
        self.cursor = self._top = self._shift = 0
        self._settle()

    def show_diff(
        self, painter: DiffPainter, remarks: Sequence[Remark], *, fresh: bool = False
    ) -> None:
        """Show a diff with its comments; the cursor stays at its line unless it is `fresh`."""
        self._painter, self._remarks = painter, remarks
        if fresh:
            self.rows, self._came_from = [], None
        self._lay_out()
        if fresh:
            self.cursor = next((at for at, row in enumerate(self.rows) if row.kind == "file"), 0)
            self._top = self._shift = 0
            self._settle()

    @property
    def two_columns(self) -> bool:
        """Do the old lines stand beside the new ones?"""
        width = self.size.width
        if self._wanted is None:
            return width >= SIDES_AT
        return self._wanted and width >= LEAST_SIDES

    def _lay_out(self) -> None:
        """Make the rows of the form that is shown; the cursor stays where it was."""
        if self._painter is None:
            return
        before = self.rows[self.cursor] if self.cursor < len(self.rows) else None
        two, width, roles = self.two_columns, self.size.width, roles_of(self)
        styles = (roles.hexed("state-checking"), roles.hexed("state-asks"))
        rows = self._painter.diff.two if two else self._painter.diff.one
        indent = INDENT + (_left_cells(width) + 1 if two else 0)
        self.rows = with_remarks(rows, self._remarks, width, *styles, indent=indent)
        self._shown_as = (two, width)
        self._drawn.clear()
        if before is not None:
            place = place_of(self.rows, before, self.cursor)
            self._top += place - self.cursor  # the line stays where it is on the screen
            self.cursor = place
        self._settle()

    def go_to(self, file: str, line: int) -> None:
        """Put the cursor on a line of a file, or with 0 on its head."""
        lines = [
            at
            for at, row in enumerate(self.rows)
            if (row.file, row.line) == (file, line) and row.kind not in _LISTED
        ]
        if lines:
            self.cursor = lines[0]
            self._top = max(0, self.cursor - ABOVE)
            self._settle()

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
        self._top = max(0, self.cursor - ABOVE)
        self._settle()

    def action_open(self) -> None:
        """From a row of the tree to its file."""
        row = self._row
        if row is not None and row.kind == "tree":
            self.go_to(row.file, 0)
        elif row is not None and row.kind == "folder":
            self.action_seek("tree", 1)
        elif self._painter is not None:
            self.notify("Enter goes to a file from the tree at the top; \\ leads there.", timeout=3)

    def action_tree(self) -> None:
        """To the file's row in the tree; from there back to where one was."""
        row = self._row
        if row is None or self._painter is None or not self._painter.diff.tree:
            self.notify("There is no tree: nothing, or only one file, was changed.", timeout=3)
        elif row.kind in _LISTED and self._came_from is None:
            self.action_open()
        elif row.kind in _LISTED:
            assert self._came_from is not None
            self.cursor = place_of(self.rows, self._came_from, self.cursor)
            self._came_from = None
            self._settle()
        else:
            self._came_from = row if row.file else None
            trees = [at for at, other in enumerate(self.rows) if other.kind == "tree"]
            own = (at for at in trees if self.rows[at].file == row.file)
            self.cursor = next(own, trees[0])
            self._top = 0
            self._settle()

    def action_sides(self) -> None:
        """The old lines beside the new ones, or all in one column."""
        if not self.two_columns and self.size.width < LEAST_SIDES:
            self.notify(
                f"Two columns need {LEAST_SIDES} cells, and there are {self.size.width}: "
                "z gives the pane the whole screen.",
                timeout=3,
            )
            return
        self._wanted = not self.two_columns
        self._lay_out()

    def action_comment(self) -> None:
        """Say something about the line with the cursor."""
        row = self._row
        if row is None or not row.file or row.kind == "hunk":
            self.notify("A comment is on a line of a file: move there first.", timeout=3)
            return
        self.post_message(self.CommentWanted(row.file, row.line))

    def action_list_comments(self) -> None:
        """Every comment of this attempt."""
        self.post_message(self.ListWanted())

    @property
    def _row(self) -> DiffRow | None:
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves by rows."""
        event.stop()
        self.action_move(WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves by rows."""
        event.stop()
        self.action_move(-WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where it was clicked; twice on a file of the tree goes there."""
        self.cursor = self._top + event.y
        self._settle()
        row = self._row
        if event.chain == 2 and row is not None and row.kind == "tree":
            self.action_open()

    # --- drawing ---------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Fewer rows may be seen, and two columns may have room or not."""
        if self._painter is not None and self._shown_as != (self.two_columns, self.size.width):
            self._lay_out()
        self._settle()

    def on_focus(self) -> None:
        """The cursor is brighter."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is fainter."""
        self.refresh()

    def _settle(self) -> None:
        """Keep the cursor within the rows and on the screen."""
        height = self.size.height
        self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        if not height:  # it is hidden, or has no place yet: nothing is on the screen
            return
        self._top = max(self._top, self.cursor - height + 1)
        self._top = max(0, min(self._top, self.cursor, max(0, len(self.rows) - height)))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, base, at = self.size.width, self.rich_style, self._top + y
        if at >= len(self.rows):
            return Strip.blank(width, base)
        row = self.rows[at]
        if at == self.cursor and row.kind != "text":
            under = roles_of(self).style("cursor" if self.has_focus else "cursor-rest")
            return self._draw(row, width, base, under)
        look = (width, base, self._shift, roles_of(self))
        if look != self._drawn_as or len(self._drawn) >= MAX_STRIPS:
            self._drawn_as = look
            self._drawn.clear()
        found = self._drawn.get(at)
        if found is None:
            found = self._drawn[at] = self._draw(row, width, base, Style.null())
        return found

    def _draw(self, row: DiffRow, width: int, base: Style, under: Style) -> Strip:
        if self._painter is None:
            return self._cell(Cell(Text(), row.text or Text(), base), width, base, under)
        if row.kind in _TWO_COLUMNS and self.two_columns:
            left = _left_cells(width)
            old, new = self._painter.sides(row)
            rule = "|" if roles_of(self).ascii_only else "│"
            return Strip.join(
                [
                    self._cell(old, left, base, under),
                    Strip([Segment(rule, base + roles_of(self).style("frame") + under)]),
                    self._cell(new, width - left - 1, base, under),
                ]
            )
        return self._cell(self._painter.whole(row, width - 1), width, base, under)

    def _cell(self, cell: Cell, width: int, base: Style, under: Style) -> Strip:
        """One side of a row in exactly `width` cells; long code is cut, and moves sideways."""
        ground = base + cell.ground + under
        gutter = Strip([Segment(" ", ground), *self._segments(cell.gutter, ground)])
        room = max(0, width - gutter.cell_length)
        code = Strip(self._segments(cell.code, ground)).crop(self._shift if cell.gutter else 0)
        if code.cell_length > room:
            more = "~" if roles_of(self).ascii_only else "…"
            code = Strip.join([code.crop(0, max(0, room - 1)), Strip([Segment(more, ground)])])
        return Strip(chain(gutter, code)).adjust_cell_length(width, ground)

    def _segments(self, text: Text, ground: Style) -> list[Segment]:
        """The parts of a text on a ground. The deck's own signs are written in ASCII if need be."""
        plain = roles_of(self).ascii_only
        console = self.app.console
        whole = console.get_style(text.style)  # which `render` leaves out where nothing else is
        return [
            Segment(ascii_signs(part.text) if plain else part.text, ground + (part.style or whole))
            for part in text.render(console, end="")
            if part.text and not part.control
        ]


def _left_cells(width: int) -> int:
    """Cells of the left of two columns; a rule stands between them."""
    return max(GUTTER, (width - 1) // 2)
