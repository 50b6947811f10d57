"""A small picture of a large drawing, with the place of the window in it.

Rules: only where the drawing does not fit and the view has room to spare. Each cell stands for a
part of the drawing and is dark where a task is. The box keeps to a corner and gives way to the
cursor.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from agentdeck.tui.presentation.graph_layout import Layout

LEAST_WIDTH: Final = 60  # cells of a view that has room to spare
LEAST_HEIGHT: Final = 14  # rows
MOST_CELLS: Final = 24  # of the box, without its frame
MOST_ROWS: Final = 6
SHARE: Final = 4  # the box takes at most such a part of the view, each way


class Box(NamedTuple):
    """Where the minimap stands in the view, with its frame."""

    x: int
    y: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        """Is this cell of the view below it?"""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class Minimap(NamedTuple):
    """The picture: rows of cells, and how much of the drawing each stands for."""

    rows: tuple[str, ...]
    across: float  # cells of the drawing in one of its own
    down: float

    def seen(self, x: int, y: int, width: int, height: int) -> tuple[range, range]:
        """The columns and rows of the map that a window of the drawing covers."""
        columns, rows = len(self.rows[0]), len(self.rows)
        return (
            _part(x, width, self.across, columns),
            _part(y, height, self.down, rows),
        )


def minimap_of(layout: Layout, width: int, height: int) -> Minimap | None:
    """The map for a view of this size; None = it has no use or no room. O(tasks)."""
    fits = layout.width <= width and layout.height <= height
    if fits or width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return None
    columns = min(MOST_CELLS, width // SHARE)
    rows = min(MOST_ROWS, height // SHARE, layout.height)
    across = max(1.0, layout.width / columns)
    down = layout.height / rows
    cells = [[" "] * columns for _ in range(rows)]
    for place in layout.nodes.values():
        first, last = int(place.x / across), int((place.x + place.width - 1) / across)
        row = min(rows - 1, int(place.y / down))
        for column in range(first, min(last, columns - 1) + 1):
            cells[row][column] = "▪"
    return Minimap(tuple("".join(row) for row in cells), across, down)


def box_of(found: Minimap, width: int, height: int, *, top: int, cursor: tuple[int, int]) -> Box:
    """Where it stands: in the lower right corner, or the upper one where the cursor is there.

    Args:
        top: rows of the view that are kept free, for titles.
        cursor: a cell of the view.
    """
    wide, high = len(found.rows[0]) + 2, len(found.rows) + 2
    low = Box(width - wide, height - high, wide, high)
    return Box(low.x, top, wide, high) if low.holds(*cursor) else low


def _part(start: int, size: int, scale: float, cells: int) -> range:
    first = min(cells - 1, int(start / scale))
    end = min(cells, math.ceil((start + size) / scale))
    return range(first, max(first + 1, end))
