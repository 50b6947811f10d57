"""Effects of events about the accounts whose limits agents meet, and of attempts on them.

Rules: what a limit means is decided before it is recorded (`core.accounts`); here it is only kept.
"""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core.accounts import is_news, stagger_s
from agentdeck.core.effects_shared import attempt_of
from agentdeck.core.state import HOLDS_SLOT, Account, Attempt, RunState


def take(state: RunState, event: e.AccountEvent, at: float) -> None:
    """The effect of `event`."""
    match event:
        case e.AccountLimited():
            _limit(state, event, at)
        case e.AccountNoted():
            account = _account(state, event.account)
            account.utilization, account.resets_at = event.utilization, event.resets_at
        case e.AccountReopened():
            _reopen(_account(state, event.account), at, by_person=bool(event.by))
        case _ as never:
            assert_never(never)


def began(state: RunState, event: e.AttemptClaimed, at: float) -> None:
    """An attempt starts on its account, if it has one."""
    if event.account:
        account = _account(state, event.account)
        if account.limits:
            wait_s = stagger_s(state, account, event.task, event.attempt)
            account.next_start_at = at + wait_s


def ended(state: RunState, attempt: Attempt) -> None:
    """An attempt has ended. If it ended well, the account serves as many, or one more."""
    if not attempt.account or attempt.exit is None:
        return
    account = _account(state, attempt.account)
    well = attempt.exit.ok or (attempt.exit.ok is None and attempt.exit.code == 0)
    if not well or not is_news(account, attempt):
        return
    account.limits = 0
    if account.window is not None:
        account.ended_well += 1
        if account.ended_well >= account.window:
            account.window, account.ended_well = account.window + 1, 0


def _account(state: RunState, name: str) -> Account:
    return state.accounts.setdefault(name, Account(name=name))


def _limit(state: RunState, event: e.AccountLimited, at: float) -> None:
    account = _account(state, event.account)
    if is_news(account, attempt_of(state, event.task)):
        if event.slows:
            at_work = _at_work(state, event)
            account.window = max(1, min(account.window or at_work, at_work) // 2)
        account.limits += 1
        account.limited_at, account.ended_well = at, 0
    account.cause, account.detail = event.cause, event.detail
    if event.until is None:
        account.closed = True
    else:
        account.frozen_until = max(account.frozen_until or event.until, event.until)


def _at_work(state: RunState, event: e.AccountLimited) -> int:
    """Attempts on the account, the one that met the limit included."""
    holders = {
        task.id
        for task in state.in_state(*HOLDS_SLOT)
        if task.attempt is not None and task.attempt.account == event.account
    }
    return len(holders | {event.task})


def _reopen(account: Account, at: float, *, by_person: bool) -> None:
    account.closed, account.frozen_until = False, None
    account.cause, account.detail = None, ""
    account.next_start_at = at
    account.utilization, account.resets_at = None, None
    if by_person:
        account.limits = account.ended_well = 0
        account.window = None
        account.limited_at, account.reopened_at = None, at
