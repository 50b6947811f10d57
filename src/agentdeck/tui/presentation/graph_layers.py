"""A task graph as columns of items, ready to be given rows: the first half of the graph drawing.

Rules:
- Edges that follow from others are not drawn (transitive reduction).
- A task's column is the longest path to it; with groups, a group starts right of the ones before.
- An edge over several columns runs through bends, one a column. A bend is known by the targets that
  lie ahead of it, so lines with the same targets ahead are one line from there on.
- Order in a column: barycentre sweeps from the order of the input; the best one seen is kept.
- The same input gives the same drawing, always.
Source: Sugiyama, Tagawa & Toda, IEEE SMC 11(2), 1981.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentdeck.core.graph import topological_order, transitive_reduction

SWEEPS: Final = 8  # there and back four times; later ones hardly ever help
PATIENCE: Final = 3  # sweeps without a gain: there, back, and there again
COUNTED_LINKS: Final = 800  # links; counting crossings beyond this costs more than it wins
QUICK_SWEEPS: Final = 4  # for the graphs beyond that


class GraphLoopError(ValueError):
    """The edges form a loop, so there are no columns. Plans are checked before they are drawn."""


@dataclass(slots=True)
class Item:
    """A task or a bend in one column."""

    column: int
    node: int  # index of the task; -1 for a bend
    ahead: frozenset[int]  # tasks right of this column that a line runs to from here
    sources: set[int]  # tasks whose lines run through here; a task: itself
    after: list[int] = field(default_factory=list)  # items of the next column
    before: list[int] = field(default_factory=list)  # items of the column before


@dataclass(slots=True)
class Layers:
    """Columns of items in drawing order, and which edges each link between two items carries."""

    items: list[Item]
    columns: list[list[int]]  # item numbers, top to bottom
    edges: list[tuple[int, int]]  # drawn edges (from, to) by task index; bit n stands for edge n
    links: dict[tuple[int, int], int]  # (item, item of the next column) -> bits of its edges
    item_of: list[int]  # task index -> item


def reduced_edges(count: int, edges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges among `count` tasks that do not follow from other edges, sorted.

    Raises:
        GraphLoopError: the edges form a loop.
    """
    needs: dict[int, list[int]] = {node: [] for node in range(count)}
    for start, end in edges:
        needs[end].append(start)
    if len(topological_order(needs)) < count:
        raise GraphLoopError("the edges form a loop")
    reduced = transitive_reduction(needs)
    return sorted({(start, end) for end, starts in reduced.items() for start in starts})


def columns_of(
    count: int, edges: Sequence[tuple[int, int]], groups: Mapping[int, int] | None = None
) -> list[int]:
    """The column of each task: longest path; groups one right of the other, in order of number."""
    before: dict[int, list[int]] = {node: [] for node in range(count)}
    for start, end in edges:
        before[end].append(start)
    order = topological_order(before)
    column = [0] * count
    if groups:
        first = 0
        for group in sorted({groups.get(node, 0) for node in range(count)}):
            members = [node for node in order if groups.get(node, 0) == group]
            for node in members:
                column[node] = max([first, *(column[b] + 1 for b in before[node])])
            first = max(column[node] for node in members) + 1
    for node in order:
        column[node] = max([column[node], *(column[b] + 1 for b in before[node])])
    used = {value: rank for rank, value in enumerate(sorted(set(column)))}
    return [used[value] for value in column]


def build_layers(count: int, edges: Sequence[tuple[int, int]], column_of: Sequence[int]) -> Layers:
    """Items, bends and links for reduced `edges`, ordered so that few lines cross."""
    targets: list[set[int]] = [set() for _ in range(count)]
    bit = {edge: 1 << number for number, edge in enumerate(edges)}
    for start, end in edges:
        targets[start].add(end)
    items = [Item(column_of[n], n, frozenset(targets[n]), {n}) for n in range(count)]
    columns: list[list[int]] = [[] for _ in range(max(column_of, default=-1) + 1)]
    for node, column in enumerate(column_of):
        columns[column].append(node)
    layers = Layers(items, columns, list(edges), {}, list(range(count)))
    for column in range(len(columns) - 1):
        _link_column(layers, column, column_of, bit)
    _order(layers)
    return layers


def _link_column(
    layers: Layers, column: int, column_of: Sequence[int], bit: Mapping[tuple[int, int], int]
) -> None:
    bends: dict[frozenset[int], int] = {}
    for number in layers.columns[column]:
        item = layers.items[number]
        near = sorted(target for target in item.ahead if column_of[target] == column + 1)
        rest = item.ahead.difference(near)
        ends = [(layers.item_of[target], frozenset((target,))) for target in near]
        if rest:
            if rest not in bends:
                bends[rest] = len(layers.items)
                layers.items.append(Item(column + 1, -1, rest, set()))
                layers.columns[column + 1].append(bends[rest])
            layers.items[bends[rest]].sources |= item.sources
            ends.append((bends[rest], rest))
        for end, reached in ends:
            carried = 0
            for source in item.sources:
                for target in reached:
                    carried |= bit[source, target]
            layers.links[number, end] = carried
            item.after.append(end)
            layers.items[end].before.append(number)


def _order(layers: Layers) -> None:
    counted = len(layers.links) <= COUNTED_LINKS
    best: tuple[int, list[list[int]]] | None = None
    stale = 0  # sweeps since the best one
    items, columns = layers.items, layers.columns
    for sweep in range(SWEEPS if counted else QUICK_SWEEPS):
        rightwards = sweep % 2 == 0
        for column in range(1, len(columns)) if rightwards else range(len(columns) - 2, -1, -1):
            near = columns[column - 1 if rightwards else column + 1]
            place = {number: position for position, number in enumerate(near)}
            here = {number: float(position) for position, number in enumerate(columns[column])}
            for number in columns[column]:
                others = items[number].before if rightwards else items[number].after
                if others:
                    here[number] = sum(place[other] for other in others) / len(others)
            columns[column].sort(key=here.__getitem__)
        if counted:
            crossings = _untangle(layers)
            if best is None or crossings < best[0]:
                best, stale = (crossings, [list(column) for column in columns]), 0
            else:
                stale += 1
            if crossings == 0 or stale == PATIENCE:
                break
    if best is not None:
        layers.columns[:] = best[1]


def _untangle(layers: Layers) -> int:
    """Swap neighbours while that removes crossings; how many crossings are left."""
    items = layers.items
    place: dict[int, int] = {}
    for column in layers.columns:
        place.update((number, position) for position, number in enumerate(column))
    for column in layers.columns:
        for position in range(len(column) - 1):
            upper, lower = column[position], column[position + 1]
            gain = 0
            for side in ("before", "after"):
                ours = [place[n] for n in getattr(items[upper], side)]
                theirs = [place[n] for n in getattr(items[lower], side)]
                for a in ours:
                    for b in theirs:
                        gain += (a > b) - (a < b)
            if gain > 0:
                column[position], column[position + 1] = lower, upper
                place[upper], place[lower] = place[lower], place[upper]
    return sum(_crossings(layers, column, place) for column in range(len(layers.columns) - 1))


def _crossings(layers: Layers, column: int, place: Mapping[int, int]) -> int:
    seen: list[int] = []
    found = 0
    for number in layers.columns[column]:
        ends = [place[end] for end in layers.items[number].after]
        found += sum(len(seen) - bisect_right(seen, end) for end in ends)
        for end in ends:
            insort(seen, end)
    return found
