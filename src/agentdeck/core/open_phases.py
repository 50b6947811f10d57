"""Which phases of a plan are open, and which may be closed, as a run goes on.

Rules, as `core.readiness` and `core.next_steps` have them: a phase that ends in a sync point, or
any phase of a run in waves, is a barrier. Nothing behind the first barrier that is not closed is
open. A phase may be closed once all of its tasks have settled, and nothing behind such a barrier.
"""

from __future__ import annotations

import heapq

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.wait_lists import first_of


class OpenPhases:
    """Which phases are open, and which may be closed. As `core.readiness` and `next_steps` say."""

    def __init__(self, plan: Plan, strategy: Strategy, closed: set[PhaseId]) -> None:
        waves = strategy is Strategy.WAVES
        self._index = plan.phase_index
        self._ids = [phase.id for phase in plan.phases]
        self._closed = [phase.id in closed for phase in plan.phases]
        self._barriers = [at for at, phase in enumerate(plan.phases) if phase.sync or waves]
        self._barrier = 0  # of `_barriers`: the first that is not closed
        self._unsettled = [0] * len(self._ids)
        self._waiting: list[list[TaskId]] = [[] for _ in self._ids]
        for task in plan.tasks:
            if task.phase is not None:
                self._unsettled[self._index[task.phase]] += 1
        self._settled = [at for at, count in enumerate(self._unsettled) if not count]  # a heap
        self._skip_closed()

    def _skip_closed(self) -> None:
        while self._barrier < len(self._barriers) and self._closed[self._barriers[self._barrier]]:
            self._barrier += 1

    def is_open(self, phase: PhaseId | None) -> bool:
        """May tasks of this phase start?"""
        if phase is None or self._barrier == len(self._barriers):
            return True
        return self._index[phase] <= self._barriers[self._barrier]

    def wait(self, phase: PhaseId | None, task: TaskId) -> None:
        """A task would be ready if its phase were open."""
        assert phase is not None
        self._waiting[self._index[phase]].append(task)

    def settle(self, phase: PhaseId | None) -> None:
        """One task of a phase has settled."""
        if phase is None:
            return
        at = self._index[phase]
        self._unsettled[at] -= 1
        if not self._unsettled[at]:
            heapq.heappush(self._settled, at)

    def closable(self) -> PhaseId | None:
        """The first phase that has settled and is not closed, if no barrier stands before it."""
        at = first_of(self._settled, lambda at: not self._closed[at])
        if at is None:
            return None
        if self._barrier < len(self._barriers) and at > self._barriers[self._barrier]:
            return None
        return self._ids[at]

    def close(self, phase: PhaseId) -> list[TaskId]:
        """Close a phase. Returns the tasks that waited for this alone."""
        before = self._barrier
        self._closed[self._index[phase]] = True
        self._skip_closed()
        if self._barrier == before:
            return []
        first = self._barriers[before] + 1
        left = self._barriers[self._barrier :]
        last = left[0] if left else len(self._ids) - 1
        found = [task for at in range(first, last + 1) for task in self._waiting[at]]
        for at in range(first, last + 1):
            self._waiting[at] = []
        return found
