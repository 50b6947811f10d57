"""Accounts: whose limits agents meet, and how many attempts may start on each.

An account is a provider, or one of several accounts there. Agents without either meet nobody's
limits. One controller admits attempts for all tasks of an account:

- A limit that an attempt meets freezes its account until the limit resets. Where nobody says when
  that is, the wait is a minute (a quarter of an hour for a quota), doubled with each limit that
  follows, within bounds. Waiting for it costs no task a retry.
- A limit that says "too much at once" halves how many attempts work on the account, once for all
  attempts that had begun before it. Each time as many attempts as that have ended well, one more is
  admitted.
- While no attempt has ended well since a limit, starts follow each other, some seconds apart, with
  a jitter that depends on the run and the attempt alone.
- An account that nobody is logged in to is closed until a person reopens it; its tasks wait, and
  the person is asked once. A person may reopen any account; then nothing is known of its limits.

What has started is left alone: an agent may get over a limit by itself.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator
from typing import Final

import msgspec

from agentdeck.core.events import AccountLimited, AccountNoted, FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.core.state import HOLDS_SLOT, Account, Attempt, RunState, TaskRun, TaskState
from agentdeck.core.words import first_line, short_duration

LIMIT_WAIT_S: Final = 60.0  # first wait for a limit that does not say when it resets
MAX_LIMIT_WAIT_S: Final = 15 * 60.0  # the longest such wait; services recover within minutes
QUOTA_WAIT_S: Final = 15 * 60.0  # first wait for a quota that does not say when it resets
MAX_QUOTA_WAIT_S: Final = 3600.0
MAX_STATED_S: Final = 8 * 86_400.0  # the longest stated reset that is believed: a week, and a day
RESET_SLACK_S: Final = 10.0  # at most so long after a stated reset: clocks differ
LEAST_LONGER_S: Final = 5.0  # a freeze that gets longer by less is no news: agents retry often
STAGGER_S: Final = 5.0  # between two starts after a limit, about; a first request shows the limit
JITTER: Final = 0.25  # of a wait, up or down
NOTED_STEP: Final = 0.01  # a change of utilization below it is no news

_MAY_START: Final = (TaskState.PENDING, TaskState.READY, TaskState.RETRYING)
_STATES: Final = {
    FailureClass.RATE_LIMIT: "is rate limited",
    FailureClass.OVERLOAD: "is overloaded",
    FailureClass.NETWORK: "is out of reach",
    FailureClass.QUOTA: "is out of quota",
    FailureClass.AUTH: "lets nobody in",
}


class Closure(msgspec.Struct, frozen=True):
    """Why nothing starts on an account now, in a form that reads after "waits for" or alone."""

    sentence: str
    until: float | None  # when time alone opens it; None = that takes something else


def said_of(account: Account, now: float) -> str:
    """How an account stands, in a sentence without a stop."""
    if account.closed:
        why = f": {first_line(account.detail)}" if account.detail else ""
        return f"{limit_of(account)}{why} (agentdeck accounts resume {account.name})"
    if account.frozen_until is not None:
        return f"{limit_of(account)}, open again in {short_duration(account.frozen_until - now)}"
    if account.window is not None:
        return f"{account.name} takes {account.window} at once since its last limit"
    return f"{account.name} is open"


def limit_of(account: Account) -> str:
    """Which limit an account that is not open has met: `anthropic is rate limited`."""
    return f"{account.name} {_STATES.get(account.cause or FailureClass.AGENT, 'is limited')}"


def closed(state: RunState) -> Iterator[Account]:
    """The accounts that wait for a person, of those that a task could still need."""
    if state.outcome is not None or not any(state.in_state(*_MAY_START)):
        return
    yield from (account for account in state.accounts.values() if account.closed)


# --- what a limit leads to -----------------------------------------------------------------------


def met(
    state: RunState,
    task: TaskRun,
    cause: FailureClass,
    detail: str,
    now: float,
    *,
    slows: bool,
    closes: bool,
    resets_at: float | None = None,
) -> AccountLimited | None:
    """The event of a limit that the latest attempt of a task has met.

    Args:
        slows: it was too much at once.
        closes: only a person can help.
        resets_at: when the limit says it resets, seconds since the epoch.

    Returns:
        None when the account waits for as long already, or the attempt meets nobody's limits.
    """
    attempt = task.attempt
    if attempt is None or not attempt.account:
        return None
    account = state.accounts.get(attempt.account) or Account(name=attempt.account)
    since = account.reopened_at
    if account.closed or (closes and since is not None and attempt.claimed_at < since):
        return None  # it is known, or it was so before a person reopened the account
    until = None if closes else _until(state, account, attempt, cause, now, resets_at)
    known = account.frozen_until
    if until is not None and known is not None and until <= known + LEAST_LONGER_S:
        return None
    return AccountLimited(account.name, task.id, attempt.number, cause, detail, until, slows=slows)


def noted(
    state: RunState, task: TaskRun, utilization: float, resets_at: float | None
) -> AccountNoted | None:
    """The event of a utilization that was heard; None when it is no news."""
    attempt = task.attempt
    if attempt is None or not attempt.account or not math.isfinite(utilization):
        return None
    share = min(1.0, max(0.0, utilization))
    account = state.accounts.get(attempt.account)
    known = account.utilization if account is not None else None
    if known is not None and abs(known - share) < NOTED_STEP:
        return None
    return AccountNoted(attempt.account, task.id, attempt.number, share, resets_at)


def is_news(account: Account, attempt: Attempt) -> bool:
    """Has the attempt begun after the latest limit, so that one it meets is another one?"""
    return account.limited_at is None or attempt.claimed_at > account.limited_at


def _until(
    state: RunState,
    account: Account,
    attempt: Attempt,
    cause: FailureClass,
    now: float,
    resets_at: float | None,
) -> float:
    share = _share(state, account.name, account.limits)
    if resets_at is not None and now < resets_at:
        return min(resets_at, now + MAX_STATED_S) + RESET_SLACK_S * share
    quota = cause is FailureClass.QUOTA
    first, most = (QUOTA_WAIT_S, MAX_QUOTA_WAIT_S) if quota else (LIMIT_WAIT_S, MAX_LIMIT_WAIT_S)
    count = account.limits if is_news(account, attempt) else max(0, account.limits - 1)
    return now + min(most, first * 2.0 ** min(count, 30)) * (1 - JITTER + 2 * JITTER * share)


def stagger_s(state: RunState, account: Account, task: TaskId, number: int) -> float:
    """How long after the start of an attempt the next one may follow, seconds."""
    return STAGGER_S * (0.5 + _share(state, account.name, f"{task}/{number}"))


def _share(state: RunState, *parts: object) -> float:
    """A number in [0, 1), the same for the same run and parts."""
    text = "/".join(str(part) for part in (state.run, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**32


# --- who may start -------------------------------------------------------------------------------


def at_work(state: RunState) -> Counter[str]:
    """How many attempts are at work on each account."""
    return Counter(
        task.attempt.account
        for task in state.in_state(*HOLDS_SLOT)
        if task.attempt is not None and task.attempt.account
    )


class Openings:
    """What the accounts of a run let start at one moment.

    It is asked for one start after the other, and told what does start.
    """

    def __init__(self, state: RunState, now: float) -> None:
        self._state = state
        self._now = now
        self._used = at_work(state)
        self._started: set[str] = set()

    def closure(self, name: str) -> Closure | None:
        """Why an attempt may not start on an account; None = it may."""
        account = self._state.accounts.get(name)
        if account is None:
            return None
        if not account.open:
            until = None if account.closed else account.frozen_until
            return Closure(said_of(account, self._now), until)
        if account.window is not None and self._used[name] >= account.window:
            return Closure(said_of(account, self._now), None)
        if account.limits and name in self._started:
            return Closure(f"starts on {name} follow each other", self._now)
        if account.limits and account.next_start_at > self._now:
            wait = short_duration(account.next_start_at - self._now)
            return Closure(
                f"starts on {name} follow each other, the next in {wait}", account.next_start_at
            )
        return None

    def take(self, name: str) -> None:
        """An attempt starts on an account."""
        self._used[name] += 1
        self._started.add(name)


def opens_in_s(account: Account, now: float) -> float:
    """Seconds until time alone opens an account: 0 when it is open, infinite when it is closed."""
    if account.closed:
        return math.inf
    return max(0.0, account.frozen_until - now) if account.frozen_until is not None else 0.0
