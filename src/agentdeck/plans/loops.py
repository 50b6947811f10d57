"""Dependency loops of a plan, for its error messages.

Rules: one loop for each knot (strongly connected component) of tasks, the shortest through the
knot's first task in the file, so that every independent loop is named once. A task that needs
itself is a fault of its own and no loop. `networkx` is imported only when there is a loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentdeck.core.graph import topological_order


def loops(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Every independent loop, each without its closing repetition, in the order of the file.

    Args:
        needs: for each task the tasks it waits for; names that are no task are ignored.
    """
    known = {
        task: [other for other in wanted if other in needs and other != task]
        for task, wanted in needs.items()
    }
    sound = set(topological_order(known))
    if len(sound) == len(known):
        return []
    import networkx as nx  # 150 ms that only a bad plan has to pay

    graph: nx.DiGraph[str] = nx.DiGraph()
    for task, wanted in known.items():
        graph.add_edges_from((task, other) for other in wanted if not {task, other} & sound)
    place = {task: index for index, task in enumerate(known)}
    found = []
    for knot in nx.strongly_connected_components(graph):
        if len(knot) > 1:
            first = min(knot, key=place.__getitem__)
            found.append(_shortest(first, {task: known[task] for task in knot}))
    return sorted(found, key=lambda loop: place[loop[0]])


def _shortest(start: str, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest loop through `start`, which has one. Breadth first, O(n + m)."""
    came_from: dict[str, str] = {}
    queue = [start]
    for task in queue:  # grows while it is walked
        for other in needs[task]:
            if other == start:
                loop = [task]
                while loop[-1] != start:
                    loop.append(came_from[loop[-1]])
                return loop[::-1]
            if other in needs and other not in came_from:
                came_from[other] = task
                queue.append(other)
    raise AssertionError(f"{start} is on no loop")
