"""How much of its places each pool, and the run as a whole, has used as time passed.

Rules:
- A place is used while an agent holds a slot; reviews hold slots of the run and of no pool.
- How many places there are changes too: by the machine, by a person, by the plan. A share is of
  those that there were.
- What kept ready tasks waiting is asked from time to time, and each answer counts until the next.
- Bounded: steps and answers are joined two by two when there are too many, so old times are less
  exact, and the mean over a whole time stays right.
- Follows a run event by event, right behind its fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias, TypeVar

from agentdeck.core import events as e
from agentdeck.core.assignment import pool_for, whose
from agentdeck.core.capacity import Hindrance
from agentdeck.core.events import Recorded
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.pools import places
from agentdeck.core.scheduler import admission, is_human
from agentdeck.core.state import HOLDS_SLOT, RunState
from agentdeck.core.transitions import CHANGING

MOST_STEPS: Final = 1024  # of one pool; more than any screen has cells
ASKED_EVERY_S: Final = 30.0  # what keeps tasks waiting; a wait that matters is longer
WHOLE: Final = PoolName("")  # the run with all its slots

_MOVES: Final = (
    *(e.RunStarted, e.PoolResized, e.PoolLimitSet, e.PlanChanged, e.AgentsLimitSet),
    *(e.ReviewStarted, e.ReviewFinished),
)
_Name = TypeVar("_Name")
Waits: TypeAlias = dict[_Name, dict[Hindrance, float]]


class Step(NamedTuple):
    """From one moment to the next."""

    at: float  # seconds since the epoch
    used: float  # places, in the mean
    places: float  # that there were, in the mean


class PoolUse:
    """What was used of each pool, and what kept its tasks waiting."""

    def __init__(self) -> None:
        self.waits: Waits[PoolName] = {}  # seconds of all tasks that waited, by what for
        self.agent_waits: Waits[AgentName] = {}
        self._steps: dict[PoolName, list[Step]] = {}
        self._asked_at: float | None = None
        self._held: list[tuple[PoolName, AgentName, Hindrance]] = []
        self._at_work: dict[TaskId, PoolName] = {}  # who holds a slot, and of which pool

    def take(self, state: RunState, recorded: Recorded) -> None:
        """One event that `state` has taken in just now. O(pools), but for what is asked."""
        event, at = recorded.event, recorded.at
        if type(event) in CHANGING:
            self._moved(state, getattr(event, "task", None))
        elif not isinstance(event, _MOVES):
            return
        now = Counter(self._at_work.values())
        self._put(WHOLE, at, len(self._at_work) + len(state.reviewing), state.agents_limit)
        for pool in state.plan.pools:
            self._put(pool.name, at, now[pool.name], places(state, pool))
        if self._asked_at is None or at - self._asked_at >= ASKED_EVERY_S:
            self._ask(state, at)

    def _moved(self, state: RunState, name: TaskId | None) -> None:
        task = state.tasks.get(name) if name is not None else None
        if task is None:
            return
        if task.state in HOLDS_SLOT and not is_human(state, task.id):
            pool = task.attempt.pool if task.attempt is not None else None
            self._at_work[task.id] = pool or WHOLE
        else:
            self._at_work.pop(task.id, None)

    def course(self, pool: PoolName, since: float, until: float, count: int) -> list[float | None]:
        """The share of the places that was used in `count` equal parts of a time; None = unknown.

        Args:
            since: seconds since the epoch.
            until: likewise, later.
        """
        width = (until - since) / count
        if width <= 0:
            return [None] * count
        return [
            self.share(pool, since + number * width, since + (number + 1) * width)
            for number in range(count)
        ]

    def share(self, pool: PoolName, since: float, until: float) -> float | None:
        """The share of its places that was used in a time; None = nothing is known. O(steps)."""
        steps = self._steps.get(pool, ())
        taken = there = 0.0
        for number, step in enumerate(steps):
            end = steps[number + 1].at if number + 1 < len(steps) else until
            inside = min(end, until) - max(step.at, since)
            if inside > 0:
                taken += step.used * inside
                there += step.places * inside
        return taken / there if there else None

    def _put(self, pool: PoolName, at: float, taken: int, there: int) -> None:
        steps = self._steps.setdefault(pool, [])
        if steps and (steps[-1].used, steps[-1].places) == (taken, there):
            return
        if steps and steps[-1].at >= at:
            steps.pop()
        steps.append(Step(at, taken, there))
        if len(steps) > MOST_STEPS:
            steps[:] = _halved(steps)

    def _ask(self, state: RunState, at: float) -> None:
        """Count what was found last until now, and find out what keeps whom waiting."""
        passed = 0.0 if self._asked_at is None else max(0.0, at - self._asked_at)
        for pool, agent, kind in self._held:
            _add(self.waits.setdefault(pool, {}), kind, passed)
            _add(self.agent_waits.setdefault(agent, {}), kind, passed)
        self._asked_at, self._held = at, []
        if state.outcome is not None:
            return
        for task, blocker in admission(state, at):
            if blocker is not None:
                agent = whose(state, task, at)
                pool = pool_for(state, task, agent) or WHOLE
                self._held.append((pool, agent, blocker.kind))


def _add(waits: dict[Hindrance, float], kind: Hindrance, seconds: float) -> None:
    waits[kind] = waits.get(kind, 0.0) + seconds


def _halved(steps: Sequence[Step]) -> list[Step]:
    """Every two steps as one that has their mean; the latest goes on and stays as it is."""
    found: list[Step] = []
    at = 0
    while at + 2 < len(steps):
        first, second, end = steps[at], steps[at + 1], steps[at + 2].at
        before, after = second.at - first.at, end - second.at
        share = before / (before + after) if before + after > 0 else 0.5
        taken = first.used * share + second.used * (1 - share)
        there = first.places * share + second.places * (1 - share)
        found.append(Step(first.at, taken, there))
        at += 2
    return [*found, *steps[at:]]
