"""When each task of a plan would work: the timetable as rows, and how busy everybody is in it.

Rules: seconds from the start of the run. A task works from its start to its landing here, because
estimates are all that is known: checks, queue and people's yes take no time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import msgspec

from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.times import estimated
from agentdeck.core.timetable import timetable
from agentdeck.plans.analysis.cost import by_person


class Row(msgspec.Struct, frozen=True):
    """One task on the time line."""

    task: TaskId
    start_s: float
    end_s: float


class Schedule(msgspec.Struct, frozen=True):
    """Every task that is done, in the order of the file."""

    rows: tuple[Row, ...]
    makespan_s: float
    most_at_once: int  # agents
    agents: int
    strategy: Strategy
    busy_s: float  # all agents' work
    busy_pool_s: dict[PoolName, float]


class Use(msgspec.Struct, frozen=True):
    """How busy a pool, or all agents together, are."""

    name: str  # empty = all agents
    size: int
    busy_s: float
    share: float  # of `size` during the whole run, 0 to 1


class PhaseIdle(msgspec.Struct, frozen=True):
    """The agents' time while a phase was under way."""

    phase: str
    start_s: float
    end_s: float
    busy_s: float  # on any task
    idle_s: float  # agents that had nothing to do, times seconds


def schedule(plan: Plan, agents: int, strategy: Strategy | None = None) -> Schedule:
    """The plan's timetable by its estimates."""
    way = strategy or plan.strategy
    found = timetable(plan, estimated(plan), agents_limit=agents, strategy=way)
    rows = tuple([Row(task, span.started_s, span.landed_s) for task, span in found.spans.items()])
    return Schedule(
        rows, found.makespan_s, found.most_agents, agents, way, found.busy_s, found.busy_pool_s
    )


def makespan_s(plan: Plan, agents: int, strategy: Strategy | None = None) -> float:
    """How long the run takes, seconds."""
    return timetable(plan, estimated(plan), agents_limit=agents, strategy=strategy).makespan_s


def uses(plan: Plan, found: Schedule) -> tuple[Use, ...]:
    """How busy all agents are, then each pool. People take no agent."""
    rows = [_use("", found.agents, found.busy_s, found.makespan_s)]
    for pool in plan.pools:
        busy = found.busy_pool_s.get(pool.name, 0.0)
        rows.append(_use(pool.name, pool.ceiling, busy, found.makespan_s))
    return tuple(rows)


def _use(name: str, size: int, busy: float, makespan: float) -> Use:
    whole = size * makespan
    return Use(name, size, busy, busy / whole if whole else 0.0)


def phase_idle(plan: Plan, found: Schedule) -> tuple[PhaseIdle, ...]:
    """What the agents do between the first start and the last end of each phase.

    O((tasks + phases) * log tasks).
    """
    working = [row for row in found.rows if not by_person(plan, plan.by_id[row.task])]
    starts = _Sums([row.start_s for row in working])
    ends = _Sums([row.end_s for row in working])
    spans: dict[str, tuple[float, float]] = {}
    for row in found.rows:
        phase = plan.by_id[row.task].phase or ""
        start, end = spans.get(phase, (row.start_s, row.end_s))
        spans[phase] = (min(start, row.start_s), max(end, row.end_s))
    rows = []
    for phase in [*(phase.id for phase in plan.phases), ""]:
        if phase in spans:
            start, end = spans[phase]
            # Work done until a moment: what has started until then, less what has ended.
            busy = starts.until(end) - ends.until(end) - starts.until(start) + ends.until(start)
            idle = max(0.0, found.agents * (end - start) - busy)
            rows.append(PhaseIdle(phase, start, end, busy, idle))
    return tuple(rows)


class _Sums:
    """The sum of `moment - x` over all x before a moment."""

    def __init__(self, moments: Sequence[float]) -> None:
        self._moments = sorted(moments)
        self._sums = [0.0, *accumulate(self._moments)]

    def until(self, moment: float) -> float:
        count = bisect_right(self._moments, moment)
        return moment * count - self._sums[count]
