"""Every answer that was given to what agents asked to do: who allowed what, and by which rule."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agentdeck.core.events import AskKind
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import rejects
from agentdeck.core.state import RunState


class GivenAnswer(msgspec.Struct, frozen=True):
    """One answer to a permission."""

    at: float  # seconds since the epoch
    task: TaskId
    attempt: int
    tool: str
    target: str
    allowed: bool
    option: str  # what the agent was told
    by: str  # who answered, or who set the rule; `core.permissions.NOBODY` when nobody did
    rule: str  # "" = no rule
    text: str
    heard: bool


def given_answers(state: RunState) -> list[GivenAnswer]:
    """All of a run, the oldest first."""
    return sorted(_all(state), key=lambda answer: answer.at)


def _all(state: RunState) -> Iterator[GivenAnswer]:
    for task in state.tasks.values():
        for attempt in task.attempts:
            for message in attempt.messages:
                asked = message.answers
                if asked is None or asked.ask is not AskKind.PERMISSION:
                    continue
                yield GivenAnswer(
                    message.sent_at,
                    task.id,
                    attempt.number,
                    asked.tool,
                    asked.target,
                    not rejects(asked.options, message.option),
                    message.option,
                    message.by,
                    message.rule,
                    message.text,
                    message.delivered,
                )
