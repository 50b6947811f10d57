"""Everything that waits for a person, as one list: every count of it and every face reads this one.

Rules:
- An item *needs you* when work waits that only a person can let go on. What a person has put aside
  on purpose (held, paused, in somebody's hands) waits for them too, but is no alarm: it is in the
  list and not in the count.
- A run that stands still is never an empty list: where nothing else says why, one item does.
- Order: what keeps the most tasks waiting comes first, then what has waited the longest, then plan
  order. Items of one group stand together; groups come in the order of their first items, and what
  was put aside comes last.
- When the run has ended, only what can still be done then is left: bringing the work into the base.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core import accounts, assignment, disk, evidence, queue, scheduler
from agentdeck.core.budgets import Book
from agentdeck.core.commands import Promote
from agentdeck.core.decide import refusal
from agentdeck.core.events import AskKind
from agentdeck.core.explain import first_line, needs_person, standstill
from agentdeck.core.graph import closure
from agentdeck.core.ids import GateName, TaskId
from agentdeck.core.lanes import lanes, where_of
from agentdeck.core.plan import GateWhen
from agentdeck.core.readiness import barrier_phases
from agentdeck.core.state import (
    LIVE,
    SETTLED,
    GateRun,
    Request,
    RunState,
    TaskRun,
    TaskState,
    Wanted,
)
from agentdeck.core.wanted import open_requests


class Group(StrEnum):
    """What stands together."""

    ASKS = "Agents ask"
    FAILED = "Failed"
    PROVEN = "Proven work"
    RUN = "The whole run"
    ASIDE = "Put aside"
    READY = "Ready when you are"


class Kind(StrEnum):
    """What is wanted of a person."""

    QUESTION = "question"
    PERMISSION = "permission"
    PROPOSED = "proposed"  # a task that an agent or a client would have in the plan
    ASKED = "asked"  # the question of a client
    BY_HAND = "by hand"  # the plan gives the task to a person
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVIEW = "review"
    APPROVAL = "approval"
    BUDGET = "budget"
    ACCOUNT = "account"  # only a person can open it again
    DISK = "disk"  # it has not enough room
    GATE = "gate"  # red on the target or the base: it is nobody's fault, and nothing goes on
    LANDING = "landing"  # the target cannot be moved
    PROMOTION = "promotion"  # it was tried
    STANDSTILL = "standstill"
    HANDS = "hands"
    PAUSED = "paused"
    HELD = "held"
    RUN_PAUSED = "run paused"
    QUEUE_HELD = "queue held"
    UNPROMOTED = "unpromoted"  # the run has ended; nobody has asked for it yet

    @property
    def group(self) -> Group:
        """Where it stands."""
        return _GROUPS.get(self, Group.ASIDE)


_GROUPS: Final = {
    Kind.QUESTION: Group.ASKS,
    Kind.PERMISSION: Group.ASKS,
    Kind.PROPOSED: Group.ASKS,
    Kind.ASKED: Group.ASKS,
    Kind.BY_HAND: Group.ASKS,
    Kind.FAILED: Group.FAILED,
    Kind.CANCELLED: Group.FAILED,
    Kind.REVIEW: Group.PROVEN,
    Kind.APPROVAL: Group.PROVEN,
    Kind.BUDGET: Group.RUN,
    Kind.ACCOUNT: Group.RUN,
    Kind.DISK: Group.RUN,
    Kind.GATE: Group.RUN,
    Kind.LANDING: Group.RUN,
    Kind.PROMOTION: Group.RUN,
    Kind.STANDSTILL: Group.RUN,
    Kind.UNPROMOTED: Group.READY,
}
CALM: Final = frozenset({Group.ASIDE, Group.READY})  # nothing stands still that somebody wants
_OF_STATE: Final = {
    TaskState.REVIEWING: Kind.REVIEW,
    TaskState.PROPOSED: Kind.APPROVAL,
    TaskState.FAILED: Kind.FAILED,
    TaskState.CANCELLED: Kind.CANCELLED,
}
# A wish to pause says nothing yet of a task that could not start anyway.
_PAUSABLE: Final = LIVE | {TaskState.PREPARING, TaskState.READY, TaskState.RETRYING}


class Item(msgspec.Struct, frozen=True):
    """One thing that waits for a person."""

    kind: Kind
    name: str  # a task, a request, the scope of a budget, an account, a gate, or a branch
    since: float | None  # seconds since the epoch; None = nobody has noted it
    task: TaskId | None = None
    said: str = ""  # what it is about, where that is not the task's own affair
    direct: tuple[TaskId, ...] = ()  # who waits for it at first hand, beside what needs its task

    @property
    def key(self) -> str:
        """The same as long as the same is wanted."""
        return f"{self.kind}:{self.name}"

    @property
    def needs_you(self) -> bool:
        """Does it count as an alarm?"""
        return self.kind.group not in CALM


def waiting(state: RunState, book: Book | None = None) -> list[Item]:
    """Everything that waits for a person, in no special order.

    Args:
        book: the budgets as they are now, if they were looked up already.
    """
    if not state.seq:
        return []
    if state.outcome is not None:
        return list(_promotion(state))
    tasks = [_of_task(state, task) for task in needs_person(state)]
    found = [*tasks, *_of_run(state, Book(state) if book is None else book), *_promotion(state)]
    found += _put_aside(state, {item.task for item in tasks})
    if not found and (why := standstill(state)) is not None:
        found.append(Item(Kind.STANDSTILL, "run", None, said=why))
    return found


def held_up(state: RunState, item: Item) -> list[TaskId]:
    """The unfinished tasks that cannot go on before the item is answered, nearest first."""
    found = dict.fromkeys(item.direct)
    for root in (*item.direct, *((item.task,) if item.task is not None else ())):
        found.update(dict.fromkeys(closure(root, state.plan.kept_waiting)))
    others = (task for task in found if task != item.task)
    return [task for task in others if state.tasks[task].state not in SETTLED]


def in_order(state: RunState, items: Iterable[Item]) -> list[Item]:
    """The most urgent first, group by group; see the rules above."""
    return [item for item, _ in ranked(state, items)]


def ranked(state: RunState, items: Iterable[Item]) -> list[tuple[Item, int]]:
    """As `in_order`, each with how many tasks wait for it. O(items * tasks)."""
    place = {task: number for number, task in enumerate(state.tasks)}

    def urgency(found: tuple[Item, int]) -> tuple[int, float, int]:
        item, waits = found
        since = math.inf if item.since is None else item.since
        return (-waits, since, len(place) if item.task is None else place[item.task])

    counted = sorted(((item, len(held_up(state, item))) for item in items), key=urgency)
    groups: dict[Group, list[tuple[Item, int]]] = {}
    for found in counted:
        groups.setdefault(found[0].kind.group, []).append(found)
    calm = [groups.pop(group, []) for group in Group if group in CALM]
    return [found for group in (*groups.values(), *calm) for found in group]


def last_red_run(state: RunState, gate: GateName) -> GateRun | None:
    """The latest run of a gate on the target's tip, or on the base where it was never run there."""
    trees = [(lane.tip_tree, lane.base_tree) for lane in lanes(state)]
    found = (state.gate_runs(gate, tip) or state.gate_runs(gate, base) for tip, base in trees)
    runs = next(filter(None, found), [])
    return runs[-1] if runs else None


