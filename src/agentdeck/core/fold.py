"""Fold: journal -> `RunState`. The only code that writes the state.

Rules:
- `apply` takes the next event and changes the state in place. An event that cannot follow from the
  state raises `StaleEvent` and changes nothing; the engine drops what is stale before storing it.
- `ready` is not an event: it is what the other facts mean, recomputed after every event that can
  change it.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, EntryKind, Recorded
from agentdeck.core.graph import closure
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Strategy
from agentdeck.core.state import (
    Attempt,
    Build,
    Collected,
    Entry,
    Exit,
    GateRun,
    Landing,
    Limit,
    Message,
    Question,
    RunState,
    StepTrouble,
    TaskRun,
    TaskState,
    Wanted,
    gate_key,
)
from agentdeck.core.transitions import CHANGING, targets

_READINESS = (
    e.RunStarted,
    e.EntryLanded,
    e.TaskDone,
    e.TaskSkipped,
    e.TaskUnskipped,
    e.PhaseClosed,
    e.TaskRetried,
    e.RetryDue,
)


class StaleEvent(Exception):
    """An event that cannot follow from the present state: late, doubled, or for another attempt."""

    def __init__(self, event: AnyEvent, why: str) -> None:
        super().__init__(f"{type(event).__name__}: {why}")
        self.event = event


def fold(history: Iterable[Recorded]) -> RunState:
    """The state after all of `history`."""
    state = RunState()
    for recorded in history:
        apply(state, recorded)
    return state


def apply(state: RunState, recorded: Recorded) -> None:
    """Take in the next event.

    Raises:
        StaleEvent: the event cannot follow; the state is as before.
    """
    event, at = recorded.event, recorded.at
    check(state, event)
    if type(event) in CHANGING:
        _change_state(state, event, at)
    _take_in(state, event, at)
    state.seq, state.at = recorded.seq, at
    if isinstance(event, _READINESS):
        refresh_readiness(state, at)


def check(state: RunState, event: AnyEvent) -> None:
    """Raise `StaleEvent` unless `event` can follow from `state`."""
    if isinstance(event, e.RunStarted):
        if state.seq:
            raise StaleEvent(event, "the run has started already")
        return
    task_id = getattr(event, "task", None)
    if task_id is not None:
        task = state.tasks.get(task_id)
        if task is None:
            raise StaleEvent(event, f"no task {task_id}")
        if type(event) in CHANGING and not targets(task.state, type(event)):
            raise StaleEvent(event, f"{task_id} is {task.state}")
        if isinstance(event, e.StepFailed) and task.state in _WITHOUT_STEPS:
            raise StaleEvent(event, f"{task_id} is {task.state}")
        _check_attempt(event, task)
    entry_id = getattr(event, "entry", None)
    if isinstance(event, e.EntryQueued):
        if entry_id in state.queue:
            raise StaleEvent(event, f"{entry_id} is in the queue already")
    elif entry_id is not None and entry_id not in state.queue:
        raise StaleEvent(event, f"{entry_id} is not in the queue")
    if isinstance(event, e.Promoted | e.PromoteWaiting | e.BaseDiverged):
        _check_promotion(state, event)
    if isinstance(event, e.GateFinished):
        expected = state.next_gate_run(event.gate, event.tree)
        if event.run != expected:  # a red run that is told twice must not count twice
            raise StaleEvent(event, f"run {expected} of {event.gate} is next on this tree")
    elif entry_id is not None:
        _check_entry(state, event)


def _check_promotion(state: RunState, event: AnyEvent) -> None:
    """A late report must not end, delay or turn back a promotion that was asked for after it."""
    if not state.promote_wanted:
        raise StaleEvent(event, "no promotion is wanted")
    if isinstance(event, e.Promoted) and event.commit != state.tip:
        raise StaleEvent(event, f"the target is at {state.tip}")
    if isinstance(event, e.BaseDiverged) and state.diverged is not None:
        raise StaleEvent(event, f"{state.diverged} goes through the queue already")


def _check_entry(state: RunState, event: AnyEvent) -> None:
    """A task that comes back has the same entry id: a late report may be of its older work."""
    match event:
        case e.EntryBuilt() | e.EntryConflicted():
            if state.queue[event.entry].intended is not None:
                raise StaleEvent(event, f"{event.entry} is landing")
            if event.tip != state.tip:
                raise StaleEvent(event, f"the target is at {state.tip}")
        case e.EntryLanded() if state.queue[event.entry].intended != event.commit:
            raise StaleEvent(event, f"{event.entry} is not landing {event.commit}")
        case e.LandingLost() | e.LandingBlocked() if state.queue[event.entry].intended is None:
            raise StaleEvent(event, f"{event.entry} is not landing")


def _check_attempt(event: AnyEvent, task: TaskRun) -> None:
    number = getattr(event, "attempt", None)
    if number is None or isinstance(event, e.GateFinished | e.WorktreeReleased):
        return
    current = task.attempt.number if task.attempt else 0
    expected = current + 1 if isinstance(event, e.AttemptClaimed) else current
    if number != expected:
        raise StaleEvent(event, f"{task.id} is at attempt {current}")
    if isinstance(event, e.AttemptLaunched | e.WorktreePrepared | e.AttemptClaimed):
        return
    if isinstance(event, e.AttemptCollected) and task.attempt and task.attempt.collected:
        raise StaleEvent(event, f"the work of attempt {number} was taken already")
    if isinstance(event, _OF_A_LIVE_PROCESS) and task.attempt and task.attempt.exit is not None:
        raise StaleEvent(event, f"attempt {number} has exited")


# Nothing is under way for a task in these states: a report of trouble is of a step before them.
_WITHOUT_STEPS = (
    TaskState.PENDING,
    TaskState.READY,
    TaskState.RETRYING,
    TaskState.FAILED,
    TaskState.CANCELLED,
    TaskState.DEFERRED,
)
_OF_A_LIVE_PROCESS = (
    e.AttemptProgressed,
    e.AttemptAsked,
    e.MessageSent,
    e.MessageDelivered,
    e.AttemptFrozen,
    e.AttemptThawed,
    e.LimitHit,
    e.AttemptExited,
)


def _change_state(state: RunState, event: AnyEvent, at: float) -> None:
    task_id = getattr(event, "task", None)
    if task_id is None:
        return
    task = state.tasks[task_id]
    possible = targets(task.state, type(event))
    after = possible[0] if len(possible) == 1 else _choose(state, task, event)
    if after is not task.state:
        task.state, task.since, task.reason = after, at, ""


def _choose(state: RunState, task: TaskRun, event: AnyEvent) -> TaskState:
    """The target where the table names several."""
    attempt = task.attempt
    match event:
        case e.MessageDelivered():
            answered = attempt is not None and attempt.question is None
            return TaskState.WORKING if answered else TaskState.ASKING
        case e.AttemptThawed():
            asks = attempt is not None and attempt.question is not None
            return TaskState.ASKING if asks else TaskState.WORKING
        case e.TaskUnskipped() if state.spec(task.id).defer:
            return TaskState.DEFERRED
        case _:
            return TaskState.PENDING  # `refresh_readiness` makes it ready if it is


def _attempt(state: RunState, task_id: TaskId) -> Attempt:
    attempt = state.tasks[task_id].attempt
    if attempt is None:
        raise LookupError(f"{task_id} has no attempt")  # `check` has ruled this out
    return attempt


def _take_in(state: RunState, event: AnyEvent, at: float) -> None:  # noqa: PLR0915 - one case an event
    """The effect of `event` on everything but the task's state."""
    match event:
        case e.RunStarted():
            _start(state, event, at)
        case e.EngineStarted():
            state.engine, state.engine_running = event.engine, True
            state.engine_version = event.version
        case e.EngineStopped():
            state.engine_running = False
        case e.RunPaused():
            state.paused, state.paused_by = True, event.by
        case e.RunResumed():
            state.paused, state.paused_by = False, ""
        case e.AgentsLimitSet():
            state.agents_limit = event.limit
        case e.RunEndAsked():
            state.ending = True
        case e.RunFinished():
            state.outcome, state.finished_at = event.outcome, at
            state.ending = False
        case e.PhaseClosed():
            state.closed_phases.add(event.phase)
        case e.StepFailed():
            before = state.troubles.get(event.step)
            count = before.count + 1 if before else 1
            state.troubles[event.step] = StepTrouble(count, event.error, event.retry_at, event.task)
        case e.TaskPauseAsked():
            state.tasks[event.task].wanted = Wanted.PAUSE
        case e.TaskResumeAsked():
            state.tasks[event.task].wanted = Wanted.RUN
        case e.TaskStopAsked():
            state.tasks[event.task].wanted = Wanted.STOP
            state.tasks[event.task].stopped_by = event.by
        case e.TaskRetried():
            _retry_by_person(state, event)
        case e.TaskSkipped():
            task = state.tasks[event.task]
            task.skip_mode, task.reason = event.mode, f"skipped by {event.by}"
            _forget_troubles(state, event.task)
        case e.TaskUnskipped():
            state.tasks[event.task].skip_mode = None
            _reopen(state)
        case e.TaskApproved():
            task = state.tasks[event.task]
            task.approved, task.approved_by = event.attempt, event.by
        case e.TaskHeld():
            state.tasks[event.task].held = True
        case e.TaskReleased():
            state.tasks[event.task].held = False
        case e.TaskPutFirst():
            for other in state.tasks.values():
                other.first = other.id == event.task
        case e.QueueHeld():
            state.queue_held = True
        case e.QueueReleased():
            state.queue_held = False
        case e.AttemptClaimed():
            _claim(state, event, at)
        case e.WorktreePrepared():
            attempt = _attempt(state, event.task)
            attempt.path, attempt.branch, attempt.base = event.path, event.branch, event.base
            _forget_troubles(state, event.task)
        case e.AttemptLaunched():
            attempt = _attempt(state, event.task)
            attempt.launcher, attempt.process = event.launcher, event.agent
            attempt.launched_at = at
            _forget_troubles(state, event.task)
        case e.AttemptProgressed():
            _progress(_attempt(state, event.task), event)
        case e.AttemptAsked():
            _attempt(state, event.task).question = Question(event.question, event.text, at)
            state.tasks[event.task].reason = event.text
        case e.MessageSent():
            attempt = _attempt(state, event.task)
            attempt.messages.append(Message(event.message, event.text, event.by))
            if attempt.question and event.answers == attempt.question.id:
                attempt.question = None
        case e.MessageDelivered():
            for message in _attempt(state, event.task).messages:
                if message.id == event.message:
                    message.delivered = True
        case e.AttemptFrozen():
            _attempt(state, event.task).frozen_at = at
        case e.AttemptThawed():
            _thaw(_attempt(state, event.task), at)
        case e.LimitHit():
            _attempt(state, event.task).limit = Limit(event.cause, event.detail)
        case e.AttemptExited():
            attempt = _attempt(state, event.task)
            _thaw(attempt, at)
            attempt.exited_at, attempt.question = at, None
            attempt.exit = Exit(event.code, event.ok, event.cause, event.detail, event.retry_at)
            _forget_troubles(state, event.task)
        case e.AttemptCollected():
            _attempt(state, event.task).collected = Collected(
                event.head,
                event.tree,
                event.commits,
                event.files,
                event.left_uncommitted,
                event.fault,
            )
            _forget_troubles(state, event.task)
        case e.WorktreeReleased():
            for attempt in state.tasks[event.task].attempts:
                if attempt.number <= event.attempt:
                    attempt.released = True
        case e.TaskReviewAsked():
            _attempt(state, event.task).outcome = "waits for a review"
        case e.TaskProposed():
            _attempt(state, event.task).outcome = "proven"
        case e.TaskDone():
            _done(state, event, at)
        case e.RetryScheduled():
            _schedule_retry(state, event)
        case e.RetryDue():
            state.tasks[event.task].retry_at = None
        case e.TaskFailed():
            task = state.tasks[event.task]
            task.reason, task.cause = event.detail, event.cause
            _end_attempt(task, f"failed: {event.cause}")
            _forget_troubles(state, event.task)
        case e.TaskCancelled():
            task = state.tasks[event.task]
            task.reason, task.cause, task.wanted = event.detail, e.FailureClass.STOPPED, Wanted.RUN
            task.retry_at = None
            _leave_queue(state, event.task)
            _end_attempt(task, "stopped")
            _forget_troubles(state, event.task)
        case e.GateFinished():
            runs = state.gates.setdefault(gate_key(event.gate, event.tree), [])
            runs.append(
                GateRun(
                    event.verdict, event.code, event.seconds, at, event.log, event.tail, event.run
                )
            )
        case e.GateReset():
            _forget_red(state, event.tree)
        case e.EntryQueued():
            _queue(state, event, at)
        case e.EntryBuilt():
            entry = state.queue[event.entry]
            entry.build = Build(event.commit, event.tree, event.tip)
            entry.conflict_tip, entry.conflict_files = None, ()
        case e.EntryConflicted():
            entry = state.queue[event.entry]
            entry.build = None
            entry.conflict_tip, entry.conflict_files = event.tip, event.files
        case e.EntryEjected():
            entry = state.queue.pop(event.entry)
            if entry.kind is EntryKind.BASE:
                state.promote_wanted, state.diverged = False, None
                state.promote_reason = f"commits of {state.base}: {event.detail}"
            elif entry.task is not None and entry.build is not None:
                judged = state.tasks[entry.task].attempt
                if judged is not None:
                    judged.ejected_tree = entry.build.tree
        case e.LandingIntended():
            state.queue[event.entry].intended = event.commit
        case e.EntryLanded():
            _land(state, event, at)
        case e.LandingLost():
            entry = state.queue[event.entry]
            entry.intended, entry.build, entry.blocked = None, None, ""
            state.tip, state.tip_tree = event.found, event.found_tree
        case e.LandingBlocked():
            entry = state.queue[event.entry]
            entry.blocked, entry.blocked_until = event.reason, event.retry_at
        case e.PromoteAsked():
            state.promote_wanted, state.promote_reason = True, ""
        case e.PromoteWaiting():
            state.promote_reason = event.reason
        case e.BaseDiverged():
            state.promote_reason = f"{state.base} has commits of its own; they go through the queue"
            state.diverged = event.commit
        case e.Promoted():
            state.promote_wanted, state.promote_reason, state.diverged = False, "", None
            state.promoted = event.commit


