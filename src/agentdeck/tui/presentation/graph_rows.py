"""Which row each item of a layered graph stands on: straight lines first, then a low drawing.

Rules: the order within a column is kept, no two items of a column share a row, rows that nobody
uses are left out. Each column is placed by an exact least-movement fit (isotonic regression on
medians) towards the rows of its neighbours, sweeping there and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.tui.presentation.graph_layers import Layers

PASSES: Final = 6  # there and back three times; rows settle after two
BEND_WEIGHT: Final = 3  # a long line that wobbles is worse than a task that is off by a row


def place_rows(layers: Layers) -> list[int]:
    """Rows by item number, from 0."""
    rows = [0] * len(layers.items)
    for column in layers.columns:
        for position, number in enumerate(column):
            rows[number] = position
    order = range(len(layers.columns))
    for turn in range(PASSES):
        rightwards = turn % 2 == 0
        for index in order if rightwards else reversed(order):
            _place_column(layers, layers.columns[index], rows, rightwards, last=turn >= PASSES - 2)
    used = {row: rank for rank, row in enumerate(sorted(set(rows)))}
    return [used[row] for row in rows]


def _place_column(
    layers: Layers, column: Sequence[int], rows: list[int], rightwards: bool, *, last: bool
) -> None:
    wishes: list[tuple[int, int]] = []
    for position, number in enumerate(column):
        item = layers.items[number]
        near = item.before if rightwards else item.after
        if last and near is not item.before and len(item.before) == 1:
            near = item.before  # the line that leads here stays straight
        if near:
            sorted_rows = sorted(rows[other] for other in near)
            weight = BEND_WEIGHT if item.node < 0 else 2
            wishes.append((sorted_rows[(len(near) - 1) // 2] - position, weight))
        else:
            wishes.append((rows[number] - position, 1))
    for position, (number, row) in enumerate(zip(column, _fit(wishes), strict=True)):
        rows[number] = row + position


def _fit(wishes: Sequence[tuple[int, int]]) -> list[int]:
    """Values that never fall, with the least weighted sum of distances to the wishes."""
    blocks: list[tuple[list[int], int]] = []  # sorted wishes repeated by weight, members
    for wish, weight in wishes:
        block = ([wish] * weight, 1)
        while blocks and _median(blocks[-1][0]) > _median(block[0]):
            before = blocks.pop()
            block = (sorted(before[0] + block[0]), before[1] + block[1])
        blocks.append(block)
    return [_median(values) for values, members in blocks for _ in range(members)]


def _median(values: Sequence[int]) -> int:
    return values[(len(values) - 1) // 2]
