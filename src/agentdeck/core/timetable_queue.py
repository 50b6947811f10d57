"""The merge queue of a timetable: who is worked on, and who comes next.

Rules: one entry at a time, the higher priority first, then who came first. An entry of higher
priority sends the one that is being merged back; a landing that has begun is not called back.
"""

from __future__ import annotations

import heapq

from agentdeck.core.plan import Plan


class MergeQueue:
    """The entries, and the one that is worked on."""

    def __init__(self, plan: Plan) -> None:
        self._priority = [task.priority for task in plan.tasks]
        self._entries: list[tuple[int, int, int]] = []  # heap: -priority, number, task
        self._seen = 0
        self._building: int | None = None
        self._landing = False
        self.stirred = False  # since `next_to_build`: may it be another one by now?
        self.number = 0  # of the build; one that was dropped counts no more

    def put(self, at: int) -> None:
        """A new entry."""
        self.stirred = True
        self._seen += 1
        heapq.heappush(self._entries, (-self._priority[at], self._seen, at))

    def next_to_build(self) -> int | None:
        """The entry to start on now; None = it is worked on already, or there is none."""
        self.stirred = False
        if self._landing or not self._entries or self._entries[0][2] == self._building:
            return None
        self._building = self._entries[0][2]
        self.number += 1
        return self._building

    def is_built(self, at: int, number: int) -> bool:
        """Is this build still wanted? Then it lands."""
        self._landing = self._building == at and self.number == number
        self.stirred = self.stirred or not self._landing
        return self._landing

    def landed(self, at: int) -> None:
        """An entry is in. It was the first when its landing was intended; it may not be now."""
        self.stirred = True
        self._landing, self._building = False, None
        if self._entries[0][2] == at:
            heapq.heappop(self._entries)
        else:
            self._entries = [entry for entry in self._entries if entry[2] != at]
            heapq.heapify(self._entries)
