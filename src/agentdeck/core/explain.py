"""Why is this not moving? One sentence with names, the same on every face.

Rules: a task that moves says what it does; a task that does not names the cause. Every state has an
answer (I12). Where a rule decides (scheduler, queue), its own blocker is the answer.
"""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import (
    accounts,
    disk,
    evidence,
    foreseen,
    groups,
    publishing,
    queue,
    repair,
    review,
    scheduler,
    strays,
    wanted,
)
from agentdeck.core.budgets import Book
from agentdeck.core.explain_entry import explain_entry
from agentdeck.core.graph import closure
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import lanes, where_of
from agentdeck.core.plan import GateWhen
from agentdeck.core.readiness import barrier_phases
from agentdeck.core.state import (
    LIVE,
    SETTLED,
    STUCK,
    RunState,
    TaskRun,
    TaskState,
    Wanted,
)
from agentdeck.core.wanted import open_requests
from agentdeck.core.words import first_line, short_duration

__all__ = [
    "accounts_asking",
    "blocking_failures",
    "explain",
    "explain_entry",
    "first_line",
    "needs_person",
    "short_duration",
    "standstill",
]

NAMED = 3  # tasks in one sentence


# What goes on in these states needs room on the disk.
_WRITES = frozenset(
    {TaskState.PREPARING, TaskState.CHECKING, TaskState.REVIEWING, TaskState.QUEUED}
)
# States of a task that nothing more becomes of when the run has ended.
_LEFT_UNDONE = frozenset(
    {
        TaskState.READY,
        TaskState.RETRYING,
        TaskState.REVIEWING,
        TaskState.PROPOSED,
        TaskState.QUEUED,
    }
)


def explain(state: RunState, task_id: TaskId, now: float) -> str:
    """One sentence on why the task stands where it stands. Raises KeyError for an unknown id.

    What it wants of a person beside that, where its work is foreseen to collide, and that it says
    that it edited files of others follow after semicolons.
    """
    also = (of.sentence(state, task_id) for of in (wanted, foreseen, strays))
    return "; ".join(filter(None, (_explain(state, task_id, now), *also)))


def _explain(state: RunState, task_id: TaskId, now: float) -> str:
    task = state.tasks[task_id]
    if state.outcome is not None and task.state in _LEFT_UNDONE:
        return f"{task_id} did not land: the run was ended"
    trouble = next((t for t in state.troubles.values() if t.task == task_id), None)
    if trouble is not None and now < trouble.retry_at:
        again = short_duration(trouble.retry_at - now)
        return f"{task_id} is {task.state}: {first_line(trouble.error)}; tried again in {again}"
    full = disk.standing(state)
    if full is not None and task.state in _WRITES:
        return f"{task_id} is {task.state} and waits: {full}"
    if task.state in LIVE and (unheard := _unheard(state, task, now)) is not None:
        return unheard
    if task.wanted is Wanted.TAKE and task.state in LIVE:
        return f"{task_id} is being taken over by {task.taken_by}; its agent ends its turn"
    match task.state:
        case TaskState.PENDING:
            return f"{task_id} waits for {_pending(state, task)}"
        case TaskState.READY:
            blocker = scheduler.blocker_of(state, task_id, now)
            return f"{task_id} waits: {blocker.sentence}" if blocker else f"{task_id} starts now"
        case TaskState.PREPARING:
            return _preparing(state, task)
        case TaskState.WORKING:
            return _working(task, now)
        case TaskState.PAUSED:
            return _paused(state, task)
        case TaskState.ASKING:
            return _asking(task)
        case TaskState.TAKEN:
            back = f"; it cannot be taken back: {first_line(task.reason)}" if task.reason else ""
            return f"{task_id} is in the hands of {task.taken_by} (o open, O hand back){back}"
        case TaskState.CHECKING:
            return _checking(state, task)
        case TaskState.REVIEWING:
            also = f"; it {repair.losses_sentence(state, task)}" if repair.losses_of(task) else ""
            return f"{_reviewing(state, task, now)}{also}"
        case TaskState.PROPOSED if repair.losses_of(task):
            lost = repair.losses_sentence(state, task)
            return f"{task_id} waits for your yes (a = accept, R = send back): it {lost}"
        case TaskState.PROPOSED:
            held = "; it is held (h releases it)" if task.held else ""
            return f"{task_id} is proven and waits for an approval (a){held}" + _risk(state, task)
        case TaskState.QUEUED:
            return _queued(state, task, now)
        case TaskState.LANDED:
            return f"{task_id} {_landed(state, task, now)}"
        case TaskState.RETRYING:
            again = short_duration((task.retry_at or now) - now)
            return f"{task_id} is tried again in {again}: {first_line(task.reason)}"
        case TaskState.FAILED if _sent_back(task):
            keys = "R send back with words, r retry and o take over, s skip"
            why = first_line(task.reason)
            return f"{task_id} was sent back by the merge queue and needs you ({keys}): {why}"
        case TaskState.FAILED:
            return f"{task_id} needs you (r retry, s skip): {first_line(task.reason)}"
        case TaskState.SKIPPED:
            how = "counts as done" if task.satisfied else "so is what needs it"
            return f"{task_id} is {task.reason or 'skipped'}; {how}"
        case TaskState.DEFERRED:
            return f"{task_id} is deferred by the plan: {first_line(task.reason)}"
        case TaskState.CANCELLED:
            return f"{task_id} is cancelled (r retry, s skip): {first_line(task.reason)}"
        case _ as never:
            assert_never(never)


