"""Every budget of a run with what is left of it, as programs read it: one shape on all faces."""

from __future__ import annotations

import msgspec

from agentdeck.core.budgets import RUN, USED_UP, Book, Line
from agentdeck.core.plan import Budget, OnExceed
from agentdeck.core.state import RunState


class Amount(msgspec.Struct, frozen=True):
    """Of one kind: US dollars, or tokens."""

    limit: float | None  # None = no limit
    used: float
    reserved: float  # held for those at work, beyond what they have used
    left: float | None


class BudgetLine(msgspec.Struct, frozen=True):
    """One budget."""

    scope: str  # `run`, `phase:ID`, `pool:NAME` or `task:ID`
    usd: Amount
    tokens: Amount
    used_share: float  # of what is nearer to its limit: 1.0 = all
    on_exceed: OnExceed
    warn: tuple[float, ...]
    share: float | None  # of an account's own allowance
    at_work: int  # agents under it
    used_up: bool
    asks: bool  # something is held up by it, and a person can raise it
    sentence: str  # that it is used up, in words; empty while it is not


def budget_lines(state: RunState) -> list[BudgetLine]:
    """The run's budget, also without a limit, and all others that limit anything, widest first."""
    book = Book(state)
    asking = {line.scope for line in book.asking()} if _goes_on(state) else set()
    lines = list(book.lines.values())
    if RUN not in book.lines:
        lines.insert(0, Line(RUN, Budget(), usd=state.usd, tokens=state.tokens))
    return [_told(line, asks=line.scope in asking) for line in lines]


def marked_in_words(state: RunState, scope: str, mark: float) -> str | None:
    """That use has passed a mark, or None when the budget is no more."""
    line = Book(state).lines.get(scope)
    if line is None:
        return None
    if mark < USED_UP:
        return f"{mark:.0%} of {line.words} is used"
    asks = line.budget.on_exceed is OnExceed.ASK
    return line.sentence + (": agents stand still until it is raised" if asks else "")


def _goes_on(state: RunState) -> bool:
    return state.outcome is None and not state.ending


def _told(line: Line, *, asks: bool) -> BudgetLine:
    budget = line.budget
    return BudgetLine(
        scope=line.scope,
        usd=Amount(budget.usd, line.usd, line.usd_reserved, line.usd_left),
        tokens=Amount(budget.tokens, line.tokens, line.tokens_reserved, line.tokens_left),
        used_share=line.used_share,
        on_exceed=budget.on_exceed,
        warn=budget.warn,
        share=budget.share,
        at_work=line.at_work,
        used_up=line.used_up,
        asks=asks,
        sentence=line.sentence if line.used_up else "",
    )