def _start(state: RunState, event: e.RunStarted, at: float) -> None:
    state.run, state.plan, state.repo = event.run, event.plan, event.repo
    state.checkout = event.checkout
    state.base, state.base_commit, state.base_tree = event.base, event.base_commit, event.base_tree
    state.target, state.tip, state.tip_tree = event.target, event.base_commit, event.base_tree
    state.started_at, state.agents_limit = at, event.plan.agents_limit
    state.tasks = {
        task.id: TaskRun(
            id=task.id,
            state=TaskState.DEFERRED if task.defer else TaskState.PENDING,
            since=at,
            reason=task.defer or "",
        )
        for task in event.plan.tasks
    }


def _claim(state: RunState, event: e.AttemptClaimed, at: float) -> None:
    task = state.tasks[event.task]
    task.attempts.append(
        Attempt(
            number=event.attempt,
            agent=event.agent,
            model=event.model,
            pool=event.pool,
            fresh=event.fresh,
            claimed_at=at,
        )
    )
    task.approved, task.approved_by, task.fresh = 0, "", False
    task.cause = None  # of this attempt, which has not failed


def _progress(attempt: Attempt, event: e.AttemptProgressed) -> None:
    attempt.offset = event.offset
    attempt.session = event.session or attempt.session
    attempt.model = event.model or attempt.model
    attempt.tokens_in, attempt.tokens_out = event.tokens_in, event.tokens_out
    attempt.usd, attempt.tools = event.usd, event.tools
    attempt.activity = event.activity or attempt.activity
    attempt.message = event.message or attempt.message


