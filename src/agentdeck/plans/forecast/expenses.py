"""What the attempts that are still to be made are expected to cost.

Rules:
- An attempt is expected to cost what a budget would reserve for it (`core.budgets`): the task's own
  tokens at the price of its model, else what ended attempts of this run have cost on average.
- Work that is proven, or waits to be, costs nothing more. What a person has to decide about first
  (failed tasks, and what needs them) is not forecast.
- What an attempt under way has cost so far is a part of what it is expected to cost.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core.budgets import Book
from agentdeck.core.graph import closure
from agentdeck.core.ids import TaskId
from agentdeck.core.state import LIVE, STUCK, RunState, TaskState

_TO_BE_DONE: Final = LIVE | {
    TaskState.PENDING,
    TaskState.READY,
    TaskState.PREPARING,
    TaskState.RETRYING,
}


class Expenses(msgspec.Struct, frozen=True):
    """Of a run at one moment, US dollars."""

    ahead: dict[TaskId, float] = {}  # what one attempt at each task is expected to cost
    spent_usd: float = 0.0  # so far, but for what attempts at those tasks have cost that go on


def expenses_of(state: RunState) -> Expenses:
    """What lies ahead, task by task; what is not known is missing. O(tasks + dependencies)."""
    book, stuck = Book(state), _stuck(state)
    ahead: dict[TaskId, float] = {}
    under_way = 0.0
    for task in state.in_state(*_TO_BE_DONE):
        if task.id in stuck or state.spec(task.id).defer:
            continue
        usd, _ = book.expected(task.id, state.settings(task.id).model)
        if usd > 0:
            ahead[task.id] = usd
            if task.attempt is not None and task.state in LIVE:
                under_way += task.attempt.usd
    return Expenses(ahead, state.usd - under_way)


def _stuck(state: RunState) -> set[TaskId]:
    """What waits for a person to decide about something that has failed."""
    found: set[TaskId] = set()
    for task in state.in_state(*STUCK):
        found.update(closure(task.id, state.plan.dependents))
    return found
