"""The plan as nodes and edges, with some phases folded into one node each.

Rules: a folded phase has the edges of its tasks, but for those that would lead back into it: phases
need not be barriers, so a task of another one may lie between two of its tasks, and a drawing can
have no loop. A folded phase stands where its first task would.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agentdeck.core.graph import topological_order
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Plan
from agentdeck.tui.presentation.outline import PHASE_PREFIX


class FoldedGraph(NamedTuple):
    """What is to be drawn."""

    nodes: list[str]  # task ids, and `phase:ID` for folded ones
    edges: list[tuple[str, str]]
    groups: dict[str, int]  # by node: the number of its phase
    node_of: dict[TaskId, str]  # by task: its own, or that of its folded phase

    def path(self, tasks: Iterable[TaskId]) -> list[str]:
        """A path of tasks as one of nodes."""
        return list(dict.fromkeys(self.node_of[task] for task in tasks if task in self.node_of))


def folded_graph(plan: Plan, folded: frozenset[str]) -> FoldedGraph:
    """Nodes and edges with these phases folded. O(tasks + dependencies)."""
    node_of: dict[TaskId, str] = {}
    groups: dict[str, int] = {}
    for task in plan.tasks:
        node = PHASE_PREFIX + task.phase if task.phase in folded and task.phase else str(task.id)
        node_of[task.id] = node
        if task.phase is not None:
            groups[node] = plan.phase_index[task.phase]
    pairs = [(need, task.id) for task in plan.tasks for need in task.after if need in node_of]
    if not folded:
        return FoldedGraph(list(node_of.values()), [(a, b) for a, b in pairs], groups, node_of)
    rank: dict[str, int] = {}
    order = topological_order({task.id: task.after for task in plan.tasks})
    for number, name in enumerate(order):
        rank.setdefault(node_of[name], number)
    edges = dict.fromkeys((node_of[a], node_of[b]) for a, b in pairs)
    forward = [(a, b) for a, b in edges if rank[a] < rank[b]]
    return FoldedGraph(list(dict.fromkeys(node_of.values())), forward, groups, node_of)


def phase_of_node(node: str) -> PhaseId | None:
    """The phase that a node stands for; None = it is a task."""
    return PhaseId(node.removeprefix(PHASE_PREFIX)) if node.startswith(PHASE_PREFIX) else None
