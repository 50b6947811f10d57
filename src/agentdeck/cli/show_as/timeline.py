"""A plan as a time line: a bar for each task, by phase, under an axis in hours.

Rules: one line a task; what is on the critical path is drawn higher. A bar is at least one column
wide, so short tasks look longer than they are. Times are those of the scheduler's timetable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.output import safe, width
from agentdeck.cli.show_as.canvas import MAX_ROWS, heading, remark
from agentdeck.cli.show_as.words import counted, fitted, span
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.plans.analysis.schedule import Row, Schedule

LABEL: Final = 22  # columns of an id at most
LENGTH: Final = 8  # columns of a duration
TICK: Final = 9  # columns between two figures of the axis, at least
STEPS_S: Final = tuple(
    60.0 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440)
)
CRITICAL: Final = "▇"
OTHER: Final = "▄"


def timeline_parts(
    plan: Plan, found: Schedule, critical: frozenset[TaskId], columns: int
) -> Iterator[RenderableType]:
    """The lines of the view, at most `columns` wide and `MAX_ROWS` tasks long."""
    yield heading(
        plan.name,
        f"{span(found.makespan_s)} with {counted(found.agents, 'agent')}, {found.strategy}, "
        f"{found.most_at_once:,} at once",
    )
    rows = found.rows
    if not rows:
        yield remark("there is nothing to do")
        return
    label = min(LABEL, max(width(row.task) for row in rows))
    space = max(10, columns - label - LENGTH - 3)
    scale = space / found.makespan_s if found.makespan_s else 0.0
    yield Text()
    yield _axis(found.makespan_s, space, " " * (label + 1))
    left = MAX_ROWS
    for title, inside in _phases(plan, rows):
        if left <= 0:
            break
        if title:
            yield Text(safe(title), style="bold", no_wrap=True, overflow="ellipsis")
        for row in inside[:left]:
            yield _bar(row, row.task in critical, label, space, scale)
        left -= len(inside)
    if len(rows) > MAX_ROWS:
        yield remark(f"and {len(rows) - MAX_ROWS:,} more tasks; --json has them all")
    yield Text()
    yield remark(f"{CRITICAL} on the critical path   {OTHER} others")


def _phases(plan: Plan, rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each phase by their start, under its title."""
    members: dict[str, list[Row]] = {}
    for row in rows:
        members.setdefault(plan.by_id[row.task].phase or "", []).append(row)
    for phase in plan.phases:
        if phase.id in members:
            sync = " (sync point at its end)" if phase.sync else ""
            title = f"{phase.id}  {phase.title}{sync}" if phase.title else f"{phase.id}{sync}"
            yield title, sorted(members[phase.id], key=lambda row: row.start_s)
    if "" in members:
        yield (
            "no phase" if plan.phases else "",
            sorted(members[""], key=lambda row: row.start_s),
        )


def _bar(row: Row, critical: bool, label: int, space: int, scale: float) -> Text:
    start = min(space - 1, int(row.start_s * scale))
    cells = max(1, min(space - start, round((row.end_s - row.start_s) * scale)))
    line = Text(no_wrap=True, overflow="crop")
    line.append(fitted(safe(row.task), label) + " ", style="bold" if critical else "")
    line.append(" " * start)
    style = "yellow" if critical else "blue"
    line.append((CRITICAL if critical else OTHER) * cells, style=style)
    line.append(" " * (space - start - cells))
    line.append(f" {span(row.end_s - row.start_s):>{LENGTH}}", style="dim")
    return line


def _axis(length_s: float, space: int, margin: str) -> Text:
    """`0     4 h    8 h …`, each figure above its moment."""
    per_column = length_s / space if length_s else 1.0
    step = next((s for s in STEPS_S if s >= per_column * TICK), 0.0)
    if not step:
        step = 86400.0 * -(-per_column * TICK // 86400.0)
    cells = [" "] * space
    moment = 0.0
    while moment < length_s or not moment:  # ends: at most space / TICK steps
        figure = _moment(moment)
        at = int(moment / per_column)
        if at + len(figure) <= space:
            cells[at : at + len(figure)] = figure
        moment += step
    return Text(margin + "".join(cells).rstrip(), style="dim", no_wrap=True)


def _moment(seconds: float) -> str:
    if not seconds:
        return "0"
    return f"{seconds / 3600:,g} h" if seconds % 3600 == 0 else f"{seconds / 60:,.0f} min"
