"""The plan as a graph that can be walked with the arrow keys.

Rules: labels come from a callback, so the view knows nothing of states. The chosen task, all it
needs and all that need it are lit, the rest is dim; the critical path is emphasised. Panning
follows the cursor. Only the rows on the screen are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size, Spacing
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from agentdeck.tui.painting import repaint
from agentdeck.tui.presentation.graph_layout import Direction, Layout, Piece, lay_out, move
from agentdeck.tui.presentation.minimap import Minimap, box_of, minimap_of
from agentdeck.tui.presentation.status import ascii_signs
from agentdeck.tui.widgets.styled import ground_of

AROUND_CURSOR: Final = Spacing(1, 8, 1, 8)  # rows and cells kept visible round the chosen task
_DIM: Final = Style(dim=True)

Lights = tuple[str | None, tuple[bool, ...], int, bool, bool]  # see `_lights_of`


class GraphView(ScrollView, can_focus=True):
    """Draws a `Layout` and moves a cursor over it."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "graph--edge",
        "graph--edge-dim",
        "graph--edge-lit",
        "graph--edge-critical",
        "graph--cursor",
        "graph--title",
        "graph--seen",
    }
    DEFAULT_CSS = """
    GraphView {
        .graph--edge { color: $foreground 60%; }
        .graph--edge-dim { color: $foreground 35%; }
        .graph--edge-lit { color: $primary; text-style: bold; }
        .graph--edge-critical { color: $warning; text-style: bold; }
        .graph--cursor { background: $surface-lighten-2; text-style: bold; }
        .graph--seen { background: $foreground 25%; color: $foreground; }
        .graph--title { color: $text-muted; text-style: bold; }
        &:focus .graph--cursor {
            background: $block-cursor-background;
            color: $block-cursor-foreground;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "walk('left')", "Needs", show=False, id="graph.left"),
        Binding("right,l", "walk('right')", "Needed by", show=False, id="graph.right"),
        Binding("up,k", "walk('up')", "Above", show=False, id="graph.up"),
        Binding("down,j", "walk('down')", "Below", show=False, id="graph.down"),
    ]

    selected: reactive[str | None] = reactive(None, repaint=False)  # `_relight` knows which rows
    minimap: reactive[bool] = reactive(True)  # where the graph does not fit
    spotlight: reactive[bool] = reactive(True)  # dim what has nothing to do with the chosen task

    class Selected(Message):
        """Another task was chosen, by key, mouse or program."""

        def __init__(self, view: GraphView, task_id: str) -> None:
            super().__init__()
            self.view = view
            self.task_id = task_id

        @property
        def control(self) -> GraphView:
            """The view."""
            return self.view

    def __init__(
        self,
        label: Callable[[str], Text],
        *,
        ascii_only: bool = False,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - the framework's word
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._label = label
        self._ascii = ascii_only
        self._layout = lay_out([], [])
        self._titles: Mapping[int, str] = {}
        self._critical = 0
        self._kin: tuple[set[str], int] = (set(), 0)
        self._strips: dict[int, Strip] = {}  # whole rows by number; dropped at any change
        self._lights: dict[int, Lights] = {}  # under which each of them was drawn
        self._styles: dict[str, Style] = {}
        self._frame: tuple[int, Style, Minimap | None] | None = None  # while rows are drawn
        self._mapped: Minimap | None = None
        self._mapped_for: tuple[int, int] | None = None

    @property
    def drawn(self) -> Layout:
        """The layout that is shown."""
        return self._layout

    def set_layout(
        self,
        layout: Layout,
        *,
        critical: Sequence[str] = (),
        titles: Mapping[int, str] | None = None,
    ) -> None:
        """Show a graph; the cursor stays on its task if that is still there.

        Args:
            layout: the drawing; its label widths are what `label` will be cut to.
            critical: the tasks of the critical path, in order.
            titles: text above the first column of each group; a row is kept for them.
        """
        self._layout = layout
        self._mapped_for = None
        self._titles = titles or {}
        self._critical = layout.bits_of(pairwise(critical))
        self.virtual_size = Size(layout.width, layout.height + self._header)
        if self.selected not in layout.nodes:
            self.selected = next(iter(layout.nodes), None)
        self._light()
        self._strips.clear()
        self.refresh()

    def refresh_labels(self, tasks: Iterable[str] | None = None) -> None:
        """The labels of these tasks (None: of all) have changed; edges and places have not."""
        if tasks is None:
            self._strips.clear()
            self.refresh()
            return
        x, scrolled = self.scroll_offset
        seen: list[Region] = []
        for task in tasks:
            place = self._layout.nodes.get(task)
            if place is not None:
                self._strips.pop(place.y, None)
                y = place.y + self._header - scrolled
                if 0 <= y < self.size.height:
                    seen.append(Region(place.x - x, y, place.width, 1))
        if seen:
            repaint(self, *seen)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows of the screen; what is the same for all of them is asked for once."""
        self._frame = self._look()
        try:
            return super().render_lines(crop)
        finally:
            self._frame = None

    def _look(self) -> tuple[int, Style, Minimap | None]:
        """How wide the rows of the screen are, on which ground, and the map on them."""
        return self.size.width, ground_of(self), self._map()

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        x, scrolled = self.scroll_offset
        width, ground, map_ = self._frame or self._look()
        if self._titles and y == 0:
            return self._title_row().crop_extend(x, x + width, ground)
        row = y + scrolled - self._header
        strip = Strip.blank(width, ground)
        if 0 <= row < self._layout.height:
            if row not in self._strips:
                self._strips[row] = self._row(row)
            strip = self._strips[row].crop_extend(x, x + width, ground)
        return self._with_map(strip, y, map_) if map_ is not None else strip

    def _with_map(self, strip: Strip, y: int, found: Minimap) -> Strip:
        """A row of the screen, with the row of the map that stands on it."""
        (x, scrolled), (width, height) = self.scroll_offset, self.scrollable_content_region.size
        place = self._layout.nodes.get(str(self.selected))
        cursor = (place.x - x, place.y + self._header - scrolled) if place else (0, 0)
        box = box_of(found, width, height, top=self._header, cursor=cursor)
        line = y - box.y
        if not 0 <= line < box.height:
            return strip
        edge, dash, side = self._part("edge-dim"), *(("-", "|") if self._ascii else ("─", "│"))
        if line in (0, box.height - 1):
            left, right = ("+", "+") if self._ascii else ("╭╰"[line > 0], "╮╯"[line > 0])
            drawn = [Segment(left + dash * (box.width - 2) + right, edge)]
        else:
            across, down = found.seen(x, scrolled, width, height - self._header)
            cells = found.rows[line - 1]
            cells = ascii_signs(cells) if self._ascii else cells
            first, end = (across.start, across.stop) if line - 1 in down else (0, 0)
            inside = self._part("seen")
            drawn = [
                Segment(side, edge),
                Segment(cells[:first], edge),
                Segment(cells[first:end], inside),
                Segment(cells[end:], edge),
                Segment(side, edge),
            ]
        whole = [strip.crop(0, box.x), Strip(drawn).apply_style(ground_of(self))]
        return Strip.join([*whole, strip.crop(box.x + box.width, self.size.width)])

    def _map(self) -> Minimap | None:
        """The map of this layout at this size; made once for both."""
        if not self.minimap:
            return None
        width, height = self.scrollable_content_region.size
        key = (width, height - self._header)
        if key != self._mapped_for:
            self._mapped_for, self._mapped = key, minimap_of(self._layout, *key)
        return self._mapped

    def watch_selected(self, selected: str | None) -> None:
        """Light the kin of the chosen task and bring it into view."""
        self._relight()
        if selected is not None and selected in self._layout.nodes:
            self.show_task(selected)
            self.post_message(self.Selected(self, selected))

    def watch_spotlight(self) -> None:
        """Dim or undim the rest."""
        self._strips.clear()
        self.refresh()

    def column(self) -> list[str]:
        """The tasks of the chosen one's column, top to bottom."""
        nodes = self._layout.nodes
        if self.selected not in nodes:
            return []
        here = nodes[str(self.selected)].column
        found = [(place.y, task) for task, place in nodes.items() if place.column == here]
        return [task for _, task in sorted(found)]

    def show_task(self, task: str) -> None:
        """Pan so that the task can be seen."""
        place = self._layout.nodes[task]
        region = Region(place.x, place.y + self._header, place.width, 1)
        # forced: after a new layout the scroll bars that allow scrolling are not there yet
        self.scroll_to_region(region, spacing=AROUND_CURSOR, animate=False, force=True)

    def notify_style_update(self) -> None:
        """The theme or the focus changed."""
        super().notify_style_update()
        self._styles.clear()
        self._strips.clear()

    def on_resize(self) -> None:
        """A smaller window must not lose the cursor."""
        if self.selected in self._layout.nodes:
            self.show_task(str(self.selected))

    def action_walk(self, direction: Direction) -> None:
        """Move the cursor along an edge, or within the column."""
        if self.selected in self._layout.nodes:
            self.selected = move(self._layout, str(self.selected), direction)

    def on_click(self, event: events.Click) -> None:
        """Choose the task under the mouse."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        at = offset + self.scroll_offset
        task = self._layout.node_at(at.x, at.y - self._header)
        if task is not None:
            self.selected = task

    @property
    def _header(self) -> int:
        return 1 if self._titles else 0

    def _light(self) -> None:
        known = self.selected in self._layout.nodes
        self._kin = self._layout.kin(str(self.selected)) if known else (set(), 0)

    def _relight(self) -> None:
        """Another task was chosen: the rows that look different now are drawn anew."""
        self._light()
        if self._map() is not None:  # the map makes way for the cursor
            self._strips.clear()
            self.refresh()
            return
        for row in [row for row in self._strips if self._lights_of(row) != self._lights[row]]:
            del self._strips[row]
        top = self.scroll_offset.y
        for row in range(max(0, top), min(self._layout.height, top + self.size.height)):
            if row not in self._strips:
                self.refresh_line(row + self._header)

    def _lights_of(self, row: int) -> Lights:
        """All that the looks of a row owe to the chosen task."""
        tasks, edges = self._kin
        named = self._layout.in_row.get(row, ())
        crossing = 0
        for piece in self._layout.row(row, ascii_only=self._ascii):
            crossing |= piece.edges | piece.under
        return (
            self.selected if self.selected in named else None,
            tuple(task in tasks for task in named),
            edges & crossing,
            bool(tasks),
            bool(edges),
        )

    def _part(self, name: str) -> Style:
        """A component's style; `$foreground 30%` is mixed with the ground of this view."""
        if name not in self._styles:
            styles = self.get_component_styles(f"graph--{name}")
            ground = self.background_colors[1] + styles.background
            self._styles[name] = styles.text_style + Style(
                color=(ground + styles.color).rich_color,
                bgcolor=ground.rich_color if styles.has_rule("background") else None,
            )
        return self._styles[name]

    def _edge_style(self, edges: int) -> Style:
        lit = edges & self._kin[1]
        if edges & self._critical and (lit or not self.spotlight):
            return self._part("edge-critical")
        if lit:
            return self._part("edge-lit")
        if edges & self._critical:
            return self._part("edge-critical") + _DIM
        return self._part("edge-dim" if self.spotlight and self._kin[1] else "edge")

    def _piece(self, piece: Piece) -> Segment:
        lit = self._kin[1]
        if piece.under & lit and not piece.edges & lit:  # the lit line crosses in front
            dash = "-" if self._ascii else "─"
            return Segment(dash * len(piece.text), self._edge_style(piece.under))
        return Segment(piece.text, self._edge_style(piece.edges))

    def _row(self, row: int) -> Strip:
        self._lights[row] = self._lights_of(row)
        parts = [
            (p.x, len(p.text), [self._piece(p)])
            for p in self._layout.row(row, ascii_only=self._ascii)
        ]
        for task in self._layout.in_row.get(row, ()):
            place = self._layout.nodes[task]
            parts.append((place.x, place.width, self._label_segments(task, place.width)))
        parts.sort(key=lambda part: part[0])
        at = 0
        segments: list[Segment] = []
        for x, width, drawn in parts:
            segments.append(Segment(" " * (x - at)))
            segments += drawn
            at = x + width
        return Strip(segments).apply_style(ground_of(self))

    def _label_segments(self, task: str, width: int) -> list[Segment]:
        text = self._label(task)
        strip = _strip_of(text, width)
        if strip is None:
            text = text.copy()
            text.truncate(width, overflow="ellipsis", pad=True)
            strip = Strip(text.render(self.app.console)).adjust_cell_length(width)
        post: Style | None = None
        if task == self.selected:
            post = self._part("cursor")
        elif self.spotlight and self._kin[0] and task not in self._kin[0]:
            post = _DIM
        return list(Segment.apply_style(strip, post_style=post)) if post else list(strip)

    def _title_row(self) -> Strip:
        firsts: dict[int, int] = {}
        for column in self._layout.columns:
            firsts.setdefault(column.group, column.x)
        starts = sorted((x, self._titles.get(group, "")) for group, x in firsts.items())
        line = Text(style=self._part("title"))
        for number, (x, title) in enumerate(starts):
            room = (starts[number + 1][0] if number + 1 < len(starts) else self._layout.width) - x
            part = Text(title)
            part.truncate(max(0, room - 1), overflow="ellipsis")
            line.append(" " * (x - line.cell_len)).append(part)
        return Strip(line.render(self.app.console)).apply_style(ground_of(self))


def _strip_of(text: Text, width: int) -> Strip | None:
    """A text that fits and whose pieces stand one behind the other, drawn; else None.

    A label with a clock is drawn each second: this is what the general way makes of it, in a third
    of the time.
    """
    room = width - text.cell_len
    if room < 0 or text.style or not text.spans:
        return None
    plain, at = text.plain, 0
    segments: list[Segment] = []
    for span in text.spans:
        if span.start < at or not isinstance(span.style, Style):
            return None
        if span.start > at:
            segments.append(Segment(plain[at : span.start], Style.null()))
        segments.append(Segment(plain[span.start : span.end], span.style))
        at = span.end
    if room or at < len(plain):
        segments.append(Segment(plain[at:] + " " * room, Style.null()))
    return Strip(segments, width)
