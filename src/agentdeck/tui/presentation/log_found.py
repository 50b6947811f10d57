"""What is looked for in a log, what was found, and all that was found so far, in order.

Rules: hits are kept in the order of the file and are bounded by who looks for them (`log_search`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

import msgspec

from agentdeck.tui.presentation.log_pattern import Mark
from agentdeck.tui.presentation.log_rows import LogLook


class Query(msgspec.Struct, frozen=True):
    """What is looked for, and where."""

    path: str
    look: LogLook
    find: str | None = None  # None: every line
    keep: str | None = None  # only in lines that have this too
    at: int | None = None  # where the person stands, in bytes; None = at the end
    until: int | None = None  # where the file counts as ended


class Hit(msgspec.Struct, frozen=True, array_like=True):
    """A line that has it: its passage in bytes, its rows in the passage, and the places in them."""

    offset: int
    end: int
    row: int
    last: int
    marks: tuple[Mark, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """A report. Hits are in the order of the file, all before or behind those told before."""

    hits: tuple[Hit, ...] = ()
    ahead: bool = True  # behind those that are known; else before them
    again: int | None = None  # hits from this offset on are told anew
    done: bool = False
    cut: bool = False  # there may be more in that direction
    slow: bool = False  # the pattern needs too long: given up


class Hits:
    """Hits so far, in order."""

    def __init__(self) -> None:
        self._hits: list[Hit] = []
        self._places: list[tuple[int, int]] = []
        self._offsets: list[int] = []  # of passages with a hit, each once
        self._ends: dict[int, int] = {}
        self._by_offset: dict[int, list[Hit]] = {}
        self.done = False
        self.slow = False
        self.cut_ahead = self.cut_behind = False  # there may be more in that direction

    def __len__(self) -> int:
        return len(self._hits)

    @property
    def whole(self) -> bool:
        """Are these all there are?"""
        return self.done and not (self.slow or self.cut_ahead or self.cut_behind)

    @property
    def offsets(self) -> list[int]:
        """Where the passages with a hit begin, in order."""
        return self._offsets

    def end_of(self, offset: int) -> int:
        """Where that passage ends."""
        return self._ends[offset]

    def take(self, found: Found) -> None:
        """One more report."""
        if found.again is not None:
            self._forget(found.again)
        self.done, self.slow = found.done, self.slow or found.slow
        if found.cut and found.ahead:
            self.cut_ahead = True
        elif found.cut:
            self.cut_behind = True
        if not found.hits:
            return
        at = len(self._hits) if found.ahead else 0
        self._hits[at:at] = found.hits
        self._places[at:at] = [(hit.offset, hit.row) for hit in found.hits]
        fresh: list[int] = []
        for hit in found.hits:
            if hit.offset not in self._by_offset:
                fresh.append(hit.offset)
                self._by_offset[hit.offset] = []
            self._by_offset[hit.offset].append(hit)
            self._ends[hit.offset] = hit.end
        at = len(self._offsets) if found.ahead else 0
        self._offsets[at:at] = fresh

    def of(self, offset: int) -> list[Hit]:
        """The hits in one passage."""
        return self._by_offset.get(offset, [])

    def marks(self, offset: int) -> Iterator[Mark]:
        """What is to be coloured in one passage."""
        return (mark for hit in self.of(offset) for mark in hit.marks)

    def hit(self, number: int) -> Hit:
        """One of them, counted from 0."""
        return self._hits[number]

    def number_of(self, place: tuple[int, int]) -> int | None:
        """Which hit is at this place, if one is."""
        at = bisect_left(self._places, place)
        return at if at < len(self._places) and self._places[at] == place else None

    def step(self, place: tuple[int, int], by: int) -> int | None:
        """The number of the next hit behind or before a place; wraps around at the ends."""
        if not self._hits:
            return None
        if by > 0:
            return bisect_right(self._places, place) % len(self._places)
        return (bisect_left(self._places, place) - 1) % len(self._places)

    def between(self, first: tuple[int, int], last: tuple[int, int]) -> list[Hit]:
        """The hits at these places and between them."""
        low, high = bisect_left(self._places, first), bisect_right(self._places, last)
        return self._hits[low:high]

    def _forget(self, offset: int) -> None:
        at = bisect_left(self._places, (offset, 0))
        for hit in self._hits[at:]:
            self._by_offset.pop(hit.offset, None)
            self._ends.pop(hit.offset, None)
        del self._hits[at:], self._places[at:]
        del self._offsets[bisect_left(self._offsets, offset) :]
