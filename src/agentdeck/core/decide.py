"""Commands → events, or a refusal with a reason.

Rules: a command is decided on the state as it is; what it means is recorded, not done. The same
function answers "could this be done now, and if not, why?" for a key that is dim.
"""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import (
    assignment,
    decide_budget,
    decide_hands,
    decide_permissions,
    decide_queue,
    decide_revert,
    decide_tools,
    decide_words,
    evidence,
    lanes,
    policy,
    pools,
    queue,
    repair,
    replan_rules,
    review,
)
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.budgets import Book
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide_words import MAX_MESSAGE
from agentdeck.core.events import AnyEvent, SkipMode
from agentdeck.core.plan import GateWhen
from agentdeck.core.readiness import cascade
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.scheduler import is_human
from agentdeck.core.state import LIVE, RunState, TaskRun, TaskState, Wanted

__all__ = ["DETACHED", "MAX_AGENTS", "MAX_MESSAGE", "Refused", "decide", "refusal"]

S = TaskState
DETACHED = "HEAD"  # the base of a run that began where no branch was checked out
MAX_REASONS = 5  # in the refusal of one change of the plan
MAX_AGENTS = 256  # at once; a typing slip must not start thousands of processes


def refusal(state: RunState, command: AnyCommand) -> str | None:
    """Why `command` would be refused now, or None when it would be accepted."""
    try:
        decide(state, command)
    except Refused as refused:
        return refused.message
    return None


def decide(state: RunState, command: AnyCommand) -> list[AnyEvent]:
    """The events that carry out `command`.

    Raises:
        Refused: it cannot be done in this state; the message names the reason.
    """
    if state.outcome is not None and not _concerns_what_landed(command):
        raise Refused(f"the run has ended ({state.outcome})")
    match command:
        case c.Pause():
            return _pause(state, command)
        case c.Resume():
            return _resume(state, command)
        case c.Retry():
            return _retry(state, command)
        case c.Skip():
            return _skip(state, command)
        case c.Unskip():
            return _unskip(state, command)
        case c.Approve():
            return _approve(state, command)
        case c.Merge():
            return _merge(state, command)
        case c.Move():
            return decide_queue.move(state, command)
        case c.Drop():
            return decide_queue.drop(state, command)
        case c.Hold():
            return _hold(state, command)
        case c.Release():
            return _release(state, command)
        case c.Stop():
            return _stop(state, command)
        case c.Steer():
            return decide_words.steer(state, command)
        case c.ReopenAccount():
            return _reopen_account(state, command)
        case c.Answer():
            return decide_words.answer(state, command)
        case c.TakeOver():
            return decide_hands.take_over(state, command)
        case c.HandBack():
            return decide_hands.hand_back(state, command)
        case c.SetPermission():
            return decide_permissions.set_permission(state, command)
        case c.DropPermission():
            return decide_permissions.drop_permission(state, command)
        case c.SetAgents():
            if not 1 <= command.limit <= MAX_AGENTS:
                raise Refused(f"the number of agents must be 1 to {MAX_AGENTS}")
            return [e.AgentsLimitSet(command.limit, command.by)]
        case c.SetPoolLimit():
            return _set_pool_limit(state, command)
        case c.SetBudget():
            return decide_budget.set_to(state, command)
        case c.RaiseBudget():
            return decide_budget.raised(state, command)
        case c.EditPlan():
            return _edit_plan(state, command)
        case c.AskPerson():
            return decide_tools.ask_person(state, command)
        case c.ReportProgress():
            return decide_tools.report_progress(state, command)
        case c.RequestFiles():
            return decide_tools.request_files(state, command)
        case c.MakeRequest():
            return decide_tools.make_request(state, command)
        case c.AnswerRequest():
            return decide_tools.answer_request(state, command)
        case c.Revert():
            return decide_revert.revert(state, command)
        case c.Promote():
            return _promote(state, command)
        case c.EndRun():
            if state.ending:
                raise Refused("the run is ending already")
            return [e.RunEndAsked(command.by)]
        case _ as never:
            assert_never(never)


