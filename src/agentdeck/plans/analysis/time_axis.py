"""Time on a row of cells: where a moment stands, how far a bar reaches, where an axis has figures.

Rules: a bar is at least one cell wide, so short ones look longer than they are; bars that follow
each other in time do not overlap but for that. Figures stand at round moments. One layout for every
face that draws a time line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

DAY_S: Final = 86_400.0
MINUTE_S: Final = 60.0
# Seconds between two figures of an axis, below a day; above it whole days.
STEPS_S: Final = (
    *(1.0, 2.0, 5.0, 10.0, 15.0, 30.0),
    *(MINUTE_S * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720)),
    DAY_S,
)


class Bar(NamedTuple):
    """Cells from `first` up to `end`, which is behind the last."""

    first: int
    end: int


class TimeScale(NamedTuple):
    """A window of time over a number of cells. Any zero will do for the seconds."""

    start_s: float
    length_s: float  # 0 or more
    cells: int  # at least 1

    @property
    def per_cell_s(self) -> float:
        """Seconds of one cell."""
        return self.length_s / self.cells if self.length_s > 0 else 1.0

    def cell(self, at_s: float) -> int:
        """The cell of a moment; outside of the window below 0, or `cells` and above."""
        if self.length_s <= 0:
            return math.floor(at_s - self.start_s)
        return math.floor((at_s - self.start_s) * self.cells / self.length_s)

    def bar(self, start_s: float, end_s: float) -> Bar | None:
        """The cells of a span, cut at the window; None = none of it is in the window."""
        first, end = self.cell(start_s), self.cell(end_s)
        if first > self.cells or end < 0 or (first == self.cells and end > first):
            return None
        first = max(0, min(self.cells - 1, first))
        return Bar(first, min(self.cells, max(first + 1, end)))

    def step_s(self, gap: int, least_s: float = 1.0) -> float:
        """Round seconds between two figures that stand `gap` cells apart or more."""
        wanted = max(least_s, self.per_cell_s * gap)
        step = next((step for step in STEPS_S if step >= wanted), 0.0)
        return step or DAY_S * -(-wanted // DAY_S)

    def ticks(
        self, gap: int, *, zero_s: float = 0.0, least_s: float = 1.0
    ) -> Iterator[tuple[float, int]]:
        """Round moments of the window with their cells, at most one each `gap` cells.

        Args:
            zero_s: the moment from which steps are counted.
        """
        step = self.step_s(gap, least_s)
        number = -((zero_s - self.start_s) // step)  # the first one at the start or behind it
        while (moment := zero_s + number * step) <= self.start_s + self.length_s:
            if 0 <= (cell := self.cell(moment)) < self.cells:
                yield moment, cell
            number += 1
