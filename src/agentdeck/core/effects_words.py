"""Effects of what an agent asks, what it is told, and of its turns."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core.effects_shared import attempt_of
from agentdeck.core.hearing import PROMPT, is_turned_to
from agentdeck.core.permissions import NOBODY
from agentdeck.core.state import Attempt, Message, Question, Result, RunState

WordsEvent = (
    e.AttemptAsked
    | e.ProgressReported
    | e.AskWithdrawn
    | e.MessageSent
    | e.MessageDelivered
    | e.TurnEnded
    | e.TurnBegan
    | e.InputClosed
)


def take(state: RunState, event: WordsEvent, at: float) -> None:
    """The effect of `event` on everything but the task's state."""
    attempt = attempt_of(state, event.task)
    match event:
        case e.AttemptAsked():
            _ask(attempt, event, at)
            state.tasks[event.task].reason = event.text
        case e.ProgressReported():
            attempt.reported, attempt.percent = event.text, event.percent
        case e.AskWithdrawn():
            _answered(attempt, event.question)
        case e.MessageSent():
            _send(attempt, event, at)
        case e.MessageDelivered():
            _deliver(state, attempt, event)
        case e.TurnEnded():
            attempt.turns, attempt.turn_at = event.turn, event.at
            attempt.result = Result(event.ok, event.detail, event.cause, event.retry_at)
        case e.TurnBegan():
            attempt.result = None
        case e.InputClosed():
            attempt.input_closed = True
        case _ as never:
            assert_never(never)


def _send(attempt: Attempt, event: e.MessageSent, at: float) -> None:
    answered = _answered(attempt, event.answers)
    attempt.messages.append(
        Message(
            event.message,
            event.text,
            event.by,
            answers=answered,
            option=event.option,
            rule=event.rule,
            sent_at=at,
        )
    )
    if not event.rule and event.by != NOBODY:
        attempt.attended_at = at


def _ask(attempt: Attempt, event: e.AttemptAsked, at: float) -> None:
    asked = Question(
        event.question,
        event.text,
        at,
        event.ask,
        event.tool,
        event.target,
        event.options,
        event.payload,
        event.by_tool,
        event.files,
    )
    attempt.questions = [q for q in attempt.questions if q.id != asked.id] + [asked]


def _deliver(state: RunState, attempt: Attempt, event: e.MessageDelivered) -> None:
    if event.message == PROMPT:
        attempt.prompted = True
    for message in attempt.messages:
        if message.id == event.message and not message.delivered:
            message.delivered = True
            asked = message.answers
            if asked is None or (asked.by_tool and is_turned_to(state, attempt)):
                attempt.result = None  # it is at work again, or will be in a moment


def _answered(attempt: Attempt, question: str | None) -> Question | None:
    """Take an open question off the list; None when it is not open."""
    found = next((q for q in attempt.questions if q.id == question), None)
    if found is not None:
        attempt.questions.remove(found)
    return found
