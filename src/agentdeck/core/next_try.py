"""What a person's retry of a task would be, before anybody asks for it.

Rule: it is the assignment that the scheduler would make at this moment if the task were retried; a
start that has to wait may fall to another agent by then.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.assignment import Assignment, assign
from agentdeck.core.events import FailureClass, NextSession
from agentdeck.core.policy import next_session
from agentdeck.core.state import RunState, TaskRun


def next_try(state: RunState, task: TaskRun, now: float) -> Assignment:
    """Who would make the next attempt, and in which conversation; `now` is in epoch seconds."""
    fresh = bool(task.reverted) or task.cause is FailureClass.GIT
    conflict = task.cause is FailureClass.CONFLICT
    retried = msgspec.structs.replace(
        task,
        given_to=None,
        resolver=state.plan.queue.resolver if conflict else None,
        fresh=fresh,
        next_session=NextSession.NEW if task.reverted else next_session(task.cause),
    )
    return assign(state, retried, now)


__all__ = ["next_try"]
