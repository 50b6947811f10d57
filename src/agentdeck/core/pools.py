"""Pools: how many places each one has now, and how the machine moves that.

A pool with `min` and `max` in the plan is elastic: its size moves between them. The others have the
size that the plan says. A person's limit stands above both: it is the most that a pool has.

Rules of an elastic pool:
- It shrinks while the machine is short: memory or load above a high mark, in each of the latest
  samples. It grows while the machine is at ease, below a lower mark in each of them, and only when
  all of its places are taken: what nobody needs says nothing about the machine.
- Between the marks it stays. One place at a time, at least some time apart, so that what a step
  brings about is seen before the next.
- What has begun is left alone: a pool that is smaller than what works in it lets nothing new start.
- It is never below its `min`, nor above its `max`.

A pool on other machines has as many places as its workers, and at most its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.core.events import PoolResized
from agentdeck.core.hosts import Workers
from agentdeck.core.ids import PoolName
from agentdeck.core.plan import Pool
from agentdeck.core.state import HOLDS_SLOT, PoolStand, RunState

SHORT_MEMORY: Final = 0.90  # share in use; above it machines begin to swap, or to kill
EASY_MEMORY: Final = 0.75  # one agent with a build takes a few percent of a usual machine
SHORT_LOAD: Final = 2.0  # of what wants to run, for each core; builds of agents peak above one
EASY_LOAD: Final = 1.0
SAMPLES: Final = 3  # that have to agree; one build that links takes more than one sample
SHRINK_EVERY_S: Final = 30.0  # a task that has just begun takes its memory in about that time
GROW_EVERY_S: Final = 60.0  # slower than it shrinks: what is taken away once may be needed again

_AS_PLANNED: Final = PoolStand()


class Sample(msgspec.Struct, frozen=True):
    """The machine at one moment."""

    memory: float  # share that nobody else could have
    load: float  # of what wanted to run in the last minute, for each core; 0 where nobody says

    @property
    def short(self) -> str:
        """What there is too little of, in words; empty = nothing."""
        if self.memory > SHORT_MEMORY:
            return f"memory {self.memory:.0%} used".replace("%", " %")
        return f"load {self.load:.1f} for each core" if self.load > SHORT_LOAD else ""

    @property
    def easy(self) -> bool:
        """Is there room for more?"""
        return self.memory < EASY_MEMORY and self.load < EASY_LOAD


# --- how many places ------------------------------------------------------------------------------


def stand_of(state: RunState, name: PoolName) -> PoolStand:
    """What has become of a pool since the run began."""
    return state.pools.get(name, _AS_PLANNED)


def most(state: RunState, pool: Pool) -> int:
    """The most places that a pool may have: what a person has set, else what the plan says."""
    limit = stand_of(state, pool.name).limit
    return pool.ceiling if limit is None else limit


def places(state: RunState, pool: Pool) -> int:
    """How many may work in a pool at once, now."""
    ceiling = most(state, pool)
    if pool.host is not None:
        return min(ceiling, _joined(state, pool).slots)
    if not pool.elastic:
        return ceiling
    size = stand_of(state, pool.name).size
    return min(ceiling, max(pool.floor, pool.size if size is None else size))


def used(state: RunState, name: PoolName) -> int:
    """How many work in it."""
    at_work = (task.attempt for task in state.in_state(*HOLDS_SLOT))
    return sum(attempt is not None and attempt.pool == name for attempt in at_work)


def sentence(state: RunState, pool: Pool) -> str:
    """Why a pool takes nobody more: `pool build is held at 2 of 8: memory 91 % used`."""
    if pool.host is not None:
        return _elsewhere(state, pool)
    stand, now, ceiling = stand_of(state, pool.name), places(state, pool), most(state, pool)
    if now < ceiling and stand.short:
        return f"pool {pool.name} is held at {now} of {ceiling}: {stand.short}"
    if now < ceiling:
        return f"pool {pool.name} is full ({now} at once, up to {ceiling} as the machine allows)"
    if stand.limit is not None and stand.limit < pool.ceiling:
        return f"pool {pool.name} is held at {now} of {pool.ceiling} by {stand.by}"
    return f"pool {pool.name} is full ({now} at once)"


def _joined(state: RunState, pool: Pool) -> Workers:
    return state.workers.get(pool.name) or Workers()


def _elsewhere(state: RunState, pool: Pool) -> str:
    """Why a pool on other machines takes nobody more."""
    known = _joined(state, pool)
    if pool.name not in state.workers:
        return f"workers of pool {pool.name} are being looked for"
    if known.fault:
        return f"no worker of pool {pool.name} can be reached: {known.fault}"
    if not known.joined:
        return f"it needs a worker of pool {pool.name}, and none has joined"
    names = ", ".join(worker.name for worker in known.joined)
    return f"pool {pool.name} is full ({places(state, pool)} at once, on {names})"


# --- what moves it --------------------------------------------------------------------------------


def resized(state: RunState, samples: Sequence[Sample], now: float) -> list[PoolResized]:
    """The pools whose size changes now.

    Args:
        samples: of the machine, the latest last; with fewer than `SAMPLES` nothing changes.
        now: seconds since the epoch.
    """
    if len(samples) < SAMPLES or state.outcome is not None:
        return []
    latest = samples[-SAMPLES:]
    short = latest[-1].short if all(sample.short for sample in latest) else ""
    if not short and not all(sample.easy for sample in latest):
        return []
    steps = (
        _step(state, pool, short, now)
        for pool in state.plan.pools
        if pool.elastic and not pool.host
    )
    return [step for step in steps if step is not None]


def _step(state: RunState, pool: Pool, short: str, now: float) -> PoolResized | None:
    """One place less where the machine is `short`, else one more."""
    size, ceiling = places(state, pool), most(state, pool)
    changed_at = stand_of(state, pool.name).changed_at
    apart_s = SHRINK_EVERY_S if short else GROW_EVERY_S
    if changed_at is not None and 0 <= now - changed_at < apart_s:  # clocks may be set back
        return None
    if short:
        smaller = PoolResized(pool.name, size - 1, short)
        return smaller if size > min(pool.floor, ceiling) else None
    grows = size < ceiling and used(state, pool.name) >= size
    return PoolResized(pool.name, size + 1, "") if grows else None
