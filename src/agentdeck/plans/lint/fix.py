"""`check --fix`: what can be set right without changing what the plan means.

Rules:
- Only a dependency that others imply is taken out. Every task still starts after the same tasks, as
  long as nobody skips one in between; that decision is the person's, then as now. Gates, pools and
  routes that nothing uses stay: what is not used yet may be meant.
- The text is edited in place. Comments and all other lines stay, and a second time nothing is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from agentdeck.core.plan import BUILTIN_AGENTS, Plan
from agentdeck.plans.editing.plantext import PlanText
from agentdeck.plans.editing.verbs import Edited, edited
from agentdeck.plans.lint.dependencies import redundant_edges
from agentdeck.plans.lint.finding import Edge
from agentdeck.plans.lint.subject import Subject


def fixed(
    plan: Plan,
    text: str,
    *,
    file: str,
    read_file: Callable[[str], str] | None = None,
    adapters: Sequence[str] = BUILTIN_AGENTS,
) -> tuple[Edited, list[Edge]]:
    """The text with its needless dependencies taken out, and which these were.

    Args:
        plan: what `text` says.
        text, file, read_file, adapters: as for `read_plan`.

    Raises:
        PlanProblems: the text has problems.
    """
    edges = redundant_edges(Subject(plan, text=text, file=file))
    gone: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        gone[edge.task].append(edge.needs)
    place = {task.id: at for at, task in enumerate(plan.tasks)}

    def take_out(plan_text: PlanText) -> None:
        for name, needs in gone.items():
            plan_text.take_from_list(("task", place[name], "after"), needs)  # type: ignore[index]

    done = edited(text, take_out, file=file, read_file=read_file, adapters=adapters)
    return done, edges
