"""Which of many footprint patterns can meet this one, without a look at all of them.

Rules:
- A pattern is kept under its literal head (`core.pattern_heads`). A file looks up itself and the
  heads along its own path; a pattern with wildcards also looks at the heads that continue its own.
- What is found this way is asked again with `footprint.patterns_overlap`: the index never decides.
- Patterns that begin with a wildcard (`**/test_*.py`) have an empty head: everybody looks at them.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core import footprint
from agentdeck.core.ids import TaskId
from agentdeck.core.pattern_heads import head_of, shared
from agentdeck.core.plan import Task

LAST: Final = "\U0010ffff"  # sorts behind whatever continues a head
FEW: Final = 64  # tasks on one pattern that are kept one by one; more are bits of a number


class FootprintIndex:
    """A set of patterns. Adding and asking take O(length of the pattern) and what is found."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._closed: dict[str, list[str]] = {}  # head -> patterns that are all head
        self._open: dict[str, list[str]] = {}  # head -> patterns with wildcards behind it
        self._lengths: dict[int, int] = {}  # of the open heads -> how many there are
        self._sorted: list[str] | None = None  # all heads; made when it is first asked for
        for pattern in patterns:
            self.add(pattern)

    def add(self, pattern: str) -> None:
        """Put a pattern in that is not in it."""
        head, is_open = head_of(pattern)
        new = head not in self._closed and head not in self._open
        kept = self._open if is_open else self._closed
        if head not in kept:
            kept[head] = []
            if is_open:
                self._lengths[len(head)] = self._lengths.get(len(head), 0) + 1
        kept[head].append(pattern)
        if new and self._sorted is not None:
            insort(self._sorted, head)

    def discard(self, pattern: str) -> None:
        """Take a pattern out that is in it."""
        head, is_open = head_of(pattern)
        kept = self._open if is_open else self._closed
        kept[head].remove(pattern)
        if kept[head]:
            return
        del kept[head]
        if is_open:
            self._forget_length(len(head))
        if self._sorted is not None and head not in self._closed and head not in self._open:
            del self._sorted[bisect_left(self._sorted, head)]

    def _forget_length(self, length: int) -> None:
        self._lengths[length] -= 1
        if not self._lengths[length]:
            del self._lengths[length]

    def meeting(self, pattern: str) -> Iterator[str]:
        """The patterns in it that can meet `pattern`, which may be one of them.

        The order depends on nothing but the patterns and the order in which they were added.
        """
        head, is_open = head_of(pattern)
        if not is_open:
            yield from self._closed.get(head, ())
        for length in sorted(self._lengths):
            if length > len(head) or (is_open and length == len(head)):
                break
            for other in self._open.get(head[:length], ()):
                if footprint.patterns_overlap(pattern, other):
                    yield other
        if is_open:
            yield from self._continuing(pattern, head)

    def _continuing(self, pattern: str, head: str) -> Iterator[str]:
        """Those whose head is `head` or begins with it."""
        if self._sorted is None:
            self._sorted = sorted(self._closed.keys() | self._open.keys())
        heads = self._sorted
        at = bisect_left(heads, head)
        for found in heads[at : bisect_left(heads, head + LAST, at)] if head else list(heads):
            for other in (*self._closed.get(found, ()), *self._open.get(found, ())):
                if footprint.patterns_overlap(pattern, other):
                    yield other


class Ranked:
    """Who is on which files, each with a rank; answers who of lower rank is on the same ones.

    Each task is on it at most once. Every call takes O(patterns * log tasks) and what it finds.
    """

    def __init__(self) -> None:
        self._index = FootprintIndex()
        self._on: dict[str, list[tuple[int, TaskId]]] = {}  # pattern -> heap, old entries included
        self._count: dict[str, int] = {}  # pattern -> tasks that are on it now
        self._rank: dict[TaskId, int] = {}
        self._patterns: dict[TaskId, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._rank)

    def __contains__(self, task: TaskId) -> bool:
        return task in self._rank

    def put(self, task: TaskId, rank: int, patterns: Sequence[str]) -> None:
        """Note that a task is on these files, or that its rank has changed."""
        if not patterns:
            return
        if task in self._rank:
            self._rank[task] = rank
            for pattern in self._patterns[task]:
                heapq.heappush(self._on[pattern], (rank, task))
            return
        self._rank[task] = rank
        self._patterns[task] = mine = tuple(dict.fromkeys(patterns))
        for pattern in mine:
            if pattern not in self._on:
                self._on[pattern] = []
                self._count[pattern] = 0
                self._index.add(pattern)
            heapq.heappush(self._on[pattern], (rank, task))
            self._count[pattern] += 1

    def drop(self, task: TaskId) -> None:
        """Note that a task is on no files any more; nothing if it was not."""
        if self._rank.pop(task, None) is None:
            return
        for pattern in self._patterns.pop(task):
            self._count[pattern] -= 1
            if not self._count[pattern]:
                del self._count[pattern], self._on[pattern]
                self._index.discard(pattern)

    def first(self, patterns: Sequence[str], below: int) -> tuple[int, TaskId, str] | None:
        """The task of lowest rank below `below` that can meet one of `patterns`.

        Returns: its rank, the task, and which of `patterns` it meets.
        """
        best: tuple[int, TaskId, str] | None = None
        if not self._rank:
            return None
        for mine in patterns:
            for pattern in self._index.meeting(mine):
                rank, task = self._lowest(pattern)
                if rank < below and (best is None or (rank, task) < best[:2]):
                    best = (rank, task, mine)
        return best

    def any(self, patterns: Sequence[str], below: int) -> tuple[TaskId, str] | None:
        """Some task of a rank below `below` that can meet one of `patterns`, and which of them."""
        if not self._rank:
            return None
        for mine in patterns:
            for pattern in self._index.meeting(mine):
                rank, task = self._lowest(pattern)
                if rank < below:
                    return task, mine
        return None

    def every(self, patterns: Sequence[str], below: int) -> list[TaskId]:
        """All tasks of a rank below `below` that can meet one of `patterns`; lowest rank first."""
        found = {
            entry
            for mine in patterns
            for pattern in self._index.meeting(mine)
            for entry in self._on[pattern]
            if entry[0] < below and self._is_now(entry)
        }
        return [task for _, task in sorted(found)]

    def _lowest(self, pattern: str) -> tuple[int, TaskId]:
        heap = self._on[pattern]
        while not self._is_now(heap[0]):
            heapq.heappop(heap)
        return heap[0]

    def _is_now(self, entry: tuple[int, TaskId]) -> bool:
        return self._rank.get(entry[1]) == entry[0]