def _sent_back(task: TaskRun) -> bool:
    """Is it the merge queue that asks for a person?"""
    attempt, ejection = task.attempt, task.ejection
    return attempt is not None and ejection is not None and ejection.attempt == attempt.number


def blocking_failures(state: RunState, task_id: TaskId) -> list[TaskRun]:
    """The stuck tasks that keep a pending one from ever starting, nearest first."""
    needs = {task.id: task.after for task in state.plan.tasks}
    found = [state.tasks[other] for other in closure(task_id, needs)]
    return [task for task in found if _is_stuck(task)]


def _is_stuck(task: TaskRun) -> bool:
    dropped = task.state in (TaskState.SKIPPED, TaskState.DEFERRED) and not task.satisfied
    return task.state in STUCK or dropped


def _pending(state: RunState, task: TaskRun) -> str:
    spec = state.spec(task.id)
    missing = [state.tasks[other] for other in spec.after if not state.tasks[other].satisfied]
    if missing:
        worst = sorted(missing, key=lambda other: not _is_stuck(other))
        named = [_named(other) for other in worst[:NAMED]]
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        root = blocking_failures(state, task.id)
        if root and not any(_is_stuck(other) for other in missing):
            return f"{', '.join(named)}{more}, held up by {_named(root[0])}"
        return ", ".join(named) + more
    return _phase(state, task)


def _named(task: TaskRun) -> str:
    if task.state is TaskState.FAILED:
        return f"{task.id}, which failed: {first_line(task.reason)}"
    if task.state is TaskState.CANCELLED and task.reason:
        return f"{task.id}, which is cancelled: {first_line(task.reason)}"
    return f"{task.id}, which is {task.state}"


def _phase(state: RunState, task: TaskRun) -> str:
    waiting_for = barrier_phases(state, state.spec(task.id).phase)
    if not waiting_for:
        return "its dependencies"
    phase = state.plan.phase_by_id[waiting_for[0]]
    open_tasks = [
        state.tasks[other.id]
        for other in state.plan.tasks
        if other.phase == phase.id and state.tasks[other.id].state not in SETTLED
    ]
    name = phase.title or phase.id
    if open_tasks:
        worst = sorted(open_tasks, key=lambda other: not _is_stuck(other))
        more = f" and {len(open_tasks) - 1} more" if len(open_tasks) > 1 else ""
        return f"phase {name} to end: {_named(worst[0])}{more}"
    for lane in lanes(state):
        gates = [gate.name for gate in state.plan.phase_gates(phase, lane.lane)]
        red = evidence.red_gate(lane, gates, lane.tip_tree)
        if red:
            return f"phase {name} to end: its gate {red} is red"
    return f"phase {name} to end"


