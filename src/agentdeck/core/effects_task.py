"""Effects of events about a task: a person's wishes, and what became of it."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import effects_hands, effects_review, review
from agentdeck.core import events as e
from agentdeck.core.effects_review import WAITS
from agentdeck.core.effects_shared import (
    SENT_BACK,
    WENT_ON,
    attempt_of,
    end_attempt,
    forget_red,
    forget_troubles,
    take_back,
)
from agentdeck.core.ids import TaskId
from agentdeck.core.readiness import reopen
from agentdeck.core.state import QueuedMessage, RunState, TaskRun, Wanted


def take(state: RunState, event: e.TaskEvent, at: float) -> None:
    """The effect of `event` on everything but the task's state."""
    match event:
        case e.TaskPauseAsked() | e.TaskResumeAsked() | e.TaskStopAsked():
            _wish(state.tasks[event.task], event)
        case e.TaskTakeOverAsked() | e.TaskHandedBack() | e.HandBackRefused():
            effects_hands.take(state, event)
        case e.TaskRetried():
            _retry_by_person(state, event, at)
        case e.TaskSkipped():
            task = state.tasks[event.task]
            task.skip_mode, task.reason = event.mode, f"skipped by {event.by}"
            forget_troubles(state, event.task)
        case e.TaskUnskipped():
            state.tasks[event.task].skip_mode = None
            reopen(state)
        case e.TaskApproved():
            task = state.tasks[event.task]
            task.approved, task.approved_by = event.attempt, event.by
        case e.TaskHeld():
            state.tasks[event.task].held = True
        case e.TaskReleased():
            state.tasks[event.task].held = False
        case e.TaskPutFirst():
            for other in state.tasks.values():
                other.first = other.id == event.task
        case e.TaskReverted():
            take_back(state, state.tasks[event.task], event.commit, event.by)
        case e.MessageQueued():
            _queue_message(state, event, at)
        case e.TaskContinued():
            _continue(state, event)
        case e.TaskReviewAsked():
            attempt_of(state, event.task).outcome = WAITS
        case e.TaskProposed():
            attempt_of(state, event.task).outcome = "proven"
        case e.TaskDone():
            _done(state, event, at)
        case e.RetryScheduled():
            _schedule_retry(state, event)
        case e.RetryDue():
            state.tasks[event.task].retry_at = None
        case e.TaskFailed():
            task = state.tasks[event.task]
            task.reason, task.cause = event.detail, event.cause
            end_attempt(task, f"failed: {event.cause}", event.cause)
            forget_troubles(state, event.task)
        case e.TaskCancelled():
            _cancel(state, event)
        case _ as never:
            assert_never(never)


def _wish(task: TaskRun, event: e.TaskPauseAsked | e.TaskResumeAsked | e.TaskStopAsked) -> None:
    match event:
        case e.TaskPauseAsked():
            task.wanted = Wanted.PAUSE
        case e.TaskResumeAsked():
            task.wanted = Wanted.RUN
        case e.TaskStopAsked():
            task.wanted, task.stopped_by = Wanted.STOP, event.by


def _queue_message(state: RunState, event: e.MessageQueued, at: float) -> None:
    task = state.tasks[event.task]
    task.queued = (*task.queued, QueuedMessage(event.message, event.text, event.by, at))
    task.queued_so_far += 1


def _continue(state: RunState, event: e.TaskContinued) -> None:
    task = state.tasks[event.task]
    task.next_session, task.fresh = e.NextSession.KEEP, False
    task.feedback, task.feedback_by, task.cause, task.retry_at = "", "", None, None
    task.approved, task.approved_by = 0, ""
    gave = attempt_of(state, event.task).hands
    end_attempt(task, f"{WENT_ON}: {event.by} {'gave it back' if gave else 'had more to say'}")
    forget_troubles(state, event.task)


def _schedule_retry(state: RunState, event: e.RetryScheduled) -> None:
    task = state.tasks[event.task]
    task.retry_at, task.reason, task.cause = event.at, event.detail, event.cause
    task.feedback, task.feedback_by, task.fresh = event.detail, "", event.fresh
    task.next_session = event.session
    task.sessions_lost += event.cause is e.FailureClass.SESSION
    task.rung += event.escalate
    task.review_rounds += event.cause is e.FailureClass.REVIEW
    task.given_to = event.agent or task.given_to
    if event.repair:
        task.repairs += 1
        task.resolver = event.agent
    elif event.counts:
        task.failures += 1
    else:
        task.free_failures += 1
    forget_troubles(state, event.task)
    how = SENT_BACK if event.repair else "retried"
    end_attempt(task, f"{how}: {event.cause}", event.cause)


def _retry_by_person(state: RunState, event: e.TaskRetried, at: float) -> None:
    task = state.tasks[event.task]
    task.failures = task.free_failures = task.repairs = 0
    task.given_to, task.review_rounds = None, 0
    task.resolver = state.plan.queue.resolver if task.cause is e.FailureClass.CONFLICT else None
    effects_review.sent_back(task, event, at)
    task.retry_at, task.skip_mode = None, None
    task.wanted, task.stopped_by = Wanted.RUN, ""
    if event.feedback or event.comments:
        task.feedback = review.in_words(event.feedback, event.comments)
        task.feedback_by = event.by
    # The old worktree cannot heal this: `core.policy` starts afresh after it too.
    task.fresh = event.fresh or task.cause is e.FailureClass.GIT
    task.next_session = event.session
    task.approved, task.approved_by = 0, ""
    forget_troubles(state, event.task)
    attempt = task.attempt
    if attempt is not None:
        # The machine may have been at fault: the same work is judged again.
        forget_red(state, attempt.ejected_tree)
        forget_red(state, attempt.collected.tree if attempt.collected else "")


def _done(state: RunState, event: e.TaskDone, at: float) -> None:
    task = state.tasks[event.task]
    task.done_how, task.landed_at = event.how, at
    task.reason = event.how
    if task.attempt is not None:
        task.attempt.questions.clear()
        task.attempt.outcome = event.how


def _leave_queue(state: RunState, task_id: TaskId) -> None:
    for entry_id in [entry.id for entry in state.queue.values() if entry.task == task_id]:
        del state.queue[entry_id]


def _cancel(state: RunState, event: e.TaskCancelled) -> None:
    task = state.tasks[event.task]
    task.reason, task.cause, task.wanted = event.detail, event.cause, Wanted.RUN
    task.retry_at = None
    _leave_queue(state, event.task)
    dropped = event.cause is not e.FailureClass.STOPPED
    end_attempt(task, f"dropped: {event.cause}" if dropped else "stopped", event.cause)
    forget_troubles(state, event.task)
