"""Rows that can be walked, and lines that can be scrolled: only what is visible is made and drawn.

Rules: a row is known by its key, so the cursor stays on it while others come and go. Rows are made
by a callback from key and width; a row is drawn again only when its line changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agentdeck.tui.painting import repaint
from agentdeck.tui.presentation.line import Line, Span, wrapped
from agentdeck.tui.presentation.line_changes import changed_cells
from agentdeck.tui.roles import Roles
from agentdeck.tui.widgets.styled import ground_of, roles_of

DrawRow = Callable[[str, int], Line]


class RowList(ScrollView, can_focus=True):
    """A list of rows with a cursor."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "RowList, LinesView { overflow: hidden auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
        Binding("enter", "open", show=False),
    ]

    class Highlighted(Message):
        """The person put the cursor on another row."""

        def __init__(self, rows: RowList, key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> RowList:
            """The list."""
            return self.rows

    class Opened(Highlighted):
        """The person wants to see what the row stands for."""

    cursor: reactive[str | None] = reactive(None)

    def __init__(self, *, empty: str = "", id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._empty = empty
        self._keys: Sequence[str] = ()
        self._index: dict[str, int] = {}
        self._draw: DrawRow = lambda _, __: ()
        self._lines: dict[int, Line] = {}  # of the rows on the screen
        self._seen = True  # the cursor is seen
        self._frame: tuple[int, Style, Roles] | None = None  # while rows are drawn
        self._headings: frozenset[str] = frozenset()  # rows that the cursor passes over

    def show(
        self,
        keys: Sequence[str],
        draw: DrawRow,
        *,
        empty: str | None = None,
        headings: frozenset[str] = frozenset(),
    ) -> None:
        """Show these rows. The cursor stays on its row; when that is gone, on the next one.

        Args:
            headings: the keys of rows that the cursor passes over.
        """
        self._draw = draw
        self._headings = headings
        if empty is not None and empty != self._empty:
            self._empty = empty
            self.refresh()
        if list(keys) != list(self._keys):
            was = self._index.get(self.cursor or "", 0)
            below = self._keys[was + 1 :]
            self._keys = keys
            self._index = {key: number for number, key in enumerate(keys)}
            self.virtual_size = Size(1, len(keys))
            if self.cursor not in self._index:
                after = (self._index[key] for key in below if key in self._index)
                near = next((n for n in after if keys[n] not in headings), min(was, len(keys) - 1))
                near = self._off_headings(near, 1) if keys else 0
                self.set_reactive(RowList.cursor, keys[near] if keys else None)
            self._lines.clear()
            self.refresh()
            return
        self._redraw_changed()

    def put_cursor(self, key: str | None) -> None:
        """Move the cursor because something else chose the row; says nothing to anybody.

        With None, or a row that is not here, no cursor is seen: keys act on the selected task, so a
        cursor on another one would lie.
        """
        seen = key in self._index
        if seen != self._seen:
            self._seen = seen
            self._paint_row(self.cursor)
        if key in self._index and key != self.cursor:
            self._move_cursor(key)

    @property
    def keys(self) -> Sequence[str]:
        """The rows that are shown."""
        return self._keys

    def action_move(self, by: int) -> None:
        """The cursor goes `by` rows on."""
        if self._keys:
            here = self._index.get(self.cursor or "", 0)
            if not self._seen:
                by = 0  # the first key brings the cursor back
            self._go(max(0, min(len(self._keys) - 1, here + by)), 1 if by >= 0 else -1)

    def action_page(self, by: int) -> None:
        """The cursor goes a screen on."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_edge(self, number: int) -> None:
        """The cursor goes to the first or the last row."""
        if self._keys:
            self._go(number % len(self._keys), 1 if number >= 0 else -1)

    def action_open(self) -> None:
        """Open the row with the cursor; where there is none, say what will be there."""
        if self.cursor is not None:
            self.post_message(self.Opened(self, self.cursor))
        elif self._empty:
            self.notify(self._empty, markup=False, timeout=3)

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; twice opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        number = offset.y + self.scroll_offset.y
        if number < len(self._keys):
            self._go(number)
            if event.chain == 2:
                self.action_open()

    def _off_headings(self, number: int, by: int) -> int:
        """The next row in a direction that is no heading; in the other one where there is none."""
        for step in (by, -by):
            at = number
            while 0 <= at < len(self._keys):
                if self._keys[at] not in self._headings:
                    return at
                at += step
        return number

    def _go(self, number: int, by: int = 1) -> None:
        number = self._off_headings(number, by)
        key = self._keys[number]
        if key == self.cursor and self._seen:
            return
        self._seen = True
        self._move_cursor(key)
        self.post_message(self.Highlighted(self, key))

    def _move_cursor(self, key: str) -> None:
        """To another row: two rows are painted anew, unless the list has to move."""
        was = self.cursor
        self.set_reactive(RowList.cursor, key)
        self._see_cursor()
        self._paint_row(was)
        self._paint_row(key)

    def _paint_row(self, key: str | None) -> None:
        """A row looks another way: the cursor has come, or is gone."""
        if (number := self._index.get(key or "")) is not None:
            self.refresh_line(number)

    def _see_cursor(self) -> None:
        number = self._index.get(self.cursor or "")
        if number is not None and self.is_mounted:
            above = number  # what a row stands under is seen with the first row below it
            while above and self._keys[above - 1] in self._headings:
                above -= 1
            size = min(number - above + 1, max(1, self.size.height))
            top = number - size + 1
            self.scroll_to_region(Region(0, top, 1, size), animate=False, force=True)

    def on_resize(self) -> None:
        """Rows have another width; the cursor stays in view."""
        self._lines.clear()
        self._see_cursor()
        self.refresh()  # a row that was drawn before this would not be known to be on the screen

    def watch_show_vertical_scrollbar(self) -> None:
        """Rows have another width, though the list has not."""
        self.call_after_refresh(self._redraw_changed)

    def notify_style_update(self) -> None:
        """Theme or focus changed."""
        super().notify_style_update()
        self.refresh()

    @property
    def row_width(self) -> int:
        """Cells of a row: what the scroll bar and a blank beside it leave."""
        return self.scrollable_content_region.width - self.show_vertical_scrollbar

    def _redraw_changed(self) -> None:
        width, top = self.row_width, self.scroll_offset.y
        changed: list[Region] = []
        for number, before in list(self._lines.items()):
            line = self._line(number, width)
            x, end = changed_cells(before, line)
            if x < end:
                self._lines[number] = line
                changed.append(Region(x, number - top, end - x, 1))
        if changed:
            repaint(self, *changed)

    def _line(self, number: int, width: int) -> Line:
        return self._draw(self._keys[number], width)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows of the screen; what is the same for all of them is asked for once."""
        self._frame = self._look()
        try:
            return super().render_lines(crop)
        finally:
            self._frame = None

    def _look(self) -> tuple[int, Style, Roles]:
        """How wide the rows of the screen are, on which ground, in which styles."""
        return self.scrollable_content_region.width, ground_of(self), roles_of(self)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, base, roles = self._frame or self._look()
        number = y + self.scroll_offset.y
        if number >= len(self._keys):
            if not self._keys and self._empty:
                lines = list(wrapped(self._empty, width - 2, "muted"))
                if y < len(lines):
                    return roles.strip((Span(" "), *lines[y]), width, base)
            return Strip.blank(width, base)
        if len(self._lines) > 4 * max(1, self.size.height):
            top = self.scroll_offset.y
            seen = range(top, top + self.size.height)
            self._lines = {at: line for at, line in self._lines.items() if at in seen}
        if number not in self._lines:
            self._lines[number] = self._line(number, self.row_width)
        under: Style | None = None
        if self._keys[number] == self.cursor and self._seen:
            under = roles.style("cursor" if self.has_focus else "cursor-rest")
        return roles.strip(self._lines[number], width, base, under)


class LinesView(ScrollView, can_focus=True):
    """Lines to read, made anew for each width; keeps its place while they change."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._make: Callable[[int], Sequence[Line]] = lambda _: ()
        self._lines: Sequence[Line] = ()
        self._subject: object = None

    def show(self, make: Callable[[int], Sequence[Line]], subject: object) -> None:
        """Show what `make(width)` returns; another subject is read from its top."""
        self._make = make
        if subject != self._subject:
            self._subject = subject
            self.scroll_home(animate=False)
        self._rebuild()

    def on_resize(self) -> None:
        """Lines are wrapped elsewhere."""
        self._rebuild()

    def watch_show_vertical_scrollbar(self) -> None:
        """Likewise, though the view has the size that it had."""
        self.call_after_refresh(self._rebuild)

    def notify_style_update(self) -> None:
        """Theme or focus changed."""
        super().notify_style_update()
        self.refresh()

    def _rebuild(self) -> None:
        width = self.scrollable_content_region.width
        if width <= 1:
            return
        lines = list(self._make(width - 1))
        if lines != self._lines:
            self._lines = lines
            self.virtual_size = Size(1, len(lines))
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        number, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        if number >= len(self._lines):
            return Strip.blank(width, ground_of(self))
        line = (Span(" "), *self._lines[number])
        return roles_of(self).strip(line, width, ground_of(self))
