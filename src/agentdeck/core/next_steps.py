"""`next_steps(state, now)`: given these facts, which steps should be under way?

Rules:
- It is a pure function of the state and the time. The engine compares its answer with what is in
  flight, starts what is missing and cancels what is no longer wanted; so recovery after a crash is
  this function and nothing else.
- Decisions that need no IO are `Record` steps. They come one at a time for each task, so that each
  is made on the state that the one before has left.
- `wake_at` is the earliest moment at which the answer changes by time alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from agentdeck.core import (
    asks,
    decide_tools,
    disk,
    evidence,
    hooks,
    lanes,
    policy,
    publishing,
    queue,
    repair,
    review,
    scheduler,
    verdicts,
)
from agentdeck.core import events as e
from agentdeck.core.budgets import Book
from agentdeck.core.events import AnyEvent, EntryKind, FailureClass, Outcome
from agentdeck.core.hearing import has_heard_all, next_word, taken_by_tool
from agentdeck.core.ids import AgentName, EntryId, GateName, PhaseId
from agentdeck.core.plan import GateWhen, Land, Phase, Repair, Strategy
from agentdeck.core.state import (
    HOLDS_SLOT,
    LIVE,
    SETTLED,
    Attempt,
    RunState,
    TaskRun,
    TaskState,
    Wanted,
)
from agentdeck.core.steps import (
    AnyStep,
    CloseInput,
    Collect,
    Deliver,
    EndReview,
    Freeze,
    KeepPermissions,
    LandEntry,
    LandGroup,
    Launch,
    Prepare,
    PromoteTarget,
    Record,
    Release,
    RunGate,
    RunReview,
    Steps,
    StopAttempt,
    Thaw,
    Watch,
)

MAX_STEP_TROUBLES: Final = 5  # times a step of a task may fail before the task does


def next_steps(state: RunState, now: float) -> Steps:
    """The steps that should be under way at `now` (seconds since the epoch). O(tasks)."""
    if not state.seq:
        return Steps((), None)
    every = (*_all_steps(state, now), *hooks.steps(state, now))  # nobody waits for a hook
    wanted = [step for step in every if not _waits(state, step, now)]
    return Steps(tuple(wanted), _wake_at(state, now))


def _all_steps(state: RunState, now: float) -> Iterator[AnyStep]:
    if state.rule_changes > state.rule_changes_kept:
        yield KeepPermissions(state.rule_changes)
    if state.outcome is not None:
        if state.outcome is Outcome.COMPLETE and not state.queue and _promotes_itself(state):
            yield Record((e.PromoteAsked("plan"),))  # a revert has landed after the end
        yield from _promotion(state)
        yield from publishing.pushes(state)
        yield from queue.next_steps(state, now)
        return
    book = Book(state)
    yield from _reviews(state)  # before all else of a task: its worktree, and who is in its place
    for task in state.tasks.values():
        if task.state not in _QUIET:
            yield from _task_steps(state, task, now, book)
    if state.ending:
        yield from _end(state, now)
        return
    yield from _marks(state, book)
    yield from _preflight(state)
    yield from _reopenings(state, now, book)
    reviewer = _next_reviewer(state, book)
    if reviewer is not None:
        yield Record((reviewer,))
    else:  # one takes a slot, so the others look again once it is known
        yield from _starts(state, now, book)
    yield from queue.next_steps(state, now)
    yield from _phases(state)
    yield from _promotion(state)
    yield from publishing.pushes(state)
    yield from _finish(state)


# What happens to these next is decided by the scheduler, or by a person. Most tasks of a long plan
# are in one of them, and this function runs after every event.
_QUIET: Final = frozenset(
    {
        TaskState.PENDING,
        TaskState.READY,
        TaskState.FAILED,
        TaskState.DEFERRED,
        TaskState.CANCELLED,
    }
)


def _task_steps(state: RunState, task: TaskRun, now: float, book: Book) -> Iterator[AnyStep]:
    match task.state:
        case TaskState.PREPARING:
            yield from _preparing(state, task, now)
        case TaskState.WORKING | TaskState.PAUSED | TaskState.ASKING:
            yield from _live(state, task, book, now)
        case TaskState.TAKEN:
            if _should_stop(state, task):  # what is there by now is kept
                yield Record((e.TaskHandedBack(task.id, _current(task).number, task.taken_by),))
        case TaskState.CHECKING:
            yield from _checking(state, task, now)
        case TaskState.REVIEWING:
            if _approved(task):
                yield _propose(task)
            elif (follows := review.verdict_follows(state, task, now)) is not None:
                yield Record((follows,))
        case TaskState.PROPOSED:
            yield from _proposed(state, task)
        case TaskState.RETRYING:
            if task.retry_at is not None and now >= task.retry_at and not state.ending:
                yield Record((e.RetryDue(task.id),))
        case TaskState.LANDED | TaskState.SKIPPED:
            yield from _release(task)
        case TaskState.QUEUED:
            # Until it has landed, a repair goes on in its worktree.
            if state.plan.queue.repair is Repair.DROP:
                yield from _release(task)
        case (
            TaskState.PENDING
            | TaskState.READY
            | TaskState.FAILED
            | TaskState.DEFERRED
            | TaskState.CANCELLED
        ):
            pass
        case _ as never:
            assert_never(never)


def _preparing(state: RunState, task: TaskRun, now: float) -> Iterator[AnyStep]:
    attempt = _current(task)
    if _should_stop(state, task) and (attempt.path is None or attempt.held):
        yield Record((e.TaskCancelled(task.id, evidence.stopped_words(task)),))
        return
    trouble = _task_trouble(state, task)
    if trouble is not None:
        yield Record((policy.after_failure(state, task, FailureClass.SETUP, trouble, now),))
    elif attempt.path is None:
        yield Prepare(task.id, attempt.number)
    elif not attempt.held:
        # Also when it should stop, or when a budget was used up meanwhile: a launch may be half
        # done, and only what is known can be ended or frozen.
        yield Launch(task.id, attempt.number)


def _live(state: RunState, task: TaskRun, book: Book, now: float) -> Iterator[AnyStep]:
    attempt = _current(task)
    if attempt.launched_at is None:  # a person does this task
        if _should_stop(state, task):
            yield Record((e.TaskCancelled(task.id, evidence.stopped_words(task)),))
        return
    yield Watch(task.id, attempt.number)
    if _should_stop(state, task) or attempt.limit is not None or task.wanted is Wanted.TAKE:
        yield StopAttempt(task.id, attempt.number)
        return
    spent = book.stops(task)
    if spent is not None:
        limit = e.LimitHit(task.id, attempt.number, FailureClass.BUDGET, spent.sentence)
        yield Record((limit,))
        return
    stands = task.wanted is Wanted.PAUSE or disk.stands(state) or book.freezes(task) is not None
    if stands and attempt.frozen_at is None:
        yield Freeze(task.id, attempt.number)
    elif not stands and attempt.frozen_at is not None:
        yield Thaw(task.id, attempt.number)
    answer = asks.due_answer(state, task, now) or decide_tools.due_grant(state, task)
    if answer is not None:
        yield Record((answer,))
        return
    taken = taken_by_tool(state, attempt)
    if taken is not None:
        yield Record((e.MessageDelivered(task.id, attempt.number, taken),))
        return
    word = next_word(state, attempt)
    if word is not None:
        yield Deliver(task.id, attempt.number, word)
    elif has_heard_all(state, attempt):
        yield CloseInput(task.id, attempt.number)


def _should_stop(state: RunState, task: TaskRun) -> bool:
    return task.wanted is Wanted.STOP or state.ending


def _checking(state: RunState, task: TaskRun, now: float) -> Iterator[AnyStep]:
    attempt = _current(task)
    if attempt.collected is None:
        trouble = _task_trouble(state, task)
        if trouble is None:
            yield Collect(task.id, attempt.number)
        elif attempt.hands:
            yield Record((_cannot_take(state, task, trouble),))
        else:
            yield Record((policy.after_failure(state, task, FailureClass.GIT, trouble, now),))
        return
    if state.ending:
        yield Record((e.TaskCancelled(task.id, evidence.stopped_words(task)),))
        return
    refused = evidence.refused_hand_back(state, task, attempt)
    if refused is not None:
        yield Record((e.HandBackRefused(task.id, attempt.number, refused),))
        return
    if attempt.goes_on_after and task.wanted is not Wanted.STOP:
        yield Record((e.TaskContinued(task.id, attempt.number, attempt.hands),))
        return
    missing = evidence.first_fault(state, task, attempt)
    # An agent that only asked something back has changed nothing, and that is not its fault.
    blamed = missing is not None and missing.cause is not FailureClass.NO_WORK
    if task.queued and not blamed:
        yield Record((e.TaskContinued(task.id, attempt.number, task.queued[-1].by),))
        return
    if missing is not None:
        yield Record(_after_missing(state, task, missing, now))
        return
    work = attempt.collected
    if work.commits == 0:
        yield Record((e.TaskDone(task.id, "nothing had to change"),))
        return
    gates = evidence.task_gates(state, task)
    red = evidence.red_gate(state, gates, work.tree)
    if red is not None:
        why = verdicts.red_sentence(state, red, work.tree)
        yield Record((policy.after_failure(state, task, FailureClass.GATE, why, now),))
        return
    name = evidence.open_gate(state, gates, work.tree)
    if name is not None:
        run, repo = state.next_gate_run(name, work.tree), state.plan.repo_of(task.id)
        where = (task.id, attempt.number, repo)
        yield RunGate(name, GateWhen.TASK, work.tree, work.head, run, *where)
        return
    if state.settings(task.id).land is Land.REVIEW:
        yield Record((e.TaskReviewAsked(task.id, attempt.number),))
    else:
        yield _propose(task)


def _cannot_take(state: RunState, task: TaskRun, trouble: str) -> AnyEvent:
    """What a person left cannot be reached: no agent may start over it."""
    if _should_stop(state, task):
        return e.TaskCancelled(task.id, f"{evidence.stopped_words(task)}; {trouble}")
    return e.HandBackRefused(task.id, _current(task).number, trouble)


def _after_missing(
    state: RunState, task: TaskRun, missing: evidence.Missing, now: float
) -> tuple[AnyEvent, ...]:
    cause, detail, reset = missing.cause, missing.detail, missing.not_before
    if cause is FailureClass.STOPPED:
        return (e.TaskCancelled(task.id, detail),)
    limited = policy.account_limited(state, task, cause, detail, now, resets_at=reset)
    follows = policy.after_failure(state, task, cause, detail, now, not_before=reset)
    return (follows,) if limited is None else (limited, follows)


def _propose(task: TaskRun) -> Record:
    attempt = _current(task)
    assert attempt.collected is not None
    return Record((e.TaskProposed(task.id, attempt.number, attempt.collected.head),))


def _approved(task: TaskRun) -> bool:
    return task.attempt is not None and task.approved == task.attempt.number


def _proposed(state: RunState, task: TaskRun) -> Iterator[AnyStep]:
    if repair.waits_for_yes(state, task) and not _approved(task):
        return
    attempt = _current(task)
    assert attempt.collected is not None
    entry = EntryId(task.id)
    head, repo = attempt.collected.head, state.plan.repo_of(task.id)
    queued = e.EntryQueued(entry, EntryKind.TASK, head, task.id, attempt.number, repo=repo)
    yield Record((queued,))


def _release(task: TaskRun) -> Iterator[AnyStep]:
    attempt = task.attempt
    if attempt is not None and attempt.path is not None and not attempt.released:
        yield Release(task.id, attempt.number)


def _preflight(state: RunState) -> Iterator[AnyStep]:
    for lane in lanes.lanes(state):
        gates = [gate.name for gate in state.plan.gates_when(GateWhen.PREFLIGHT, lane.lane)]
        tree = lane.base_tree
        if evidence.red_gate(lane, gates, tree) is None:
            yield from _gate_on(lane, gates, GateWhen.PREFLIGHT, tree, lane.base_commit)


def _gate_on(
    state: RunState, gates: list[GateName], when: GateWhen, tree: str, commit: str
) -> Iterator[AnyStep]:
    name = evidence.open_gate(state, gates, tree)
    if name is not None:
        run = state.next_gate_run(name, tree)
        yield RunGate(name, when, tree, commit, run, repo=state.lane)


def _marks(state: RunState, book: Book) -> Iterator[AnyStep]:
    for line in book.lines.values():
        if line.mark > state.marked.get(line.scope, 0.0):
            yield Record((e.BudgetMarked(line.scope, line.mark),))


def _reopenings(state: RunState, now: float, book: Book) -> Iterator[AnyStep]:
    for account in state.accounts.values():
        # An account that has given its share opens again with a new allowance.
        until = account.resets_at if account.open and book.has_shares else account.frozen_until
        if until is not None and now >= until and not account.closed:
            yield Record((e.AccountReopened(account.name),))


def _starts(state: RunState, now: float, book: Book) -> Iterator[AnyStep]:
    if not scheduler.has_room(state):
        return
    for task, chosen in scheduler.starts(state, now, book):
        number = len(task.attempts) + 1
        usd, tokens = book.expected(task.id, chosen.model)
        claim = e.AttemptClaimed(
            task.id,
            number,
            chosen.agent,
            chosen.model,
            chosen.pool,
            chosen.fresh,
            session=chosen.session,
            account=chosen.account,
            why=chosen.why,
            reserved_usd=usd,
            reserved_tokens=tokens,
        )
        if scheduler.is_human(state, task.id):
            spec = state.spec(task.id)
            text = spec.prompt or spec.title or "do this by hand"
            yield Record((claim, e.AttemptAsked(task.id, number, "by-hand", text)))
        else:
            yield Record((claim,))


def _reviews(state: RunState) -> Iterator[AnyStep]:
    """Reviews by agents that are under way: each comes to its end, or is ended."""
    for task_id, under_way in state.reviewing.items():
        run = RunReview(task_id, under_way.attempt, under_way.run)
        end = EndReview(task_id, under_way.attempt, under_way.run)
        troubles = [state.troubles.get(step.key) for step in (run, end)]
        too_often = [t is not None and t.count >= MAX_STEP_TROUBLES for t in troubles]
        if too_often[1]:  # nobody can reach what is left of it
            yield Record((_lost_review(state, run),))
        elif review.is_wanted(state, state.tasks[task_id]) and not too_often[0]:
            yield run
        else:
            yield end


def _lost_review(state: RunState, step: RunReview) -> e.ReviewFinished:
    attempt = state.tasks[step.task].attempts[step.attempt - 1]
    by = next(AgentName(one.by) for one in attempt.reviews if one.run == step.run)
    verdict = e.ReviewVerdict.ENDED
    return e.ReviewFinished(step.task, step.attempt, step.run, by, verdict, problem="it is lost")


def _next_reviewer(state: RunState, book: Book) -> e.ReviewStarted | None:
    """The next review to start; one at a time, since each takes a slot."""
    for task in state.in_state(TaskState.REVIEWING):
        if not review.is_due(state, task):
            continue
        if review.hindrance(state, task, scheduler.slots_used(state), book) is None:
            return review.start(state, task)
    return None


def _phases(state: RunState) -> Iterator[AnyStep]:
    for phase in state.plan.phases:
        if phase.id in state.closed_phases:
            continue
        if not _settled(state, phase.id):
            if phase.sync or state.plan.strategy is Strategy.WAVES:
                return
            continue
        left = [(lane, g) for lane in lanes.lanes(state) if (g := _unpassed(lane, phase))]
        if not left:
            yield Record((e.PhaseClosed(phase.id),))
        for lane, gates in left:
            if evidence.red_gate(lane, gates, lane.tip_tree) is None:
                yield from _gate_on(lane, gates, GateWhen.PHASE, lane.tip_tree, lane.tip)
        return


def _unpassed(state: RunState, phase: Phase) -> list[GateName]:
    """The gates of a phase in one lane, where one of them has not passed; else none."""
    gates = [gate.name for gate in state.plan.phase_gates(phase, state.lane)]
    passed = all(verdicts.passes(verdicts.of(state, name, state.tip_tree)) for name in gates)
    return [] if passed else gates


def _settled(state: RunState, phase: PhaseId) -> bool:
    return all(
        state.tasks[task.id].state in SETTLED for task in state.plan.tasks if task.phase == phase
    )


def _promotion(state: RunState) -> Iterator[AnyStep]:
    for lane in lanes.lanes(state):
        if not lane.promote_wanted:
            continue
        if lane.diverged is None:
            yield PromoteTarget(lane.tip, lane.lane)
            continue
        where = f"{lane.lane}:" if lane.lane else ""  # two repositories may have one commit
        entry = EntryId(f"base@{where}{lane.diverged[:10]}")
        if entry not in state.queue:
            queued = e.EntryQueued(entry, EntryKind.BASE, lane.diverged, repo=lane.lane)
            yield Record((queued,))


def _finish(state: RunState) -> Iterator[AnyStep]:
    if (
        state.queue
        or state.reviewing
        or any(task.state not in SETTLED for task in state.tasks.values())
    ):
        return
    if any(phase.id not in state.closed_phases for phase in state.plan.phases):
        return
    if decide_tools.open_proposals(state):
        return
    proven = True
    for lane in lanes.lanes(state):
        gates = [gate.name for gate in state.plan.gates_when(GateWhen.FINAL, lane.lane)]
        if evidence.red_gate(lane, gates, lane.tip_tree) is not None:
            proven = False
        elif evidence.open_gate(lane, gates, lane.tip_tree) is not None:
            proven = False
            yield from _gate_on(lane, gates, GateWhen.FINAL, lane.tip_tree, lane.tip)
    if not proven:
        return
    if state.plan.promote == "auto" and any(map(_is_ahead, lanes.lanes(state))):
        if _promotes_itself(state):
            yield Record((e.PromoteAsked("plan"),))
        return
    if any(not a.released for t in state.tasks.values() for a in t.attempts[-1:] if a.path):
        return
    yield from publishing.requests(state)
    if not publishing.keeps_open(state):
        yield Record((e.RunFinished(Outcome.COMPLETE),))


def _promotes_itself(state: RunState) -> bool:
    """Is a promotion due that nobody has to ask for?"""
    if state.plan.promote != "auto":
        return False
    every = list(lanes.lanes(state))
    at_work = any(lane.promote_wanted or lane.promote_reason for lane in every)
    return any(map(_is_ahead, every)) and not at_work


def _is_ahead(state: RunState) -> bool:
    """Has anything landed in this lane that is not in its base?"""
    return bool(state.landed_here) and state.promoted != state.tip


def _end(state: RunState, now: float) -> Iterator[AnyStep]:
    busy = (*HOLDS_SLOT, TaskState.CHECKING, TaskState.TAKEN)
    # A landing that is blocked has not moved the ref: the run ends without it.
    landing = any(x.intended and not x.blocked for x in state.queue.values())
    if not any(state.in_state(*busy)) and not landing and not state.reviewing:
        yield Record((e.RunFinished(Outcome.STOPPED),))
    else:
        yield from (s for s in queue.next_steps(state, now) if isinstance(s, LandEntry | LandGroup))


def _current(task: TaskRun) -> Attempt:
    if task.attempt is None:
        raise LookupError(f"{task.id} is {task.state} without an attempt")
    return task.attempt


def _task_trouble(state: RunState, task: TaskRun) -> str | None:
    """Why a step of this task has failed too often, or None."""
    for trouble in state.troubles.values():
        if trouble.task == task.id and trouble.count >= MAX_STEP_TROUBLES:
            return trouble.error
    return None


def _waits(state: RunState, step: AnyStep, now: float) -> bool:
    """May it not begin yet: for want of room, or because it has failed just now?"""
    if isinstance(step, Record):
        return False
    if disk.waits_for_room(state, step):
        return True
    trouble = state.troubles.get(step.key)
    return trouble is not None and now < trouble.retry_at


def _wake_at(state: RunState, now: float) -> float | None:
    times = [t.retry_at for t in state.tasks.values() if t.retry_at is not None]
    times += [trouble.retry_at for trouble in state.troubles.values()]
    times += [entry.blocked_until for entry in state.queue.values()]
    for account in state.accounts.values():
        times += [account.frozen_until or 0.0, account.next_start_at, account.resets_at or 0.0]
    times += hooks.wakes(state)
    due = (asks.next_deadline(state, task) for task in state.in_state(*LIVE))
    times += [moment for moment in due if moment is not None]
    return min((moment for moment in times if moment > now), default=None)