def _set_pool_limit(state: RunState, command: c.SetPoolLimit) -> list[AnyEvent]:
    pool = state.plan.pool_by_name.get(command.pool)
    if pool is None:
        known = ", ".join(pool.name for pool in state.plan.pools[:MAX_REASONS])
        hint = f"it has {known}" if known else "it has none"
        raise Refused(f"the plan has no pool {command.pool}", hint=hint)
    if command.limit is None and pools.stand_of(state, pool.name).limit is None:
        raise Refused(f"pool {pool.name} is as the plan says already")
    if command.limit is not None and not 1 <= command.limit <= MAX_AGENTS:
        raise Refused(f"the places of a pool must be 1 to {MAX_AGENTS}")
    return [e.PoolLimitSet(pool.name, command.limit, command.by)]


def _concerns_what_landed(command: AnyCommand) -> bool:
    """Does it bring what landed into the base, or take it back? That goes on after the end."""
    of_the_queue = isinstance(command, c.Release | c.Retry) and command.task is None
    return of_the_queue or isinstance(command, c.Promote | c.Revert)


def _pause(state: RunState, command: c.Pause) -> list[AnyEvent]:
    if command.task is None:
        if state.paused:
            raise Refused("the run is paused already")
        return [e.RunPaused(command.by)]
    task = task_of(state, command.task)
    if task.wanted is Wanted.PAUSE:
        raise Refused(f"{task.id} is paused already")
    if task.wanted is Wanted.STOP:
        raise Refused(f"{task.id} is being stopped")
    if task.wanted is Wanted.TAKE and task.state in LIVE:
        raise Refused(f"{task.id} is being taken over by {task.taken_by}")
    # PAUSED: frozen because of a budget, and now by a person's wish as well
    may = (S.WORKING, S.PAUSED, S.ASKING, S.PREPARING, S.READY, S.PENDING, S.RETRYING)
    if task.state not in may:
        raise Refused(f"{task.id} is {task.state}: there is nothing to pause")
    if is_human(state, task.id):
        raise Refused(f"{task.id} is done by a person")
    return [e.TaskPauseAsked(task.id, command.by)]


def _resume(state: RunState, command: c.Resume) -> list[AnyEvent]:
    if command.task is None:
        if not state.paused:
            raise Refused("the run is not paused")
        return [e.RunResumed(command.by)]
    task = task_of(state, command.task)
    if task.wanted is not Wanted.PAUSE:
        line = Book(state).freezes(task) if task.state is S.PAUSED else None
        if line is not None:
            raise Refused(f"{task.id} is frozen: {line.sentence}", hint="raise the budget")
        raise Refused(f"{task.id} is not paused")
    return [e.TaskResumeAsked(task.id, command.by)]


def _retry(state: RunState, command: c.Retry) -> list[AnyEvent]:
    if command.task is None and command.comments:
        raise Refused("comments are on the diff of a task: name the task")
    if command.task is None:
        gates = [gate.name for gate in state.plan.gates]
        trees: list[str] = []
        for lane in lanes.lanes(state):
            first = queue.head(lane)
            trees += [lane.base_tree, lane.tip_tree]
            if first is not None and first.build is not None:
                trees.append(first.build.tree)  # it was judged by the same machine as the red tip
        red = [tree for tree in dict.fromkeys(trees) if evidence.red_gate(state, gates, tree)]
        if not red:
            raise Refused("no gate is red on the target or the base")
        return [e.GateReset(tree, command.by) for tree in red]
    task = task_of(state, command.task)
    if task.state is S.READY and (waits_for := _its_account(state, task)) is not None:
        return [e.AccountReopened(waits_for, command.by)]
    decide_hands.refuse_in_hands(task)
    if task.state not in (S.FAILED, S.CANCELLED, S.RETRYING, S.REVIEWING, S.PROPOSED):
        raise Refused(f"{task.id} is {task.state}: only an ended attempt can be retried")
    fresh = command.fresh or bool(task.reverted)
    session = e.NextSession.NEW if fresh else policy.next_session(task.cause)
    said = review.checked(command.comments)
    return [e.TaskRetried(task.id, command.by, command.feedback, fresh, session, said)]


