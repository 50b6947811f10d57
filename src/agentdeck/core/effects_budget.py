"""Effects of budgets that change, by a person's word, by another plan, or by a better figure.

Rules: a mark that use has not passed under the new limit may be told again; an attempt that was
held back before its launch is let go when no budget holds it any more.
"""

from __future__ import annotations

import msgspec

from agentdeck.core import events as e
from agentdeck.core.budgets import Book, budget_of, planned
from agentdeck.core.plan import Budget, Plan
from agentdeck.core.state import RunState, TaskState


def take(state: RunState, event: e.BudgetSet) -> None:
    """A person's limits hold from now on; what happens beyond them stays as planned."""
    before = budget_of(state, event.scope) or Budget()
    state.budgets[event.scope] = msgspec.structs.replace(before, usd=event.usd, tokens=event.tokens)
    limits_changed(state)


def follow_plan(state: RunState, before: Plan) -> None:
    """The plan is another one: where its word on a budget is new, it holds over an older one."""
    for scope in list(state.budgets):
        now = planned(state.plan, scope)
        if now is None or now != planned(before, scope):
            del state.budgets[scope]
    limits_changed(state)


def limits_changed(state: RunState) -> None:
    """Bring marks and held attempts in line with the limits. O(tasks + attempts)."""
    book = Book(state)
    passed = {scope: line.mark for scope, line in book.lines.items()}
    told = {scope: min(mark, passed.get(scope, 0.0)) for scope, mark in state.marked.items()}
    state.marked = {scope: mark for scope, mark in told.items() if mark > 0}
    for task in state.in_state(TaskState.PREPARING):
        attempt = task.attempt
        if attempt is not None and attempt.held:
            attempt.held = book.freezes(task) is not None or book.stops(task) is not None
