"""What a plan is made of: its tasks counted by series, phase, complexity, kind, model and agent.

Rules: every task is counted once for each attribute; deferred ones count as tasks and have no
hours and no tokens. What is not said is a row of its own, last, with an empty name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core.plan import COMPLEXITIES, Plan, Task

_Figures = tuple[int, float, int]  # of one task: is it deferred, seconds, tokens

_DEFERRED: Final[_Figures] = (1, 0, 0)
_LAST_NUMBER: Final = re.compile(r"\d+(?!.*\d)", re.DOTALL)


class Row(msgspec.Struct, frozen=True):
    """The tasks that have one value of an attribute."""

    name: str  # empty: not said
    tasks: int
    deferred: int
    work_s: float  # without the deferred ones
    tokens: int  # the same; only what is stated


def series_of(name: str) -> str:
    """What an id begins with, up to its last number: `MAH-4A-006` is of `MAH-4A`.

    Empty for an id without a number, and for a bare number.
    """
    found = _LAST_NUMBER.search(name)
    return name[: found.start()].rstrip("-_.: ") if found else ""


ATTRIBUTES: Final[Mapping[str, Callable[[Plan, Task], str]]] = {
    "series": lambda _, task: series_of(task.id),
    "phase": lambda _, task: task.phase or "",
    "complexity": lambda _, task: task.complexity or "",
    "kind": lambda _, task: task.kind or "",
    "model": lambda plan, task: "" if task.human else plan.settings(task.id).model or "",
    "agent": lambda plan, task: plan.settings(task.id).agent,
}


def inventory(plan: Plan) -> dict[str, tuple[Row, ...]]:
    """The rows of each attribute; those of the file's order, complexities from low to high."""
    figures = [_figures(plan, task) for task in plan.tasks]
    return {name: _rows(plan, value, figures) for name, value in ATTRIBUTES.items()}


def _figures(plan: Plan, task: Task) -> _Figures:
    return _DEFERRED if task.defer else (0, plan.settings(task.id).estimate_s, task.tokens or 0)


def _rows(
    plan: Plan, value: Callable[[Plan, Task], str], figures: Sequence[_Figures]
) -> tuple[Row, ...]:
    members: dict[str, list[_Figures]] = {}
    for task, figure in zip(plan.tasks, figures, strict=True):
        members.setdefault(value(plan, task), []).append(figure)
    return tuple(
        Row(
            name,
            len(inside),
            sum([deferred for deferred, _, _ in inside]),
            sum([work_s for _, work_s, _ in inside]),
            sum([tokens for _, _, tokens in inside]),
        )
        for name, inside in sorted(members.items(), key=lambda row: _rank(row[0]))
    )


def _rank(name: str) -> int:
    """For sorting, which keeps the order of the file where this says nothing."""
    if not name:
        return len(COMPLEXITIES) + 1
    return COMPLEXITIES.index(name) if name in COMPLEXITIES else len(COMPLEXITIES)
