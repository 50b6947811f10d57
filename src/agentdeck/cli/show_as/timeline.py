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
from agentdeck.plans.analysis.time_axis import MINUTE_S, Bar, TimeScale

LABEL: Final = 22  # columns of an id at most
LENGTH: Final = 8  # columns of a duration
TICK: Final = 9  # columns between two figures of the axis, at least
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
    scale = TimeScale(0.0, found.makespan_s, space)
    yield Text()
    yield _axis(scale, " " * (label + 1))
    left = MAX_ROWS
    for title, inside in _phases(plan, rows):
        if left <= 0:
            break
        if title:
            yield Text(safe(title), style="bold", no_wrap=True, overflow="ellipsis")
        for row in inside[:left]:
            yield _bar(row, row.task in critical, label, scale)
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


def _bar(row: Row, critical: bool, label: int, scale: TimeScale) -> Text:
    first, end = scale.bar(row.start_s, row.end_s) or Bar(0, 1)  # all of it is in the window
    line = Text(no_wrap=True, overflow="crop")
    line.append(fitted(safe(row.task), label) + " ", style="bold" if critical else "")
    line.append(" " * first)
    style = "yellow" if critical else "blue"
    line.append((CRITICAL if critical else OTHER) * (end - first), style=style)
    line.append(" " * (scale.cells - end))
    line.append(f" {span(row.end_s - row.start_s):>{LENGTH}}", style="dim")
    return line


def _axis(scale: TimeScale, margin: str) -> Text:
    """`0     4 h    8 h …`, each figure above its moment."""
    cells = [" "] * scale.cells
    for moment, at in scale.ticks(TICK, least_s=MINUTE_S):
        figure = _moment(moment)
        if at + len(figure) <= scale.cells:
            cells[at : at + len(figure)] = figure
    return Text(margin + "".join(cells).rstrip(), style="dim", no_wrap=True)


def _moment(seconds: float) -> str:
    if not seconds:
        return "0"
    return f"{seconds / 3600:,g} h" if seconds % 3600 == 0 else f"{seconds / 60:,.0f} min"
