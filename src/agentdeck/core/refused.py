"""How a command is refused, and the task that a command is about."""

from __future__ import annotations

from agentdeck.core.errors import RefusedError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskRun


class Refused(RefusedError):
    """The command cannot be carried out now; the message says why."""


def task_of(state: RunState, task_id: TaskId) -> TaskRun:
    """The task that is meant. Raises Refused when there is none."""
    task = state.tasks.get(task_id)
    if task is None:
        raise Refused(f"there is no task {task_id}")
    return task