def _thaw(attempt: Attempt, at: float) -> None:
    if attempt.frozen_at is not None:
        attempt.frozen_s += at - attempt.frozen_at
        attempt.frozen_at = None


def _end_attempt(task: TaskRun, outcome: str) -> None:
    if task.attempt is not None:
        task.attempt.outcome = outcome


def _forget_troubles(state: RunState, task_id: TaskId) -> None:
    for key in [key for key, trouble in state.troubles.items() if trouble.task == task_id]:
        del state.troubles[key]


def _schedule_retry(state: RunState, event: e.RetryScheduled) -> None:
    task = state.tasks[event.task]
    task.retry_at, task.reason, task.cause = event.at, event.detail, event.cause
    task.feedback, task.fresh = event.detail, event.fresh
    if event.counts:
        task.failures += 1
    else:
        task.free_failures += 1
    _forget_troubles(state, event.task)
    _end_attempt(task, f"retried: {event.cause}")


# The old worktree cannot heal these: `core.policy` starts afresh after them too.
_NEEDS_FRESH = (e.FailureClass.CONFLICT, e.FailureClass.GIT)


def _retry_by_person(state: RunState, event: e.TaskRetried) -> None:
    task = state.tasks[event.task]
    task.failures = task.free_failures = 0
    task.retry_at, task.skip_mode = None, None
    task.wanted, task.stopped_by = Wanted.RUN, ""
    task.feedback = event.feedback or task.feedback
    task.fresh = event.fresh or task.cause in _NEEDS_FRESH
    task.approved, task.approved_by = 0, ""
    _forget_troubles(state, event.task)
    attempt = task.attempt
    if attempt is not None:
        # The machine may have been at fault: the same work is judged again.
        _forget_red(state, attempt.ejected_tree)
        _forget_red(state, attempt.collected.tree if attempt.collected else "")


