"""Which part of the time line is seen: all of it, or a window that is zoomed and panned.

Rules: all of it goes a little beyond its end, up to a round moment, so that it does not creep with
every new forecast. A window never leaves it; one that would be as large is all of it again (None).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from agentdeck.plans.analysis.time_axis import TimeScale

LEAST_S: Final = 20.0  # of a window; an attempt that takes seconds can still be told from others
LEAST_ALL_S: Final = 120.0  # of a run that has hardly begun
ZOOM: Final = 2.0  # a press
PAN: Final = 0.25  # of the window, a press
PARTS: Final = 8  # the end is rounded to about such a part of the whole
NEARLY: Final = 0.99  # of the whole is the whole: moments are floats
BEYOND: Final = 0.02  # of the whole, behind the last bar


class Window(NamedTuple):
    """Seconds since the epoch."""

    start: float
    end: float

    @property
    def length_s(self) -> float:
        """Seconds."""
        return self.end - self.start

    def scale(self, cells: int) -> TimeScale:
        """This window over so many cells."""
        return TimeScale(self.start, self.length_s, max(1, cells))


def whole(extent: tuple[float, float], *, ended: bool) -> Window:
    """All of a run; one that has ended ends where it did."""
    start, end = extent
    length = (end - start) * (1 + BEYOND)
    if ended:
        return Window(start, start + max(LEAST_S, length))
    length = max(LEAST_ALL_S, length)
    step = TimeScale(0.0, length, PARTS).step_s(1)
    return Window(start, start + step * math.ceil(length / step))


def zoomed(window: Window, everything: Window, by: float, anchor: float) -> Window | None:
    """`by` times as near, with `anchor` (seconds since the epoch) where it is; None = all of it."""
    length = max(LEAST_S, window.length_s / by)
    if length >= everything.length_s * NEARLY:
        return None
    at = min(window.end, max(window.start, anchor))
    share = (at - window.start) / window.length_s
    return _inside(Window(at - share * length, at + (1 - share) * length), everything)


def panned(window: Window, everything: Window, by: float) -> Window | None:
    """`by` windows further; None = all of it is seen as it is."""
    if window.length_s >= everything.length_s * NEARLY:
        return None
    step = by * window.length_s
    return _inside(Window(window.start + step, window.end + step), everything)


def _inside(window: Window, everything: Window) -> Window:
    back = max(0.0, window.end - everything.end)
    start = max(everything.start, window.start - back)
    return Window(start, start + window.length_s)
