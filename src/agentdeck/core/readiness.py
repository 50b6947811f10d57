"""Readiness: which tasks may start as far as dependencies and phases go.

Rules: `ready` is not an event. It is what the other facts mean, brought in line by
`refresh_readiness` after every event that can change it.
"""

from __future__ import annotations

from agentdeck.core.graph import closure
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Strategy
from agentdeck.core.state import RunState, TaskState


def phase_open(state: RunState, phase: PhaseId | None) -> bool:
    """May tasks of this phase start, as far as barriers go?"""
    return not barrier_phases(state, phase)


def barrier_phases(state: RunState, phase: PhaseId | None) -> list[PhaseId]:
    """The phases that must close before a task of `phase` may start, in plan order."""
    if phase is None:
        return []
    plan = state.plan
    waves = plan.strategy is Strategy.WAVES
    earlier = plan.phases[: plan.phase_index[phase]]
    return [p.id for p in earlier if (p.sync or waves) and p.id not in state.closed_phases]


def refresh_readiness(state: RunState, at: float) -> None:
    """Bring `pending` and `ready` in line with the other facts. O(tasks + dependencies)."""
    for task in state.tasks.values():
        if task.state not in (TaskState.PENDING, TaskState.READY):
            continue
        spec = state.spec(task.id)
        open_now = phase_open(state, spec.phase) and all(
            state.tasks[needed].satisfied for needed in spec.after
        )
        right = TaskState.READY if open_now else TaskState.PENDING
        if task.state is not right:
            task.state, task.since = right, at


def reopen(state: RunState) -> None:
    """Phases that were closed over a skipped task which is wanted again are open again."""
    unsettled = {
        state.spec(task.id).phase
        for task in state.tasks.values()
        if task.state in (TaskState.PENDING, TaskState.READY)
    }
    state.closed_phases -= {phase for phase in unsettled if phase is not None}


def cascade(state: RunState, task_id: TaskId) -> list[TaskId]:
    """The tasks that need `task_id`, directly or not, and have not settled; nearest first."""
    return [
        other
        for other in closure(task_id, state.plan.dependents)
        if state.tasks[other].state not in (TaskState.LANDED, TaskState.SKIPPED)
    ]
