"""The tasks of a plan as a table that a file can hold; `show` without `-o` prints `plantable`."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.show_as.canvas import MAX_ROWS, grid, heading, remark
from agentdeck.cli.show_as.words import counted, span
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Plan, Task


def plan_parts(
    plan: Plan, critical: frozenset[TaskId], length_s: float
) -> Iterator[RenderableType]:
    """The view: one table a phase."""
    yield heading(plan.name, f"{counted(len(plan.tasks), 'task')}, {plan.agents_limit} at once")
    members: dict[PhaseId | None, list[Task]] = {}
    for task in plan.tasks[:MAX_ROWS]:
        members.setdefault(task.phase, []).append(task)
    for name in [*(phase.id for phase in plan.phases), None]:
        if name in members:
            yield Text()
            title = plan.phase_by_id[name].title if name else ""
            yield heading(name or ("no phase" if plan.phases else "tasks"), title)
            rows = [_row(plan, task, task.id in critical) for task in members[name]]
            heads = ("", "TASK", "TITLE", "AGENT", "AFTER", "TAKES")
            yield grid(heads, rows, right=(5,), wide=(2, 4))
    if len(plan.tasks) > MAX_ROWS:
        yield remark(f"and {len(plan.tasks) - MAX_ROWS:,} more tasks; --json has them all")
    yield Text()
    yield remark(f"longest path {span(length_s)} (*)")


def _row(plan: Plan, task: Task, critical: bool) -> tuple[str, ...]:
    settings = plan.settings(task.id)
    title = f"{task.title} (deferred: {task.defer})" if task.defer else task.title
    return (
        "*" if critical else "",
        task.id,
        title,
        f"{settings.agent} {settings.model or ''}".rstrip(),
        ", ".join(task.after),
        span(settings.estimate_s),
    )
