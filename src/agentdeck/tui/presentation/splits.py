"""Where the borders between the panes of the room stand, in cells and as shares.

Rules:
- A border is remembered as a share of the room, so it stands where it was left at every size of the
  terminal, as far as the least sizes of the panes allow.
- Each arrangement has borders of its own: four panes, and five with the wall of tails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LEAST_WIDTH: Final = 32  # cells of a pane, with its frame: an id, a state and some words
LEAST_HEIGHT: Final = 5  # rows of a pane, with its frame: three rows of content
LEAST_TOP: Final = 9  # rows of plan and task: tabs, or the graph and why a task stands there
KEY_CELLS: Final = 2  # by which a key moves a border sideways
KEY_ROWS: Final = 1


class Border(StrEnum):
    """One border; its name is that in the file of the layout."""

    COLUMNS = "columns"  # plan | task
    ROWS = "rows"  # plan and task above, agents and queue below
    WIDE_COLUMNS = "wide-columns"
    WIDE_ROWS = "wide-rows"
    WIDE_LOWER = "wide-lower"  # agents above, queue below


@dataclass(frozen=True)
class Places:
    """Where the borders stand: cells from the room's left and top edge."""

    column: int
    row: int
    lower: int | None = None  # None: there is no such border


class Axis(StrEnum):
    """What can be moved, whatever the arrangement."""

    COLUMN = "column"
    ROW = "row"
    LOWER = "lower"


@dataclass(frozen=True)
class Frame:
    """The room of the panes."""

    width: int
    height: int
    wide: bool

    def names(self, axis: Axis) -> tuple[Border, ...]:
        """The borders that stand or fall with an axis: rows one below the other are one thing."""
        if axis is Axis.COLUMN:
            return (Border.WIDE_COLUMNS,) if self.wide else (Border.COLUMNS,)
        return (Border.WIDE_ROWS, Border.WIDE_LOWER) if self.wide else (Border.ROWS,)

    def kept_in(self, places: Places) -> Places:
        """The nearest places at which every pane has its least size."""
        column = _between(LEAST_WIDTH, places.column, self.width - LEAST_WIDTH)
        below = LEAST_HEIGHT if places.lower is None else 2 * LEAST_HEIGHT
        row = _between(LEAST_TOP, places.row, self.height - below)
        if places.lower is None:
            return Places(column, row)
        lower = _between(row + LEAST_HEIGHT, places.lower, self.height - LEAST_HEIGHT)
        return Places(column, row, lower)

    def shares(self, places: Places) -> dict[Border, float]:
        """Where every border stands, as a share of the room, 0 to 1."""
        rows = [places.row] if places.lower is None else [places.row, places.lower]
        by_row = zip(self.names(Axis.ROW), rows, strict=True)
        return {
            self.names(Axis.COLUMN)[0]: round(places.column / max(1, self.width), 4),
            **{name: round(row / max(1, self.height), 4) for name, row in by_row},
        }

    def placed(self, shares: Mapping[str, float]) -> Places:
        """Where the borders stand by these shares; what is missing is in the middle."""
        column = round(shares.get(self.names(Axis.COLUMN)[0], 0.5) * self.width)
        rows = self.names(Axis.ROW)
        row = round(shares.get(rows[0], 0.5) * self.height)
        if not self.wide:
            return self.kept_in(Places(column, row))
        lower = shares.get(rows[1])
        middle = (row + self.height) // 2
        there = middle if lower is None else round(lower * self.height)
        return self.kept_in(Places(column, row, there))


def touched(places: Places, x: int, y: int) -> dict[Axis, int]:
    """The borders that the pointer is on, each with how far it is from the border's own cell.

    Two frames meet at a border, so it is two cells thick; where two borders cross, both move.
    """
    found: dict[Axis, int] = {}
    if (off := x - places.column) in (-1, 0):
        found[Axis.COLUMN] = off
    if (off := y - places.row) in (-1, 0):
        found[Axis.ROW] = off
    elif places.lower is not None and (off := y - places.lower) in (-1, 0) and x < places.column:
        found[Axis.LOWER] = off
    return found


def _between(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most)) if least <= most else (least + most) // 2


__all__ = ["KEY_CELLS", "KEY_ROWS", "Axis", "Border", "Frame", "Places", "touched"]
