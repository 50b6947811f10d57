"""Which of two tasks surely comes first, for many pairs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.plans.analysis.network import Network

CHUNK: Final = 2048  # sources walked together; a bit each, so 256 bytes a node


def ordered(network: Network, pairs: Sequence[tuple[int, int]]) -> list[bool]:
    """For each pair of nodes: does a path lead from one to the other?

    Ancestors are sets of bits. O((nodes + edges) * pairs / word); memory O(nodes * CHUNK / 8).
    """
    place = [0] * len(network.needs)
    for index, node in enumerate(network.order):
        place[node] = index
    # The one that is later in the order can only come after the other.
    directed = [(a, b) if place[a] < place[b] else (b, a) for a, b in pairs]
    asked: dict[int, list[int]] = {}
    for index, (first, _) in enumerate(directed):
        asked.setdefault(first, []).append(index)
    sources = sorted(asked, key=place.__getitem__)
    answers = [False] * len(pairs)
    for start in range(0, len(sources), CHUNK):
        part = sources[start : start + CHUNK]
        last = max(place[directed[index][1]] for source in part for index in asked[source])
        above = _above(network, part, place[part[0]], last)
        for bit, source in enumerate(part):
            for index in asked[source]:
                answers[index] = bool(above[directed[index][1]] >> bit & 1)
    return answers


def _above(network: Network, sources: Sequence[int], first: int, last: int) -> list[int]:
    """For each node which of the sources lead to it, as bits, between two places of the order."""
    above = [0] * len(network.needs)
    own = {node: 1 << bit for bit, node in enumerate(sources)}
    for node in network.order[first : last + 1]:
        found = own.get(node, 0)
        for other in network.needs[node]:
            found |= above[other]
        above[node] = found
    return above
