"""The critical path method: when each task can start, when it must, and the longest chain.

Rules: capacity is not looked at, only what needs what. Times are seconds from the start of the run.
Source: Kelley & Walker, Critical-Path Planning and Scheduling, 1959.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.plans.analysis.network import Network

TOLERANCE: Final = 1e-9  # of the length of the plan; sums of floats differ in their last digits


class Slack(msgspec.Struct, frozen=True):
    """How much room one task has."""

    task: TaskId
    earliest_s: float  # start
    latest_s: float  # start, without making the whole longer
    duration_s: float
    total_s: float  # float: how long it may be late without making the whole later
    free_s: float  # ... without making any other task later
    critical: bool


class Reach(msgspec.Struct, frozen=True):
    """For each node of a network, seconds."""

    earliest_s: list[float]  # start
    tail_s: list[float]  # from its start to the end of the longest chain behind it
    length_s: float  # of the whole


def reach(network: Network) -> Reach:
    """Both passes of the method. O(nodes + edges)."""
    earliest = [0.0] * len(network.needs)
    needing, duration = network.needing, network.duration_s
    for node in network.order:
        end = earliest[node] + duration[node]
        for other in needing[node]:
            if end > earliest[other]:  # noqa: PLR1730 - `max` takes three times as long
                earliest[other] = end
    tail = _tails(network)
    return Reach(earliest, tail, max(tail, default=0.0))


def length_s(network: Network) -> float:
    """The length of the whole, by the backward pass alone; as `reach` has it. O(nodes + edges)."""
    return max(_tails(network), default=0.0)


def _tails(network: Network) -> list[float]:
    tail, needing = list(network.duration_s), network.needing
    tail_of = tail.__getitem__
    for node in reversed(network.order):
        if following := needing[node]:
            tail[node] += max(map(tail_of, following))
    return tail


def slacks(network: Network, known: Reach | None = None) -> list[Slack]:
    """The room of every task, in the order of the file."""
    found = known or reach(network)
    tolerance = TOLERANCE * max(found.length_s, 1.0)
    rows = []
    for node, name in enumerate(network.ids):
        duration = network.duration_s[node]
        earliest = found.earliest_s[node]
        latest = found.length_s - found.tail_s[node]
        following = [found.earliest_s[other] for other in network.needing[node]]
        free = min(following, default=found.length_s) - earliest - duration
        total = max(0.0, latest - earliest)
        critical = total <= tolerance
        rows.append(
            Slack(
                name,
                earliest,
                earliest if critical else latest,
                duration,
                0.0 if critical else total,
                0.0 if free <= tolerance else free,
                critical,
            )
        )
    return rows


def critical_path(network: Network, known: Reach | None = None) -> list[TaskId]:
    """The tasks of one longest chain, first to last; of equals the one that the file names first.

    Gates on the way are left out.
    """
    tail = (known or reach(network)).tail_s
    following = [node for node, wanted in enumerate(network.needs) if not wanted]
    path: list[int] = []
    while following:  # ends: the network has no loop
        path.append(max(following, key=tail.__getitem__))
        following = network.needing[path[-1]]
    return [network.ids[node] for node in path if node < network.tasks]
