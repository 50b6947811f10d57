"""Lines between two neighbouring columns of a drawn graph: who bends where, so that it can be read.

Rules:
- Lines with the same starts and the same ends are one *trunk*: a vertical with a branch each.
- Two lines share a cell only if they share their start or their end; else they cross, visibly.
- So the trunks of one gutter are ordered: a start whose row is the row of a foreign end leaves
  that row before the end's line begins, and where several trunks meet at one end only the first
  may run on past it.
- Where no such order exists a trunk is split, by start, then by end; at last a row is made free.
Source of the idea: channel routing with doglegs, Deutsch, DAC 1976.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agentdeck.tui.presentation.graph_layers import Layers

COUNTED_TRUNKS: Final = 40  # in one gutter; counting crossings pair by pair beyond this is slow
MAX_REPAIRS: Final = 10_000  # splits and new rows in one drawing; each removes a conflict for good


@dataclass(slots=True)
class Trunk:
    """A bundle of links between two columns, drawn as one vertical with branches."""

    starts: tuple[int, ...]  # items of the left column
    ends: tuple[int, ...]  # items of the right column
    start_rows: list[int]  # sorted
    end_rows: list[int]  # sorted
    low: int  # first and last row of the vertical
    high: int
    track: int = -1  # cells right of the gutter's first; -1 for a straight line without a vertical

    @classmethod
    def of(cls, starts: Sequence[int], ends: Sequence[int], rows: Sequence[int]) -> Trunk:
        """A trunk between items that stand on `rows`."""
        above, below = sorted(rows[i] for i in starts), sorted(rows[i] for i in ends)
        low, high = min(above[0], below[0]), max(above[-1], below[-1])
        return cls(tuple(starts), tuple(ends), above, below, low, high)

    def pure(self) -> bool:
        """Whether everything on it runs to one end."""
        return len(self.ends) == 1

    def may_follow(self, row: int) -> bool:
        """Whether a foreign line to the end in `row` may pass through the branch to it."""
        if row in self.start_rows:
            return False  # its own line fills the row from the left, so it comes first
        return self.pure() or row in {self.low, self.high}


class RowsNeededError(Exception):
    """No order of the trunks exists: these rows must not be used by both columns."""

    def __init__(self, rows: set[int], trunks: Sequence[Trunk]) -> None:
        super().__init__(rows)
        self.rows = rows
        self.trunks = trunks  # as far as they were split


def route(layers: Layers, rows: list[int]) -> list[list[Trunk]]:
    """Trunks with their tracks for each gutter (between column n and n + 1).

    `rows` is changed where a row had to be made free.
    """
    gutters: list[list[Trunk]] = []
    for gutter in range(len(layers.columns) - 1):
        bundles = _bundle(layers, gutter)
        for _ in range(MAX_REPAIRS):
            try:
                gutters.append(_assign_tracks(bundles, rows))
                break
            except RowsNeededError as needed:
                for row in sorted(needed.rows, reverse=True):
                    _free_row(layers, rows, gutter, row)
                if len(needed.trunks) > COUNTED_TRUNKS:  # from the start would be slow
                    bundles = [(trunk.starts, trunk.ends) for trunk in needed.trunks]
        else:
            raise AssertionError("each free row removes a conflict for good")
    return gutters


def _bundle(layers: Layers, gutter: int) -> list[tuple[Sequence[int], Sequence[int]]]:
    together: dict[tuple[int, ...], list[int]] = {}
    for number in layers.columns[gutter]:
        after = layers.items[number].after
        if after:
            together.setdefault(tuple(sorted(after)), []).append(number)
    return [(starts, ends) for ends, starts in together.items()]


def _free_row(layers: Layers, rows: list[int], gutter: int, row: int) -> None:
    for number, item in enumerate(layers.items):
        left = item.column <= gutter
        if rows[number] > row or (rows[number] == row and not left):
            rows[number] += 1


def _assign_tracks(
    bundles: Sequence[tuple[Sequence[int], Sequence[int]]], rows: Sequence[int]
) -> list[Trunk]:
    """Split bundles into trunks where needed, order them and give each the first free track.

    Raises:
        RowsNeededError: no order exists even with a trunk per line.
    """
    trunks = [Trunk.of(starts, ends, rows) for starts, ends in bundles]
    for _ in range(MAX_REPAIRS):
        before = _hard_order(trunks, rows)
        rings = _rings(before)
        if not rings:
            _compact(trunks, _sorted(trunks, before))
            return trunks
        chosen = {_easiest_split(trunks, ring) for ring in rings} - {None}
        if not chosen:
            raise RowsNeededError({_row_of_ring(trunks, ring) for ring in rings}, trunks)
        trunks = [
            part
            for number, trunk in enumerate(trunks)
            for part in (_split(trunk, rows) if number in chosen else [trunk])
        ]
    raise AssertionError("each split leaves fewer lines that can be split")


def _by_end(trunks: Sequence[Trunk]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, trunk in enumerate(trunks):
        for end in trunk.ends:
            found.setdefault(end, []).append(number)
    return found


def _split(trunk: Trunk, rows: Sequence[int]) -> list[Trunk]:
    """A trunk for each start, or for each end when there is one start."""
    if len(trunk.starts) > 1:
        return [Trunk.of((start,), trunk.ends, rows) for start in trunk.starts]
    return [Trunk.of(trunk.starts, (end,), rows) for end in trunk.ends]


def _hard_order(trunks: Sequence[Trunk], rows: Sequence[int]) -> list[set[int]]:
    """For each trunk the trunks that must stand left of it."""
    before: list[set[int]] = [set() for _ in trunks]
    starting: dict[int, list[tuple[int, int]]] = {}
    for number, trunk in enumerate(trunks):
        for start in trunk.starts:
            starting.setdefault(rows[start], []).append((number, start))
    for end, numbers in _by_end(trunks).items():
        first = {number for number in numbers if not trunks[number].may_follow(rows[end])}
        for here in numbers:
            before[here] |= first - {here}
            for other, start in starting.get(rows[end], ()):
                own = trunks[here].starts == (start,)  # lines of one start may share the row
                if other != here and not own and end not in trunks[other].ends:
                    before[here].add(other)
    return before


def _sorted(trunks: Sequence[Trunk], before: Sequence[set[int]]) -> list[int]:
    """An order that keeps `before`, which has no ring, with few crossings."""
    keys = [_preference(trunk) for trunk in trunks]
    waiting = [len(needed) for needed in before]
    after: list[list[int]] = [[] for _ in trunks]
    for number, needed in enumerate(before):
        for other in needed:
            after[other].append(number)
    cost: list[int] = [0] * len(trunks)  # crossings if it came next, less those if it came last
    versus = _versus(trunks) if len(trunks) <= COUNTED_TRUNKS else None
    if versus is not None:
        cost = [sum(row) for row in versus]
    free = {number for number, count in enumerate(waiting) if count == 0}
    order: list[int] = []
    while free:
        chosen = min(free, key=lambda n: (cost[n], keys[n], n))
        free.remove(chosen)
        order.append(chosen)
        if versus is not None:
            for number in range(len(trunks)):
                cost[number] -= versus[number][chosen]
        for number in after[chosen]:
            waiting[number] -= 1
            if waiting[number] == 0:
                free.add(number)
    return order


def _preference(trunk: Trunk) -> tuple[int, int]:
    """Lines that fall: the lower ones first; lines that rise: the upper ones first."""
    start = sum(trunk.start_rows) / len(trunk.start_rows)
    end = sum(trunk.end_rows) / len(trunk.end_rows)
    return (0, -trunk.high) if end >= start else (1, trunk.low)


def _versus(trunks: Sequence[Trunk]) -> list[list[int]]:
    """[a][b]: crossings when a stands left of b, less those when b stands left of a."""
    found = [[0] * len(trunks) for _ in trunks]
    for a, one in enumerate(trunks):
        for b in range(a):
            two = trunks[b]
            if one.low <= two.high and two.low <= one.high:
                found[a][b] = _crossings(one, two) - _crossings(two, one)
                found[b][a] = -found[a][b]
    return found


def _crossings(left: Trunk, right: Trunk) -> int:
    starts, ends = right.start_rows, left.end_rows
    return (
        bisect_right(starts, left.high)
        - bisect_left(starts, left.low)
        + bisect_right(ends, right.high)
        - bisect_left(ends, right.low)
    )


def _rings(before: Sequence[set[int]]) -> list[list[int]]:
    """Groups of trunks, each waiting for each other in a ring; no trunk is in two."""
    waiting = [len(needed) for needed in before]
    after: list[list[int]] = [[] for _ in before]
    for number, needed in enumerate(before):
        for other in needed:
            after[other].append(number)
    stuck = set(range(len(before)))
    free = [number for number, count in enumerate(waiting) if count == 0]
    rings: list[list[int]] = []
    while stuck:
        while free:
            number = free.pop()
            stuck.discard(number)
            for other in after[number]:
                waiting[other] -= 1
                if waiting[other] == 0 and other in stuck:
                    free.append(other)
        if stuck:
            at, path = min(stuck), dict[int, int]()
            while at not in path:
                path[at] = len(path)
                at = min(before[at] & stuck)
            ring = list(path)[path[at] :]
            rings.append(ring)
            stuck.difference_update(ring)
            free += ring
    return rings


def _easiest_split(trunks: Sequence[Trunk], ring: Sequence[int]) -> int | None:
    splittable = [number for number in ring if not trunks[number].pure()]
    return min(
        splittable,
        key=lambda n: (len(trunks[n].starts), len(trunks[n].ends), n),
        default=None,
    )


def _row_of_ring(trunks: Sequence[Trunk], ring: Sequence[int]) -> int:
    """The lowest row of the screen at which one of the ring starts and another one ends."""
    starts = {row for number in ring for row in trunks[number].start_rows}
    ends = {row for number in ring for row in trunks[number].end_rows}
    return max(starts & ends)


def _compact(trunks: Sequence[Trunk], order: Sequence[int]) -> None:
    """First free track left to right; a track is shared by verticals that do not touch."""
    placed: list[tuple[int, int, int]] = []  # low, high, track
    for number in order:
        trunk = trunks[number]
        low, high = trunk.low, trunk.high
        if low == high:
            trunk.track = -1
            continue
        trunk.track = max((t + 1 for a, b, t in placed if a <= high and low <= b), default=0)
        placed.append((low, high, trunk.track))
