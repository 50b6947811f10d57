"""A plan as a table, phase by phase, and as data."""

from __future__ import annotations

from typing import Final

from agentdeck.cli.output import paint, safe, say, table
from agentdeck.core.explain import short_duration
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import OWN_REPO_WORD, Plan, Task
from agentdeck.core.scheduler import longest_path_s
from agentdeck.plans.analysis.network import network_of
from agentdeck.plans.analysis.slack import critical_path, reach

TASK_FIELDS: Final = (
    *("id", "title", "phase", "after", "agent", "model", "estimate_s", "longest_path_s", "files"),
    "deferred",
)


def plan_as_data(plan: Plan) -> dict[str, object]:
    """The plan with everybody's settings, for programs. Times in seconds."""
    network = network_of(plan)
    found = reach(network)
    return {
        "name": plan.name,
        "agents": plan.agents_limit,
        "phases": [
            {"id": phase.id, "title": phase.title, "sync": phase.sync} for phase in plan.phases
        ],
        "tasks": task_rows(plan),
        "total_s": _total_s(plan),
        "critical_path": critical_path(network, found),
        "critical_path_s": found.length_s,
    }


def task_rows(plan: Plan) -> list[dict[str, object]]:
    """Each task with its settings, in the order of the plan."""
    level = longest_path_s(plan)
    rows: list[dict[str, object]] = []
    for task in plan.tasks:
        settings = plan.settings(task.id)
        values = (task.id, task.title, task.phase, task.after, settings.agent, settings.model)
        more = (settings.estimate_s, level[task.id], task.files, task.defer)
        rows.append(dict(zip(TASK_FIELDS, (*values, *more), strict=True)))
    return rows


def print_plan(plan: Plan) -> None:
    """The plan for people."""
    network = network_of(plan)
    found = reach(network)
    critical = frozenset(critical_path(network, found))
    say(f"{paint(safe(plan.name), 'bold')}  {len(plan.tasks)} tasks, {plan.agents_limit} at once")
    names: list[PhaseId | None] = [None, *(phase.id for phase in plan.phases)]
    for name in names:
        tasks = [task for task in plan.tasks if task.phase == name]
        if tasks:
            say()
            say(paint(_heading(plan, name), "bold"))
            heads = ("", "TASK", "TITLE", "AGENT", "AFTER", "ESTIMATE", "FILES")
            places = ("REPO",) if plan.repos else ()
            together = ("LANDS WITH",) if plan.group_of else ()
            rows = [(*_row(plan, task, critical), *_landing(plan, task)) for task in tasks]
            table((*heads, *places, *together), rows)
    say()
    longest = short_duration(found.length_s)
    say(f"work {short_duration(_total_s(plan))}, longest path {longest} (*)")


def _heading(plan: Plan, name: PhaseId | None) -> str:
    if name is None:
        return "no phase" if plan.phases else "tasks"
    phase = plan.phase_by_id[name]
    title = f": {phase.title}" if phase.title else ""
    return safe(f"{name}{title}") + (" (sync point at its end)" if phase.sync else "")


def _row(plan: Plan, task: Task, critical: frozenset[TaskId]) -> tuple[str, ...]:
    settings = plan.settings(task.id)
    agent = f"{settings.agent} {settings.model}" if settings.model else str(settings.agent)
    return (
        "*" if task.id in critical else "",
        task.id,
        f"{task.title} (deferred: {task.defer})" if task.defer else task.title,
        agent,
        ", ".join(task.after),
        short_duration(settings.estimate_s),
        ", ".join(task.files),
    )


def _landing(plan: Plan, task: Task) -> tuple[str, ...]:
    """Where it lands, and with whom; only in plans that say something of it."""
    mates = (name for name in plan.group_of.get(task.id, ()) if name != task.id)
    places = (task.repo or OWN_REPO_WORD,) if plan.repos else ()
    return (*places, ", ".join(mates)) if plan.group_of else places


def _total_s(plan: Plan) -> float:
    return sum(plan.settings(task.id).estimate_s for task in plan.tasks if not task.defer)
