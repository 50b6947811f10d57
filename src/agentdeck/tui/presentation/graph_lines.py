"""The line characters of a drawn graph, one row at a time.

A gutter is: a space, a dash, its tracks, a dash, an arrow head, a space; without tracks it is two
cells shorter. Each cell knows the edges that enter it from four sides; its character follows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from agentdeck.tui.presentation.graph_layers import Layers
from agentdeck.tui.presentation.graph_routing import Trunk

NORTH, SOUTH, EAST, WEST = 1, 2, 4, 8
LINES: Final = {
    EAST | WEST: "─", NORTH | SOUTH: "│", SOUTH | EAST: "╭", SOUTH | WEST: "╮",
    NORTH | EAST: "╰", NORTH | WEST: "╯", NORTH | SOUTH | EAST: "├", NORTH | SOUTH | WEST: "┤",
    EAST | WEST | SOUTH: "┬", EAST | WEST | NORTH: "┴", NORTH | SOUTH | EAST | WEST: "┼",
}  # fmt: skip
ARROW: Final = "▶"
ASCII: Final = str.maketrans("─│╭╮╰╯├┤┬┴┼▶", "-|+++++++++>")
STRAIGHT: Final = 1 << 30  # as a track: right of all others


class Piece(NamedTuple):
    """Neighbouring line cells of one row that carry the same edges."""

    x: int
    text: str
    edges: int  # bits
    under: int  # bits of the edges that cross behind; 0 when this is no crossing


class _Cell(NamedTuple):
    x: int
    char: str
    edges: int
    under: int


def gutter_tracks(trunks: Sequence[Trunk]) -> int:
    """How many tracks the trunks of a gutter use."""
    return max((trunk.track for trunk in trunks), default=-1) + 1


def gutter_width(trunks: Sequence[Trunk]) -> int:
    """Cells between the column left of the gutter and the one right of it."""
    tracks = gutter_tracks(trunks)
    return tracks + 5 if tracks else 4


class Drawing:
    """Makes the line pieces of any row."""

    def __init__(
        self,
        layers: Layers,
        rows: Sequence[int],
        gutters: Sequence[Sequence[Trunk]],
        columns: Sequence[tuple[int, int]],  # x, width
        label_widths: Sequence[int],
    ) -> None:
        self._layers, self._columns, self._label_widths = layers, columns, label_widths
        self._gutters = [_Gutter(layers, rows, trunks) for trunks in gutters]
        self._items: dict[int, dict[int, int]] = {}  # row -> column -> item
        for number, item in enumerate(layers.items):
            self._items.setdefault(rows[number], {})[item.column] = number

    def row(self, y: int, *, ascii_only: bool = False) -> tuple[Piece, ...]:
        """The pieces of row `y`, left to right."""
        here = self._items.get(y, {})
        cells: list[_Cell] = []
        for column in range(len(self._columns)):
            item = here.get(column, -1)
            cells += self._column_cells(column, item)
            if column < len(self._gutters):
                x, width = self._columns[column]
                nxt = here.get(column + 1, -1)
                cells += self._gutters[column].cells(
                    x + width, y, item, nxt, self._is_task(item), self._is_task(nxt)
                )
        pieces: list[Piece] = []
        keyed = groupby(enumerate(cells), key=lambda p: (p[1].x - p[0], p[1].edges, p[1].under))
        for (_, edges, under), group in keyed:
            run = [cell for _, cell in group]
            text = "".join(cell.char for cell in run)
            pieces.append(
                Piece(run[0].x, text.translate(ASCII) if ascii_only else text, edges, under)
            )
        return tuple(pieces)

    def _is_task(self, item: int) -> bool:
        return item >= 0 and self._layers.items[item].node >= 0

    def _column_cells(self, column: int, item: int) -> list[_Cell]:
        """The line through or behind the label up to the gutter."""
        if item < 0:
            return []
        x, width = self._columns[column]
        start = x
        if self._is_task(item):
            start = x + self._label_widths[self._layers.items[item].node] + 1
        carried = 0
        for end in self._layers.items[item].after:
            carried |= self._layers.links[item, end]
        if not carried:
            return []
        stop = x + width + (1 if self._is_task(item) and start <= x + width else 0)
        return [_Cell(at, "─", carried, 0) for at in range(start, stop)]


class _Gutter:
    """The trunks between two columns, ready to be asked for a row."""

    def __init__(self, layers: Layers, rows: Sequence[int], trunks: Sequence[Trunk]) -> None:
        self._tracks = gutter_tracks(trunks)
        self._verticals = [_Vertical(layers, rows, trunk) for trunk in trunks if trunk.track >= 0]
        self._out: dict[int, list[tuple[int, int]]] = {}  # start -> (track, edges)
        self._in: dict[int, list[tuple[int, int]]] = {}  # end -> (track, edges)
        for trunk in trunks:
            for start in trunk.starts:
                for end in trunk.ends:
                    bits = layers.links[start, end]
                    away = trunk.track if trunk.track >= 0 else STRAIGHT
                    self._out.setdefault(start, []).append((away, bits))
                    self._in.setdefault(end, []).append((trunk.track, bits))

    def cells(
        self, x: int, y: int, start: int, end: int, from_task: bool, to_task: bool
    ) -> list[_Cell]:
        """Cells of row `y`, where `start` and `end` are the items of the row or -1."""
        out, entering = self._out.get(start, []), self._in.get(end, [])
        standing = {v.track: v for v in self._verticals if v.low <= y <= v.high}
        if not out and not entering and not standing:
            return []
        tail = 3 if self._tracks else 2
        found: list[_Cell] = []
        for at in range(-2, self._tracks + tail):
            west = east = 0
            for track, bits in out:
                west |= bits if track >= at else 0
                east |= bits if track > at else 0
            for track, bits in entering:
                west |= bits if track < at else 0
                east |= bits if track <= at else 0
            vertical = standing.get(at)
            north, south = (vertical.above(y), vertical.above(y + 1)) if vertical else (0, 0)
            cell = _cell(x + at + 2, north, south, east, west)
            if (
                cell is None
                or (at == -2 and from_task)
                or (at == self._tracks + tail - 1 and to_task)
            ):
                continue
            if at == self._tracks + tail - 2 and to_task:
                cell = cell._replace(char=ARROW)
            found.append(cell)
        return found


def _cell(x: int, north: int, south: int, east: int, west: int) -> _Cell | None:
    if north and north == south and east and east == west and not north & east:
        return _Cell(x, "│", north, east)
    mask = NORTH * bool(north) | SOUTH * bool(south) | EAST * bool(east) | WEST * bool(west)
    return _Cell(x, LINES[mask], north | south | east | west, 0) if mask else None


class _Vertical:
    """One trunk: which of its edges run between two rows."""

    def __init__(self, layers: Layers, rows: Sequence[int], trunk: Trunk) -> None:
        self.track = trunk.track
        self._stops = sorted({rows[item] for item in (*trunk.starts, *trunk.ends)})
        self.low, self.high = self._stops[0], self._stops[-1]
        self._links = [
            (*sorted((rows[s], rows[e])), layers.links[s, e])
            for s in trunk.starts
            for e in trunk.ends
        ]
        self._between: dict[int, int] = {}

    def above(self, y: int) -> int:
        """Bits of the edges that run between row `y - 1` and row `y`."""
        gap = bisect_right(self._stops, y - 1)
        if gap not in self._between:
            bits = 0
            for low, high, carried in self._links:
                if low <= y - 1 and y <= high:
                    bits |= carried
            self._between[gap] = bits
        return self._between[gap]
