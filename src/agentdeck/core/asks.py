"""What agents ask, and what answers them when no person does.

Rules:
- A permission that a rule fits is answered by it at once, by the name of who set the rule.
- Where the plan says so, what nobody answers in time is denied, or its task is stopped, by
  `NOBODY`. The time counts from the question, or from the latest thing that a person did about this
  attempt; while it is paused it does not count.
- Who asks and does not listen cannot be denied anything: its task is stopped instead.
- One answer at a time for each task: the next is decided on what it has left.
- What a person does by hand asks nothing, and an agent that is being ended is not answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, AskKind
from agentdeck.core.explain import short_duration
from agentdeck.core.hearing import hears_answer
from agentdeck.core.permissions import NOBODY, Decision, choose, rejects, rule_for
from agentdeck.core.plan import Unattended
from agentdeck.core.state import Attempt, Question, RunState, TaskRun, Wanted

DECIDE_YOURSELF: Final = (
    "Nobody was there to answer within {time}. Decide it yourself, and say in your last message "
    "what you decided."
)
NOT_ALLOWED: Final = (
    "Nobody was there to allow this within {time}. Find another way, or say in your last message "
    "what you would have needed."
)
BY_RULE: Final = "A rule ({rule}) does not allow this."


def due_answer(state: RunState, task: TaskRun, now: float) -> AnyEvent | None:
    """What answers an open question of the task at `now` without a person, or None."""
    attempt = task.attempt
    if attempt is None or not attempt.questions:
        return None
    for question in attempt.questions:
        if hears_answer(state, task, question):
            event = _by_rule(state, task, attempt, question, now)
            if event is not None:
                return event
    return next(_unattended(state, task, attempt, now), None)


def next_deadline(state: RunState, task: TaskRun) -> float | None:
    """When the first open question of the task is answered by nobody, seconds since the epoch."""
    attempt = task.attempt
    defaults = state.plan.defaults
    if defaults.unattended is Unattended.WAIT or attempt is None or not attempt.questions:
        return None
    ended = attempt.limit is not None or task.wanted is not Wanted.RUN
    if attempt.frozen_at is not None or attempt.launched_at is None or ended:
        return None
    asked = min(question.asked_at for question in attempt.questions)
    return max(asked, attempt.attended_at) + defaults.answer_within_s


def _by_rule(
    state: RunState, task: TaskRun, attempt: Attempt, question: Question, now: float
) -> e.MessageSent | None:
    if question.ask is not AskKind.PERMISSION:
        return None
    rule = rule_for(state.rules.values(), task.id, question, now)
    if rule is None:
        return None
    option = choose(question.options, rule.decision)
    denied = rejects(question.options, option)
    return e.MessageSent(
        task.id,
        attempt.number,
        f"m{len(attempt.messages) + 1}",
        BY_RULE.format(rule=rule.id) if denied else "",
        rule.by,
        question.id,
        option,
        rule.id,
    )


def _unattended(state: RunState, task: TaskRun, attempt: Attempt, now: float) -> Iterator[AnyEvent]:
    due = next_deadline(state, task)
    if due is None or now < due:
        return
    defaults = state.plan.defaults
    # An agent that asks and does not listen would wait for ever.
    question = min(attempt.questions, key=lambda each: each.asked_at)
    if defaults.unattended is Unattended.STOP or not hears_answer(state, task, question):
        yield e.TaskStopAsked(task.id, NOBODY)
        return
    permission = question.ask is AskKind.PERMISSION
    words = NOT_ALLOWED if permission else DECIDE_YOURSELF
    yield e.MessageSent(
        task.id,
        attempt.number,
        f"m{len(attempt.messages) + 1}",
        words.format(time=short_duration(defaults.answer_within_s)),
        NOBODY,
        question.id,
        choose(question.options, Decision.DENY) if permission else "",
    )
