"""Tokens and money of a plan, by model, agent and phase.

Rules: only what the plan states is counted. A task that states no tokens, or whose model has no
price, is counted as unknown and never guessed. Deferred tasks and people cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentdeck.core.plan import Plan, Task
from agentdeck.plans.analysis.prices import Prices

Figures = tuple[int | None, float | None]  # of one task: tokens, US dollars; None = unknown


class Spent(msgspec.Struct, frozen=True):
    """What some tasks use."""

    tasks: int
    tokens: int  # of those that state any
    usd: float | None  # of those with a price; None = none has one
    no_tokens: int  # tasks that state none
    no_price: int  # tasks that state tokens, of a model without a price


class Cost(msgspec.Struct, frozen=True):
    """The whole and its parts; an empty name is for what is not said."""

    total: Spent
    by_model: dict[str, Spent]
    by_agent: dict[str, Spent]
    by_phase: dict[str, Spent]


def cost_of(plan: Plan, prices: Prices) -> Cost:
    """What the plan costs by its own figures."""
    tasks = [task for task in plan.tasks if not task.defer and not by_person(plan, task)]
    figures = [(task.tokens, usd_of(plan, task, prices)) for task in tasks]
    return Cost(
        total=spent_by(figures),
        by_model=_parts([plan.settings(task.id).model or "" for task in tasks], figures),
        by_agent=_parts([plan.settings(task.id).agent for task in tasks], figures),
        by_phase=_parts([task.phase or "" for task in tasks], figures),
    )


def usd_of(plan: Plan, task: Task, prices: Prices) -> float | None:
    """What one task costs, US dollars; None = it states no tokens or its model has no price."""
    if task.tokens is None:
        return None
    return prices.usd(plan.settings(task.id).model, task.tokens)


def by_person(plan: Plan, task: Task) -> bool:
    """Is it done by a person?"""
    return plan.agent_by_name[plan.settings(task.id).agent].use == "human"


def _parts(names: Sequence[str], figures: Sequence[Figures]) -> dict[str, Spent]:
    members: dict[str, list[Figures]] = {}
    for name, each in zip(names, figures, strict=True):
        members.setdefault(name, []).append(each)
    return {name: spent_by(inside) for name, inside in members.items()}


def spent_by(figures: Sequence[Figures]) -> Spent:
    """The sum of some tasks, each with its tokens and US dollars; None = unknown."""
    stated = sum(tokens is not None for tokens, _ in figures)
    known = [usd for _, usd in figures if usd is not None]
    return Spent(
        tasks=len(figures),
        tokens=sum(tokens or 0 for tokens, _ in figures),
        usd=sum(known) if known else None,
        no_tokens=len(figures) - stated,
        no_price=stated - len(known),
    )
