"""The merge queue of a timetable: who is worked on, and who comes next.

Rules: one batch at a time, of those that come first: the higher priority, then who came first. An
entry of higher priority that comes in between sends the batch back that is being merged; a landing
that has begun is not called back. How many go into a batch adapts as in `core.train`, where nothing
is ever red here. With more than one gate slot a run is a little faster than this.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable

from agentdeck.core.plan import MAX_BATCH, Plan
from agentdeck.core.state import FIRST_BATCH


class MergeQueue:
    """The entries, and those that are worked on."""

    def __init__(self, plan: Plan, gated: Callable[[int], bool]) -> None:
        """`gated`: does a gate have to pass before a task lands? Who has none lands by itself."""
        self._gated = gated
        self._priority = [task.priority for task in plan.tasks]
        self._entries: list[tuple[int, int, int]] = []  # sorted: -priority, number, task
        self._seen = 0
        self._most = plan.queue.batch
        self._size = FIRST_BATCH
        self._landing = False
        self.building: list[int] = []  # tasks, in their order
        self.stirred = False  # since `next_to_build`: may it be another one by now?
        self.number = 0  # of the build; one that was dropped counts no more

    def put(self, at: int) -> None:
        """A new entry."""
        self.stirred = True
        self._seen += 1
        insort(self._entries, (-self._priority[at], self._seen, at))

    def next_to_build(self) -> list[int]:
        """The entries to start on now; none = they are worked on already, or there are none."""
        self.stirred = False
        if self._landing or not self._entries:
            return []
        count = len(self.building)
        if count and [entry[2] for entry in self._entries[:count]] == self.building:
            return []
        first = [entry[2] for entry in self._entries[: min(self._size, self._most)]]
        free = next((n for n, at in enumerate(first) if not self._gated(at)), len(first))
        self.building = first[: max(1, free)]
        self.number += 1
        return self.building

    def is_built(self, number: int) -> bool:
        """Is this build still wanted? Then it lands."""
        if self._landing:
            return False
        self._landing = self.number == number and bool(self.building)
        if self._landing:
            self._size = min(self._size + 1, MAX_BATCH)
        self.stirred = self.stirred or not self._landing
        return self._landing

    def landed(self) -> list[int]:
        """They are in. They were the first when their landing was intended; they may not be now."""
        self.stirred = True
        gone, self.building, self._landing = self.building, [], False
        if [entry[2] for entry in self._entries[: len(gone)]] == gone:
            del self._entries[: len(gone)]
        else:
            out = set(gone)
            self._entries = [entry for entry in self._entries if entry[2] not in out]
        return gone
