"""The scheduler: which ready tasks may start now, and what each of the others waits for.

Rules:
- The policy is that of `core.capacity`, asked about the state of a run: who goes first, what a
  start takes, what is in the way.
- A task starts when nothing blocks it. `admission` walks the ready tasks in order once, hands out
  capacity as it goes, and gives each one a blocker or a start. The explanation of a waiting task is
  its blocker from the same walk, so the two cannot disagree.
- What holds for everybody (a paused run, a red preflight gate) comes first, then the skills that a
  task asks for, then what its account lets start, then budgets, then capacity. What cannot be paid
  for, or waits for an account or for somebody able, keeps nobody else out of its files.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agentdeck.core import assignment, disk, groups, pools, skills, verdicts
from agentdeck.core.accounts import Closure, Openings
from agentdeck.core.budgets import Book
from agentdeck.core.capacity import (
    Capacity,
    Hindrance,
    Obstacle,
    is_by_hand,
    longest_path_s,
    start_order,
)
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.lanes import lanes
from agentdeck.core.pattern_heads import without_repo
from agentdeck.core.plan import GateWhen
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, RunState, TaskRun, TaskState, Wanted

__all__ = [
    "FOR_EVERYBODY",
    "HUMAN",
    "Blocker",
    "Hindrance",
    "admission",
    "blocker_of",
    "has_room",
    "is_human",
    "longest_path_s",
    "ready_in_order",
]

HUMAN = AgentName("human")

FOR_EVERYBODY = frozenset(
    {Hindrance.ENDING, Hindrance.RUN_PAUSED, Hindrance.DISK, Hindrance.PREFLIGHT}
)


class Blocker(msgspec.Struct, frozen=True):
    """Why a ready task does not start, in a form that reads after "waits for" or alone."""

    kind: Hindrance
    sentence: str
    until: float | None = None  # when time alone changes it, seconds since the epoch


def ready_in_order(state: RunState) -> list[TaskRun]:
    """The ready tasks, the one to start first at the front."""
    place = start_order(state.plan)
    return sorted(state.in_state(TaskState.READY), key=lambda task: place[task.id])


def is_human(state: RunState, task_id: TaskId) -> bool:
    """Is the task done by a person? Such a task takes no agent slot."""
    return is_by_hand(state.plan, task_id)


def admission(
    state: RunState, now: float | None = None, book: Book | None = None
) -> Iterator[tuple[TaskRun, Blocker | None]]:
    """Every ready task in starting order, with what blocks it; None = it starts now.

    O((holders + ready) * patterns), and what their files meet.

    Args:
        now: seconds since the epoch; None = the time of the latest event.
        book: the budgets as they are now, if they were looked up already; starts are put into it.
    """
    book = Book(state) if book is None else book
    everybody = _blocks_everybody(state)
    capacity = _capacity(state)
    now = state.at if now is None else now
    openings = Openings(state, now)
    for rank, task in enumerate(ready_in_order(state)):
        agent = assignment.whose(state, task, now)
        if agent != state.settings(task.id).agent:
            capacity.send(task.id, assignment.pool_for(state, task, agent))
        account = state.plan.agent_by_name[agent].limited_by
        closure = openings.closure(account) if account else None
        blocker = (
            everybody
            or _blocks(state, task, agent, closure)
            or _unpaid(state, task, book, now)
            or _in_the_way(state, task, agent, capacity, rank)
        )
        if blocker is None:
            capacity.take(task.id, rank)
            book.take(task.id, assignment.assign(state, task, now))
            if account:
                openings.take(account)
        elif blocker.kind in (Hindrance.FOOTPRINT, Hindrance.EXCLUSIVE):
            capacity.reserve(task.id, rank)
        yield task, blocker


def _capacity(state: RunState) -> Capacity:
    """What is held now. Holders stand in front of the ready tasks, in plan order."""
    has_now = {pool.name: pools.places(state, pool) for pool in state.plan.pools}
    capacity = Capacity(state.plan, state.agents_limit, has_now)
    # Who waits for its group lets its files go: two groups could wait for each other for ever.
    holders = [
        task for task in state.in_state(*HOLDS_FOOTPRINT) if not groups.waits_in_queue(state, task)
    ]
    for rank, task in enumerate(holders, start=-len(holders)):
        capacity.hold(task.id, rank)
        if task.state in HOLDS_SLOT and not is_human(state, task.id):
            capacity.take_slot(task.id, task.attempt.pool if task.attempt else None)
    capacity.slots_used += len(state.reviewing)
    return capacity


def has_room(state: RunState) -> bool:
    """Could any ready task start, as far as agent slots go? Cheap, for the common "no"."""
    return slots_used(state) < state.agents_limit or any(
        is_human(state, task.id) for task in state.in_state(TaskState.READY)
    )


def slots_used(state: RunState) -> int:
    """Agents at work: those that do tasks, and those that review them."""
    at_work = sum(not is_human(state, task.id) for task in state.in_state(*HOLDS_SLOT))
    return at_work + len(state.reviewing)


def blocker_of(state: RunState, task_id: TaskId, now: float | None = None) -> Blocker | None:
    """What blocks one ready task now. None also when it is not ready."""
    return next((b for task, b in admission(state, now) if task.id == task_id), None)


def _blocks_everybody(state: RunState) -> Blocker | None:
    if state.ending or state.outcome is not None:
        return Blocker(Hindrance.ENDING, "the run is ending")
    if state.paused:
        return Blocker(Hindrance.RUN_PAUSED, f"the run is paused by {state.paused_by}")
    if state.disk is not None:
        return Blocker(Hindrance.DISK, disk.sentence(state.disk))
    return next(filter(None, map(_preflight, lanes(state))), None)


def _preflight(state: RunState) -> Blocker | None:
    for gate in state.plan.gates_when(GateWhen.PREFLIGHT, state.lane):
        found = verdicts.of(state, gate.name, state.base_tree)
        if found is verdicts.Standing.RED:
            where = f"{state.base} of {state.lane}" if state.lane else state.base
            return Blocker(Hindrance.PREFLIGHT, f"preflight gate {gate.name} is red on {where}")
        if not verdicts.passes(found):
            return Blocker(Hindrance.PREFLIGHT_RUNS, f"preflight gate {gate.name} is running")
    return None


def _blocks(
    state: RunState, task: TaskRun, agent: AgentName, closure: Closure | None
) -> Blocker | None:
    if task.wanted is Wanted.PAUSE:
        return Blocker(Hindrance.PAUSED, "it was paused before it started")
    spec = state.spec(task.id)
    if agent != task.resolver and (lacking := state.plan.lacking(spec, agent)):
        return Blocker(Hindrance.SKILL, skills.nobody(state.plan, spec, agent, lacking))
    if closure is not None:  # it reserves no files: it may have to wait for days
        sentence = skills.waits(state.plan, spec, agent, closure.sentence)
        return Blocker(Hindrance.ACCOUNT, sentence, closure.until)
    return None


def _unpaid(state: RunState, task: TaskRun, book: Book, now: float) -> Blocker | None:
    """What budgets have against a start. Who cannot be paid for reserves no files either."""
    if not book.lines:
        return None
    chosen = assignment.assign(state, task, now)
    refused = book.refuses(task.id, chosen)
    if refused is not None:
        return Blocker(Hindrance.BUDGET, refused)
    spent = book.account_spent(task.id, chosen)
    return None if spent is None else Blocker(Hindrance.BUDGET, spent.sentence, spent.until)


def _in_the_way(
    state: RunState, task: TaskRun, agent: AgentName, capacity: Capacity, rank: int
) -> Blocker | None:
    obstacle = capacity.obstacle(task.id, rank)
    if obstacle is None:
        return None
    sentence = _sentence(state, task, capacity, obstacle)
    if obstacle.kind in (Hindrance.AGENTS, Hindrance.POOL):
        sentence = skills.waits(state.plan, state.spec(task.id), agent, sentence)
    return Blocker(obstacle.kind, sentence)


def _sentence(state: RunState, task: TaskRun, capacity: Capacity, obstacle: Obstacle) -> str:
    if obstacle.kind is Hindrance.AGENTS:
        return f"all {state.agents_limit} agent slots are taken"
    if obstacle.pool is not None:
        return pools.sentence(state, state.plan.pool_by_name[obstacle.pool])
    assert obstacle.other is not None
    other = state.tasks[obstacle.other]
    does = _does(other, capacity)
    if obstacle.kind is Hindrance.FOOTPRINT:
        return f"{other.id} has {without_repo(obstacle.pattern)} and {does}"
    if state.spec(task.id).exclusive and capacity.holds(other.id):
        return f"it works alone, and {other.id} {does}"
    return f"{other.id} works alone and {does}"


def _does(other: TaskRun, capacity: Capacity) -> str:
    if other.state is not TaskState.READY:
        return f"is {other.state}"
    return "is starting" if capacity.holds(other.id) else "is first in line"