def _of_task(state: RunState, task: TaskRun) -> Item:
    kind = _OF_STATE.get(task.state)
    if kind is not None:
        return Item(kind, task.id, task.since, task.id)
    question = task.attempt.question if task.attempt is not None else None
    since = question.asked_at if question is not None else task.since
    if scheduler.is_human(state, task.id):
        return Item(Kind.BY_HAND, task.id, since, task.id)
    permission = question is not None and question.ask is AskKind.PERMISSION
    return Item(Kind.PERMISSION if permission else Kind.QUESTION, task.id, since, task.id)


def _of_run(state: RunState, book: Book) -> Iterator[Item]:
    """What concerns more than one task."""
    if state.disk is not None:
        ready = [task.id for task in state.in_state(TaskState.READY)]
        frozen = [t.id for t in state.in_state(TaskState.PAUSED) if t.wanted is Wanted.RUN]
        direct = tuple(ready + frozen) if disk.stands(state) else tuple(ready)
        said = disk.sentence(state.disk)
        yield Item(Kind.DISK, "disk", state.disk.since, said=said, direct=direct)
    if state.ending:
        return
    for request in open_requests(state):
        kind = Kind.ASKED if request.put is None else Kind.PROPOSED
        yield Item(kind, request.id, request.asked_at, said=_requested(request))
    for line in book.asking():
        tasks = book.held_up_by(line.scope)
        since = min((_stands_since(task) for task in tasks), default=None)
        names = tuple(task.id for task in tasks)
        yield Item(Kind.BUDGET, line.scope, since, said=line.sentence, direct=names)
    for account in accounts.closed(state):
        said = accounts.limit_of(account) + (f": {account.detail}" if account.detail else "")
        names = tuple(task.id for task in _on_account(state, account.name))
        yield Item(Kind.ACCOUNT, account.name, account.limited_at, said=said, direct=names)
    yield from _red_gates(state)
    for entry in state.queue.values():
        if entry.intended and entry.blocked:
            queued = _queued(state)
            yield Item(Kind.LANDING, entry.id, entry.queued_at, entry.task, entry.blocked, queued)


def _requested(request: Request) -> str:
    if request.put is None:
        return f"{request.by} asks: {first_line(request.text)}"
    title = first_line(request.put.title or request.put.prompt)
    return f"{request.by} proposes task {request.put.id}: {title}"


