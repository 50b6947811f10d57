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
from agentdeck.core.assignment import Assignment
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
    "starts",
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
    walk = _Walk(state, state.at if now is None else now, book)
    for task, found in walk.ready():
        yield task, found if isinstance(found, Blocker) else None


def starts(state: RunState, now: float, book: Book) -> Iterator[tuple[TaskRun, Assignment]]:
    """The ready tasks that start now, from the same walk, with who makes each attempt."""
    for task, found in _Walk(state, now, book).ready():
        if not isinstance(found, Blocker):
            yield task, found


class _Walk:
    """One walk over the ready tasks, which hands out capacity, money and accounts as it goes."""

    def __init__(self, state: RunState, now: float, book: Book | None) -> None:
        self._state, self._now = state, now
        self._book = Book(state) if book is None else book
        self._capacity = _capacity(state)
        self._openings = Openings(state, now)

    def ready(self) -> Iterator[tuple[TaskRun, Blocker | Assignment]]:
        """Every ready task in starting order: what blocks it, or how it starts."""
        everybody = _blocks_everybody(self._state)
        for rank, task in enumerate(ready_in_order(self._state)):
            found = everybody or self._try(task, rank)
            if not isinstance(found, Blocker):
                self._take(task, rank, found)
            elif found.kind in (Hindrance.FOOTPRINT, Hindrance.EXCLUSIVE):
                self._capacity.reserve(task.id, rank)
            yield task, found

    def _try(self, task: TaskRun, rank: int) -> Blocker | Assignment:
        state, now = self._state, self._now
        agent = assignment.whose(state, task, now)
        if agent != state.settings(task.id).agent:
            self._capacity.send(task.id, assignment.pool_for(state, task, agent))
        blocker = _blocks(state, task, agent, self._closure(agent))
        if blocker is None and self._book.lines:
            blocker = _unpaid(task, self._book, assignment.assign(state, task, now))
        if blocker is not None:
            return blocker
        obstacle = self._capacity.obstacle(task.id, rank)
        if obstacle is None:
            return assignment.assign(state, task, now)
        why = _sentence(state, task, self._capacity, obstacle)
        if obstacle.kind is Hindrance.POOL:
            return self._stand_in(task, agent, why)
        if obstacle.kind is Hindrance.AGENTS:
            why = skills.waits(state.plan, state.spec(task.id), {agent: why})
        return Blocker(obstacle.kind, why)

    def _stand_in(self, task: TaskRun, first: AgentName, why: str) -> Blocker | Assignment:
        """The first of the others who may begin in place of one whose pool is full."""
        state, now = self._state, self._now
        busy, untils = {first: why}, list[float]()
        for agent in assignment.stand_ins(state, task):
            chosen = assignment.assign(state, task, now, agent, why)
            blocker = self._keeps(task, chosen)
            if blocker is None:
                return chosen
            busy[agent] = blocker.sentence
            untils += [] if blocker.until is None else [blocker.until]
        sentence = skills.waits(state.plan, state.spec(task.id), busy)
        return Blocker(Hindrance.POOL, sentence, min(untils, default=None))

    def _keeps(self, task: TaskRun, chosen: Assignment) -> Blocker | None:
        """What keeps somebody from beginning in another's place; files are out of the way."""
        closure = self._closure(chosen.agent)
        if closure is not None:
            return Blocker(Hindrance.ACCOUNT, closure.sentence, closure.until)
        unpaid = _unpaid(task, self._book, chosen) if self._book.lines else None
        lacking = self._capacity.lacking(chosen.pool)
        if unpaid is not None or lacking is None:
            return unpaid
        obstacle = Obstacle(lacking, pool=chosen.pool if lacking is Hindrance.POOL else None)
        return Blocker(lacking, _sentence(self._state, task, self._capacity, obstacle))

    def _closure(self, agent: AgentName) -> Closure | None:
        account = self._state.plan.agent_by_name[agent].limited_by
        return self._openings.closure(account) if account else None

    def _take(self, task: TaskRun, rank: int, chosen: Assignment) -> None:
        self._capacity.send(task.id, chosen.pool)
        self._capacity.take(task.id, rank)
        self._book.take(task.id, chosen)
        if chosen.account:
            self._openings.take(chosen.account)


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
        sentence = skills.waits(state.plan, spec, {agent: closure.sentence})
        return Blocker(Hindrance.ACCOUNT, sentence, closure.until)
    return None


def _unpaid(task: TaskRun, book: Book, chosen: Assignment) -> Blocker | None:
    """What budgets have against a start. Who cannot be paid for reserves no files either."""
    refused = book.refuses(task.id, chosen)
    if refused is not None:
        return Blocker(Hindrance.BUDGET, refused)
    spent = book.account_spent(task.id, chosen)
    return None if spent is None else Blocker(Hindrance.BUDGET, spent.sentence, spent.until)


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
