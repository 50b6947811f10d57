"""Tasks put together: what may go side by side, what has nothing to do with each other, and by
module, risk and kind.

Rules: deferred tasks are in no group. Groups keep the order of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.plans.analysis.network import Network

MAX_MODULES: Final = 3  # named for one task; who touches more touches "many"
_WILD: Final = re.compile(r"[*?\[]")

Groups = dict[str, list[TaskId]]


def side_by_side(network: Network, meeting: Iterable[tuple[int, int]]) -> list[list[TaskId]]:
    """Sets of tasks that may all work at once: no path leads from one to another, no two meet.

    Each task goes into the first set behind all it needs that has nobody whom it meets.
    O(nodes + edges + meeting).

    Args:
        network: without gates.
        meeting: pairs of nodes whose footprints overlap.
    """
    neighbours: dict[int, list[int]] = {}
    for a, b in meeting:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    place: dict[int, int] = {}
    for node in network.order:
        at = 1 + max([place[other] for other in network.needs[node]], default=-1)
        if node in neighbours:
            taken = {place[other] for other in neighbours[node] if other in place}
            while at in taken:
                at += 1
        place[node] = at
    groups: list[list[TaskId]] = [[] for _ in range(max(place.values(), default=-1) + 1)]
    for node, name in enumerate(network.ids):
        groups[place[node]].append(name)
    return groups


def separate(network: Network, meeting: Iterable[tuple[int, int]]) -> list[list[TaskId]]:
    """The parts of the plan that have nothing to do with each other, the largest first.

    Two tasks are of one part when dependencies or common files join them, over others or not.
    """
    parent = list(range(len(network.needs)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for node, wanted in enumerate(network.needs):
        for other in wanted:
            parent[root(node)] = root(other)
    for a, b in meeting:
        parent[root(a)] = root(b)
    parts: dict[int, list[TaskId]] = {}
    for node, name in enumerate(network.ids):
        parts.setdefault(root(node), []).append(name)
    return sorted(parts.values(), key=len, reverse=True)


def by_attribute(plan: Plan) -> Mapping[str, Groups]:
    """Groups by module (top folders of the footprint), risk and kind; an empty name = unsaid."""
    tasks = [task for task in plan.tasks if not task.defer]
    return {
        "module": _grouped((module_of(task.files), task) for task in tasks),
        "risk": _grouped((task.risk or "", task) for task in tasks),
        "kind": _grouped((task.kind or "", task) for task in tasks),
    }


def module_of(files: Sequence[str]) -> str:
    """The top folders of a footprint in words: `src`, `docs + src`, `many`; a file is of `.`."""
    tops = list(dict.fromkeys(_top(pattern) for pattern in files))
    return " + ".join(sorted(tops)) if len(tops) <= MAX_MODULES else "many"


def _top(pattern: str) -> str:
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts or _WILD.search(parts[0]):
        return "anywhere" if not parts or "/" in pattern else "."
    return parts[0] if len(parts) > 1 or pattern.endswith("/") else "."


def _grouped(named: Iterable[tuple[str, Task]]) -> Groups:
    groups: Groups = {}
    for name, task in named:
        groups.setdefault(name, []).append(task.id)
    return groups