def _stands_since(task: TaskRun) -> float:
    attempt = task.attempt
    frozen = attempt.frozen_at if attempt is not None else None
    return task.since if frozen is None else frozen


def _on_account(state: RunState, account: str) -> Iterator[TaskRun]:
    for task in state.in_state(TaskState.READY):
        agent = assignment.whose(state, task, state.at)
        if state.plan.agent_by_name[agent].limited_by == account:
            yield task


def _red_gates(state: RunState) -> Iterator[Item]:
    """Gates that are red where nobody's work is to blame; each once."""
    seen: set[GateName] = set()
    for gate, said, direct in _blockades(state):
        if gate not in seen:
            seen.add(gate)
            run = last_red_run(state, gate)
            yield Item(Kind.GATE, gate, run.at if run else None, said=said, direct=direct)


def _blockades(state: RunState) -> Iterator[tuple[GateName, str, tuple[TaskId, ...]]]:
    for lane in lanes(state):
        yield from _blockades_of(lane)


def _blockades_of(state: RunState) -> Iterator[tuple[GateName, str, tuple[TaskId, ...]]]:
    where = where_of(state)
    names = [gate.name for gate in state.plan.gates_when(GateWhen.PREFLIGHT, state.lane)]
    ready = tuple(task.id for task in state.in_state(TaskState.READY))
    red = evidence.red_gate(state, names, state.base_tree) if ready else None
    if red is not None:
        yield red, f"{red} is red on {state.base}: nothing starts", ready
    red = queue.frozen_gate(state) if state.queue else None
    if red is not None:
        yield red, f"{red} is red on {where} itself: nothing lands", _queued(state)
    unsettled = {t.phase for t in state.plan.tasks if state.tasks[t.id].state not in SETTLED}
    for phase in state.plan.phases:
        if phase.id in state.closed_phases or phase.id in unsettled:
            continue
        names = [gate.name for gate in state.plan.phase_gates(phase, state.lane)]
        red = evidence.red_gate(state, names, state.tip_tree)
        if red is not None:
            name = phase.title or phase.id
            yield red, f"{red} is red: phase {name} cannot end", _behind(state, phase.id)
    if all(task.state in SETTLED for task in state.tasks.values()):
        names = [gate.name for gate in state.plan.gates_when(GateWhen.FINAL, state.lane)]
        red = evidence.red_gate(state, names, state.tip_tree)
        if red is not None:
            yield red, f"{red} is red on {where}: the run cannot end", ()


def _behind(state: RunState, phase: str) -> tuple[TaskId, ...]:
    """The tasks that start when the phase has ended."""
    return tuple(
        task.id
        for task in state.in_state(TaskState.PENDING)
        if phase in barrier_phases(state, state.spec(task.id).phase)
    )


def _queued(state: RunState) -> tuple[TaskId, ...]:
    return tuple(entry.task for entry in queue.in_order(state) if entry.task is not None)


def _promotion(state: RunState) -> Iterator[Item]:
    every = list(lanes(state))
    waiting = [lane for lane in every if lane.promote_reason and lane.diverged is None]
    for lane in waiting:
        since = lane.landed_here[-1].at if lane.landed_here else None
        yield Item(Kind.PROMOTION, lane.base, since, said=lane.promote_reason)
    if waiting or state.outcome is None or any(lane.promote_wanted for lane in every):
        return
    if refusal(state, Promote()) is None:
        lane = next((one for one in every if one.landed_here and one.promoted != one.tip), state)
        count = len(lane.landed_here)
        what = "1 landing is" if count == 1 else f"{count} landings are"
        said = f"{what} on {where_of(lane)} and not in {lane.base} yet"
        yield Item(Kind.UNPROMOTED, lane.base, state.finished_at, said=said)


def _put_aside(state: RunState, seen: set[TaskId | None]) -> Iterator[Item]:
    """What a person keeps back; a task that is in the list already is not named again."""
    if state.paused:
        ready = tuple(task.id for task in state.in_state(TaskState.READY))
        yield Item(Kind.RUN_PAUSED, "run", None, said=state.paused_by, direct=ready)
    if state.queue_held:
        yield Item(Kind.QUEUE_HELD, "queue", None, direct=_queued(state))
    for task in state.tasks.values():
        if task.state is TaskState.TAKEN:
            yield Item(Kind.HANDS, task.id, task.since, task.id)
        elif task.id in seen:
            continue
        elif task.wanted is Wanted.PAUSE and task.state in _PAUSABLE:
            yield Item(Kind.PAUSED, task.id, _stands_since(task), task.id)
        elif task.held and task.state not in SETTLED:
            yield Item(Kind.HELD, task.id, task.since, task.id)


__all__ = [
    "CALM",
    "Group",
    "Item",
    "Kind",
    "held_up",
    "in_order",
    "last_red_run",
    "ranked",
    "waiting",
]
