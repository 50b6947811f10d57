"""The scheduler: which ready tasks may start now, and what each of the others waits for.

Rules:
- Among the ready tasks the higher priority goes first, then the longest path to the end of the
  plan, then the order of the file.
- A task starts when nothing blocks it. `admission` walks the ready tasks in that order once, hands
  out capacity as it goes, and gives each one a blocker or a start. The explanation of a waiting
  task is its blocker from the same walk, so the two cannot disagree.
- A wide or exclusive task is not starved: a ready task behind it does not take files it waits for.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from agentdeck.core import footprint, verdicts
from agentdeck.core.graph import bottom_level_s
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.plan import GateWhen, OnExceed, Plan
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, RunState, TaskRun, TaskState, Wanted

HUMAN = AgentName("human")


class Hindrance(StrEnum):
    """What kind of thing keeps a ready task from starting."""

    ENDING = "ending"
    RUN_PAUSED = "run paused"
    PREFLIGHT = "preflight"
    PREFLIGHT_RUNS = "preflight runs"
    BUDGET = "budget"
    PAUSED = "paused"
    EXCLUSIVE = "exclusive"
    FOOTPRINT = "footprint"
    POOL = "pool"
    AGENTS = "agents"


FOR_EVERYBODY = frozenset(
    {Hindrance.ENDING, Hindrance.RUN_PAUSED, Hindrance.PREFLIGHT, Hindrance.BUDGET}
)


class Blocker(msgspec.Struct, frozen=True):
    """Why a ready task does not start, in a form that reads after "waits for" or alone."""

    kind: Hindrance
    sentence: str


def longest_path_s(plan: Plan) -> dict[TaskId, float]:
    """Seconds from the start of each task to the end of the plan. Computed once a plan."""
    cached: dict[TaskId, float] | None = plan.__dict__.get("_longest_path_s")
    if cached is None:
        needs = {task.id: task.after for task in plan.tasks}
        cached = bottom_level_s(needs, {t.id: plan.settings(t.id).estimate_s for t in plan.tasks})
        plan.__dict__["_longest_path_s"] = cached
    return cached


def ready_in_order(state: RunState) -> list[TaskRun]:
    """The ready tasks, the one to start first at the front."""
    path = longest_path_s(state.plan)
    ready = list(state.in_state(TaskState.READY))
    return sorted(ready, key=lambda task: (-state.spec(task.id).priority, -path[task.id]))


def is_human(state: RunState, task_id: TaskId) -> bool:
    """Is the task done by a person? Such a task takes no agent slot."""
    return state.plan.agent_by_name[state.settings(task_id).agent].use == "human"


class _Capacity:
    """What is left while `admission` walks."""

    def __init__(self, state: RunState) -> None:
        self.state = state
        working = [t for t in state.in_state(*HOLDS_SLOT) if not is_human(state, t.id)]
        self.slots_used = len(working)
        self.pool_used: dict[PoolName, int] = {}
        for task in working:
            pool = task.attempt.pool if task.attempt else None
            if pool is not None:
                self.pool_used[pool] = self.pool_used.get(pool, 0) + 1
        self.holders = list(state.in_state(*HOLDS_FOOTPRINT))
        # Only those that can be in anybody's way, so that a wide plan costs no more than a narrow.
        self.alone = [task for task in self.holders if state.spec(task.id).exclusive]
        self.with_files = [task for task in self.holders if state.spec(task.id).files]

    def reserve(self, task: TaskRun) -> None:
        """Keep later tasks out of the way of `task`, which starts or is first in line."""
        spec = self.state.spec(task.id)
        if spec.exclusive:
            self.alone.append(task)
        if spec.files:
            self.with_files.append(task)

    def take(self, task: TaskRun) -> None:
        """Give `task` what it needs to start."""
        self.holders.append(task)
        self.reserve(task)
        if is_human(self.state, task.id):
            return
        self.slots_used += 1
        pool = self.state.settings(task.id).pool
        if pool is not None:
            self.pool_used[pool] = self.pool_used.get(pool, 0) + 1


def admission(state: RunState) -> Iterator[tuple[TaskRun, Blocker | None]]:
    """Every ready task in starting order, with what blocks it; None = it starts now.

    O(ready * holders * patterns).
    """
    everybody = _blocks_everybody(state)
    capacity = _Capacity(state)
    for task in ready_in_order(state):
        blocker = everybody or _blocks(state, task, capacity)
        if blocker is None:
            capacity.take(task)
        elif blocker.kind in (Hindrance.FOOTPRINT, Hindrance.EXCLUSIVE):
            capacity.reserve(task)
        yield task, blocker


def has_room(state: RunState) -> bool:
    """Could any ready task start, as far as agent slots go? Cheap, for the common "no"."""
    used = sum(not is_human(state, task.id) for task in state.in_state(*HOLDS_SLOT))
    return used < state.agents_limit or any(
        is_human(state, task.id) for task in state.in_state(TaskState.READY)
    )


def blocker_of(state: RunState, task_id: TaskId) -> Blocker | None:
    """What blocks one ready task now. None also when it is not ready."""
    return next((b for task, b in admission(state) if task.id == task_id), None)


def budget_sentence(state: RunState) -> str | None:
    """Which part of the budget is used up, or None."""
    budget = state.plan.budget
    if budget.usd is not None and state.usd >= budget.usd:
        return f"the budget of ${budget.usd:g} is used up (${state.usd:.2f})"
    if budget.tokens is not None and state.tokens >= budget.tokens:
        return f"the budget of {budget.tokens:,} tokens is used up"
    return None


def budget_stops(state: RunState) -> str | None:
    """Why live agents must be stopped because of the budget, or None."""
    return budget_sentence(state) if state.plan.budget.on_exceed is OnExceed.STOP else None


def _blocks_everybody(state: RunState) -> Blocker | None:
    if state.ending or state.outcome is not None:
        return Blocker(Hindrance.ENDING, "the run is ending")
    if state.paused:
        return Blocker(Hindrance.RUN_PAUSED, f"the run is paused by {state.paused_by}")
    for gate in state.plan.gates_when(GateWhen.PREFLIGHT):
        found = verdicts.of(state, gate.name, state.base_tree)
        if found is verdicts.Standing.RED:
            return Blocker(
                Hindrance.PREFLIGHT, f"preflight gate {gate.name} is red on {state.base}"
            )
        if not verdicts.passes(found):
            return Blocker(Hindrance.PREFLIGHT_RUNS, f"preflight gate {gate.name} is running")
    spent = budget_sentence(state)
    return Blocker(Hindrance.BUDGET, spent) if spent else None


def _blocks(state: RunState, task: TaskRun, capacity: _Capacity) -> Blocker | None:
    spec, settings = state.spec(task.id), state.settings(task.id)
    if task.wanted is Wanted.PAUSE:
        return Blocker(Hindrance.PAUSED, "it was paused before it started")
    alone = _alone(state, task, capacity)
    if alone is not None:
        return Blocker(Hindrance.EXCLUSIVE, alone)
    for other in capacity.with_files if spec.files else ():
        shared = footprint.overlap(spec.files, state.spec(other.id).files)
        if shared is not None:
            return Blocker(
                Hindrance.FOOTPRINT, f"{other.id} has {shared} and {_does(other, capacity)}"
            )
    if is_human(state, task.id):
        return None
    pool = state.plan.pool_by_name.get(settings.pool) if settings.pool else None
    if pool is not None and capacity.pool_used.get(pool.name, 0) >= pool.size:
        return Blocker(Hindrance.POOL, f"pool {pool.name} is full ({pool.size} at once)")
    if capacity.slots_used >= state.agents_limit:
        return Blocker(Hindrance.AGENTS, f"all {state.agents_limit} agent slots are taken")
    return None


def _alone(state: RunState, task: TaskRun, capacity: _Capacity) -> str | None:
    """Who keeps whom from working because one of them works alone."""
    if state.spec(task.id).exclusive and capacity.holders:
        other = capacity.holders[0]
        return f"it works alone, and {other.id} {_does(other, capacity)}"
    if capacity.alone:
        other = capacity.alone[0]
        return f"{other.id} works alone and {_does(other, capacity)}"
    return None


def _does(other: TaskRun, capacity: _Capacity) -> str:
    if other.state is not TaskState.READY:
        return f"is {other.state}"
    return "is starting" if other in capacity.holders else "is first in line"