def _asking(task: TaskRun) -> str:
    questions = task.attempt.questions if task.attempt is not None else []
    if not questions:
        return f"{task.id} is answered and goes on when it has heard it"
    more = f" (1 of {len(questions)})" if len(questions) > 1 else ""
    if questions[0].files:
        more = f" for more files{more}"
    return f"{task.id} asks{more}: {first_line(questions[0].text)}"


def _preparing(state: RunState, task: TaskRun) -> str:
    if is_held(task):
        book = Book(state)
        line = book.freezes(task) or book.stops(task)
        if line is not None:
            return f"{task.id} waits to be started: {line.sentence}; $ raises it"
    return f"{task.id} is preparing its worktree (attempt {len(task.attempts)})"


def _paused(state: RunState, task: TaskRun) -> str:
    full = disk.standing(state)
    if full is not None:
        return f"{task.id} is frozen: {full}"
    line = Book(state).freezes(task)
    if line is None:
        return f"{task.id} is paused by you; its processes are frozen"
    more = ", and it is paused by you" if task.wanted is Wanted.PAUSE else ""
    return f"{task.id} is frozen: {line.sentence}; $ raises it{more}"


def is_held(task: TaskRun) -> bool:
    """Is it ready to be launched, and kept from it by a budget that is used up?"""
    attempt = task.attempt
    return task.state is TaskState.PREPARING and attempt is not None and attempt.held


def _unheard(state: RunState, task: TaskRun, now: float) -> str | None:
    """Its agent is on a machine that is silent."""
    attempt = task.attempt
    workers = state.workers.get(attempt.pool) if attempt is not None and attempt.pool else None
    since = workers.unheard.get(attempt.worker) if attempt is not None and workers else None
    if attempt is None or attempt.pool is None or since is None:
        return None
    silent = short_duration(max(0.0, now - since))
    pool = state.plan.pool_by_name.get(attempt.pool)  # a replan may have taken it away
    lease = f"; its attempt is given up after {short_duration(pool.lease_s)}" if pool else ""
    return f"{task.id} is on {attempt.worker}, of which nothing has been heard for {silent}{lease}"


def _working(task: TaskRun, now: float) -> str:
    attempt = task.attempt
    if attempt is None:
        return f"{task.id} is working"
    doing = f": {attempt.doing}" if attempt.doing else ""
    if task.wanted is Wanted.STOP or attempt.limit is not None:
        why = attempt.limit.detail if attempt.limit else "you asked for it"
        return f"{task.id} is being stopped: {why}"
    where = f" on {attempt.worker}" if attempt.worker else ""
    return f"{task.id} works{where} for {short_duration(attempt.worked_s(now))}{doing}"


def _checking(state: RunState, task: TaskRun) -> str:
    attempt = task.attempt
    if attempt is None or attempt.collected is None:
        return f"{task.id} has ended; its work is being collected"
    name = evidence.open_gate(state, evidence.task_gates(state, task), attempt.collected.tree)
    return f"{task.id} is being checked by gate {name}" if name else f"{task.id} is being checked"


