"""Rules about routes: those that change nothing for any task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core.plan import matching_routes
from agentdeck.plans.lint.finding import Hit
from agentdeck.plans.lint.subject import Subject

_SETS: Final = ("agent", "model", "pool")


def without_effect(subject: Subject) -> Iterator[Hit]:
    """A route that no task matches, or whose tasks are told otherwise before it is asked."""
    plan = subject.plan
    if not plan.routes:
        return
    number = {id(route): at for at, route in enumerate(plan.routes)}
    matched: set[int] = set()
    used: set[int] = set()
    for task in plan.tasks:  # deferred ones too: a route for them is no mistake
        said = {name for name in _SETS if getattr(task, name) is not None}
        for route in matching_routes(plan, task):
            at = number[id(route)]
            matched.add(at)
            here = {name for name in _SETS if getattr(route, name) is not None}
            if here - said:
                used.add(at)
            said |= here
    for at in range(len(plan.routes)):
        if at not in matched:
            yield Hit(("route", at), "matches no task", "correct `match`, or take it out")
        elif at not in used:
            yield Hit(
                ("route", at),
                "changes nothing: its tasks, or routes above it, say all of it already",
                "move it up, or take it out",
            )
