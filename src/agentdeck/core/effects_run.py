"""Effects of events about the run as a whole: engine, pauses, phases, promotion."""

from __future__ import annotations

from typing import assert_never

import msgspec

from agentdeck.core import effects_budget, effects_permissions, effects_plan, lanes
from agentdeck.core import events as e
from agentdeck.core.events import DiskMark
from agentdeck.core.hosts import Workers
from agentdeck.core.plan import written_rules
from agentdeck.core.state import (
    Disk,
    HookRun,
    PoolStand,
    RepoRun,
    Request,
    RunState,
    StepTrouble,
)
from agentdeck.core.steps import OpenPullRequest, PushTarget


def take(state: RunState, event: e.RunEvent, at: float) -> None:
    """The effect of `event` on everything but the task's state."""
    match event:
        case e.RunStarted():
            _start(state, event, at)
        case e.EngineStarted() | e.EngineStopped() | e.EngineSlept() | e.JournalMended():
            _engine(state, event, at)
        case e.RunPaused() | e.RunResumed():
            state.paused = isinstance(event, e.RunPaused)
            state.paused_by = event.by if state.paused else ""
        case e.DiskChanged(mark):
            lacks = Disk(mark, event.folder, event.free, event.needed, at)
            state.disk = None if mark is DiskMark.ROOM else lacks
        case e.AgentsLimitSet():
            state.agents_limit = event.limit
        case e.PoolLimitSet() | e.PoolResized() | e.WorkersChanged():
            _pool(state, event, at)
        case e.BudgetSet():
            effects_budget.take(state, event)
        case e.BudgetMarked():
            state.marked[event.scope] = event.mark
        case e.PlanChanged():
            planned = state.plan
            effects_plan.take(state, event, at)
            effects_budget.follow_plan(state, planned)
        case e.RequestMade() | e.RequestAnswered():
            _request(state, event, at)
        case e.RunEndAsked():
            state.ending = True
        case e.RunFinished():
            state.outcome, state.finished_at = event.outcome, at
            state.ending = False
        case e.PermissionRuleSet() | e.PermissionRuleDropped() | e.PermissionsKept():
            effects_permissions.take(state, event)
        case e.PhaseClosed():
            state.closed_phases.add(event.phase)
        case e.StepFailed():
            _trouble(state, event)
        case e.QueueHeld() | e.QueueReleased():
            state.queue_held = isinstance(event, e.QueueHeld)
        case e.PromoteAsked() | e.PromoteWaiting() | e.BaseDiverged() | e.Promoted():
            _promote(state, event)
        case e.TargetPushed():
            state.pushed = event.commit
            state.troubles.pop(PushTarget(event.commit).key, None)
        case e.PullRequestOpened():
            state.pull_request = event.url
            state.troubles.pop(OpenPullRequest().key, None)
        case _ as never:
            assert_never(never)


def _trouble(state: RunState, event: e.StepFailed) -> None:
    before = state.troubles.get(event.step)
    count = before.count + 1 if before else 1
    state.troubles[event.step] = StepTrouble(count, event.error, event.retry_at, event.task)


def _request(state: RunState, event: e.RequestMade | e.RequestAnswered, at: float) -> None:
    match event:
        case e.RequestMade(name, by, text, put, options, key):
            state.requests[name] = Request(name, by, text, at, put, options, key)
        case e.RequestAnswered():
            state.requests[event.request].answer = event
        case _ as never:
            assert_never(never)


def _pool(
    state: RunState, event: e.PoolLimitSet | e.PoolResized | e.WorkersChanged, at: float
) -> None:
    stand = state.pools.get(event.pool, PoolStand())
    match event:
        case e.WorkersChanged():
            unheard = _unheard(state, event, at)
            state.workers[event.pool] = Workers(event.workers, event.fault, unheard)
        case e.PoolLimitSet():
            state.pools[event.pool] = msgspec.structs.replace(stand, limit=event.limit, by=event.by)
        case e.PoolResized():
            state.pools[event.pool] = msgspec.structs.replace(
                stand, size=event.size, short=event.short, changed_at=at
            )
        case _ as never:
            assert_never(never)


def _unheard(state: RunState, event: e.WorkersChanged, at: float) -> dict[str, float]:
    """Since when nothing is heard of each worker on which somebody works."""
    before = state.workers.get(event.pool, Workers())
    since = {worker.name: at for worker in before.joined} | before.unheard
    used = {task.attempt.worker for task in state.tasks.values() if task.attempt is not None}
    there = {worker.name for worker in event.workers}
    return {name: when for name, when in since.items() if name in used and name not in there}


def _promote(
    state: RunState, event: e.PromoteAsked | e.PromoteWaiting | e.BaseDiverged | e.Promoted
) -> None:
    if isinstance(event, e.PromoteAsked):
        for name in lanes.names(state):
            one = lanes.seen(state, name)
            # A plan of one repository is asked of whatever it is: what follows says how it stands.
            if not state.repos or (one.landed_here and one.promoted != one.tip):
                asked = lanes.ground(state, name)
                asked.promote_wanted, asked.promote_reason = True, ""
        return
    here = lanes.ground(state, event.repo)
    match event:
        case e.PromoteWaiting():
            here.promote_reason = event.reason
        case e.BaseDiverged():
            here.promote_reason = f"{here.base} has commits of its own; they go through the queue"
            here.diverged = event.commit
        case e.Promoted():
            here.promote_wanted, here.promote_reason, here.diverged = False, "", None
            here.promoted = event.commit
        case _ as never:
            assert_never(never)


def _engine(
    state: RunState,
    event: e.EngineStarted | e.EngineStopped | e.EngineSlept | e.JournalMended,
    at: float,
) -> None:
    match event:
        case e.EngineStarted():
            state.engine, state.engine_running = event.engine, True
            state.engine_version, state.environment = event.version, event.environment
            state.workers = {}  # it looks anew
        case e.EngineStopped() | e.JournalMended():
            state.engine_running = False
        case e.EngineSlept():
            _leave_out(state, event.seconds, at)
        case _ as never:
            assert_never(never)


def _leave_out(state: RunState, seconds: float, at: float) -> None:
    """Time in which nobody listened to an agent is not held against it."""
    for task in state.tasks.values():
        attempt = task.attempt
        if attempt is None or attempt.launched_at is None or attempt.exited_at is not None:
            continue
        if attempt.frozen_at is None:  # frozen time is left out already
            attempt.frozen_s += min(seconds, max(0.0, at - attempt.launched_at))


def _start(state: RunState, event: e.RunStarted, at: float) -> None:
    state.run, state.plan, state.repo = event.run, event.plan, event.repo
    state.checkout = event.checkout
    state.programs = event.programs
    state.prices = event.prices or state.prices
    state.base, state.base_commit, state.base_tree = event.base, event.base_commit, event.base_tree
    state.target, state.tip, state.tip_tree = event.target, event.base_commit, event.base_tree
    state.repos = {one.name: _begun(one) for one in event.repos}
    state.started_at, state.agents_limit = at, event.plan.agents_limit
    state.rules = {rule.id: rule for rule in written_rules(event.plan)}
    state.hooks = {name: HookRun() for name in event.plan.hook_by_name}
    state.tasks = {task.id: effects_plan.begun(task, at) for task in event.plan.tasks}


def _begun(event: e.RepoStarted) -> RepoRun:
    return RepoRun(
        repo=event.repo,
        checkout=event.checkout,
        programs=event.programs,
        base=event.base,
        base_commit=event.base_commit,
        base_tree=event.base_tree,
        target=event.target,
        tip=event.base_commit,
        tip_tree=event.base_tree,
    )
