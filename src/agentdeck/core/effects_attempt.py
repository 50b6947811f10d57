"""Effects of events about one attempt."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import effects_account, effects_words
from agentdeck.core import events as e
from agentdeck.core.budgets import holds
from agentdeck.core.effects_budget import limits_changed
from agentdeck.core.effects_shared import attempt_of, forget_troubles
from agentdeck.core.hearing import requeue
from agentdeck.core.state import Attempt, Collected, Exit, Limit, RunState


def take(state: RunState, event: e.AttemptEvent, at: float) -> None:
    """The effect of `event` on everything but the task's state."""
    match event:
        case e.AttemptClaimed():
            _claim(state, event, at)
        case e.WorktreePrepared():
            attempt = attempt_of(state, event.task)
            attempt.path, attempt.branch, attempt.base = event.path, event.branch, event.base
            attempt.held = holds(state, event.task)
            forget_troubles(state, event.task)
        case e.AttemptLaunched():
            attempt = attempt_of(state, event.task)
            attempt.launcher, attempt.process = event.launcher, event.agent
            attempt.launched_at, attempt.held = at, False
            attempt.sandbox, attempt.network = event.sandbox, event.network
            attempt.confined, attempt.worker = event.confined, event.worker
            forget_troubles(state, event.task)
        case e.AttemptProgressed():
            _progress(state, event)
        case (
            e.AttemptAsked()
            | e.ProgressReported()
            | e.AskWithdrawn()
            | e.MessageSent()
            | e.MessageDelivered()
            | e.TurnEnded()
            | e.TurnBegan()
            | e.InputClosed()
        ):
            effects_words.take(state, event, at)
        case e.AttemptFrozen():
            attempt_of(state, event.task).frozen_at = at
        case e.AttemptThawed():
            _thaw(attempt_of(state, event.task), at)
        case e.LimitHit():
            attempt_of(state, event.task).limit = Limit(event.cause, event.detail)
        case e.AttemptExited():
            _exit(state, event, at)
        case e.AttemptCollected():
            attempt_of(state, event.task).collected = Collected(
                event.head,
                event.tree,
                event.commits,
                event.files,
                event.left_uncommitted,
                event.fault,
                event.merged,
                event.losses,
            )
            forget_troubles(state, event.task)
        case e.RefsTouched():
            attempt_of(state, event.task).refs = event
        case e.WorktreeReleased():
            for attempt in state.tasks[event.task].attempts:
                if attempt.number <= event.attempt:
                    attempt.released = True
        case _ as never:
            assert_never(never)


def _claim(state: RunState, event: e.AttemptClaimed, at: float) -> None:
    effects_account.began(state, event, at)
    task = state.tasks[event.task]
    task.attempts.append(
        Attempt(
            number=event.attempt,
            agent=event.agent,
            model=event.model,
            pool=event.pool,
            fresh=event.fresh,
            claimed_at=at,
            account=event.account,
            why=event.why,
            resumed=event.session,
            session=event.session,
            reserved_usd=event.reserved_usd,
            reserved_tokens=event.reserved_tokens,
            told=task.queued,
        )
    )
    task.queued = ()
    if event.fresh:
        task.ejection = None  # it begins on what the work before did not merge with
    task.approved, task.approved_by, task.fresh = 0, "", False
    task.next_session = e.NextSession.NEW
    task.cause = None  # of this attempt, which has not failed


def _progress(state: RunState, event: e.AttemptProgressed) -> None:
    attempt = attempt_of(state, event.task)
    fell = event.usd < attempt.usd
    attempt.offset = event.offset
    attempt.session = event.session or attempt.session
    attempt.model = event.model or attempt.model
    attempt.tokens_in, attempt.tokens_out = event.tokens_in, event.tokens_out
    attempt.tokens_cached = event.tokens_cached
    attempt.usd, attempt.usd_priced, attempt.tools = event.usd, event.usd_priced, event.tools
    attempt.todo_done, attempt.todo_total = event.todo_done, event.todo_total
    attempt.todo, attempt.touched = event.todo, event.touched
    attempt.carry = event.carry
    attempt.activity = event.activity or attempt.activity
    attempt.message = event.message or attempt.message
    if fell:  # a reckoned price gave way to what the stream says
        limits_changed(state)


def _exit(state: RunState, event: e.AttemptExited, at: float) -> None:
    attempt = attempt_of(state, event.task)
    _thaw(attempt, at)
    attempt.exited_at = at
    attempt.questions.clear()
    unheard = state.plan.agent_by_name[attempt.agent].prompted_by_message
    requeue(state.tasks[event.task], attempt, prompted=attempt.prompted or not unheard)
    attempt.exit = Exit(
        event.code,
        event.ok,
        event.cause,
        event.detail,
        event.retry_at,
        event.refusals,
        event.refused,
    )
    effects_account.ended(state, attempt)
    forget_troubles(state, event.task)


def _thaw(attempt: Attempt, at: float) -> None:
    if attempt.frozen_at is not None:
        attempt.frozen_s += at - attempt.frozen_at
        attempt.frozen_at = None
        attempt.attended_at = at
