"""What a person says of budgets: another limit, or so much more."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.budgets import budget_of, scope_in_words
from agentdeck.core.events import AnyEvent
from agentdeck.core.plan import Budget
from agentdeck.core.refused import Refused
from agentdeck.core.state import RunState

MAX_USD: Final = 1e9  # of one budget; more is a typing error
MAX_TOKENS: Final = 10**15  # likewise
MAX_SHOWN: Final = 80  # characters of a name that is not known

N = TypeVar("N", int, float)


def set_to(state: RunState, command: c.SetBudget) -> list[AnyEvent]:
    """Other limits. Below what is used already is a wish as well: then it is used up."""
    before = _known(state, command.scope)
    usd = before.usd if command.usd is msgspec.UNSET else command.usd
    tokens = before.tokens if command.tokens is msgspec.UNSET else command.tokens
    if (usd, tokens) == (before.usd, before.tokens):
        raise Refused(f"the budget of {scope_in_words(command.scope)} is that already")
    return [_checked(command.scope, usd, tokens, command.by)]


def raised(state: RunState, command: c.RaiseBudget) -> list[AnyEvent]:
    """So much more than now, whatever that is."""
    before = _known(state, command.scope)
    if not (command.usd > 0 or command.tokens > 0):
        raise Refused("a budget is raised by more than nothing")
    usd = _more(before.usd, command.usd, "money", command.scope)
    tokens = _more(before.tokens, command.tokens, "tokens", command.scope)
    return [_checked(command.scope, usd, tokens, command.by)]


def _known(state: RunState, scope: str) -> Budget:
    found = budget_of(state, scope)
    if found is None:
        raise Refused(
            f"there is no {scope[:MAX_SHOWN]!r} to have a budget",
            hint="name `run`, `phase:ID`, `pool:NAME` or `task:ID`",
        )
    return found


def _more(limit: N | None, by: N, of: str, scope: str) -> N | None:
    if by and limit is None:
        whose = scope_in_words(scope)
        raise Refused(f"{whose} has no limit in {of} that could be raised", hint="set one")
    return limit if limit is None else limit + by


def _checked(scope: str, usd: float | None, tokens: int | None, by: str) -> AnyEvent:
    if usd is not None and not 0 <= usd <= MAX_USD:
        raise Refused(f"a budget has 0 to {MAX_USD:,.0f} dollars, not {usd:g}")
    if tokens is not None and not 0 <= tokens <= MAX_TOKENS:
        raise Refused(f"a budget has 0 to {MAX_TOKENS:,} tokens, not {tokens:,}")
    return e.BudgetSet(scope, usd, tokens, by)
