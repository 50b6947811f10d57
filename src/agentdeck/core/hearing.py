"""Who hears what a person says, and when.

Rules:
- An agent hears a message now when it reads its input while it works, nobody is ending it, and its
  input is still open. Everybody else hears it with the next turn, in the next attempt's prompt.
- Nothing is lost: what an attempt was sent and did not get is told with the next turn.
- While a task waits for a yes, or is being merged, no turn will follow by itself.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.state import (
    LIVE,
    Attempt,
    Message,
    QueuedMessage,
    RunState,
    TaskRun,
    TaskState,
    Wanted,
)

_SPEAKS: Final = LIVE | {TaskState.PREPARING}
# A turn follows, or may follow: by itself, or because a person wants one.
TURN_TO_COME: Final = _SPEAKS | {
    TaskState.PENDING,
    TaskState.READY,
    TaskState.CHECKING,
    TaskState.RETRYING,
    TaskState.FAILED,
    TaskState.CANCELLED,
}


def hears(state: RunState, task: TaskRun) -> bool:
    """Is there an agent that gets a message of this moment while it works?"""
    attempt = task.attempt
    if attempt is None or task.state not in _SPEAKS or attempt.limit is not None:
        return False
    return task.wanted in (Wanted.RUN, Wanted.PAUSE) and can_listen(state, task)


def can_listen(state: RunState, task: TaskRun) -> bool:
    """Does the task's agent read messages while it works?"""
    if task.attempt is None:
        return False
    return state.plan.agent_by_name[task.attempt.agent].listens


def next_message(attempt: Attempt) -> Message | None:
    """What has to be written to the agent's input next."""
    return next((message for message in attempt.messages if not message.delivered), None)


def requeue(task: TaskRun, attempt: Attempt) -> None:
    """Keep for the next turn what the attempt was told and did not hear."""
    never_began = attempt.launched_at is None
    again = list(attempt.told) if never_began else []
    number = task.queued_so_far
    for message in attempt.messages:
        if not message.delivered and message.answers is None and not message.requeued:
            message.requeued = True
            number += 1
            at = message.sent_at
            again.append(QueuedMessage(f"n{number}", message.text, message.by, at))
    attempt.told = () if never_began else attempt.told
    task.queued = (*again, *task.queued)
    task.queued_so_far = number
