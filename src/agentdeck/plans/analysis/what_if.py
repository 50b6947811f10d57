"""What would shorten the plan most: one dependency, one estimate, one conflict less.

Rules:
- Each question is answered by a timetable of the changed plan, with the same agents and strategy.
  A plan too large for that is answered by its critical path, as if there were agents enough.
- Only what is critical or nearly so is asked, the tightest first, as far as the allowance goes:
  what has much room rarely makes the whole longer. How many were asked is told.
- Only what saves time is listed, `TOP` of each kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.plans.analysis import allowance
from agentdeck.plans.analysis.conflicts import Conflict, Conflicts
from agentdeck.plans.analysis.network import Network, with_duration, without_edge
from agentdeck.plans.analysis.schedule import Schedule, makespan_s
from agentdeck.plans.analysis.slack import Slack, length_s
from agentdeck.plans.analysis.variants import with_estimate, with_files, without_dependency

TOP: Final = 5
TIMETABLE: Final = "timetable"
CRITICAL_PATH: Final = "critical_path"
MAX_COSTS: Final = 20  # conflicts whose cost in time is computed
NOTICED_S: Final = 0.5  # a smaller saving is rounding


class Gain(msgspec.Struct, frozen=True):
    """One change and what it saves."""

    kind: str  # dependency | estimate | conflict
    task: TaskId
    other: TaskId | None  # the dependency, or the other one of a conflict
    saves_s: float
    makespan_s: float  # with the change


class Gains(msgspec.Struct, frozen=True):
    """The best changes of one kind."""

    best: tuple[Gain, ...]
    asked: int
    candidates: int
    measure: str = "timetable"  # or critical_path: what `makespan_s` of the gains is of


class Situation(msgspec.Struct, frozen=True):
    """What is varied, and how long it takes as it is."""

    plan: Plan
    known: Schedule
    network: Network
    length_s: float  # of the critical path
    room_s: Mapping[TaskId, float]  # total float

    def by_timetable(self, kind: str, plan: Plan, task: TaskId, other: TaskId | None) -> Gain:
        """What a changed plan saves."""
        after = makespan_s(plan, self.known.agents, self.known.strategy)
        return Gain(kind, task, other, self.known.makespan_s - after, after)

    def by_path(self, kind: str, network: Network, task: TaskId, other: TaskId | None) -> Gain:
        """How much shorter the critical path of a changed network is."""
        after = length_s(network)
        return Gain(kind, task, other, self.length_s - after, after)


def situation(plan: Plan, known: Schedule, network: Network, room: Sequence[Slack]) -> Situation:
    """What the questions below are about."""
    length = max((row.earliest_s + row.duration_s for row in room), default=0.0)
    return Situation(plan, known, network, length, {row.task: row.total_s for row in room})


def dependency_gains(now: Situation) -> Gains:
    """The single dependencies that would save most if they went."""
    edges = [
        (max(now.room_s[task.id], now.room_s[other]), task.id, other)
        for task in now.plan.tasks
        if not task.defer
        for other in dict.fromkeys(task.after)
        if other in now.room_s
    ]
    edges.sort(key=lambda edge: edge[0])
    allowed, measure = _allowed(now)
    asked = edges[:allowed]
    number = {name: node for node, name in enumerate(now.network.ids)}
    found = (
        now.by_timetable("dependency", without_dependency(now.plan, task, other), task, other)
        if measure == TIMETABLE
        else now.by_path(
            "dependency", without_edge(now.network, number[task], number[other]), task, other
        )
        for _, task, other in asked
    )
    return Gains(_best(found), len(asked), len(edges), measure)


def estimate_gains(now: Situation) -> Gains:
    """The single tasks that would save most if they took half the time."""
    tasks = sorted(now.room_s, key=lambda name: now.room_s[name])
    allowed, measure = _allowed(now)
    asked = tasks[:allowed]
    number = {name: node for node, name in enumerate(now.network.ids)}
    halves = {name: now.plan.settings(name).estimate_s / 2 for name in asked}
    found = (
        now.by_timetable("estimate", with_estimate(now.plan, name, half), name, None)
        if measure == TIMETABLE
        else now.by_path("estimate", with_duration(now.network, number[name], half), name, None)
        for name, half in halves.items()
    )
    return Gains(_best(found), len(asked), len(tasks), measure)


Costs = dict[tuple[TaskId, TaskId], Gain]


def conflict_costs(now: Situation, found: Conflicts) -> tuple[Costs, int]:
    """What the unordered conflicts cost in time, and how many of the listed were left out.

    The footprints are exchanged for one file a pair, so that one pair can be left out alone.
    """
    waiting = [each for each in found.open if each.does == "serialise"]
    tasks = len(now.room_s)
    allowed = min(MAX_COSTS, allowance.timetables(allowance.CONFLICTS, tasks))
    if not found.complete or not allowed:
        return {}, len(waiting)
    asked = sorted(waiting, key=lambda each: now.room_s[each.a] + now.room_s[each.b])[:allowed]
    gains = {
        (each.a, each.b): now.by_timetable(
            "conflict", _without(now.plan, found.open, each), each.a, each.b
        )
        for each in asked
    }
    return gains, len(waiting) - len(asked)


def conflict_gains(costs: Costs, left_out: int) -> Gains:
    """The single conflicts that would save most if they went."""
    return Gains(_best(iter(costs.values())), len(costs), len(costs) + left_out)


def _without(plan: Plan, pairs: Sequence[Conflict], dropped: Conflict) -> Plan:
    files: dict[TaskId, list[str]] = {}
    for index, each in enumerate(pairs):
        if each is not dropped:
            files.setdefault(each.a, []).append(f"pair-{index}")
            files.setdefault(each.b, []).append(f"pair-{index}")
    return with_files(plan, files)


def _best(found: Iterator[Gain]) -> tuple[Gain, ...]:
    useful = sorted((gain for gain in found if gain.saves_s > NOTICED_S), key=lambda g: -g.saves_s)
    return tuple(useful[:TOP])


def _allowed(now: Situation) -> tuple[int, str]:
    """How many questions of one kind may be asked, and how they are answered."""
    tasks = len(now.room_s)
    exact = allowance.timetables(allowance.WHAT_IF, tasks) // 2
    if exact >= TOP:
        return exact, TIMETABLE
    return allowance.timetables(allowance.PATHS, tasks) // 2, CRITICAL_PATH