def _reviewing(state: RunState, task: TaskRun, now: float) -> str:
    under_way = review.goes_on(state, task)
    if under_way is not None and review.is_wanted(state, task):
        since = short_duration(max(0.0, now - under_way.started_at))
        return f"{task.id} is being reviewed by {under_way.by} for {since}"
    why = review.left_to_person(state, task)
    if why is not None:
        by_plan = state.settings(task.id).reviewer is None
        because = "" if by_plan else f": {first_line(why)}"
        return f"{task.id} waits for a review of its diff (a = approve, R = send back){because}"
    hindered = _reviewer_waits(state, task)
    because = f": {hindered.sentence}" if hindered is not None else ""
    return f"{task.id} waits for its reviewer {state.settings(task.id).reviewer}{because}"


def _reviewer_waits(state: RunState, task: TaskRun) -> review.Hindered | None:
    if not review.is_due(state, task):
        return None
    return review.hindrance(state, task, scheduler.slots_used(state), Book(state))


def _risk(state: RunState, task: TaskRun) -> str:
    spec = state.spec(task.id)
    return f"; its risk is {spec.risk}" if spec.risk else ""


def _landed(state: RunState, task: TaskRun, now: float) -> str:
    what = f"has landed as {task.landed_commit[:10]}" if task.landed_commit else "is done"
    if task.done_how:
        return f"{what}: {task.done_how}"
    undoing = next((entry for entry in state.queue.values() if entry.reverts == task.id), None)
    if undoing is not None:
        return f"{what}; its revert {explain_entry(state, undoing, now)}"
    return f"{what}; {first_line(task.reason)}" if task.reason else what


def _queued(state: RunState, task: TaskRun, now: float) -> str:
    entry = next((entry for entry in state.queue.values() if entry.task == task.id), None)
    return f"{task.id} {explain_entry(state, entry, now)}" if entry else f"{task.id} is queued"


def needs_person(state: RunState) -> list[TaskRun]:
    """The tasks that wait for a person, in plan order.

    Budgets and accounts do too: see `budgets_asking`, `accounts_asking`.
    """
    waiting = (TaskState.ASKING, TaskState.REVIEWING, TaskState.FAILED, TaskState.CANCELLED)
    return [
        task
        for task in state.tasks.values()
        if (task.state in waiting and not _is_answered(task) and not _agent_reviews(state, task))
        or (task.state is TaskState.PROPOSED and repair.waits_for_yes(state, task))
    ]


def _is_answered(task: TaskRun) -> bool:
    """Does it ask, and is nobody needed for that any more?"""
    answered = task.attempt is not None and not task.attempt.questions
    answered = answered or task.wanted is Wanted.TAKE
    return task.state is TaskState.ASKING and answered


def _agent_reviews(state: RunState, task: TaskRun) -> bool:
    """Does an agent look at it, so that nobody is needed for that?"""
    return task.state is TaskState.REVIEWING and review.left_to_person(state, task) is None


def budgets_asking(state: RunState) -> list[str]:
    """A sentence for each used-up budget that a person is asked to raise, the widest first."""
    if state.outcome is not None or state.ending:
        return []
    return [line.sentence for line in Book(state).asking()]


def accounts_asking(state: RunState) -> list[str]:
    """A sentence for each account that only a person can open again."""
    if state.ending:
        return []
    return [accounts.said_of(account, state.at) for account in accounts.closed(state)]


def standstill(state: RunState) -> str | None:
    """Why the whole run does not move, when it needs a person; None while something goes on."""
    full = disk.standing(state)
    if state.outcome is None and full is not None:
        return full
    if state.outcome is not None or state.ending:
        return None
    moving = (TaskState.PREPARING, TaskState.WORKING, TaskState.CHECKING, TaskState.RETRYING)
    if any(not is_held(task) for task in state.in_state(*moving)):
        return None
    if any(map(_is_answered, state.in_state(TaskState.ASKING))):
        return None
    if state.reviewing or _reviewer_comes(state):
        return None
    blockers = [blocker for _, blocker in scheduler.admission(state)]
    if any(b is None or b.kind is scheduler.Hindrance.PREFLIGHT_RUNS for b in blockers):
        return None
    if any(b is not None and b.until is not None for b in blockers):
        return None  # time alone will change it
    if any(map(_queue_moves, lanes(state))):
        return None
    everybody = {b.sentence for b in blockers if b and b.kind in scheduler.FOR_EVERYBODY}
    used_up = next((line.sentence for line in Book(state).used_up()), None)
    first = next(iter(everybody), None) or used_up
    return first or _queue_stands(state) or _needs_somebody(state) or _group_stands(state)


