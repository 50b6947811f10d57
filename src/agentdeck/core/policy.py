"""What follows from a failure: another attempt by itself, or a person.

Rules:
- Each failure class has one row, and the row is all that is known of it: whether it uses up a
  retry, how long to wait, where the next attempt goes on, who makes it, and what it means for the
  account whose limits were met. `docs/failures.md` is drawn from the table.
- Who takes over from another agent begins at once. When all of them have had the task, it waits,
  or needs a person, as if there were nobody else.
- A task waits by itself only where no account can wait for it (`core.accounts`).
- Waits double with each failure, are bounded, and carry a jitter that depends only on the run, the
  task and the count: attempts do not retry in step, and a replay gives the same times.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core import accounts, assignment
from agentdeck.core.accounts import LIMIT_WAIT_S
from agentdeck.core.events import (
    AccountLimited,
    AnyEvent,
    FailureClass,
    NextSession,
    RetryScheduled,
    TaskFailed,
)
from agentdeck.core.state import RunState, TaskRun

MAX_BACKOFF_S: Final = 15 * 60.0  # a person who looks in after a while should find it tried again
MAX_FREE_FAILURES: Final = 50  # limits that never lift must end somewhere
JITTER: Final = 0.25  # of the wait, up or down


class Wait(StrEnum):
    """How long until the next attempt."""

    NONE = "none"
    BACKOFF = "backoff"  # the plan's, doubled with each failure
    LIMIT = "limit"  # until the limit resets; a minute, doubled, where it does not say when


class GoesOn(StrEnum):
    """Where the next attempt goes on."""

    SESSION = "session"  # the same conversation, where the agent can resume one
    WORKTREE = "worktree"  # a new conversation about the work that is there
    FRESH = "fresh"  # a new conversation in a new worktree, from the newest target


class OnAccount(StrEnum):
    """What it means for the account whose limits the attempt met."""

    NOTHING = "nothing"
    WAITS = "waits"  # nothing starts on it until the limit resets
    SLOWS = "slows"  # the same, and fewer attempts at once after that
    CLOSES = "closes"  # nothing starts on it until a person says so


class Row(msgspec.Struct, frozen=True):
    """The policy of one failure class."""

    why: str  # a reason for what is not the usual, or what is
    retry: bool = True
    counts: bool = True
    wait: Wait = Wait.BACKOFF
    goes_on: GoesOn = GoesOn.SESSION
    escalates: bool = False  # the next model of the agent's ladder, if there is one
    falls_back: bool = False  # another agent, if the agent names one
    account: OnAccount = OnAccount.NOTHING


POLICY: Final[dict[FailureClass, Row]] = {
    FailureClass.CRASH: Row("its session and its files survive the process"),
    FailureClass.LOST: Row("as a crash"),
    FailureClass.AGENT: Row(
        "it knows best where it stopped; an abler model may get further", escalates=True
    ),
    FailureClass.RATE_LIMIT: Row(
        "waiting is nobody's fault", counts=False, wait=Wait.LIMIT, account=OnAccount.SLOWS
    ),
    FailureClass.OVERLOAD: Row(
        "waiting is nobody's fault", counts=False, wait=Wait.LIMIT, account=OnAccount.SLOWS
    ),
    FailureClass.NETWORK: Row(
        "fewer attempts would not help", counts=False, wait=Wait.LIMIT, account=OnAccount.WAITS
    ),
    FailureClass.AUTH: Row(
        "only a person can log in, and once is enough for all tasks of the account",
        retry=False,
        counts=False,
        wait=Wait.NONE,
        falls_back=True,
        account=OnAccount.CLOSES,
    ),
    FailureClass.QUOTA: Row(
        "it may be hours until it resets",
        counts=False,
        wait=Wait.LIMIT,
        falls_back=True,
        account=OnAccount.WAITS,
    ),
    FailureClass.REFUSED: Row(
        "the same conversation would be refused again",
        wait=Wait.NONE,
        goes_on=GoesOn.WORKTREE,
        escalates=True,
        falls_back=True,
    ),
    FailureClass.TURN_LIMIT: Row("it was at work and may go on", wait=Wait.NONE),
    FailureClass.NO_PROGRESS: Row(
        "the conversation is stuck", goes_on=GoesOn.WORKTREE, escalates=True
    ),
    FailureClass.TIMEOUT: Row("it was at work and may go on"),
    FailureClass.IDLE: Row("the conversation is stuck", goes_on=GoesOn.WORKTREE),
    FailureClass.OUTPUT: Row("the conversation is stuck", goes_on=GoesOn.WORKTREE),
    FailureClass.NO_WORK: Row("it is told that nothing came of it", wait=Wait.NONE, escalates=True),
    FailureClass.FOOTPRINT: Row("it is told which files it must leave alone", wait=Wait.NONE),
    FailureClass.GIT: Row("the old worktree cannot heal it", goes_on=GoesOn.FRESH),
    FailureClass.GATE: Row("it is told the end of the gate's log", wait=Wait.NONE, escalates=True),
    FailureClass.CONFLICT: Row(
        "it is told what has landed and where they meet", counts=False, wait=Wait.NONE
    ),
    FailureClass.REVIEW: Row(
        "it is told what its reviewer wants changed; `rounds` bounds it",
        counts=False,
        wait=Wait.NONE,
    ),
    FailureClass.SETUP: Row("the machine or the plan is at fault", retry=False),
    FailureClass.BUDGET: Row("it was at work and may go on", counts=False, wait=Wait.NONE),
    FailureClass.STOPPED: Row("somebody wanted it", retry=False),
    FailureClass.TRESPASS: Row(
        "only a person can say what becomes of the refs that it moved", retry=False
    ),
    FailureClass.SESSION: Row(
        "the agent has forgotten it; no session of this task is resumed again",
        counts=False,
        wait=Wait.NONE,
        goes_on=GoesOn.WORKTREE,
    ),
    FailureClass.WORKER: Row(
        "a machine that is gone is nobody's fault; another one takes it up",
        counts=False,
        wait=Wait.NONE,
        goes_on=GoesOn.WORKTREE,
    ),
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
    escalates = row.escalates and assignment.can_escalate(state, task)
    taker = assignment.next_agent(state, task) if row.falls_back and not escalates else None
    account_waits = row.account is not OnAccount.NOTHING and _account(task) != ""
    # Who takes over has not met the limit; the first one again, when everybody had it, has.
    at_once = account_waits or (taker is not None and taker != settings.agent)
    if exhausted or not (row.retry or at_once):
        return TaskFailed(task.id, number, cause, detail)
    again_at = now + _wait_s(state, task, row)
    return RetryScheduled(
        task.id,
        number,
        cause,
        detail,
        now if at_once else max(again_at, not_before or 0.0),
        counts=row.counts,
        fresh=row.goes_on is GoesOn.FRESH,
        session=next_session(cause),
        escalate=escalates,
        agent=taker,
    )


def _account(task: TaskRun) -> str:
    return task.attempt.account if task.attempt is not None else ""


def account_limited(
    state: RunState,
    task: TaskRun,
    cause: FailureClass,
    detail: str,
    now: float,
    *,
    resets_at: float | None = None,
    live: bool = False,
) -> AccountLimited | None:
    """What a failure, or a limit that a live agent has met, means for the account; None = nothing.

    Args:
        resets_at: when the limit says it resets, seconds since the epoch.
        live: the agent goes on trying; only its end proves that a person is needed.
    """
    means = POLICY[cause].account
    if means is OnAccount.NOTHING or (live and means is OnAccount.CLOSES):
        return None
    return accounts.met(
        state,
        task,
        cause,
        detail,
        now,
        slows=means is OnAccount.SLOWS,
        closes=means is OnAccount.CLOSES,
        resets_at=resets_at,
    )


def _wait_s(state: RunState, task: TaskRun, row: Row) -> float:
    backoff_s = state.settings(task.id).backoff_s
    first = {Wait.NONE: 0.0, Wait.BACKOFF: backoff_s, Wait.LIMIT: LIMIT_WAIT_S}[row.wait]
    count = task.failures if row.counts else task.free_failures
    return min(MAX_BACKOFF_S, first * 2.0**count) * _jitter(state, task)


def next_session(cause: FailureClass | None) -> NextSession:
    """Which conversation follows an attempt that ended so (None: it did not fail)."""
    kept = cause is None or POLICY[cause].goes_on is GoesOn.SESSION
    return NextSession.KEEP if kept else NextSession.NEW


def _jitter(state: RunState, task: TaskRun) -> float:
    """A factor in [1 - JITTER, 1 + JITTER), the same for the same run, task and count."""
    text = f"{state.run}/{task.id}/{task.failures}/{task.free_failures}"
    share = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32
    return 1 - JITTER + 2 * JITTER * share
