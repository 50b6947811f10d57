"""What a person says to an agent: steering."""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent
from agentdeck.core.hearing import TURN_TO_COME, hears
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.scheduler import is_human
from agentdeck.core.state import RunState, TaskRun, TaskState

MAX_MESSAGE = 64_000  # characters; more is a document, and belongs into a file


def steer(state: RunState, command: c.Steer) -> list[AnyEvent]:
    """A message for the agent that works, or for the turn to come."""
    task = task_of(state, command.task)
    text = checked_text(command.text)
    if not text:
        raise Refused("the message is empty")
    if is_human(state, task.id):
        raise Refused(f"{task.id} is done by a person: approve it when it is done")
    if task.state not in TURN_TO_COME:
        raise Refused(f"{task.id} is {task.state}: no turn follows{_way_back(task)}")
    attempt = task.attempt
    if attempt is None or not hears(state, task):
        return [e.MessageQueued(task.id, f"n{task.queued_so_far + 1}", text, command.by)]
    question = attempt.question.id if attempt.question else None
    number = len(attempt.messages) + 1
    return [e.MessageSent(task.id, attempt.number, f"m{number}", text, command.by, question)]


def _way_back(task: TaskRun) -> str:
    sent_back = task.state in (TaskState.REVIEWING, TaskState.PROPOSED)
    return "; a retry with feedback sends it back" if sent_back else ""


def checked_text(text: str) -> str:
    """What is said, without white space around it. Raises Refused when it is too long."""
    said = text.strip()
    if len(said) > MAX_MESSAGE:
        raise Refused(
            f"the message has {len(said):,} characters; at most {MAX_MESSAGE:,} are taken"
        )
    return said
