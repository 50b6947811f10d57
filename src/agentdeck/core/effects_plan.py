"""Effects of a changed plan on a run: tasks appear, disappear, are deferred or wanted after all.

Rules: `core.replan_rules` has let the change through, so nothing is judged here. A task keeps its
run as long as the plan has it; a task's state changes by the table of `transitions` alone.
"""

from __future__ import annotations

from agentdeck.core import events as e
from agentdeck.core.effects_shared import forget_troubles
from agentdeck.core.plan import Task
from agentdeck.core.replan import changed
from agentdeck.core.state import RunState, TaskRun, TaskState
from agentdeck.core.transitions import targets


def begun(task: Task, at: float) -> TaskRun:
    """A task of which nothing has happened yet."""
    return TaskRun(
        id=task.id,
        state=TaskState.DEFERRED if task.defer else TaskState.PENDING,
        since=at,
        reason=task.defer or "",
    )


def take(state: RunState, event: e.PlanChanged, at: float) -> None:
    """Bring plan and tasks in line with the change. O(tasks)."""
    state.plan = changed(state.plan, event.change)
    state.plan_changes = event.revision
    if event.change.agents_limit is not None:
        state.agents_limit = event.change.agents_limit
    for dropped in event.change.dropped:
        forget_troubles(state, dropped)
    for task in event.change.put:
        run = state.tasks.get(task.id)
        if run is not None:
            _defer(run, task, at)
    runs = state.tasks
    state.tasks = {t.id: runs[t.id] if t.id in runs else begun(t, at) for t in state.plan.tasks}


def _defer(run: TaskRun, task: Task, at: float) -> None:
    """A task that is deferred now, or is not any more."""
    possible = targets(run.state, e.PlanChanged)
    wanted = TaskState.DEFERRED if task.defer else TaskState.PENDING
    if wanted in possible:
        run.state, run.since, run.retry_at = wanted, at, None
    if run.state is TaskState.DEFERRED or wanted in possible:
        run.reason = task.defer or ""
