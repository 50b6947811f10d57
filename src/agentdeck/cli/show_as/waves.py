"""A plan in waves: what may go side by side, and how long each wave takes.

Rules: with phases the waves are the phases, each a barrier; without any, the layers of the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.output import safe
from agentdeck.cli.show_as.canvas import MAX_ROWS, heading, remark
from agentdeck.cli.show_as.words import counted, indented, span
from agentdeck.core.graph import layers
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.plans.analysis.schedule import Schedule, schedule

MAX_NAMED: Final = 60  # tasks of one wave


class Wave(msgspec.Struct, frozen=True):
    """One wave. Times in seconds."""

    name: str
    title: str
    tasks: list[TaskId]
    work_s: float
    start_s: float
    end_s: float

    @property
    def takes_s(self) -> float:
        """From its first start to its last end."""
        return self.end_s - self.start_s


def waves_of(plan: Plan, agents: int) -> tuple[list[Wave], Schedule]:
    """The waves with their times, and the timetable they come from."""
    found = schedule(plan, agents, Strategy.WAVES)
    moments = {row.task: row for row in found.rows}
    waves = []
    for name, title, members in _members(plan):
        rows = [moments[task] for task in members if task in moments]
        if rows:
            waves.append(
                Wave(
                    name,
                    title,
                    [row.task for row in rows],
                    sum(row.end_s - row.start_s for row in rows),
                    min(row.start_s for row in rows),
                    max(row.end_s for row in rows),
                )
            )
    return waves, found


def _members(plan: Plan) -> Iterator[tuple[str, str, list[TaskId]]]:
    active = [task for task in plan.tasks if not task.defer]
    members: dict[str, list[TaskId]] = {}
    if plan.phases:
        for task in active:
            members.setdefault(task.phase or "", []).append(task.id)
        for phase in plan.phases:
            yield phase.id, phase.title, members.get(phase.id, [])
        yield "no phase", "no barrier holds these", members.get("", [])
        return
    kept = {task.id for task in active}
    depth = layers({task.id: [o for o in task.after if o in kept] for task in active})
    for task in active:
        members.setdefault(str(depth[task.id] + 1), []).append(task.id)
    for name in sorted(members, key=int):
        yield name, "", members[name]


def waves_as_data(waves: list[Wave], found: Schedule) -> dict[str, Any]:
    """The same for programs."""
    rows = [
        {
            "name": wave.name,
            "title": wave.title,
            "tasks": wave.tasks,
            "work_s": wave.work_s,
            "start_s": wave.start_s,
            "end_s": wave.end_s,
        }
        for wave in waves
    ]
    return {"waves": rows, "makespan_s": found.makespan_s, "agents": found.agents}


def wave_parts(plan: Plan, waves: list[Wave], found: Schedule) -> Iterator[RenderableType]:
    """The view."""
    takes = f"{span(found.makespan_s)} with {counted(found.agents, 'agent')}"
    yield heading(plan.name, f"{counted(len(waves), 'wave')} one after the other, {takes}")
    for wave in waves[:MAX_ROWS]:
        yield Text()
        line = Text()
        line.append(safe(f"{wave.name}  {wave.title}".rstrip()), style="bold")
        tasks = counted(len(wave.tasks), "task")
        line.append(f"  {tasks}, {span(wave.work_s)} of work in {span(wave.takes_s)}", style="dim")
        yield line
        named = "  ".join(safe(task) for task in wave.tasks[:MAX_NAMED])
        more = len(wave.tasks) - MAX_NAMED
        yield Text(indented(named + (f"  and {more:,} more" if more > 0 else "")))
    if len(waves) > MAX_ROWS:
        yield Text()
        yield remark(f"and {len(waves) - MAX_ROWS:,} more waves; --json has them all")