def _forget_red(state: RunState, tree: str) -> None:
    """Forget what is known of the gates that have never passed on a tree."""
    for key, runs in list(state.gates.items()):
        passed = any(run.verdict is e.Verdict.PASSED for run in runs)
        if tree and key.endswith(f"@{tree}") and not passed:
            state.forgotten_runs[key] = state.forgotten_runs.get(key, 0) + len(runs)
            del state.gates[key]


def _done(state: RunState, event: e.TaskDone, at: float) -> None:
    task = state.tasks[event.task]
    task.done_how, task.landed_at = event.how, at
    task.reason = event.how
    if task.attempt is not None:
        task.attempt.question = None
        task.attempt.outcome = event.how


def _queue(state: RunState, event: e.EntryQueued, at: float) -> None:
    state.entries_seen += 1
    state.queue[event.entry] = Entry(
        id=event.entry,
        kind=event.entry_kind,
        head=event.head,
        number=state.entries_seen,
        queued_at=at,
        task=event.task,
        attempt=event.attempt,
    )


def _leave_queue(state: RunState, task_id: TaskId) -> None:
    for entry_id in [entry.id for entry in state.queue.values() if entry.task == task_id]:
        del state.queue[entry_id]


def _land(state: RunState, event: e.EntryLanded, at: float) -> None:
    entry = state.queue.pop(event.entry)
    state.tip, state.tip_tree = event.commit, event.tree
    state.landings.append(Landing(event.entry, event.commit, at, event.task))
    if entry.kind is EntryKind.BASE:
        state.diverged, state.promote_reason = None, ""
    if entry.kind is EntryKind.TASK and event.task is not None:
        task = state.tasks[event.task]
        task.landed_commit, task.landed_at, task.first = event.commit, at, False
        task.held = False
        _end_attempt(task, "landed")


