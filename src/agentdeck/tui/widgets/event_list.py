"""Very many numbered rows: only what is visible is asked for and drawn.

Rules:
- A row is known by its number, counted from 0; a row that is there stays what it is. So a list of
  100,000 rows costs no more than one of fifty.
- It follows the end until the cursor leaves it. From then on nothing moves what is being read; the
  rows that came meanwhile are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agentdeck.tui.presentation.line import Line, Span, wrapped
from agentdeck.tui.widgets.styled import roles_of

DrawRow = Callable[[int, int], Line]  # number, width


class EventList(ScrollView, can_focus=True):
    """Rows with a cursor."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "EventList { overflow: hidden auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("g,home", "first", show=False),
        Binding("G,end", "last", show=False),
        Binding("enter", "open", show=False),
    ]

    class Moved(Message):
        """Another row has the cursor, or other rows can be seen."""

    class Opened(Message):
        """The person wants to see the row in full."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._count = 0
        self._draw: DrawRow = lambda _, __: ()
        self._empty = ""
        self._seen_count = 0  # rows there were when the cursor left the end
        self._drawn: dict[int, Line] = {}
        self.cursor = 0
        self.following = True

    def show(self, count: int, draw: DrawRow, *, empty: str = "") -> None:
        """Show so many rows; `empty` says what will be there when there are none."""
        self._draw, self._empty = draw, empty
        if count != self._count:
            others, self._count = self._count < 0, count
            self.virtual_size = Size(1, count)
            if self.following or others:
                self._seen_count = count
            if self.following:
                self.cursor = count - 1
            self.cursor = max(0, min(self.cursor, count - 1))
            if self.following or others:
                self._see_cursor()
            self._drawn.clear()
            self.refresh()
            return
        width = self.row_width
        for number, before in list(self._drawn.items()):
            line = draw(number, width)
            if line != before:
                self._drawn[number] = line
                self.refresh_line(number)

    def restart(self, cursor: int | None = None) -> None:
        """These are other rows: follow their end, or stand on one of them."""
        self.following = cursor is None
        self._count = -1
        self._drawn.clear()
        self.cursor = cursor or 0

    @property
    def new_rows(self) -> int:
        """How many have come since the end was left."""
        return 0 if self.following else max(0, self._count - self._seen_count)

    @property
    def visible_rows(self) -> range:
        """The numbers of the rows on the screen."""
        top = self.scroll_offset.y
        return range(top, min(self._count, top + max(1, self.size.height)))

    @property
    def row_width(self) -> int:
        """Cells of a row."""
        return self.scrollable_content_region.width - self.show_vertical_scrollbar

    def go(self, number: int) -> None:
        """Put the cursor on a row; on the last one, follow."""
        if self._count <= 0:
            return
        number = max(0, min(self._count - 1, number))
        last = number == self._count - 1
        if self.following and not last:
            self._seen_count = self._count
        self.following = last
        self.cursor = number
        self._see_cursor()
        self.refresh()
        self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        """The cursor goes `by` rows on."""
        self.go(self.cursor + by)

    def action_page(self, by: int) -> None:
        """A screen on."""
        self.go(self.cursor + by * max(1, self.size.height - 1))

    def action_first(self) -> None:
        """To the first row."""
        self.go(0)

    def action_last(self) -> None:
        """To the last row, and follow."""
        self.go(self._count - 1)

    def action_open(self) -> None:
        """The row in full; where there is none, what will be there."""
        if self._count > 0:
            self.post_message(self.Opened(self.cursor))
        elif self._empty:
            self.notify(self._empty, markup=False, timeout=3)

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse; twice opens it."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        number = offset.y + self.scroll_offset.y
        if number < self._count:
            self.go(number)
            if event.chain == 2:
                self.action_open()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows can be seen."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Moved())

    def on_resize(self) -> None:
        """Rows have another width; the cursor stays in view."""
        self._drawn.clear()
        self._see_cursor()
        self.refresh()
        self.post_message(self.Moved())

    def notify_style_update(self) -> None:
        """Theme or focus changed."""
        super().notify_style_update()
        self.refresh()

    def _see_cursor(self) -> None:
        if self.is_mounted:
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        width, base, roles = self.scrollable_content_region.width, self.rich_style, roles_of(self)
        number = y + self.scroll_offset.y
        if number >= self._count:
            if self._count <= 0 and self._empty:
                lines = list(wrapped(self._empty, width - 2, "muted"))
                if y < len(lines):
                    return roles.strip((Span(" "), *lines[y]), width, base)
            return Strip.blank(width, base)
        if len(self._drawn) > 4 * max(1, self.size.height):
            seen = self.visible_rows
            self._drawn = {at: line for at, line in self._drawn.items() if at in seen}
        if number not in self._drawn:
            self._drawn[number] = self._draw(number, self.row_width)
        under = None
        if number == self.cursor:
            under = roles.style("cursor" if self.has_focus else "cursor-rest")
        return roles.strip(self._drawn[number], width, base, under)