def _reviewer_comes(state: RunState) -> bool:
    """Will a review start by itself?"""
    for task in state.in_state(TaskState.REVIEWING):
        if review.is_due(state, task):
            hindered = _reviewer_waits(state, task)
            if hindered is None or hindered.until is not None:
                return True
    return False


def _queue_moves(state: RunState) -> bool:
    """Is there something to do in the queue of this lane?"""
    head = queue.head(state)
    if head is None or state.queue_held or queue.frozen_gate(state) is not None:
        return False
    # Who is green and waits for others of its group waits for their queue.
    waits = bool(state.plan.group_of) and not head.intended
    return not waits or any(True for _ in queue.steps_of_lane(state, state.at))


def _queue_stands(state: RunState) -> str | None:
    held = False
    for lane in lanes(state):
        order = queue.in_order(lane)
        red = queue.frozen_gate(lane) if order else None
        if red is not None:
            return f"gate {red} is red on {where_of(lane)}"
        held = held or (bool(order) and all(queue.is_held(lane, entry) for entry in order))
    if state.queue and state.queue_held:
        return "the merge queue is held"
    return "every entry of the queue is held" if held else None


def _group_stands(state: RunState) -> str | None:
    """Who waits in a queue for others of its group."""
    for entry in state.queue.values():
        name = groups.missing(state, entry)
        if name is not None and not queue.is_held(state, entry):
            return f"{entry.id} {groups.sentence(state, entry, name)}"
    return None


def _needs_somebody(state: RunState) -> str | None:
    closed = next(iter(accounts_asking(state)), None)
    if closed is not None:
        return closed
    waiting = needs_person(state)
    if waiting:
        more = f", and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        return f"{waiting[0].id} is {waiting[0].state}{more}"
    for task in state.in_state(TaskState.REVIEWING):
        hindered = _reviewer_waits(state, task)
        if hindered is not None:
            return f"{task.id} waits for its reviewer: {hindered.sentence}"
    taken = next(state.in_state(TaskState.TAKEN), None)
    if taken is not None:
        return f"{taken.id} is in the hands of {taken.taken_by}"
    paused = next(state.in_state(TaskState.PAUSED), None)
    if paused is not None:
        return f"{paused.id} is paused"
    held_back = next(((t, b) for t, b in scheduler.admission(state) if b is not None), None)
    if held_back is not None:
        return f"{held_back[0].id} waits: {held_back[1].sentence}"
    for lane in lanes(state):
        names = [gate.name for gate in state.plan.gates_when(GateWhen.FINAL, lane.lane)]
        for phase in state.plan.phases:
            if phase.id not in state.closed_phases:
                names += [gate.name for gate in state.plan.phase_gates(phase, lane.lane)]
        red = evidence.red_gate(lane, names, lane.tip_tree)
        if red is not None:
            return f"gate {red} is red on {where_of(lane)}"
    pending = next(state.in_state(TaskState.PENDING), None)
    if pending is not None:  # what it needs was skipped or deferred, and that settles nothing
        return f"{pending.id} waits for {_pending(state, pending)}"
    proposed = [request for request in open_requests(state) if request.put is not None]
    if proposed and all(task.state in SETTLED for task in state.tasks.values()):
        return f"{proposed[0].id} of {proposed[0].by} waits for a yes or no"
    reasons = (lane.promote_reason for lane in lanes(state) if lane.promote_reason)
    return next(reasons, None) or publishing.trouble_of(state)
