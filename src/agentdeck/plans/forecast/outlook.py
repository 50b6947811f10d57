"""What may be expected of a live run, as every face tells it.

Rules: nothing is told before the first task has started, after the run has ended, while it is
paused or being ended, while a budget waits to be raised, or when all that is left waits for a
person. An outlook is of one moment; its ends are times of day, so it stays true until it is
replaced.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState
from agentdeck.plans.forecast.expenses import Expenses, expenses_of
from agentdeck.plans.forecast.hints import Usual, usual_times
from agentdeck.plans.forecast.history import History
from agentdeck.plans.forecast.monte_carlo import SEED, Forecast, GoOn, forecast
from agentdeck.plans.forecast.standing import Standing, standing_of

MAX_OPEN: Final = 20_000  # tasks ahead; above it one possible world takes more than a second


class Moment(msgspec.Struct, frozen=True):
    """A run at one moment: all that an outlook is made of, and nothing that changes later."""

    now: float  # seconds since the epoch
    plan: Plan
    standing: Standing
    agents_limit: int
    expenses: Expenses = Expenses()


class Outlook(msgspec.Struct, frozen=True):
    """A forecast with the moment it was made for."""

    at: float  # seconds since the epoch
    expected: Forecast | None  # None = nothing that is left goes on by itself
    usual: dict[TaskId, Usual]  # what a task like each one takes
    spent_usd: float = 0.0  # at that moment, but for what `expected.usd` has in it


def moment_of(state: RunState, now: float) -> Moment:
    """What an outlook needs of a state that goes on changing. O(tasks)."""
    standing = standing_of(state, now)
    return Moment(now, state.plan, standing, max(1, state.agents_limit), expenses_of(state))


def look_ahead(
    moment: Moment, history: History, *, samples: int, seed: int = SEED, go_on: GoOn | None = None
) -> Outlook:
    """Make an outlook; for `samples`, `seed` and `go_on` see `monte_carlo.forecast`."""
    usual = usual_times(moment.plan, history)
    if len(moment.plan.tasks) - len(moment.standing.settled) > MAX_OPEN:
        return Outlook(moment.now, None, usual)
    found = forecast(
        moment.plan,
        history,
        samples=samples,
        seed=seed,
        agents_limit=moment.agents_limit,
        standing=moment.standing,
        usd_of=moment.expenses.ahead.get,
        go_on=go_on,
    )
    return Outlook(moment.now, found if found.tasks else None, usual, moment.expenses.spent_usd)
