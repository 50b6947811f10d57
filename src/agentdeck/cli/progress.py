"""Headless progress: one plain line for each event that somebody would want to read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from agentdeck.cli.output import safe
from agentdeck.control.budget_report import marked_in_words
from agentdeck.core import accounts, foreseen
from agentdeck.core import events as e
from agentdeck.core.budgets import Book, limits_in_words, scope_in_words
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.explain import first_line
from agentdeck.core.plan import Budget
from agentdeck.core.replan import in_words
from agentdeck.core.state import RunState, TaskState

NAMED_COLLISIONS: Final = 3  # in one line; `agentdeck conflicts` has them all


def time_of_day(at: float) -> str:
    """`12:40:03`, local time."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def line_of(
    recorded: Recorded, state: RunState, *, stamp: Callable[[float], str] = time_of_day
) -> str | None:
    """`12:40:03  S-1  working (attempt 1, claude)`, or None for what is only detail."""
    said = sentence_of(recorded.event, state)
    if said is None:
        return None
    subject, words = said
    wide = min(24, max((len(task) for task in state.tasks), default=0))
    return f"{stamp(recorded.at)}  {safe(subject):<{wide}}  {safe(words)}".rstrip()


def sentence_of(event: AnyEvent, state: RunState) -> tuple[str, str] | None:
    """Whom an event is about (a task, a gate, the run) and what it says; None = only detail."""
    match event:
        case e.EngineStarted() | e.EngineStopped():
            return None
        case e.RunPaused(by):
            return "run", f"paused by {by}: nothing new starts"
        case e.RunResumed(by):
            return "run", f"resumed by {by}"
        case e.AgentsLimitSet(limit, by):
            return "run", f"{limit} agents at once, set by {by}"
        case e.BudgetSet(scope, usd, tokens, by):
            limits = " and ".join(limits_in_words(Budget(usd, tokens))) or "no limit"
            return "budget", f"{scope_in_words(scope)}: {limits}, set by {by}"
        case e.BudgetMarked(scope, mark):
            said = marked_in_words(state, scope, mark)
            return None if said is None else ("budget", said)
        case e.PlanChanged(change, _, by):
            return "plan", f"changed by {by}: {in_words(change)}"
        case e.RunEndAsked(by):
            return "run", f"ended by {by}: agents are being stopped"
        case e.RunFinished(outcome):
            return "run", str(outcome)
        case e.PhaseClosed(phase):
            return "run", f"phase {phase} is done"
        case e.AttemptLaunched(task, attempt):
            agent = state.tasks[task].attempts[attempt - 1].agent
            return task, f"working (attempt {attempt}, {agent})"
        case e.AttemptAsked(task, _, _, text):
            return task, f"asks: {first_line(text)}"
        case e.MessageSent(task, _, _, text, by):
            return task, f"{by} says: {first_line(text)}"
        case e.AttemptFrozen(task):
            held = Book(state).freezes(state.tasks[task])
            return task, "frozen: its budget is used up" if held else "paused"
        case e.AttemptThawed(task):
            return task, "goes on"
        case e.AttemptExited(task, _, code):
            how = "status unknown" if code is None else f"exit {code}"
            return task, f"the agent ended ({how})"
        case e.AccountLimited(account):
            now = state.accounts[account]
            return account, accounts.said_of(now, state.at).removeprefix(f"{account} ")
        case e.AccountReopened(account, by):
            return account, f"resumed by {by}" if by else "open again"
        case _:
            return _of_work(event, state)


def _of_work(event: AnyEvent, state: RunState) -> tuple[str, str] | None:
    """The same for what becomes of work that an agent has left."""
    match event:
        case e.TaskReviewAsked(task):
            return task, "waits for a review of its diff"
        case e.ReviewStarted(task, _, _, by):
            return task, f"is reviewed by {by}"
        case e.ReviewFinished(task, _, _, by, verdict, summary, comments, problem):
            more = f" ({len(comments)} comments)" if comments else ""
            return task, f"{by}: {verdict}{more}: {first_line(problem or summary)}".rstrip(": ")
        case e.TaskProposed(task):
            return task, "proven"
        case e.TaskApproved(task, _, by):
            return task, f"approved by {by}"
        case e.EntryConflicted(entry, _, files):
            return entry, f"conflicts in {', '.join(files[:3])}"
        case e.CollisionsForeseen():
            return "foreseen", _foreseen(event)
        case e.BatchSplit(entries, gate):
            return "queue", f"gate {gate} is red for {', '.join(entries)} together: split"
        case e.EntryLanded(entry, commit):
            done = sum(1 for _ in state.in_state(TaskState.LANDED))
            return entry, f"landed as {commit[:10]} ({done}/{len(state.tasks)})"
        case e.TaskReverted(task, commit, by):
            return task, f"reverted by {by}: {commit[:10]}"
        case e.EntryEjected(entry, cause, detail):
            return entry, f"left the queue ({cause}): {first_line(detail)}"
        case e.LandingBlocked(entry, reason):
            return entry, f"waits to land: {reason}"
        case e.TaskDone(task, how):
            return task, f"done: {how}"
        case e.RetryScheduled(task, _, cause, detail):
            return task, f"tried again ({cause}): {first_line(detail)}"
        case e.TaskFailed(task, _, cause, detail):
            return task, f"FAILED ({cause}): {first_line(detail)}"
        case e.TaskCancelled(task, detail):
            return task, f"cancelled: {first_line(detail)}"
        case e.TaskSkipped(task, by):
            return task, f"skipped by {by}"
        case e.GateFinished() if event.verdict is not e.Verdict.PASSED:
            about = event.task or event.gate
            return about, f"gate {event.gate} {event.verdict} ({event.seconds:.0f} s)"
        case e.StepFailed(step, task, error):
            return task or "run", f"trouble with {step.split(':', 1)[0]}: {first_line(error)}"
        case e.Promoted(commit, how):
            return "run", f"promoted {commit[:10]} to {state.base} ({how})"
        case e.TargetPushed(commit, remote):
            return "run", f"pushed {commit[:10]} to {remote}"
        case e.PullRequestOpened(url):
            return "run", f"pull request: {url}"
        case e.PromoteWaiting(reason):
            return "run", f"promotion waits: {reason}"
        case _:
            return None


def _foreseen(event: e.CollisionsForeseen) -> str:
    if not event.collisions:
        return "nothing collides any more"
    named = [_pair(one) for one in event.collisions[:NAMED_COLLISIONS]]
    more = len(event.collisions) - len(named) + event.more
    return "; ".join(named) + (f"; and {more} more" if more else "")


def _pair(one: e.Foreseen) -> str:
    files = foreseen.where(one)
    with_whom = one.other or "what has landed"
    return f"{one.one} collides with {with_whom}{f' in {files}' if files else ''}"
