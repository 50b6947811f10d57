"""What follows from a failure: another attempt by itself, or a person.

Rules:
- Each failure class has one row: whether it uses up a retry, whether the next attempt starts
  afresh, and the first wait.
- Waits double with each failure, are bounded, and carry a jitter that depends only on the run, the
  task and the count: attempts do not retry in step, and a replay gives the same times.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from agentdeck.core.events import AnyEvent, FailureClass, RetryScheduled, TaskFailed
from agentdeck.core.state import RunState, TaskRun

MAX_BACKOFF_S: Final = 15 * 60.0  # a person who looks in after a while should find it tried again
MAX_FREE_FAILURES: Final = 50  # limits that never lift must end somewhere
JITTER: Final = 0.25  # of the wait, up or down
LIMIT_WAIT_S: Final = 60.0  # first wait for a limit that does not say when it resets


class Row(msgspec.Struct, frozen=True):
    """The policy of one failure class."""

    retry: bool = True
    counts: bool = True
    fresh: bool = False
    first_wait_s: float | None = None  # None = the plan's backoff


POLICY: Final[dict[FailureClass, Row]] = {
    FailureClass.CRASH: Row(),
    FailureClass.LOST: Row(),
    FailureClass.AGENT: Row(),
    FailureClass.RATE_LIMIT: Row(counts=False, first_wait_s=LIMIT_WAIT_S),
    FailureClass.OVERLOAD: Row(counts=False, first_wait_s=LIMIT_WAIT_S),
    FailureClass.NETWORK: Row(counts=False, first_wait_s=LIMIT_WAIT_S),
    FailureClass.AUTH: Row(retry=False),
    FailureClass.QUOTA: Row(counts=False, first_wait_s=LIMIT_WAIT_S),
    FailureClass.REFUSED: Row(first_wait_s=0.0),
    FailureClass.TURN_LIMIT: Row(first_wait_s=0.0),
    FailureClass.NO_PROGRESS: Row(),
    FailureClass.TIMEOUT: Row(),
    FailureClass.IDLE: Row(),
    FailureClass.NO_WORK: Row(first_wait_s=0.0),
    FailureClass.FOOTPRINT: Row(first_wait_s=0.0),
    FailureClass.GIT: Row(fresh=True),
    FailureClass.GATE: Row(first_wait_s=0.0),
    FailureClass.CONFLICT: Row(fresh=True, first_wait_s=0.0),
    FailureClass.SETUP: Row(retry=False),
    FailureClass.BUDGET: Row(counts=False, first_wait_s=0.0),
    FailureClass.STOPPED: Row(retry=False),
}


def after_failure(
    state: RunState,
    task: TaskRun,
    cause: FailureClass,
    detail: str,
    now: float,
    *,
    not_before: float | None = None,
) -> AnyEvent:
    """The event that follows from a failed attempt: a scheduled retry, or a task that failed.

    Args:
        not_before: when a limit says it resets, seconds since the epoch.
    """
    row = POLICY[cause]
    settings = state.settings(task.id)
    number = task.attempt.number if task.attempt else 0
    if row.counts:
        exhausted = task.failures >= settings.retries
    else:
        exhausted = task.free_failures >= MAX_FREE_FAILURES
    if not row.retry or exhausted:
        return TaskFailed(task.id, number, cause, detail)
    first = settings.backoff_s if row.first_wait_s is None else row.first_wait_s
    count = task.failures if row.counts else task.free_failures
    wait = min(MAX_BACKOFF_S, first * 2**count) * _jitter(state, task)
    at = max(now + wait, not_before or 0.0)
    return RetryScheduled(task.id, number, cause, detail, at, counts=row.counts, fresh=row.fresh)


def _jitter(state: RunState, task: TaskRun) -> float:
    """A factor in [1 - JITTER, 1 + JITTER), the same for the same run, task and count."""
    text = f"{state.run}/{task.id}/{task.failures}/{task.free_failures}"
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
    return 1 - JITTER + 2 * JITTER * share
