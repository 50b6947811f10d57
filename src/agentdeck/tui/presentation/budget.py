"""Budgets on the screen: what the header says of money, and the rows of the dialog.

Rules: dollars that were reckoned from a price table, even in part, are marked with `≈`. A budget
that asks is loud, one that is nearly used up is told, the others are calm.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from agentdeck.core.budgets import NEAR, RUN, Line, dollars, scope_in_words
from agentdeck.core.plan import Budget
from agentdeck.core.state import Attempt
from agentdeck.plans.typed_limits import Of
from agentdeck.tui.presentation import line as cells_of
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import count, money
from agentdeck.tui.presentation.line import EMPTY, Span

GAP: Final = "  "


class BudgetRow(NamedTuple):
    """One budget to choose."""

    scope: str
    text: str
    of: Of  # what a number without a unit is of


def spent(attempt: Attempt) -> str:
    """What an attempt has cost: `$0.21`, or `≈$0.21` where the table says so."""
    return reckoned(attempt.usd, priced=attempt.usd_priced > 0)


def reckoned(usd: float, *, priced: bool) -> str:
    """An amount, and whether it was reckoned."""
    return f"≈{money(usd)}" if priced else money(usd)


def money_of_budget(deck: Deck) -> cells_of.Line:
    """`$1.84 of $20`, or tokens where they are what is limited, or what was used."""
    state, line = deck.state, deck.book.lines.get(RUN)
    usd = reckoned(state.usd, priced=deck.is_priced)
    role = ""
    if line is not None:
        near = "state-asks" if line.used_share >= NEAR else ""
        role = "state-failed bold" if line.used_up else near
        if line.budget.usd is not None:
            return (Span(usd, role), Span(f" of {dollars(line.budget.usd)}", "muted"))
        if line.budget.tokens is not None:
            limit = f" of {count(line.budget.tokens)} tokens"
            return (Span(count(state.tokens), role), Span(limit, "muted"))
    if state.usd:
        return (Span(usd),)
    return (Span(count(state.tokens)), Span(" tokens", "muted")) if state.tokens else EMPTY


def budget_rows(deck: Deck) -> list[BudgetRow]:
    """Every budget, the one of the run also where it has no limit."""
    lines = list(deck.book.lines.values())
    if RUN not in deck.book.lines:
        lines.insert(0, Line(RUN, Budget(), usd=deck.state.usd, tokens=deck.state.tokens))
    names = [scope_in_words(line.scope) for line in lines]
    wide = max(map(len, names))
    return [
        BudgetRow(line.scope, f"{name:<{wide}}{GAP}{_figures(line)}", _unit(line))
        for name, line in zip(names, lines, strict=True)
    ]


def _unit(line: Line) -> Of:
    only_tokens = line.budget.usd is None and line.budget.tokens is not None
    return "tokens" if only_tokens else "usd"


def _figures(line: Line) -> str:
    parts = []
    if line.budget.usd is not None:
        held = f", ${line.usd_reserved:.2f} reserved" if line.usd_reserved else ""
        parts.append(f"${line.usd:.2f} of {dollars(line.budget.usd)}{held}")
    if line.budget.tokens is not None:
        held = f", {count(line.tokens_reserved)} reserved" if line.tokens_reserved else ""
        parts.append(f"{count(line.tokens)} of {count(line.budget.tokens)} tokens{held}")
    if not parts:
        parts.append(f"${line.usd:.2f}, no limit")
    if line.budget.share is not None:
        parts.append(f"{line.budget.share:.0%} of each account")
    return " · ".join(parts) + (" · used up" if line.used_up else "")