def phase_open(state: RunState, phase: PhaseId | None) -> bool:
    """May tasks of this phase start, as far as barriers go?"""
    return not barrier_phases(state, phase)


def barrier_phases(state: RunState, phase: PhaseId | None) -> list[PhaseId]:
    """The phases that must close before a task of `phase` may start, in plan order."""
    if phase is None:
        return []
    plan = state.plan
    waves = plan.strategy is Strategy.WAVES
    earlier = plan.phases[: plan.phase_index[phase]]
    return [p.id for p in earlier if (p.sync or waves) and p.id not in state.closed_phases]


def refresh_readiness(state: RunState, at: float) -> None:
    """Bring `pending` and `ready` in line with the other facts. O(tasks + dependencies)."""
    for task in state.tasks.values():
        if task.state not in (TaskState.PENDING, TaskState.READY):
            continue
        spec = state.spec(task.id)
        open_now = phase_open(state, spec.phase) and all(
            state.tasks[needed].satisfied for needed in spec.after
        )
        right = TaskState.READY if open_now else TaskState.PENDING
        if task.state is not right:
            task.state, task.since = right, at


def _reopen(state: RunState) -> None:
    """Phases that were closed over a skipped task which is wanted again are open again."""
    unsettled = {
        state.spec(task.id).phase
        for task in state.tasks.values()
        if task.state in (TaskState.PENDING, TaskState.READY)
    }
    state.closed_phases -= {phase for phase in unsettled if phase is not None}


def cascade(state: RunState, task_id: TaskId) -> list[TaskId]:
    """The tasks that need `task_id`, directly or not, and have not settled; nearest first."""
    return [
        other
        for other in closure(task_id, state.plan.dependents)
        if state.tasks[other].state not in (TaskState.LANDED, TaskState.SKIPPED)
    ]
