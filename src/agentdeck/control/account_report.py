"""Every account of a run, as programs read it: one shape on all faces."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agentdeck.core import accounts
from agentdeck.core.events import FailureClass
from agentdeck.core.plan import Agent
from agentdeck.core.state import Account, RunState


class Stands(StrEnum):
    """How an account stands."""

    OPEN = "open"
    NARROW = "narrow"  # open, for fewer attempts than there are slots
    FROZEN = "frozen"  # until the limit resets
    CLOSED = "closed"  # until a person reopens it


class AccountLine(msgspec.Struct, frozen=True):
    """One account."""

    name: str
    stands: Stands
    at_work: int  # attempts on it
    window: int | None  # at once; None = as many as there are slots
    until: float | None  # of a freeze, seconds since the epoch
    cause: FailureClass | None  # of the freeze, or of having been closed
    detail: str
    utilization: float | None  # share of the allowance that is used, as last heard
    resets_at: float | None  # of that allowance
    sentence: str


def account_lines(state: RunState, now: float) -> list[AccountLine]:
    """The accounts that agents of the plan meet, and those they have met, in order of their names.

    Args:
        now: seconds since the epoch.
    """
    at_work = accounts.at_work(state)
    names = {agent.limited_by for agent in _used(state)} | set(state.accounts)
    found = [state.accounts.get(name) or Account(name=name) for name in sorted(names - {""})]
    return [_line(account, at_work[account.name], state.agents_limit, now) for account in found]


def _used(state: RunState) -> list[Agent]:
    """The agents that tasks of the plan may get."""
    known = state.plan.agent_by_name
    planned = {state.settings(task.id).agent for task in state.plan.tasks}
    found = [known[name] for own in planned for name in (own, *known[own].fallback)]
    resolver = known.get(state.plan.queue.resolver) if state.plan.queue.resolver else None
    return [*found, resolver] if resolver is not None else found


def _line(account: Account, at_work: int, agents_limit: int, now: float) -> AccountLine:
    narrow = account.window is not None and account.window < agents_limit
    stands = Stands.NARROW if narrow else Stands.OPEN
    if not account.open:
        stands = Stands.CLOSED if account.closed else Stands.FROZEN
    return AccountLine(
        name=account.name,
        stands=stands,
        at_work=at_work,
        window=account.window,
        until=None if account.closed else account.frozen_until,
        cause=account.cause,
        detail=account.detail,
        utilization=account.utilization,
        resets_at=account.resets_at,
        sentence=accounts.said_of(account, now),
    )
