"""Which phases of a plan are open, and which may be closed, as a run goes on.

Rules, as `core.readiness` and `core.next_steps` have them: a phase that ends in a sync point, or
any phase of a run in waves, is a barrier. Nothing behind the first barrier that is not closed is
open. A phase may be closed once all of its tasks have settled, and nothing behind such a barrier.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Final

from agentdeck.core.ids import PhaseId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.wait_lists import first_of

NO_PHASE: Final = -1  # where the phase of a task would stand; such a task is behind no barrier


class OpenPhases:
    """Phases are named by their position in the file, from 0; tasks by whatever number."""

    def __init__(self, plan: Plan, strategy: Strategy, closed: set[PhaseId]) -> None:
        waves = strategy is Strategy.WAVES
        self._closed = [phase.id in closed for phase in plan.phases]
        self._barriers = [at for at, phase in enumerate(plan.phases) if phase.sync or waves]
        self._barrier = 0  # of `_barriers`: the first that is not closed
        members = Counter([task.phase for task in plan.tasks])
        self._unsettled = [members[phase.id] for phase in plan.phases]
        self._waiting: list[list[int]] = [[] for _ in plan.phases]
        self._settled = [at for at, count in enumerate(self._unsettled) if not count]  # a heap
        self.last_open = NO_PHASE  # tasks of later phases may not start
        self._skip_closed()

    def _skip_closed(self) -> None:
        while self._barrier < len(self._barriers) and self._closed[self._barriers[self._barrier]]:
            self._barrier += 1
        left = self._barriers[self._barrier :]
        self.last_open = left[0] if left else len(self._closed) - 1

    def wait(self, phase: int, task: int) -> None:
        """A task would be ready if its phase were open."""
        self._waiting[phase].append(task)

    def settle(self, phase: int) -> bool:
        """One task of a phase has settled. Returns whether all of them have by now."""
        if phase == NO_PHASE:
            return False
        self._unsettled[phase] -= 1
        if self._unsettled[phase]:
            return False
        heapq.heappush(self._settled, phase)
        return True

    def closable(self) -> int | None:
        """The first phase that has settled and is not closed, if no barrier stands before it."""
        at = first_of(self._settled, lambda at: not self._closed[at])
        return None if at is None or at > self.last_open else at

    def close(self, phase: int) -> list[int]:
        """Close a phase. Returns the tasks that waited for this alone."""
        before = self.last_open
        self._closed[phase] = True
        self._skip_closed()
        found: list[int] = []
        for at in range(before + 1, self.last_open + 1):
            found += self._waiting[at]
            self._waiting[at] = []
        return found
