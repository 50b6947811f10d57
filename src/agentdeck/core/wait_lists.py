"""Who waits for a place: the ready tasks whose pool, or all slots, are full.

Rules: tasks are named by their place in the order in which they start. A heap keeps entries that
are old; whether one is, is asked when it comes first.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence

from agentdeck.core.footprint_index import Ranked
from agentdeck.core.ids import PoolName, TaskId


class Parked:
    """The parked tasks by what is full, and their files."""

    def __init__(self) -> None:
        self._heaps: dict[PoolName | None, list[int]] = {}  # full pool, or None: slots
        self._pools_of: dict[int, tuple[PoolName | None, ...]] = {}
        self._files = Ranked()
        self.on_files = False  # is anybody parked who touches files?

    def put(
        self, place: int, task: TaskId, files: Sequence[str], pools: tuple[PoolName | None, ...]
    ) -> None:
        """Park a task; `pools` are what is full, each of which would do. None = all slots."""
        self._pools_of[place] = pools
        for pool in pools:
            heapq.heappush(self._heaps.setdefault(pool, []), place)
        self._files.put(task, place, files)
        self.on_files = len(self._files) > 0

    def drop(self, place: int, task: TaskId) -> None:
        """A task is parked no more."""
        del self._pools_of[place]
        self._files.drop(task)
        self.on_files = len(self._files) > 0

    def first(self, pool: PoolName | None) -> int | None:
        """Who is first of those that are parked for a pool, or for a slot."""
        heap = self._heaps.get(pool)
        if not heap:
            return None
        return first_of(heap, lambda place: pool in self._pools_of.get(place, ()))

    def before(self, place: int, files: Sequence[str]) -> Iterable[TaskId]:
        """The parked tasks on some files that come before a place."""
        return self._files.every(files, place)


def first_of(heap: list[int], holds: Callable[[int], bool]) -> int | None:
    """The lowest entry of a heap that is not old. Old ones before it are thrown away."""
    while heap and not holds(heap[0]):
        heapq.heappop(heap)
    return heap[0] if heap else None
