"""Ways of going about a plan, compared: one after the other, carefully, in waves, eagerly.

Rules:
- Times are the plan's estimates on the scheduler's own timetable, with so many agents.
- Sequential is all work, one after the other. Conservative lets what is risky work alone
  (`variants.is_risky`). Waves makes each phase a barrier; eager only sync points.
- Saving is against sequential. Agents stop helping at the smallest number that is within `NEARLY`
  of the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.core.ids import PhaseId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.plans.analysis import allowance
from agentdeck.plans.analysis.schedule import Schedule, makespan_s, schedule, uses
from agentdeck.plans.analysis.variants import (
    barriers_as_syncs,
    conservative,
    is_risky,
    without_sync,
)

NEARLY: Final = 0.01  # of the best makespan: more agents for less than that are wasted
MAX_AGENTS: Final = 1000  # as good as no limit; the most a plan may have
MAX_SYNCS: Final = 20  # sync points whose cost is computed, in plan order


class Way(msgspec.Struct, frozen=True):
    """One way of going about it."""

    name: str  # sequential | conservative | waves | eager
    agents: int
    makespan_s: float
    saving_s: float
    saving_share: float  # of sequential, 0 to 1
    utilisation: float  # of the agents, 0 to 1
    most_at_once: int


class Point(msgspec.Struct, frozen=True):
    """A makespan for a number of agents."""

    agents: int
    makespan_s: float


class Curve(msgspec.Struct, frozen=True):
    """What more agents bring."""

    points: tuple[Point, ...]  # by number of agents
    unlimited_s: float | None  # with as many as there is work for
    enough: int | None  # agents; None = more than were tried
    left_out: int  # numbers between 1 and the most that were not tried


class SyncCost(msgspec.Struct, frozen=True):
    """What one barrier costs."""

    phase: PhaseId
    with_s: float
    without_s: float

    @property
    def costs_s(self) -> float:
        """Seconds; below 0 where the barrier happens to help."""
        return self.with_s - self.without_s


def other_ways(plan: Plan, agents: int, strategy: Strategy, work_s: float) -> tuple[Way, ...]:
    """The ways whose timetable is not that of `strategy`; each is laid out.

    What comes to the same is laid out once: waves without phases, care where nothing is risky.
    """
    is_eager = strategy is Strategy.EAGER
    found: list[Way] = []
    if any(is_risky(task) for task in plan.tasks):
        careful = schedule(conservative(plan), agents, Strategy.EAGER)
        found.append(way_of("conservative", plan, careful, work_s))
    if not is_eager:
        eager = schedule(plan, agents, Strategy.EAGER)
        found.append(way_of("eager", plan, eager, work_s))
    elif any(not phase.sync for phase in plan.phases[:-1]):
        waves = schedule(plan, agents, Strategy.WAVES)
        found.append(way_of("waves", plan, waves, work_s))
    return tuple(found)


def ways(plan: Plan, known: Schedule, work_s: float, others: Sequence[Way]) -> tuple[Way, ...]:
    """The four strategies with as many agents as the schedule that is known already.

    Args:
        others: `other_ways` of the same.
    """
    one_by_one = Way("sequential", 1, work_s, 0.0, 0.0, 1.0 if work_s else 0.0, 1 if work_s else 0)
    other = {way.name: way for way in others}
    eager = other.get("eager") or way_of("eager", plan, known, work_s)
    waves = other.get("waves") or way_of("waves", plan, known, work_s)
    careful = other.get("conservative") or msgspec.structs.replace(eager, name="conservative")
    return (one_by_one, careful, waves, eager)


def way_of(name: str, plan: Plan, found: Schedule, work_s: float) -> Way:
    """A schedule as one row of the comparison."""
    saving = work_s - found.makespan_s
    return Way(
        name,
        found.agents,
        found.makespan_s,
        saving,
        saving / work_s if work_s else 0.0,
        uses(plan, found)[0].share,
        found.most_at_once,
    )


def curve(plan: Plan, known: Schedule) -> Curve:
    """Makespans with 1 agent to as many as the known schedule has, and when to stop.

    As many as the allowance permits; the known one is free. Beyond it the number that is enough is
    searched by halving, which takes for granted that more agents are not worse. (They can be, a
    little; Graham, 1969.)
    """
    tasks = sum(not task.defer for task in plan.tasks)
    allowed = allowance.timetables(allowance.CURVE, tasks)
    most, strategy = known.agents, known.strategy
    points = [Point(n, makespan_s(plan, n, strategy)) for n in _numbers(most - 1, allowed)]
    left = allowed - len(points)
    points.append(Point(most, known.makespan_s))
    left_out = most - len(points)
    if left <= 0:
        return Curve(tuple(points), None, None, left_out)
    free = schedule(plan, MAX_AGENTS, strategy)
    near = (1 + NEARLY) * min([free.makespan_s, *(point.makespan_s for point in points)])
    enough = next((point.agents for point in points if point.makespan_s <= near), None)
    # With a gap in the points the first good one need not be the smallest.
    low = max((p.agents for p in points if p.makespan_s > near), default=0)
    high = enough or max(free.most_at_once, low + 1)
    left -= 1
    while high - low > 1 and left > 0:
        middle = (low + high) // 2
        left -= 1
        if makespan_s(plan, middle, strategy) <= near:
            high = middle
        else:
            low = middle
    return Curve(tuple(points), free.makespan_s, high if high - low == 1 else enough, left_out)


def _numbers(most: int, allowed: int) -> list[int]:
    """Which numbers up to `most` are tried: all of them, else powers of two, else few of these."""
    if most <= allowed:
        return list(range(1, most + 1))
    doubling = [2**power for power in range(most.bit_length())]
    return doubling[-allowed:] if allowed else []


def sync_costs(plan: Plan, known: Schedule) -> tuple[tuple[SyncCost, ...], int]:
    """What each barrier costs, the dearest first, and how many barriers were left out.

    The last barrier holds nothing up, so it is not asked.
    """
    tasks = sum(not task.defer for task in plan.tasks)
    all_syncs = barriers_as_syncs(plan, known.strategy)
    barriers = [phase.id for phase in all_syncs.phases[:-1] if phase.sync]
    allowed = min(MAX_SYNCS, allowance.timetables(allowance.SYNCS, tasks))
    rows = [
        SyncCost(phase, known.makespan_s, makespan_s(without_sync(all_syncs, phase), known.agents))
        for phase in barriers[:allowed]
    ]
    return tuple(sorted(rows, key=lambda row: -row.costs_s)), len(barriers) - len(rows)
