"""A plan as a graph in text: each task once, below the one it waits for longest; mermaid and dot.

Rules:
- A task hangs below the dependency that is the last to be done (ties: the first named); the others
  stand behind it as "also after". So the drawing is a tree. A line that is too long is cut.
- A branch deeper than `MAX_DEPTH` goes on at the left margin, under the name of the task it left.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from rich.console import RenderableType
from rich.text import Text

from agentdeck.cli.output import safe
from agentdeck.cli.show_as.canvas import MAX_ROWS, heading, remark
from agentdeck.cli.show_as.words import counted, listed, span
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.plans.analysis.network import Network
from agentdeck.plans.analysis.slack import Reach

MAX_DEPTH: Final = 12  # levels; three columns each leave room for names
ALSO: Final = 4  # further dependencies that are named
CRITICAL: Final = "*"


def graph_parts(
    plan: Plan, network: Network, found: Reach, critical: frozenset[TaskId]
) -> Iterator[RenderableType]:
    """The view."""
    edges = sum(len(wanted) for wanted in network.needs)
    yield heading(
        plan.name,
        f"{counted(network.tasks, 'task')}, {counted(edges, 'dependency', 'dependencies')}, "
        f"longest path {span(found.length_s)} ({CRITICAL})",
    )
    yield Text()
    yield from islice(_lines(plan, network, found, critical), MAX_ROWS)
    deferred = [task for task in plan.tasks if task.defer]
    if network.tasks > MAX_ROWS:
        yield remark(f"cut: there are {network.tasks:,} tasks; --json has them all")
    if deferred:
        yield Text()
        yield remark(f"deferred: {listed([task.id for task in deferred], 20)}")


def _lines(
    plan: Plan, network: Network, found: Reach, critical: frozenset[TaskId]
) -> Iterator[Text]:
    parent = _parents(network, found)
    children: dict[int | None, list[int]] = {}
    for node in range(network.tasks):
        children.setdefault(parent[node], []).append(node)
    for below in children.values():  # the longest branch comes last: it is the trunk
        below.sort(key=lambda node: (network.ids[node] in critical, found.tail_s[node]))
    margin: list[tuple[int, int | None]]
    margin = [(node, None) for node in reversed(children.get(None, []))]
    while margin:
        root, left = margin.pop()
        if left is not None:
            yield Text(f"… below {safe(network.ids[left])}", style="dim")
        pending: list[tuple[int, str, str]] = [(root, "", "")]
        while pending:
            node, lead, branch = pending.pop()
            yield _line(plan, network, node, parent[node], lead + branch, critical)
            below = children.get(node, [])
            if len(lead) // 3 >= MAX_DEPTH:
                margin += [(child, node) for child in reversed(below)]
                continue
            inner = lead + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
            last = below[-1:]
            pending += [
                (child, inner, "└─ " if [child] == last else "├─ ") for child in reversed(below)
            ]


def _parents(network: Network, found: Reach) -> list[int | None]:
    """For each task the dependency that ends last."""
    return [
        max(
            network.needs[node],
            key=lambda other: found.earliest_s[other] + network.duration_s[other],
            default=None,
        )
        for node in range(network.tasks)
    ]


def _line(
    plan: Plan,
    network: Network,
    node: int,
    parent: int | None,
    lead: str,
    critical: frozenset[TaskId],
) -> Text:
    name = network.ids[node]
    is_critical = name in critical
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(lead, style="dim")
    line.append(safe(name), style="bold yellow" if is_critical else "")
    line.append(f" {CRITICAL}" if is_critical else "", style="yellow")
    line.append(f"  {span(network.duration_s[node])}", style="dim")
    title = plan.by_id[name].title
    others = [safe(network.ids[other]) for other in network.needs[node] if other != parent]
    if others:
        line.append(f"  also after {listed(others, ALSO)}", style="cyan")
    if title:
        line.append(f"  {safe(title)}", style="dim")
    return line


def graph_as_data(plan: Plan, network: Network, critical: frozenset[TaskId]) -> dict[str, Any]:
    """Nodes and edges, for programs. Times in seconds."""
    nodes = [
        {
            "id": task.id,
            "title": task.title,
            "phase": task.phase,
            "estimate_s": plan.settings(task.id).estimate_s,
            "critical": task.id in critical,
            "deferred": task.defer,
        }
        for task in plan.tasks
    ]
    edges = [{"from": other, "to": task.id} for task in plan.tasks for other in task.after]
    return {"nodes": nodes, "edges": edges, "tasks": network.tasks}


def mermaid(plan: Plan, critical: frozenset[TaskId]) -> str:
    """The graph as mermaid text. Source: https://mermaid.js.org/syntax/flowchart.html."""
    number = {task.id: f"t{index}" for index, task in enumerate(plan.tasks)}
    lines = ["flowchart LR"]
    for title, members in _clusters(plan):
        if title:
            lines.append(f'  subgraph {_mermaid_id(title)}["{_mermaid_text(title)}"]')
        lines += [f'  {number[t.id]}["{_mermaid_text(_label(t))}"]' for t in members]
        if title:
            lines.append("  end")
    for task in plan.tasks:
        lines += [f"  {number[other]} --> {number[task.id]}" for other in task.after]
    marked = [number[task.id] for task in plan.tasks if task.id in critical]
    if marked:
        lines.append("  classDef critical stroke-width:3px")
        lines.append(f"  class {','.join(marked)} critical")
    deferred = [number[task.id] for task in plan.tasks if task.defer]
    if deferred:
        lines.append("  classDef deferred stroke-dasharray:4")
        lines.append(f"  class {','.join(deferred)} deferred")
    return "\n".join(lines) + "\n"


def dot(plan: Plan, critical: frozenset[TaskId]) -> str:
    """The graph as Graphviz text. Source: https://graphviz.org/doc/info/lang.html."""
    lines = [f"digraph {_quoted(plan.name)} {{", "  rankdir=LR", "  node [shape=box]"]
    for index, (title, members) in enumerate(_clusters(plan)):
        if title:
            lines += [f"  subgraph cluster_{index} {{", f"    label={_quoted(title)}"]
        for task in members:
            marks = ["penwidth=3"] if task.id in critical else []
            marks += ["style=dashed"] if task.defer else []
            wanted = ", ".join([f"label={_quoted(_label(task))}", *marks])
            lines.append(f"    {_quoted(task.id)} [{wanted}]")
        if title:
            lines.append("  }")
    for task in plan.tasks:
        lines += [f"  {_quoted(other)} -> {_quoted(task.id)}" for other in task.after]
    return "\n".join([*lines, "}"]) + "\n"


def _clusters(plan: Plan) -> Iterator[tuple[str, list[Task]]]:
    members: dict[str | None, list[Task]] = {}
    for task in plan.tasks:
        members.setdefault(task.phase, []).append(task)
    for phase in plan.phases:
        if phase.id in members:
            yield f"{phase.id}: {phase.title}" if phase.title else phase.id, members[phase.id]
    if None in members:
        yield "", members[None]


def _label(task: Task) -> str:
    return f"{task.id}: {safe(task.title)}" if task.title else task.id


def _mermaid_id(title: str) -> str:
    return "p" + "".join(f"{ord(char):x}" for char in title[:40])


def _mermaid_text(text: str) -> str:
    """Text in quotes; what mermaid would read as its own is written as a character's number."""
    return "".join(
        char if char.isalnum() or char in " .,:-_/()" else f"#{ord(char)};" for char in safe(text)
    )


def _quoted(text: str) -> str:
    escaped = safe(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
