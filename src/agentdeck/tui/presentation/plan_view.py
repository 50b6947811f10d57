"""The views of the plan, in the order in which one key turns through them."""

from __future__ import annotations

from enum import StrEnum


class PlanView(StrEnum):
    """How the plan is shown."""

    GRAPH = "graph"
    OUTLINE = "outline"
    TIMELINE = "timeline"


def next_view(view: PlanView) -> PlanView:
    """The one behind `view`, round."""
    views = list(PlanView)
    return views[(views.index(view) + 1) % len(views)]
