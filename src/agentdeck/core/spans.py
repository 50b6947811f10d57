"""Where a run stands when a timetable begins, and when everything happens in it: the values.

See `core.timetable`, which makes the one of the other.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.capacity import Hindrance
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import TaskState


class Span(msgspec.Struct, frozen=True):
    """One task in a timetable. Seconds from its start; of what was under way then, 0."""

    ready_s: float  # when it could first have started, as far as dependencies and phases go
    started_s: float  # first claim
    worked_s: float  # end of the last work
    landed_s: float
    tries: int = 1
    waited_for: Hindrance | None = None  # what it waited for first, once it was ready
    waited_s: float = 0.0  # how long until the first claim


class PhaseSpan(msgspec.Struct, frozen=True):
    """From the first start to the last landing of a phase, seconds."""

    started_s: float
    landed_s: float


class AtWork(msgspec.Struct, frozen=True):
    """A task that is under way when the clock begins.

    `left_s` is what is left of the stage it is in: of the work (PREPARING, WORKING, PAUSED, ASKING)
    or the check (CHECKING) of the first of its `tries`, of a person's patience (REVIEWING,
    PROPOSED), of the merge (QUEUED), or of the wait before its first try (RETRYING). What comes
    after that takes the times that are given.
    """

    task: TaskId
    state: TaskState
    left_s: float = 0.0
    pool: PoolName | None = None  # the one its agent was claimed for


class UnderWay(msgspec.Struct, frozen=True):
    """Where a run stands when the clock begins; without anything, at its beginning."""

    settled: frozenset[TaskId] = frozenset()  # landed, skipped; deferred ones need not be named
    unsatisfying: frozenset[TaskId] = frozenset()  # those of them that let nobody else start
    stuck: frozenset[TaskId] = frozenset()  # failed or cancelled: nothing happens without a person
    at_work: tuple[AtWork, ...] = ()  # those in the merge queue in its order
    closed: frozenset[PhaseId] = frozenset()


class Timetable(msgspec.Struct, frozen=True):
    """When everything happens. Tasks that are not done in it have no span."""

    spans: dict[TaskId, Span]
    phases: dict[PhaseId, PhaseSpan]
    makespan_s: float  # the last landing
    agents: int  # the most that could work at once
    busy_s: float  # agents' seconds, over all of them
    busy_pool_s: dict[PoolName, float]
    most_at_once: int  # tasks at work at the same time, people's included
    most_agents: int  # agents at work at the same time

    @property
    def utilisation(self) -> float:
        """The share of all agents' time in which they work."""
        whole = self.agents * self.makespan_s
        return self.busy_s / whole if whole > 0 else 0.0

    def pool_utilisation(self, plan: Plan) -> dict[PoolName, float]:
        """The share of each pool's time in which its places are taken."""
        return {
            pool.name: self.busy_pool_s.get(pool.name, 0.0) / (pool.ceiling * self.makespan_s)
            if self.makespan_s > 0
            else 0.0
            for pool in plan.pools
        }
