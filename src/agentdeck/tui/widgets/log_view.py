"""A log on the screen: only the rows that can be seen are read, cleaned and drawn.

Rules:
- It follows the end until somebody scrolls back. From then on nothing moves what is being read;
  the lines that came meanwhile are counted in the last row.
- It has no timer. The screen calls `tick()` on the views that can be seen, about 15 times a second.
- A row is drawn again only when its line, its width or the style changed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agentdeck.control.sanitize import Sgr, spans
from agentdeck.tui.presentation.log_source import Line, LineSource, ListSource

MEMO_STRIPS: Final = 4096  # rows kept ready; some eighty screens
SHIFT_CELLS: Final = 8  # one step sideways
WHEEL_LINES: Final = 3


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
        self._memo.clear()
        self._set_top(None)
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
        """One line back."""
        self._move(-1)

    def action_scroll_down(self) -> None:
        """One line on; past the last one the view follows again."""
        self._move(1)

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
        self._top = self._source.first
        self._build()

    def action_scroll_end(self) -> None:
        """To the end, and follow it."""
        self._set_top(None)
        self._build()

    def action_scroll_left(self) -> None:
        """Show what is left of long lines."""
        self._slide(-SHIFT_CELLS)

    def action_scroll_right(self) -> None:
        """Show what is right of long lines."""
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
        self._build()

    # --- drawing -----------------------------------------------------------------------------

    def _build(self) -> bool:
        width, height = self.size
        if not self.is_mounted or not width or not height:
            return False
        base = self.rich_style
        if base != self._base:
            self._base = base
            self._memo.clear()
        if len(self._memo) > MEMO_STRIPS:
            self._memo.clear()
        source = self._source
        self._drawn_version = source.version
        if self._top is not None:
            self._top = max(source.first, min(self._top, self._last_top()))
        start = self._last_top() if self._top is None else self._top
        stop = min(start + height, source.first + source.count())
        rows = [self._strip(line, width) for line in source.lines(start, stop)]
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
            self.refresh()
        return changed

    def _strip(self, line: Line, width: int) -> Strip:
        key: object = line if isinstance(line, bytes) else id(line)
        kept = self._memo.get(key)
        if kept is not None and (kept[0] is line or isinstance(line, bytes)):
            return kept[1]
        if isinstance(line, bytes):
            strip = Strip([Segment(text, _style(look)) for text, look in spans(line)])
        elif isinstance(line, Text):
            parts = line.render(self.app.console)
            strip = Strip([Segment(part.text.replace("\n", " "), part.style) for part in parts])
        else:
            strip = line
        if self._shift:
            strip = strip.crop(self._shift)
        if strip.cell_length > width:
            strip = Strip.join(
                [strip.crop(0, width - 1), Strip([Segment(self._cut, Style(dim=True))])]
            )
        strip = strip.adjust_cell_length(width).apply_style(self._base)
        self._memo[key] = (line, strip)
        return strip

    def _with_badge(self, row: Strip, width: int) -> Strip:
        count = self.new_lines
        if self._badge is not None and self._badge[0] is row and self._badge[1] == count:
            return self._badge[2]
        text = f"{count:,} new line{'s' * (count != 1)}" if count else "end"
        text = f" {self._down} {text} "[:width]
        style = self.get_component_rich_style("log-view--badge")
        badge = Strip.join([row.crop(0, width - len(text)), Strip([Segment(text, style)])])
        self._badge = (row, count, badge)
        return badge