def _its_account(state: RunState, task: TaskRun) -> str | None:
    """The account that a ready task waits for; None = it waits for something else."""
    agent = assignment.whose(state, task, state.at)
    account = state.accounts.get(state.plan.agent_by_name[agent].limited_by)
    return account.name if account is not None and not account.open else None


def _reopen_account(state: RunState, command: c.ReopenAccount) -> list[AnyEvent]:
    account = state.accounts.get(command.account)
    if account is None:
        known = ", ".join(state.accounts) or "none: nothing has started on one"
        raise Refused(f"there is no account {command.account}", hint=f"there are: {known}")
    if account.open and account.window is None and account.utilization is None:
        raise Refused(f"{account.name} is open")
    return [e.AccountReopened(account.name, command.by)]


def _skip(state: RunState, command: c.Skip) -> list[AnyEvent]:
    task = task_of(state, command.task)
    decide_hands.refuse_in_hands(task)
    if task.state in LIVE | {S.PREPARING, S.CHECKING}:
        raise Refused(f"{task.id} is {task.state}: stop it first")
    if task.state in (S.LANDED, S.SKIPPED, S.QUEUED):
        raise Refused(f"{task.id} is {task.state}: it cannot be skipped")
    events: list[AnyEvent] = [e.TaskSkipped(task.id, command.by, command.mode)]
    if command.mode is SkipMode.CASCADE:
        for other in cascade(state, task.id):
            if state.tasks[other].state not in (
                S.PENDING,
                S.READY,
                S.DEFERRED,
                S.FAILED,
                S.CANCELLED,
            ):
                raise Refused(f"{other} needs {task.id} and is {state.tasks[other].state}")
            events.append(e.TaskSkipped(other, command.by, SkipMode.CASCADE))
    return events


def _unskip(state: RunState, command: c.Unskip) -> list[AnyEvent]:
    task = task_of(state, command.task)
    if task.state is not S.SKIPPED:
        raise Refused(f"{task.id} is not skipped")
    built = [
        other
        for other in cascade(state, task.id)
        if state.tasks[other].state not in (S.PENDING, S.READY)
    ]
    landed = [o for o in state.plan.dependents[task.id] if state.tasks[o].state is S.LANDED]
    for other in (*built, *landed):
        if state.tasks[other].attempts:
            raise Refused(f"{other} was built on the skip of {task.id}")
    return [e.TaskUnskipped(task.id, command.by)]


def _approve(state: RunState, command: c.Approve) -> list[AnyEvent]:
    if command.task is None:
        waiting = [t for t in state.in_state(S.PROPOSED) if not _is_approved(t)]
        losing = [t for t in waiting if repair.losses_of(t)]
        if waiting and len(losing) == len(waiting):
            said = repair.losses_sentence(state, losing[0])
            raise Refused(f"{losing[0].id} {said}", hint="to accept that, approve it by its name")
        waiting = [t for t in waiting if t not in losing]
        if not waiting:
            raise Refused("nothing waits for an approval")
        return [event for task in waiting for event in _yes(task, command.by)]
    task = task_of(state, command.task)
    if task.state is S.ASKING and is_human(state, task.id):
        return [e.TaskDone(task.id, f"done by {command.by}", command.by)]
    if task.state not in (S.PROPOSED, S.REVIEWING):
        raise Refused(f"{task.id} is {task.state}: there is nothing to approve")
    if _is_approved(task):
        raise Refused(f"{task.id} is approved already")
    return _yes(task, command.by)


def _is_approved(task: TaskRun) -> bool:
    return task.attempt is not None and task.approved == task.attempt.number


def _yes(task: TaskRun, by: str) -> list[AnyEvent]:
    assert task.attempt is not None
    return [e.TaskApproved(task.id, task.attempt.number, by)]


def _merge(state: RunState, command: c.Merge) -> list[AnyEvent]:
    task = task_of(state, command.task)
    if task.state not in (S.PROPOSED, S.REVIEWING, S.QUEUED):
        raise Refused(f"{task.id} is {task.state}: only proven work can be merged")
    events: list[AnyEvent] = []
    if task.held:
        events.append(e.TaskReleased(task.id, command.by))
    if task.state is not S.QUEUED and not _is_approved(task):
        events += _yes(task, command.by)
    return [*events, e.TaskPutFirst(task.id, command.by)]