class Pair(msgspec.Struct, frozen=True):
    """Two tasks that may touch the same files. `a` comes first in the file."""

    a: TaskId
    b: TaskId
    pattern: str  # the first of `a` that can meet one of `b`


class Pairs(msgspec.Struct, frozen=True):
    """All such pairs of some tasks."""

    listed: tuple[Pair, ...]  # by the place of `a`, then of `b`
    total: int  # also those that are not listed


def pairs(
    tasks: Sequence[Task],
    limit: int,
    known: Mapping[TaskId, tuple[str, ...]] | None = None,
) -> Pairs:
    """The pairs of tasks whose footprints can meet.

    Args:
        tasks: n of them, in the order of the file.
        limit: how many are listed; all are counted.
        known: the patterns of each that others may touch (`pattern_heads.shared_files`), if
            somebody has looked already.

    O(patterns that meet + n * n / word) where many tasks share files, else near O(n). Tasks on a
    pattern that many are on are bits of a number, so that nobody counts pairs one by one.
    """
    if known is None:
        met = _Met(shared([task.files for task in tasks]))
    else:
        met = _Met([known.get(task.id, ()) for task in tasks])
    listed: list[Pair] = []
    total = 0
    for at, task in enumerate(tasks):
        if not met.files[at]:
            continue
        total += met.count_behind(at)
        if len(listed) < limit:
            for other in met.behind(at, limit - len(listed)):
                pattern = footprint.overlap(met.files[at], met.files[other])
                assert pattern is not None
                listed.append(Pair(task.id, tasks[other].id, pattern))
    return Pairs(tuple(listed), total)


class _Met:
    """For each task, which later ones it meets. Places stand for tasks."""

    def __init__(self, files: Sequence[tuple[str, ...]]) -> None:
        self.files = files  # of each task
        on: dict[str, list[int]] = {}
        for at, each in enumerate(files):
            for pattern in each:
                on.setdefault(pattern, []).append(at)
        self._index = FootprintIndex(on)
        self._few = {pattern: at for pattern, at in on.items() if len(at) <= FEW}
        self._many = {pattern: _bits(at, len(files)) for pattern, at in on.items() if len(at) > FEW}
        self._around: dict[str, tuple[tuple[int, ...], int]] = {}  # of patterns that many are on

    def _of_pattern(self, pattern: str) -> tuple[tuple[int, ...], int]:
        """Who can meet one pattern: some one by one, and the rest as bits."""
        known = self._around.get(pattern)
        if known is not None:
            return known
        few: set[int] = set()
        many = 0
        for other in self._index.meeting(pattern):
            few.update(self._few.get(other, ()))
            bits = self._many.get(other, 0)
            many = many | bits if many else bits  # most meet one at most: no copy of its bits
        if len(few) > FEW:
            few, many = set(), many | _bits(few, len(self.files))
        found = (tuple(few), many)
        if pattern in self._many:
            self._around[pattern] = found
        return found

    def _behind(self, at: int) -> tuple[list[int], int]:
        few: set[int] = set()
        many = 0
        for pattern in self.files[at]:
            one_by_one, bits = self._of_pattern(pattern)
            few.update(one_by_one)
            many = many | bits if many else bits
        many >>= at + 1
        return [x for x in few if x > at and not many >> (x - at - 1) & 1], many

    def count_behind(self, at: int) -> int:
        """How many later tasks task `at` meets."""
        few, many = self._behind(at)
        return len(few) + many.bit_count()

    def behind(self, at: int, most: int) -> list[int]:
        """The first `most` later tasks that task `at` meets."""
        few, many = self._behind(at)
        found: list[int] = []
        place = at + 1
        # Whole words are skipped as text: bits are read from the lowest.
        digits = f"{many:b}"[::-1] if many else ""
        step = digits.find("1")
        while step >= 0 and len(found) < most:
            found.append(place + step)
            step = digits.find("1", step + 1)
        return sorted([*few, *found])[:most]


def _bits(places: Iterable[int], count: int) -> int:
    """A number with a bit for each place, of `count` places. O(count)."""
    digits = bytearray((count + 7) // 8)
    for place in places:
        digits[place >> 3] |= 1 << (place & 7)
    return int.from_bytes(digits, "little")
