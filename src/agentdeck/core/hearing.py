"""Who hears what a person says, and when.

Rules:
- An agent hears a message now when it reads its input while it works, nobody is ending it, and its
  input is still open. Everybody else hears it with the next turn, in the next attempt's prompt.
- An agent that waits for more after each turn is told that nothing comes once it has ended a turn,
  has heard everything and asks nothing. What is said before that makes a further turn of it.
- What was asked through a tool is answered there: its call takes the answer from the journal. An
  agent that has ended its turn meanwhile makes no such call: it is told, and begins another turn.
- Nothing is lost: what an attempt was sent and did not get is told with the next turn.
- While a task waits for a yes, or is being merged, no turn will follow by itself.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.state import (
    LIVE,
    Attempt,
    Message,
    Question,
    QueuedMessage,
    RunState,
    TaskRun,
    TaskState,
    Wanted,
)

PROMPT: Final = "prompt"  # the id of the first words to an agent that is given them as a message
_SPEAKS: Final = LIVE | {TaskState.PREPARING}
# A turn follows, or may follow: by itself, or because a person wants one.
TURN_TO_COME: Final = _SPEAKS | {
    TaskState.PENDING,
    TaskState.READY,
    TaskState.TAKEN,
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
    if attempt.input_closed:
        return False
    return task.wanted in (Wanted.RUN, Wanted.PAUSE) and can_listen(state, task)


def hears_answer(state: RunState, task: TaskRun, question: Question | None = None) -> bool:
    """Is there an agent that gets an answer to the question; None = to its oldest one?

    What was asked through a tool of ours is answered there, whatever the agent reads meanwhile.
    """
    attempt = task.attempt
    asked = question if question is not None or attempt is None else attempt.question
    if asked is None or not asked.by_tool:
        return hears(state, task)
    return calls(task)


def calls(task: TaskRun) -> bool:
    """Is there an agent that may call our tools? Not one that has ended, or is being ended."""
    attempt = task.attempt
    if attempt is None or task.state not in LIVE or attempt.launched_at is None:
        return False
    over = attempt.exit is not None or attempt.limit is not None
    return not over and task.wanted in (Wanted.RUN, Wanted.PAUSE)


def taken_by_tool(state: RunState, attempt: Attempt) -> str | None:
    """The id of an answer that a call of a tool is to take, and that nobody has noted yet."""
    waiting = (m for m in attempt.messages if not m.delivered)
    return next((m.id for m in waiting if _is_for_tool(state, attempt, m)), None)


def is_turned_to(state: RunState, attempt: Attempt) -> bool:
    """Has its agent ended its turn, and would begin another one for whatever it is told?"""
    waits = state.plan.agent_by_name[attempt.agent].waits_for_more
    return waits and attempt.result is not None and not attempt.input_closed


def _is_for_tool(state: RunState, attempt: Attempt, message: Message) -> bool:
    by_tool = message.answers is not None and message.answers.by_tool
    return by_tool and not is_turned_to(state, attempt)


def can_listen(state: RunState, task: TaskRun) -> bool:
    """Does the task's agent read messages while it works?"""
    if task.attempt is None:
        return False
    return state.plan.agent_by_name[task.attempt.agent].listens


def next_word(state: RunState, attempt: Attempt) -> str | None:
    """The id of what has to be written to the agent's input next; None = nothing has."""
    if attempt.input_closed:
        return None
    if state.plan.agent_by_name[attempt.agent].prompted_by_message and not attempt.prompted:
        return PROMPT
    unheard = (
        m for m in attempt.messages if not m.delivered and not _is_for_tool(state, attempt, m)
    )
    return next((message.id for message in unheard), None)


def has_heard_all(state: RunState, attempt: Attempt) -> bool:
    """Does the agent only wait for more, and will nothing come?"""
    agent = state.plan.agent_by_name[attempt.agent]
    if attempt.input_closed or next_word(state, attempt) is not None:
        return False
    return agent.waits_for_more and attempt.result is not None and not attempt.questions


def requeue(task: TaskRun, attempt: Attempt, *, prompted: bool) -> None:
    """Keep for the next turn what the attempt did not hear.

    Args:
        prompted: it was given its prompt, and with it what a person had said before.
    """
    again = [] if prompted else list(attempt.told)
    number = task.queued_so_far
    for message in attempt.messages:
        if not message.delivered and message.answers is None and not message.requeued:
            message.requeued = True
            number += 1
            at = message.sent_at
            again.append(QueuedMessage(f"n{number}", message.text, message.by, at))
    attempt.told = attempt.told if prompted else ()
    task.queued = (*again, *task.queued)
    task.queued_so_far = number