def _hold(state: RunState, command: c.Hold) -> list[AnyEvent]:
    if command.task is None:
        if state.queue_held:
            raise Refused("the merge queue is held already")
        return [e.QueueHeld(command.by)]
    task = task_of(state, command.task)
    if task.held:
        raise Refused(f"{task.id} is held already")
    if task.state in (S.LANDED, S.SKIPPED):
        raise Refused(f"{task.id} is {task.state}")
    if any(entry.task == task.id and entry.intended for entry in state.queue.values()):
        raise Refused(f"{task.id} is landing this moment")
    return [e.TaskHeld(task.id, command.by)]


def _release(state: RunState, command: c.Release) -> list[AnyEvent]:
    if command.task is None:
        if not state.queue_held:
            raise Refused("the merge queue is not held")
        return [e.QueueReleased(command.by)]
    task = task_of(state, command.task)
    if not task.held:
        raise Refused(f"{task.id} is not held")
    return [e.TaskReleased(task.id, command.by)]


def _stop(state: RunState, command: c.Stop) -> list[AnyEvent]:
    task = task_of(state, command.task)
    if task.wanted is Wanted.STOP:
        raise Refused(f"{task.id} is being stopped already")
    if task.state in LIVE and task.attempt is not None and task.attempt.launched_at is not None:
        return [e.TaskStopAsked(task.id, command.by)]
    if task.state in (S.PREPARING, S.TAKEN):
        return [e.TaskStopAsked(task.id, command.by)]
    if task.state in (S.LANDED, S.SKIPPED, S.DEFERRED, S.FAILED, S.CANCELLED):
        raise Refused(f"{task.id} is {task.state}: there is nothing to stop")
    entry = next((entry for entry in state.queue.values() if entry.task == task.id), None)
    if entry is not None and entry.intended:
        raise Refused(f"{task.id} is landing this moment")
    return [e.TaskCancelled(task.id, f"stopped by {command.by}")]


def _edit_plan(state: RunState, command: c.EditPlan) -> list[AnyEvent]:
    if state.ending:
        raise Refused("the run is ending")
    if command.seen != state.plan_changes:
        raise Refused(
            "the plan of this run was changed meanwhile", hint="look at it, and try again"
        )
    found = replan_rules.refusals(state, command.change)
    if found:
        more = len(found) - MAX_REASONS
        rest = [f"... and {more} more"] if more > 0 else []
        raise Refused("; ".join([*found[:MAX_REASONS], *rest]))
    return [e.PlanChanged(command.change, state.plan_changes + 1, command.by)]


def _promote(state: RunState, command: c.Promote) -> list[AnyEvent]:
    every = list(lanes.lanes(state))
    if any(lane.promote_wanted for lane in every):
        said = next((lane.promote_reason for lane in every if lane.promote_reason), "")
        raise Refused(said or "it is being promoted already")
    if not state.landings:
        raise Refused("nothing has landed yet")
    ahead = [lane for lane in every if lane.landed_here and lane.promoted != lane.tip]
    for lane in ahead if state.repos else every:
        _refuse_promotion(lane)
    if not ahead:
        raise Refused(f"everything that landed is in {state.base}")
    return [e.PromoteAsked(command.by)]


def _refuse_promotion(state: RunState) -> None:
    """Raise Refused where the target of a lane cannot be brought into its base."""
    where = lanes.where_of(state)
    if state.base == DETACHED:
        raise Refused(
            f"the run began at a detached HEAD, so there is no branch to bring {where} into",
            hint=f"git merge {state.target} takes it into the branch you are on",
        )
    if state.promoted == state.tip:
        raise Refused(f"everything that landed is in {state.base}")
    gates = [gate.name for gate in state.plan.gates_when(GateWhen.MERGE, state.lane)]
    red = evidence.red_gate(state, gates, state.tip_tree)
    if red is not None:
        raise Refused(f"gate {red} is red on {where}")
