"""Capacity: agent slots, pools, files, working alone. Who may have them, and who is in whose way.

This is the whole policy of admission. It looks at the plan alone, so that a real run
(`core.scheduler`) and a timetable (`core.timetable`) share it to the letter.

Rules:
- Among the ready tasks the higher priority goes first, then the longest path to the end of the
  plan, then the order of the file (`start_order`).
- Who walks the ready tasks in that order asks for what blocks each one, lets it `take` what it
  needs, or lets it `reserve` its files when files or somebody who works alone are in its way: so a
  wide or exclusive task is not starved by those behind it. A task that waits for a place in a pool
  or for a slot reserves nothing.
- A slot and a place in a pool are held while an agent works; files until the work has landed. A
  person's task needs neither a slot nor a pool.
- Only those patterns of a footprint count that somebody else may touch too.
- A rank says where somebody stands in the walk: those with a lower rank can be in the way.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core import footprint
from agentdeck.core.footprint_index import Ranked
from agentdeck.core.graph import longest_paths_s
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.pattern_heads import shared_files
from agentdeck.core.plan import Plan

HOLDER: Final = -1  # a rank in front of every ready task


class Hindrance(StrEnum):
    """What kind of thing keeps a ready task from starting."""

    ENDING = "ending"
    RUN_PAUSED = "run paused"
    DISK = "disk"
    PREFLIGHT = "preflight"
    PREFLIGHT_RUNS = "preflight runs"
    BUDGET = "budget"
    PAUSED = "paused"
    SKILL = "skill"
    ACCOUNT = "account"
    EXCLUSIVE = "exclusive"
    FOOTPRINT = "footprint"
    POOL = "pool"
    AGENTS = "agents"


class Obstacle(msgspec.Struct, frozen=True):
    """What keeps a task from starting, as a fact of capacity."""

    kind: Hindrance  # EXCLUSIVE | FOOTPRINT | POOL | AGENTS
    other: TaskId | None = None  # who is in the way; None where capacity is used up
    pattern: str = ""  # which of the task's files the other one has
    pool: PoolName | None = None  # which is full


def longest_path_s(plan: Plan) -> dict[TaskId, float]:
    """Seconds from the start of each task to the end of the plan. Computed once a plan."""
    cached: dict[TaskId, float] | None = plan.__dict__.get("_longest_path_s")
    if cached is None:
        estimates = [each.estimate_s for each in plan.all_settings.values()]
        paths = longest_paths_s(plan.needs, estimates)
        cached = dict(zip(plan.number, paths, strict=True))
        plan.__dict__["_longest_path_s"] = cached
    return cached


def start_order(plan: Plan) -> dict[TaskId, int]:
    """The place of each task, from 0, among those that are ready; in this order.

    Computed once a plan.
    """
    cached: dict[TaskId, int] | None = plan.__dict__.get("_start_order")
    if cached is None:
        path = longest_path_s(plan)
        ordered = sorted(path, key=path.__getitem__, reverse=True)  # of equals, the file's order
        if any(task.priority for task in plan.tasks):
            ordered.sort(key=lambda task: -plan.by_id[task].priority)
        cached = {task: place for place, task in enumerate(ordered)}
        plan.__dict__["_start_order"] = cached
    return cached


def is_by_hand(plan: Plan, task: TaskId) -> bool:
    """Is the task done by a person? Such a task takes no agent slot."""
    return plan.agent_by_name[plan.all_settings[task].agent].use == "human"


class Capacity:
    """What is held and reserved at one moment.

    Taking, giving back and asking take O(patterns * log tasks), and what the files meet.
    """

    def __init__(
        self, plan: Plan, agents_limit: int, places: Mapping[PoolName, int] | None = None
    ) -> None:
        """Nothing is held yet.

        Args:
            agents_limit: agents at work at once.
            places: of each pool, as they are now; None = the most that each may have.
        """
        self.agents_limit = agents_limit
        self.slots_used = 0
        self._plan = plan
        self._size = dict(places or {pool.name: pool.ceiling for pool in plan.pools})
        self._pool_used = dict.fromkeys(self._size, 0)
        self._sent: dict[TaskId, PoolName | None] = {}  # to another pool than the plan says
        self._slot_of: dict[TaskId, PoolName | None] = {}  # who holds a slot, and of which pool
        self._holds: dict[TaskId, None] = {}  # who has begun and not landed, as they came
        self._alone: dict[TaskId, None] = {}  # exclusive tasks that hold or reserve, as they came
        self._exclusive = plan.exclusive
        self._files = shared_files(plan)
        self._on_files = Ranked()

    # --- taking and giving back -------------------------------------------------------------------

    def send(self, task: TaskId, pool: PoolName | None) -> None:
        """`task` takes its place in `pool`, whatever the plan says."""
        self._sent[task] = pool

    def _pool_of(self, task: TaskId) -> PoolName | None:
        return self._sent[task] if task in self._sent else self._plan.settings(task).pool

    def take(self, task: TaskId, rank: int = HOLDER) -> None:
        """`task` starts: give it what it needs."""
        self.hold(task, rank)
        if not is_by_hand(self._plan, task):
            self.take_slot(task, self._pool_of(task))

    def take_slot(self, task: TaskId, pool: PoolName | None) -> None:
        """An agent works at `task`, in a place of `pool`, which may be one the plan has dropped."""
        self._slot_of[task] = pool
        self.slots_used += 1
        if pool is not None:
            self._pool_used[pool] = self._pool_used.get(pool, 0) + 1

    def give_slot_back(self, task: TaskId) -> PoolName | None:
        """The agent of `task` is gone. Returns the pool that has a place more."""
        pool = self._slot_of.pop(task)
        self.slots_used -= 1
        if pool is not None:
            self._pool_used[pool] -= 1
        return pool

    def hold(self, task: TaskId, rank: int = HOLDER) -> None:
        """`task` has begun and not landed: its files are its own."""
        self._holds[task] = None
        self.reserve(task, rank)

    def reserve(self, task: TaskId, rank: int) -> None:
        """Keep those of a higher rank out of the way of `task`, which is first in line."""
        if task in self._exclusive:
            self._alone[task] = None
        if task in self._files:
            self._on_files.put(task, rank, self._files[task])

    def give_back(self, task: TaskId) -> None:
        """`task` has landed, or reserves nothing any more."""
        self._holds.pop(task, None)
        self._alone.pop(task, None)
        if task in self._files:
            self._on_files.drop(task)

    def holds(self, task: TaskId) -> bool:
        """Has `task` begun and not landed?"""
        return task in self._holds

    @property
    def idle(self) -> bool:
        """Has nothing begun that has not landed?"""
        return not self._holds

    @property
    def somebody_alone(self) -> bool:
        """Does somebody who works alone hold files, or wait in front?"""
        return bool(self._alone)

    @property
    def slots_left(self) -> bool:
        """Could one agent more work?"""
        return self.slots_used < self.agents_limit

    def has_place(self, pool: PoolName | None) -> bool:
        """Could one agent more work in this pool? None: wherever."""
        return pool is None or pool not in self._size or self._pool_used[pool] < self._size[pool]

    # --- what is in the way -----------------------------------------------------------------------

    def obstacle(self, task: TaskId, rank: int) -> Obstacle | None:
        """What keeps a ready task from starting now; None = nothing, it may `take`."""
        return self._somebody_alone(task) or self._on_its_files(task, rank) or self.full(task)

    def _somebody_alone(self, task: TaskId) -> Obstacle | None:
        """Who keeps whom from working because one of them works alone."""
        if task in self._exclusive and self._holds:
            return Obstacle(Hindrance.EXCLUSIVE, next(iter(self._holds)))
        if self._alone:
            return Obstacle(Hindrance.EXCLUSIVE, next(iter(self._alone)))
        return None

    def _on_its_files(self, task: TaskId, rank: int) -> Obstacle | None:
        mine = self._files.get(task, ())
        found = self._on_files.first(mine, rank)
        if found is None:
            return None
        other = found[1]
        pattern = footprint.overlap(mine, self._files[other])
        return None if pattern is None else Obstacle(Hindrance.FOOTPRINT, other, pattern)

    def in_its_files(self, task: TaskId, rank: int) -> tuple[TaskId, str] | None:
        """Somebody of a lower rank on the files of `task`, and which of its files; cheaper."""
        return self._on_files.any(self._files.get(task, ()), rank)

    def full(self, task: TaskId) -> Obstacle | None:
        """The pool or the slots that are used up for `task`; None = there is a place for it."""
        if is_by_hand(self._plan, task):
            return None
        pool = self._pool_of(task)
        lacking = self.lacking(pool)
        if lacking is None:
            return None
        return Obstacle(lacking, pool=pool if lacking is Hindrance.POOL else None)

    def lacking(self, pool: PoolName | None) -> Hindrance | None:
        """What is used up for one agent more in this pool; None = there is a place for it."""
        if pool is not None and not self.has_place(pool):
            return Hindrance.POOL
        return None if self.slots_used < self.agents_limit else Hindrance.AGENTS
