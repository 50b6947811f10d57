"""Each pool and each agent of a run: how much it was used, how its attempts ended, what waited."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core import pools
from agentdeck.core.capacity import Hindrance
from agentdeck.core.health import Health, attempts_of, health
from agentdeck.core.ids import AgentName
from agentdeck.core.state import RunState
from agentdeck.plans.reporting.pool_use import WHOLE, PoolUse

COURSE: Final = 24  # parts in which the use over the whole time is told


class What(StrEnum):
    """What a line is about."""

    RUN = "run"
    POOL = "pool"
    AGENT = "agent"


class PoolLine(msgspec.Struct, frozen=True, kw_only=True):
    """A pool, an agent, or the run with all its slots."""

    what: What
    name: str
    places: int | None = None  # now; None = an agent has no places of its own
    most: int | None = None  # it may have
    held: str = ""  # why it has fewer than that
    used: float | None = None  # share of its places over the whole time
    course: list[float | None] = []  # the same, part by part
    waits: dict[str, float] = {}  # seconds that ready tasks waited, by what for, most first
    skills: list[str] = []
    success: float | None = None  # share of the attempts that ended well
    health: Health


def pool_lines(state: RunState, use: PoolUse, now: float) -> list[PoolLine]:
    """The run, each pool, each agent that has worked or is asked for skills. O(agents * attempts).

    Args:
        now: seconds since the epoch.
    """
    since = state.started_at
    whole = health(attempts_of(state), now)
    found = [
        PoolLine(
            what=What.RUN,
            name=state.plan.name,
            places=state.agents_limit,
            most=state.agents_limit,
            used=use.share(WHOLE, since, now),
            course=use.course(WHOLE, since, now, COURSE),
            waits=_most_first(use.waits.get(WHOLE, {})),
            success=whole.success,
            health=msgspec.structs.replace(whole, unhealthy="", advice=""),
        )
    ]
    for pool in state.plan.pools:
        ended = health(attempts_of(state, pool=pool.name), now)
        size, most = pools.places(state, pool), pools.most(state, pool)
        stand = pools.stand_of(state, pool.name)
        held = pools.sentence(state, pool) if size < most or stand.limit is not None else ""
        found.append(
            PoolLine(
                what=What.POOL,
                name=pool.name,
                places=size,
                most=most,
                held=held,
                used=use.share(pool.name, since, now),
                course=use.course(pool.name, since, now, COURSE),
                waits=_most_first(use.waits.get(pool.name, {})),
                skills=list(pool.skills),
                success=ended.success,
                health=ended,
            )
        )
    return [*found, *(_agent(state, use, name, now) for name in _agents(state))]


def _agents(state: RunState) -> list[AgentName]:
    """Who has worked, and whom the plan gives skills, in the order of the plan."""
    worked = {attempt.agent for task in state.tasks.values() for attempt in task.attempts}
    known = state.plan.agent_by_name
    wanted = [name for name, agent in known.items() if name in worked or agent.skills]
    return [name for name in wanted if known[name].use != "human"]


def _agent(state: RunState, use: PoolUse, name: AgentName, now: float) -> PoolLine:
    ended = health(attempts_of(state, agent=name), now)
    return PoolLine(
        what=What.AGENT,
        name=name,
        waits=_most_first(use.agent_waits.get(name, {})),
        skills=list(state.plan.agent_by_name[name].able),
        success=ended.success,
        health=ended,
    )


def _most_first(waits: dict[Hindrance, float]) -> dict[str, float]:
    return {str(k): s for k, s in sorted(waits.items(), key=lambda each: -each[1]) if s > 0}
