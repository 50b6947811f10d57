"""A log on the screen: only the rows that can be seen are read, cleaned and drawn.

Rules:
- It follows the end until somebody scrolls back. From then on nothing moves what is being read;
  the lines that came meanwhile are counted in the last row.
- Keys act on the row with the cursor. While the end is followed that is the last row, unmarked.
- It has no timer. The screen calls `tick()` on the views that can be seen, about 15 times a second.
- A row is drawn again only when its line, its width or the style changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agentdeck.control.sanitize import Sgr, spans
from agentdeck.tui.painting import repaint
from agentdeck.tui.presentation.log_source import Line, LineSource, ListSource, Place
from agentdeck.tui.presentation.rendered_source import RenderedSource
from agentdeck.tui.widgets.styled import ground_of, roles_of

MEMO_STRIPS: Final = 512  # rows kept ready, some ten screens; 2 to 3 kB each, in every view
SHIFT_CELLS: Final = 8  # one step sideways
WHEEL_LINES: Final = 3
GOAL_SHARE: Final = 3  # what is gone to stands in the first third of the screen

Marks = tuple[tuple[int, int], ...]  # pieces of a row that are coloured, in characters


@lru_cache(maxsize=1024)
def _style(look: Sgr) -> Style:
    return Style(
        color=look.fg,
        bgcolor=look.bg,
        bold=look.bold or None,
        dim=look.dim or None,
        italic=look.italic or None,
        underline=look.underline or None,
    )


class LogView(ScrollView, can_focus=True):
    """Shows the lines of a `LineSource`."""

    ALLOW_SELECT = False  # rows are not widgets' text; the terminal's own selection still works
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-view--badge", "log-view--empty"}
    DEFAULT_CSS = """
    LogView {
        overflow: hidden hidden;
        .log-view--badge { background: $primary; color: $background; text-style: bold; }
        .log-view--empty { color: $text-muted; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", show=False),
        Binding("down,j", "scroll_down", show=False),
        Binding("g,home", "scroll_home", show=False, id="log.start"),
        Binding("G,end", "scroll_end", show=False, id="log.end"),
    ]

    placeholder: reactive[str] = reactive("")  # what will appear here, shown while it is empty

    class FollowChanged(Message):
        """The view began or ceased to follow the end."""

        def __init__(self, view: LogView, following: bool) -> None:
            super().__init__()
            self.view = view
            self.following = following

        @property
        def control(self) -> LogView:
            """The view."""
            return self.view

    def __init__(
        self,
        source: LineSource | None = None,
        *,
        placeholder: str = "",
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - the framework's word
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._cut, self._down = ("~", "v") if ascii_only else ("…", "↓")
        self._source: LineSource = source or ListSource()
        self._top: int | None = None  # number of the line in the first row; None while following
        self._seen = 0  # lines there were when the view left the end
        self._shift = 0  # cells cut off at the left
        self._cursor: int | None = None  # number of the line that keys act on; None = the last
        self._start = 0  # number of the line in the first row, as it was drawn
        self.folding: Callable[[bool], bool] = lambda _: False  # right and left, asked first
        self.marks: Callable[[Place], Iterable[tuple[int, int]]] = lambda _: ()
        self._drawn_version = -1
        self._rows: list[Strip] = []
        self._memo: dict[object, tuple[Line, Strip]] = {}
        self._base = Style()
        self._badge: tuple[Strip, int, Strip] | None = None
        self.set_reactive(LogView.placeholder, placeholder)

    @property
    def following(self) -> bool:
        """Whether the end is shown and stays shown."""
        return self._top is None

    @property
    def new_lines(self) -> int:
        """Lines that came since the view left the end."""
        return 0 if self.following else max(0, self._source.newest - self._seen)

    def set_source(self, source: LineSource) -> None:
        """Show other lines, from their end."""
        if not self.following:
            self._source.hold(False)
        self._source = source
        self._shift = 0
        self._cursor = None
        self._memo.clear()
        self._set_top(None)
        self._build()

    def set_source_at(self, source: LineSource, place: Place) -> None:
        """Show other lines, from a place in them."""
        self.set_source(source)
        self.go_to(place)

    @property
    def here(self) -> int | None:
        """The number of the line that keys act on; None when there is no line."""
        source = self._source
        if not source.count():
            return None
        last = source.first + source.count() - 1
        return last if self._cursor is None else max(source.first, min(self._cursor, last))

    @property
    def top_place(self) -> Place | None:
        """Where the first row comes from."""
        return self._source.place(self._start) if self._source.count() else None

    @property
    def standing(self) -> Place | None:
        """Where the person stands: the cursor, or the first row while the end is followed."""
        if self._cursor is None or (number := self.here) is None:
            return self.top_place
        return self._source.place(number)

    @property
    def lines_shown(self) -> range:
        """The numbers of the lines on the screen."""
        source = self._source
        return range(
            self._start, min(self._start + self.size.height, source.first + source.count())
        )

    def go_to(self, place: Place) -> None:
        """Put the cursor on the line of a place; what is on the screen already does not move."""
        number = next((n for n in self.lines_shown if self._source.place(n) == place), None)
        if number is None:
            self._leave_end()
            number = self._source.seek(place)
            self._top = number - self.size.height // GOAL_SHARE
            while self._top < self._source.first and self._source.earlier():
                pass
            while self._top > self._last_top() and self._source.later():
                pass
        self._cursor = number
        self._build()

    def redraw(self, source: RenderedSource) -> None:
        """Rows came or went between the others: the first row and the cursor keep their places."""
        top, standing = self.top_place, self.standing
        marked = self._cursor is not None
        if self.following:
            source.again()
        elif top is not None:
            self._top = source.seek(top)
        if marked and standing is not None:
            self._cursor = source.number_of(standing)
        self._build()

    def bring_up(self) -> None:
        """Let the row at hand stand high enough for what is below it."""
        number = self.here
        if number is None:
            return
        height = self.size.height
        top = min(number - height // GOAL_SHARE, self._last_top())
        if top > self._start:
            self._leave_end()
            self._cursor, self._top = number, top
            self._build()

    def repaint(self) -> None:
        """Other pieces are marked now."""
        self._build()

    def tick(self) -> bool:
        """Look for new lines; returns whether something has to be drawn again."""
        self._source.poll()
        return self._source.version != self._drawn_version and self._build()

    def render_line(self, y: int) -> Strip:
        """One row, as it was made at the last tick."""
        return self._rows[y] if y < len(self._rows) else Strip.blank(self.size.width, self._base)

    def notify_style_update(self) -> None:
        """The theme changed: nothing that was drawn holds."""
        super().notify_style_update()
        self._memo.clear()
        self._badge = None
        if self.is_mounted:
            self._build()

    def watch_placeholder(self) -> None:
        """Another text for an empty view."""
        self._build()

    def on_resize(self) -> None:
        """Another width cuts lines elsewhere."""
        self._memo.clear()
        self._build()

    # --- moving ------------------------------------------------------------------------------

    def action_scroll_up(self) -> None:
        """The cursor one line back."""
        self._step(-1)

    def action_scroll_down(self) -> None:
        """The cursor one line on; past the last one the view follows again."""
        self._step(1)

    def action_page_up(self) -> None:
        """A screen back, less a line."""
        self._move(-max(1, self.size.height - 1))

    def action_page_down(self) -> None:
        """A screen on, less a line."""
        self._move(max(1, self.size.height - 1))

    def action_scroll_home(self) -> None:
        """To the first line of all."""
        self._leave_end()
        self._source.rewind()
        if self._source.count() <= self.size.height and not self._source.later():
            self.action_scroll_end()  # everything is on the screen
            return
        self._top = self._cursor = self._source.first
        self._build()

    def action_scroll_end(self) -> None:
        """To the end, and follow it."""
        self._cursor = None
        self._set_top(None)
        self._build()

    def action_scroll_left(self) -> None:
        """Fold the row, or show what is left of long lines."""
        if not self.folding(False):
            self._slide(-SHIFT_CELLS)

    def action_scroll_right(self) -> None:
        """Unfold the row, or show what is right of long lines."""
        if not self.folding(True):
            self._slide(SHIFT_CELLS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves by lines."""
        event.stop()
        event.prevent_default()
        self._move(-WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves by lines."""
        event.stop()
        event.prevent_default()
        self._move(WHEEL_LINES)

    def on_focus(self) -> None:
        """The cursor is brighter."""
        self._build()

    def on_blur(self) -> None:
        """The cursor is fainter."""
        self._build()

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where it was clicked."""
        if self._start + event.y in self.lines_shown:
            self._cursor = self._start + event.y
            self._build()

    def _step(self, by: int) -> None:
        """Move the cursor; the rows move only where it would leave the screen."""
        source, number = self._source, self.here
        if number is None or (by > 0 and self._cursor is None):
            return
        number += by
        if number < source.first:
            self._leave_end()
            _ = source.earlier()
        if number >= source.first + source.count():
            self._leave_end()
            if not source.later():
                self.action_scroll_end()
                return
        self._cursor = max(source.first, number)
        if not self.following or self._cursor < self._start:
            self._leave_end()
            assert self._top is not None
            height = self.size.height - 1  # the last row has the count of new lines
            self._top = max(min(self._top, self._cursor), self._cursor - height + 1)
        self._build()

    def _slide(self, cells: int) -> None:
        self._shift = max(0, self._shift + cells)
        self._memo.clear()
        self._build()

    def _last_top(self) -> int:
        source = self._source
        return max(source.first, source.first + source.count() - self.size.height)

    def _leave_end(self) -> None:
        if self.following:
            top = self._last_top()
            self._source.hold(True)
            self._seen = self._source.newest
            self._set_top(top)

    def _set_top(self, top: int | None) -> None:
        was = self.following
        self._top = top
        if was != self.following:
            if self.following:
                self._source.hold(False)
            self.post_message(self.FollowChanged(self, self.following))

    def _move(self, by: int) -> None:
        if self.following and (by > 0 or self._last_top() == self._source.first):
            if by > 0:
                return
            self._leave_end()
            if not self._source.earlier():  # everything is on the screen
                self.action_scroll_end()
                return
        self._leave_end()
        assert self._top is not None
        top = self._top + by
        if top < self._source.first:
            self._source.earlier()
        if top > self._last_top() and not self._source.later():
            self.action_scroll_end()
            return
        self._top = max(self._source.first, min(top, self._last_top()))
        shown = (self._top, self._top + max(0, self.size.height - 2))
        was = self._cursor
        self._cursor = shown[0] if was is None else max(shown[0], min(was, shown[1]))
        self._build()

    # --- drawing -----------------------------------------------------------------------------

    def _build(self) -> bool:
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return False
        base = ground_of(self)
        if base != self._base:
            self._base = base
            self._memo.clear()
        if len(self._memo) > MEMO_STRIPS:
            self._memo.clear()
        source = self._source
        self._drawn_version = source.version
        number = self._cursor
        last = source.first + source.count() - 1
        if self.following and number is not None and number < last and source.count() > height:
            top = self._start  # what is looked at must not be pushed away
            self._leave_end()
            self._top = top
        if self._top is not None:
            self._top = max(source.first, min(self._top, self._last_top()))
        start = self._last_top() if self._top is None else self._top
        stop = min(start + height, source.first + source.count())
        self._start = start
        rows = [
            self._row(start + at, line, width) for at, line in enumerate(source.lines(start, stop))
        ]
        if not rows and self.placeholder:
            text = Text(self.placeholder, self.get_component_rich_style("log-view--empty"))
            rows = [self._strip(text, width)]
        if self._top is not None:
            blank = Strip.blank(width, base)
            rows += [blank] * (height - len(rows))
            rows[-1] = self._with_badge(rows[-1], width)
        changed = len(rows) != len(self._rows) or any(
            new is not old for new, old in zip(rows, self._rows, strict=True)
        )
        self._rows = rows
        if changed:
            repaint(self)
        return changed

    def _row(self, number: int, line: Line, width: int) -> Strip:
        place = self._source.place(number)
        marks = tuple(self.marks(place)) if place is not None else ()
        return self._strip(line, width, marks, lit=number == self._cursor)

    def _strip(self, line: Line, width: int, marks: Marks = (), *, lit: bool = False) -> Strip:
        key = (line if isinstance(line, bytes) else id(line), marks, lit and 1 + self.has_focus)
        kept = self._memo.get(key)
        if kept is not None and (kept[0] is line or isinstance(line, bytes)):
            return kept[1]
        if isinstance(line, bytes):
            strip = Strip([Segment(text, _style(look)) for text, look in spans(line)])
        elif isinstance(line, Text):
            parts = self._marked(line, marks).render(self.app.console)
            strip = Strip([Segment(part.text.replace("\n", " "), part.style) for part in parts])
        else:
            strip = line
        if self._shift:
            strip = strip.crop(self._shift)
        if strip.cell_length > width:
            strip = Strip.join(
                [strip.crop(0, width - 1), Strip([Segment(self._cut, Style(dim=True))])]
            )
        ground = self._base
        if lit:
            ground += roles_of(self).style("cursor" if self.has_focus else "cursor-rest")
        strip = strip.adjust_cell_length(width).apply_style(ground)
        self._memo[key] = (line, strip)
        return strip

    def _marked(self, line: Text, marks: Marks) -> Text:
        if not marks:
            return line
        marked = line.copy()
        for start, stop in marks:
            marked.stylize(roles_of(self).style("hit"), start, stop)
        return marked

    def _with_badge(self, row: Strip, width: int) -> Strip:
        count = self.new_lines
        if self._badge is not None and self._badge[0] is row and self._badge[1] == count:
            return self._badge[2]
        text = f" {count:,} new {self._down} " if count else f" end {self._down} "
        text = text[:width]
        style = self.get_component_rich_style("log-view--badge")
        badge = Strip.join([row.crop(0, width - len(text)), Strip([Segment(text, style)])])
        self._badge = (row, count, badge)
        return badge
