"""Dependency graphs in plain Python: order, loops, longest paths, reduction.

Rules: a graph is `{node: the nodes it needs}`; every needed node is a key. Nothing here knows what
a task is. Plain dictionaries beat a graph library here on import, build and reduction time; the
library is used where nobody waits on a key (listing the loops of a bad plan).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def topological_order(needs: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """Nodes in an order in which each comes after what it needs; ties in the mapping's order.

    Nodes on a loop, and nodes that need one, are left out: the result is shorter than `needs`
    exactly when there is a loop. O(n + m). Source: Kahn, CACM 5(11), 1962.
    """
    missing = {node: len(set(wanted)) for node, wanted in needs.items()}
    needing: dict[Node, list[Node]] = {node: [] for node in needs}
    for node, wanted in needs.items():
        for other in set(wanted):
            needing[other].append(node)
    order = [node for node, count in missing.items() if count == 0]
    for node in order:  # grows while it is walked
        for other in needing[node]:
            missing[other] -= 1
            if missing[other] == 0:
                order.append(other)
    return order


def bottom_level_s(
    needs: Mapping[Node, Iterable[Node]], duration_s: Mapping[Node, float]
) -> dict[Node, float]:
    """Longest path from the start of each node to the end of the graph, in seconds.

    Args:
        needs: n nodes without a loop.
        duration_s: n expected durations, seconds, >= 0.
    Returns: n values in seconds, each including the node's own time. O(n + m).
    Source: the b-level of Kwok & Ahmad, ACM Computing Surveys 31(4), 1999.
    """
    after = dict.fromkeys(needs, 0.0)
    level: dict[Node, float] = {}
    for node in reversed(topological_order(needs)):
        level[node] = duration_s[node] + after[node]
        for other in needs[node]:
            after[other] = max(after[other], level[node])
    return level


def longest_paths_s(needs: Sequence[Sequence[int]], duration_s: Sequence[float]) -> list[float]:
    """`bottom_level_s` for nodes that are numbers, from 0: faster where there are many.

    Args:
        needs: of n nodes without a loop, each node once.
        duration_s: n expected durations, seconds, >= 0.
    """
    as_listed = all(max(wanted) < node for node, wanted in enumerate(needs) if wanted)
    order = range(len(needs)) if as_listed else topological_order(dict(enumerate(needs)))
    level = list(duration_s)
    after = [0.0] * len(level)
    for node in reversed(order):
        level[node] += after[node]
        path = level[node]
        for other in needs[node]:
            if path > after[other]:  # noqa: PLR1730 - `max` takes three times as long
                after[other] = path
    return level


def layers(needs: Mapping[Node, Iterable[Node]]) -> dict[Node, int]:
    """For each node the number of edges on the longest path to it (0 = needs nothing)."""
    found: dict[Node, int] = {}
    for node in topological_order(needs):
        found[node] = max((found[other] + 1 for other in needs[node]), default=0)
    return found


def closure(start: Node, edges: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """Everything that can be reached from `start` along `edges`, nearest first, without `start`."""
    seen = {start}
    found: list[Node] = []
    frontier: list[Node] = [start]
    while frontier:
        following: list[Node] = []
        for node in frontier:
            for other in edges[node]:
                if other not in seen:
                    seen.add(other)
                    found.append(other)
                    following.append(other)
        frontier = following
    return found


def transitive_reduction(
    needs: Mapping[Node, Sequence[Node]],
) -> dict[Node, list[Node]]:
    """The same order with the fewest edges: an edge that a longer path implies is dropped.

    Ancestor sets are integers used as bit sets. O(n * m / word) for n nodes and m edges.
    Nodes on a loop keep their edges.
    """
    order = topological_order(needs)
    bit = {node: 1 << index for index, node in enumerate(order)}
    above: dict[Node, int] = {}
    reduced: dict[Node, list[Node]] = {node: list(wanted) for node, wanted in needs.items()}
    for node in order:
        wanted = list(dict.fromkeys(needs[node]))
        inherited = 0
        for other in wanted:
            inherited |= above[other]
        reduced[node] = [other for other in wanted if not inherited & bit[other]]
        everything = inherited
        for other in wanted:
            everything |= bit[other]
        above[node] = everything
    return reduced
