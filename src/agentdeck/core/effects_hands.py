"""Effects of a person taking a task over and giving it back."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core.effects_shared import attempt_of, forget_troubles
from agentdeck.core.state import RunState, Wanted

HandsEvent = e.TaskTakeOverAsked | e.TaskHandedBack | e.HandBackRefused


def take(state: RunState, event: HandsEvent) -> None:
    """The effect of `event` on everything but the task's state."""
    task = state.tasks[event.task]
    match event:
        case e.TaskTakeOverAsked():
            task.wanted, task.taken_by = Wanted.TAKE, event.by
        case e.TaskHandedBack():
            attempt = attempt_of(state, event.task)
            if task.wanted is Wanted.TAKE:
                task.wanted = Wanted.RUN
            attempt.hands, attempt.goes_on_after = event.by, event.go_on
            attempt.hand_backs += 1
        case e.HandBackRefused():
            attempt = attempt_of(state, event.task)
            attempt.collected, attempt.goes_on_after = None, False
            task.reason, task.taken_by = event.reason, attempt.hands
            forget_troubles(state, event.task)
        case _ as never:
            assert_never(never)
