"""What the explanations of several tasks share, so that a list of them costs one look and not many.

Rules: each fact is found when it is first asked for, and belongs to one state at one moment. An
explanation is the same with it and without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

from agentdeck.core import train
from agentdeck.core.ids import PhaseId, RepoName, TaskId
from agentdeck.core.lanes import of_entry
from agentdeck.core.scheduler import Blocker, admission
from agentdeck.core.state import STUCK, Entry, RunState, TaskRun, TaskState


class Shared:
    """The facts of one moment."""

    def __init__(self, state: RunState, now: float) -> None:
        """`now`: seconds since the epoch."""
        self._state, self._now = state, now
        self._blockers: dict[TaskId, Blocker | None] = {}
        self._cars: dict[RepoName, list[train.Car]] = {}
        self._phases: dict[PhaseId, str] = {}

    def blocker(self, task: TaskId) -> Blocker | None:
        """What blocks a ready task. One walk for all of them, no further than it is asked for."""
        while task not in self._blockers:
            following = next(self._walk, None)
            if following is None:
                return None
            self._blockers[following[0].id] = following[1]
        return self._blockers[task]

    @cached_property
    def _walk(self) -> Iterator[tuple[TaskRun, Blocker | None]]:
        return admission(self._state, self._now)

    def cars(self, entry: Entry) -> list[train.Car]:
        """The train of the repository that an entry is for."""
        if entry.repo not in self._cars:
            self._cars[entry.repo] = train.cars(of_entry(self._state, entry))
        return self._cars[entry.repo]

    def phase(self, phase: PhaseId, say: Callable[[], str]) -> str:
        """What is said of everybody who waits for a phase; `say` makes it, once."""
        if phase not in self._phases:
            self._phases[phase] = say()
        return self._phases[phase]

    def held_up_by(self, task: TaskId) -> TaskRun | None:
        """The nearest stuck task that a task needs, directly or not; None = there is none."""
        found = self._roots.get(task)
        return None if found is None else self._state.tasks[found]

    @cached_property
    def _roots(self) -> dict[TaskId, TaskId]:
        """By task the nearest stuck one; of equally near ones, by what it needs first. O(plan)."""
        state = self._state
        dependents, spec = state.plan.dependents, state.plan.by_id
        found = {task.id: task.id for task in state.tasks.values() if is_stuck(task)}
        steps = dict.fromkeys(found, 0)
        frontier, at = list(found), 0
        while frontier:
            behind = {name for task in frontier for name in dependents.get(task, ())}
            frontier, at = [name for name in behind if name not in steps], at + 1
            steps.update(dict.fromkeys(frontier, at))
            for name in frontier:
                found[name] = next(
                    found[need] for need in spec[name].after if steps.get(need) == at - 1
                )
        return found


def is_stuck(task: TaskRun) -> bool:
    """Does nobody start who needs it, unless a person does something?"""
    dropped = task.state in (TaskState.SKIPPED, TaskState.DEFERRED) and not task.satisfied
    return task.state in STUCK or dropped


__all__ = ["Shared", "is_stuck"]
