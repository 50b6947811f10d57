"""A plan as an outline: phases, their tasks, what each is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.output import safe
from agentdeck.cli.show_as.canvas import MAX_ROWS, heading, remark
from agentdeck.cli.show_as.words import counted, span
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Plan, Task


def outline_parts(plan: Plan, critical: frozenset[TaskId]) -> Iterator[RenderableType]:
    """The view."""
    yield heading(plan.name, counted(len(plan.tasks), "task"))
    left = MAX_ROWS
    for phase, tasks in _phases(plan):
        if left <= 0:
            break
        yield Text()
        yield _title(plan, phase)
        for task in tasks[:left]:
            yield _task(plan, task, task.id in critical)
        left -= len(tasks)
    if len(plan.tasks) > MAX_ROWS:
        yield remark(f"and {len(plan.tasks) - MAX_ROWS:,} more tasks; --json has them all")


def outline_as_data(plan: Plan) -> dict[str, Any]:
    """The same for programs: phases with their tasks. Times in seconds."""
    return {
        "name": plan.name,
        "phases": [
            {
                "id": phase,
                "title": plan.phase_by_id[phase].title if phase else "",
                "tasks": [
                    {
                        "id": task.id,
                        "title": task.title,
                        "after": task.after,
                        "estimate_s": plan.settings(task.id).estimate_s,
                        "deferred": task.defer,
                        "human": task.human,
                    }
                    for task in tasks
                ],
            }
            for phase, tasks in _phases(plan)
        ],
    }


def _phases(plan: Plan) -> Iterator[tuple[PhaseId | None, list[Task]]]:
    members: dict[PhaseId | None, list[Task]] = {}
    for task in plan.tasks:
        members.setdefault(task.phase, []).append(task)
    for phase in plan.phases:
        yield phase.id, members.get(phase.id, [])
    if None in members:
        yield None, members[None]


def _title(plan: Plan, phase: PhaseId | None) -> Text:
    if phase is None:
        return Text("no phase" if plan.phases else "tasks", style="bold")
    found = plan.phase_by_id[phase]
    line = Text(safe(f"{phase}  {found.title}".rstrip()), style="bold")
    if found.sync:
        line.append("  sync point at its end", style="not bold dim")
    return line


def _task(plan: Plan, task: Task, critical: bool) -> Text:
    line = Text("  ", no_wrap=True, overflow="ellipsis")
    line.append(safe(task.id), style="bold yellow" if critical else "")
    line.append(" *" if critical else "", style="yellow")
    line.append(f"  {safe(task.title)}" if task.title else "")
    said = [
        span(plan.settings(task.id).estimate_s) if task.estimate_s is not None else "no estimate"
    ]
    said += [f"after {', '.join(task.after)}"] if task.after else []
    said += ["a person does it"] if task.human else []
    said += [f"deferred: {task.defer}"] if task.defer else []
    line.append(f"  {safe('; '.join(said))}", style="dim")
    return line
