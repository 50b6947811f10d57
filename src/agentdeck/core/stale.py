"""Which events can follow from a state, and which are stale.

Rules: an event that is late, doubled, or about another attempt is refused before anything changes;
the engine drops it with a line in its log. So a performer that does a step again after a crash may
report it again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeAlias, get_args

from agentdeck.core import events as e
from agentdeck.core import foreseen, groups, pools
from agentdeck.core.events import AnyEvent, DiskMark
from agentdeck.core.ids import EntryId
from agentdeck.core.lanes import ground
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.transitions import CHANGING, targets

_Check: TypeAlias = Callable[[RunState, Any], None]


class StaleEvent(Exception):
    """An event that cannot follow from the present state: late, doubled, or for another attempt."""

    def __init__(self, event: AnyEvent, why: str) -> None:
        super().__init__(f"{type(event).__name__}: {why}")
        self.event = event


def check(state: RunState, event: AnyEvent) -> None:
    """Raise `StaleEvent` unless `event` can follow from `state`."""
    for one in _checks_of(type(event)):
        one(state, event)


@cache
def _checks_of(kind: type[AnyEvent]) -> tuple[_Check, ...]:
    """What is asked of events of a kind, in this order.

    Found once for each kind: a long journal asks it of the same few kinds 100,000 times.
    """
    if kind is e.RunStarted:
        return (_check_first,)
    fields = frozenset(kind.__struct_fields__)
    of_task, of_entry = "task" in fields, "entry" in fields
    of_attempt = of_task and "attempt" in fields and kind not in _OF_EARLIER_ONES
    asked: tuple[tuple[bool, _Check], ...] = (
        (kind in _OF_RULES, _check_rule),
        (kind is e.MessageQueued, _check_queued),
        (kind is e.PlanChanged, _check_revision),
        (kind is e.BudgetMarked, _check_mark),
        (kind is e.DiskChanged, _check_disk),
        (kind is e.WorkersChanged, _check_workers),
        (kind in (e.PoolLimitSet, e.PoolResized), _check_pool),
        (kind is e.CollisionsForeseen, _check_foreseen),
        (kind in _OF_REQUESTS, _check_request),
        (of_task, _check_task),
        (of_task and kind in CHANGING, _check_change),
        (kind is e.StepFailed, _check_step),
        (of_attempt, _check_attempt),
        (kind is e.AttemptCollected, _check_collected),
        (kind is e.RefsTouched, _check_refs),
        (kind in _OF_A_LIVE_PROCESS, _check_alive),
        (kind in _OF_TURNS, _check_turn),
        (kind in _OF_REVIEWS, _check_review),
        (kind is e.EntryQueued, _check_new_entry),
        (of_entry and kind is not e.EntryQueued, _check_known_entry),
        (kind in _OF_AN_ACCOUNT, _check_account),
        (kind is e.AccountReopened, _check_reopened),
        (kind in _OF_PROMOTION, _check_promotion),
        (kind is e.GateFinished, _check_gate_run),
        (of_entry and kind is not e.GateFinished, _check_entry),
        (kind is e.BatchSplit, _check_split),
        (kind is e.GroupIntended, _check_group),
        (kind in _OF_HOOKS, _check_hook),
        (kind is e.LandingFound, _check_found),
    )
    return tuple(one for wanted, one in asked if wanted)


def _check_first(state: RunState, event: e.RunStarted) -> None:
    if state.seq:
        raise StaleEvent(event, "the run has started already")


def _check_revision(state: RunState, event: e.PlanChanged) -> None:
    if event.revision != state.plan_changes + 1:
        raise StaleEvent(event, f"the plan has changed {state.plan_changes} times")


def _check_mark(state: RunState, event: e.BudgetMarked) -> None:
    if event.mark <= state.marked.get(event.scope, 0.0):
        raise StaleEvent(event, f"the mark {event.mark:g} of {event.scope} was told already")


def _check_disk(state: RunState, event: e.DiskChanged) -> None:
    known = DiskMark.ROOM if state.disk is None else state.disk.mark
    if event.mark is known:
        raise StaleEvent(event, f"it is known that the disk has {known}")


def _check_workers(state: RunState, event: e.WorkersChanged) -> None:
    known = state.workers.get(event.pool)
    if known is not None and (known.joined, known.fault) == (event.workers, event.fault):
        raise StaleEvent(event, f"the workers of pool {event.pool} are known")


def _check_pool(state: RunState, event: e.PoolLimitSet | e.PoolResized) -> None:
    pool = state.plan.pool_by_name.get(event.pool)
    if pool is None:
        raise StaleEvent(event, f"no pool {event.pool}")
    if isinstance(event, e.PoolResized):
        now = pools.places(state, pool)
        bounds = min(pool.floor, pools.most(state, pool)), pools.most(state, pool)
        if event.size == now or not bounds[0] <= event.size <= bounds[1]:
            raise StaleEvent(event, f"pool {pool.name} has {now} places of {bounds[1]}")


def _check_hook(state: RunState, event: e.HookEvent) -> None:
    run = state.hooks.get(event.hook)
    if run is None:
        raise StaleEvent(event, f"no hook {event.hook}")
    if not run.settled < event.seq <= run.latest:
        raise StaleEvent(event, f"{event.hook} is settled up to {run.settled} of {run.latest}")
    first = event.first if isinstance(event, e.HookDelivered) else None
    if first is not None and first <= run.settled:
        raise StaleEvent(event, f"{event.hook} is settled up to {run.settled}, so it was told less")
    if isinstance(event, e.HookFailed) and event.number != run.tries + 1:
        raise StaleEvent(event, f"{event.hook} has failed {run.tries} times on it")


def _check_task(state: RunState, event: Any) -> None:
    if event.task is not None and event.task not in state.tasks:
        raise StaleEvent(event, f"no task {event.task}")


def _check_change(state: RunState, event: Any) -> None:
    if event.task is not None:
        now = state.tasks[event.task].state
        if not targets(now, type(event)):
            raise StaleEvent(event, f"{event.task} is {now}")


def _check_step(state: RunState, event: e.StepFailed) -> None:
    if event.task is not None and (now := state.tasks[event.task].state) in _WITHOUT_STEPS:
        raise StaleEvent(event, f"{event.task} is {now}")


def _check_new_entry(state: RunState, event: e.EntryQueued) -> None:
    if event.entry in state.queue:
        raise StaleEvent(event, f"{event.entry} is in the queue already")


def _check_known_entry(state: RunState, event: Any) -> None:
    if event.entry is not None and event.entry not in state.queue:
        raise StaleEvent(event, f"{event.entry} is not in the queue")


def _check_reopened(state: RunState, event: e.AccountReopened) -> None:
    if event.account not in state.accounts:
        raise StaleEvent(event, f"no account {event.account}")


def _check_gate_run(state: RunState, event: e.GateFinished) -> None:
    expected = state.next_gate_run(event.gate, event.tree)
    if event.run != expected:  # a red run that is told twice must not count twice
        raise StaleEvent(event, f"run {expected} of {event.gate} is next on this tree")


def _check_split(state: RunState, event: e.BatchSplit) -> None:
    _may_be_built(state, event, event.entries)


def _check_group(state: RunState, event: e.GroupIntended) -> None:
    for move in event.moves:
        _may_be_built(state, event, (move.entry, *move.others))


def _check_rule(
    state: RunState, event: e.PermissionRuleSet | e.PermissionRuleDropped | e.PermissionsKept
) -> None:
    match event:
        case e.PermissionRuleSet() if event.rule.id in state.rules:
            raise StaleEvent(event, f"rule {event.rule.id} is set already")
        case e.PermissionRuleDropped() if event.rule not in state.rules:
            raise StaleEvent(event, f"there is no rule {event.rule}")
        case e.PermissionsKept() if event.change <= state.rule_changes_kept:
            raise StaleEvent(event, "later changes are kept already")


def _check_request(state: RunState, event: e.RequestMade | e.RequestAnswered) -> None:
    """A request is made once, and answered once."""
    known = state.requests.get(event.request)
    if isinstance(event, e.RequestMade):
        if known is not None:
            raise StaleEvent(event, f"request {event.request} was made already")
    elif known is None or known.answer is not None:
        raise StaleEvent(event, f"request {event.request} is not open")


def _check_foreseen(state: RunState, event: e.CollisionsForeseen) -> None:
    """Only what differs is news, and nothing is foreseen of a run that has ended."""
    if state.outcome is not None:
        raise StaleEvent(event, "the run has ended")
    found = foreseen.kept(state, event)
    if (found, event.more if found else 0) == (state.foreseen, state.foreseen_more):
        raise StaleEvent(event, "it is known already")


def _check_queued(state: RunState, event: e.MessageQueued) -> None:
    """A message is queued once."""
    task = state.tasks.get(event.task)
    if task is not None and event.message != f"n{task.queued_so_far + 1}":
        raise StaleEvent(event, f"{task.queued_so_far} messages were queued for {task.id}")


def _check_account(state: RunState, event: e.AccountLimited | e.AccountNoted) -> None:
    """A report is of the account on which the attempt works."""
    attempt = state.tasks[event.task].attempt
    if attempt is None or attempt.account != event.account:
        raise StaleEvent(event, f"{event.task} does not work on it")


def _check_review(state: RunState, event: e.ReviewStarted | e.ReviewFinished) -> None:
    """One review of a task at a time; its end is told once, also when the task has moved on."""
    under_way = state.reviewing.get(event.task)
    if isinstance(event, e.ReviewFinished):
        if under_way is None or (under_way.attempt, under_way.run) != (event.attempt, event.run):
            raise StaleEvent(event, f"review {event.run} of {event.task} is not under way")
        return
    task = state.tasks[event.task]
    if under_way is not None or task.state is not TaskState.REVIEWING or task.attempt is None:
        raise StaleEvent(event, f"{event.task} is {task.state}: no review can start")
    if event.run != 1 + sum(review.run > 0 for review in task.attempt.reviews):
        raise StaleEvent(event, f"{len(task.attempt.reviews)} reviews have started")


def _check_promotion(
    state: RunState, event: e.Promoted | e.PromoteWaiting | e.BaseDiverged
) -> None:
    """A late report must not end, delay or turn back a promotion that was asked for after it."""
    here = ground(state, event.repo)
    if not here.promote_wanted:
        raise StaleEvent(event, "no promotion is wanted")
    if isinstance(event, e.Promoted) and event.commit != here.tip:
        raise StaleEvent(event, f"the target is at {here.tip}")
    if isinstance(event, e.BaseDiverged) and here.diverged is not None:
        raise StaleEvent(event, f"{here.diverged} goes through the queue already")


def _check_entry(state: RunState, event: AnyEvent) -> None:
    """A task that comes back has the same entry id: a late report may be of its older work."""
    match event:
        case e.EntryBuilt() | e.EntryConflicted():
            names = (event.entry, *event.others) if isinstance(event, e.EntryBuilt) else ()
            _may_be_built(state, event, names or (event.entry,))
            tip = ground(state, state.queue[event.entry].repo).tip
            if event.tip != tip and event.tip not in _commits(state):
                raise StaleEvent(event, f"the target is at {tip}")
            builds = {state.queue[name].build for name in names}
            if builds and all(b and (b.tip, b.entries) == (event.tip, names) for b in builds):
                raise StaleEvent(event, f"{event.entry} is built already")
        case e.EntryMoved():
            _check_moved(state, event)
        case e.LandingIntended():
            _may_be_built(state, event, (event.entry, *event.others))
        case e.EntryLanded() if state.queue[event.entry].intended != event.commit:
            raise StaleEvent(event, f"{event.entry} is not landing {event.commit}")
        case e.LandingLost() if event.commit not in ("", state.queue[event.entry].intended):
            raise StaleEvent(event, f"{event.entry} is not landing {event.commit}")
        case e.LandingLost() | e.LandingBlocked() if state.queue[event.entry].intended is None:
            raise StaleEvent(event, f"{event.entry} is not landing")


def _check_found(state: RunState, event: e.LandingFound) -> None:
    """What is known to have landed is not found again, and what is not in is not taken back."""
    if any(
        (one.commit, one.task or one.reverts) == (event.commit, event.task)
        for one in state.landings
    ):
        raise StaleEvent(event, "it is known already")
    landed = event.task is not None and state.tasks[event.task].state is TaskState.LANDED
    if landed != event.undone:
        raise StaleEvent(event, f"{event.task} is {'' if landed else 'not '}in already")


def _check_moved(state: RunState, event: e.EntryMoved) -> None:
    """What is landing lands; commits of the base have their place."""
    if event.entry == event.beside:
        raise StaleEvent(event, "it cannot be moved beside itself")
    if event.beside not in state.queue:
        raise StaleEvent(event, f"{event.beside} is not in the queue")
    if state.queue[event.entry].repo != state.queue[event.beside].repo:
        raise StaleEvent(event, f"{event.beside} is in the queue of another repository")
    for name in (event.entry, event.beside):
        if groups.others(state, state.queue[name]):
            raise StaleEvent(event, f"{name} has its place with its group")
        if state.queue[name].kind is e.EntryKind.BASE:
            raise StaleEvent(event, f"{name} has its place before what tasks have made")
    if state.queue[event.entry].intended is not None:
        raise StaleEvent(event, f"{event.entry} is landing")


def _may_be_built(state: RunState, event: AnyEvent, names: tuple[EntryId, ...]) -> None:
    for name in names:
        if name not in state.queue:
            raise StaleEvent(event, f"{name} is not in the queue")
        if state.queue[name].intended is not None:
            raise StaleEvent(event, f"{name} is landing")


def _commits(state: RunState) -> set[str]:
    """What has been built and has not landed."""
    return {entry.build.commit for entry in state.queue.values() if entry.build is not None}


def _check_attempt(state: RunState, event: Any) -> None:
    if event.task is None or event.attempt is None:
        return
    current = state.tasks[event.task].attempts
    number = current[-1].number if current else 0
    if event.attempt != number + (type(event) is e.AttemptClaimed):
        raise StaleEvent(event, f"{event.task} is at attempt {number}")


def _check_alive(state: RunState, event: Any) -> None:
    attempt = state.tasks[event.task].attempt
    if attempt is not None and attempt.exit is not None:
        raise StaleEvent(event, f"attempt {attempt.number} has exited")


def _check_collected(state: RunState, event: e.AttemptCollected) -> None:
    """Work is taken once, and what a person has again in their hands is not taken from before."""
    task = state.tasks[event.task]
    attempt = task.attempt
    if attempt is None:
        return
    if attempt.collected is not None:
        raise StaleEvent(event, f"the work of attempt {attempt.number} was taken already")
    if task.state is TaskState.TAKEN or event.hand_back != attempt.hand_backs:
        raise StaleEvent(event, f"{task.id} was handed back {attempt.hand_backs} times")


def _check_refs(state: RunState, event: e.RefsTouched) -> None:
    """Told once, before the work of the attempt is taken."""
    attempt = state.tasks[event.task].attempt
    if attempt is not None and (attempt.refs is not None or attempt.collected is not None):
        raise StaleEvent(event, f"the refs that attempt {attempt.number} touched are known")


def _check_turn(state: RunState, event: e.TurnBegan | e.TurnEnded) -> None:
    """Turns end and begin in turn; the end of one may be told again while no other has begun."""
    attempt = state.tasks[event.task].attempt
    if attempt is None:
        return
    if isinstance(event, e.TurnBegan):
        if attempt.result is None:
            raise StaleEvent(event, f"a turn of attempt {attempt.number} goes on")
    elif event.turn == attempt.turns:
        if attempt.result is not None:
            raise StaleEvent(event, f"turn {event.turn} has ended already")
    elif event.turn != attempt.turns + 1:
        raise StaleEvent(event, f"{attempt.turns} turns have ended")


# Nothing is under way for a task in these states: a report of trouble is of a step before them.
_WITHOUT_STEPS: Final = frozenset({
    TaskState.PENDING,
    TaskState.READY,
    TaskState.RETRYING,
    TaskState.FAILED,
    TaskState.CANCELLED,
    TaskState.DEFERRED,
})  # fmt: skip

_OF_EARLIER_ONES: Final = frozenset({
    e.GateFinished,
    e.WorktreeReleased,
    e.ReviewFinished,
    e.LandingFound,  # whichever attempt it was
})  # fmt: skip
_OF_RULES: Final = frozenset({e.PermissionRuleSet, e.PermissionRuleDropped, e.PermissionsKept})
_OF_REQUESTS: Final = frozenset({e.RequestMade, e.RequestAnswered})
_OF_TURNS: Final = frozenset({e.TurnBegan, e.TurnEnded})
_OF_REVIEWS: Final = frozenset({e.ReviewStarted, e.ReviewFinished})
_OF_AN_ACCOUNT: Final = frozenset({e.AccountLimited, e.AccountNoted})
_OF_HOOKS: Final = frozenset(get_args(e.HookEvent))
_OF_PROMOTION: Final = frozenset({e.Promoted, e.PromoteWaiting, e.BaseDiverged})
_OF_A_LIVE_PROCESS: Final = frozenset({
    e.AttemptProgressed,
    e.AttemptAsked,
    e.ProgressReported,
    e.AskWithdrawn,
    e.MessageSent,
    e.MessageDelivered,
    e.TurnEnded,
    e.TurnBegan,
    e.InputClosed,
    e.AttemptFrozen,
    e.AttemptThawed,
    e.LimitHit,
    e.AttemptExited,
})  # fmt: skip
