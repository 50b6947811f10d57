"""What of a screen is drawn and sent when some cells of it have changed: these cells, no others.

The framework draws every widget that lies within the rectangle around all that changed. Two clocks,
one in the header and one at the bottom, are then the whole screen, each second. Here a widget is
asked only if it is seen in a changed cell, and only for the lines where it is.

Rules:
- What comes out is what the framework would have sent, without the cells that nobody has called
  dirty. All that is not a partial repaint (layout, other screens on top) is the framework's.
- What changes with time, as clocks do, is asked for by `repaint`. The framework's way is a message
  to the widget, one to the screen and the waking of both, for each widget: that costs more than the
  cells. What a key changes goes that way: its frame comes behind all that follows from the key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from textual._compositor import ChopsUpdate, Compositor
from textual.dom import NoScreen
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.tui.first_picture import PaintedWhole

Span = tuple[int, int, int]  # the line, the first column, the one behind the last


class Piece(NamedTuple):
    """Cells beside each other, as one widget draws them."""

    x: int
    y: int
    strip: Strip


class CellsUpdate(ChopsUpdate):
    """Pieces for the terminal, in the order of its lines."""

    def __init__(self, pieces: Sequence[Piece], spans: list[Span]) -> None:
        super().__init__([], spans, [])
        self.pieces = pieces

    def render_segments(self, console: Console) -> str:
        """As escape sequences: go there, write this."""
        return "".join(
            Control.move_to(piece.x, piece.y).segment.text + piece.strip.render(console)
            for piece in self.pieces
        )

    def __rich_console__(self, *_: object) -> Iterator[Segment]:
        for piece in self.pieces:
            yield Control.move_to(piece.x, piece.y).segment
            yield from piece.strip


class CellCompositor(Compositor):
    """The framework's compositor with cheaper partial repaints."""

    def render_partial_update(self) -> CellsUpdate | None:
        """What has to be sent for the cells that changed; None when none did. O(changed lines)."""
        screen = self.size.region
        regions = [region.intersection(screen) for region in self._dirty_regions]
        self._dirty_regions.clear()
        spans = list(self._regions_to_spans(region for region in regions if region))
        if not spans:
            return None
        return CellsUpdate(self._pieces(spans), spans)

    def _pieces(self, spans: Iterable[Span]) -> list[Piece]:
        seen = [(y, *part) for y, x, end in spans for part in self._seen(y, x, end)]
        lines: dict[Widget, tuple[int, int]] = {}  # of each widget: the first and the last one
        for y, _, _, widget, _ in seen:
            first, _ = lines.get(widget, (y, y))
            lines[widget] = (first, y)
        drawn: dict[Widget, list[Strip]] = {}
        found: list[Piece] = []
        for y, x, end, widget, region in seen:
            first, last = lines[widget]
            if widget not in drawn:
                crop = Region(0, first - region.y, region.width, last - first + 1)
                drawn[widget] = widget.render_lines(crop)
            strip = drawn[widget][y - first].crop(x - region.x, end - region.x)
            found.append(Piece(x, y, strip))
        return found

    def _seen(self, y: int, x: int, end: int) -> list[tuple[int, int, Widget, Region]]:
        """Whom one sees in these cells, from left to right: columns, widget, its place."""
        found: list[tuple[int, int, Widget, Region]] = []
        covered_by_none = [(x, end)]
        for widget, shown, region in self.layers_visible[y]:  # the front first
            left, right = shown.column_span
            behind: list[tuple[int, int]] = []
            for begin, stop in covered_by_none:
                first, last = max(begin, left), min(stop, right)
                if first >= last:
                    behind.append((begin, stop))
                    continue
                found.append((first, last, widget, region))
                behind += [part for part in ((begin, first), (last, stop)) if part[0] < part[1]]
            covered_by_none = behind
            if not covered_by_none:
                break
        return sorted(found, key=lambda part: part[0])


class CellScreen(PaintedWhole[None]):
    """A screen with that compositor."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._compositor = CellCompositor()
        self._by_itself = False

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """What is drawn meanwhile follows from no key."""
        self._by_itself = True
        try:
            yield
        finally:
            self._by_itself = False

    def repaint(self, widget: Widget, regions: Sequence[Region]) -> bool:
        """Paint these with the next frame. False = it has to be asked for in the usual way."""
        there = self._by_itself and widget.is_mounted and self in self._compositor
        if not there or not self.is_current or self.app._batch_count:  # noqa: SLF001 - as it asks
            return False
        widget._set_dirty(*regions)  # noqa: SLF001 - all that `refresh` does for the picture
        if widget.display:
            self._dirty_widgets.add(widget)
            self._update_timer.resume()
        return True


def repaint(widget: Widget, *regions: Region) -> None:
    """Paint these cells of a widget, or all of them, with the next frame of its screen.

    Of a screen that was closed meanwhile nothing is painted any more.
    """
    try:
        screen = widget.screen
    except NoScreen:
        return
    if not (isinstance(screen, CellScreen) and screen.repaint(widget, regions)):
        _ = widget.refresh(*regions)


__all__ = ["CellCompositor", "CellScreen", "CellsUpdate", "Piece", "repaint"]
