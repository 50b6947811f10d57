"""Headless progress: one plain line for each event that somebody would want to read."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from agentdeck.cli.output import safe
from agentdeck.control.budget_report import marked_in_words
from agentdeck.core import accounts
from agentdeck.core import events as e
from agentdeck.core.budgets import Book
from agentdeck.core.containment import in_words as box_words
from agentdeck.core.event_words import promoted_how, told_of
from agentdeck.core.events import AnyEvent, Recorded, Verdict
from agentdeck.core.state import RunState, TaskState

# What somebody would want to read while it goes by; the rest is in the journal.
_TOLD: Final = (
    e.EngineSlept, e.JournalMended, e.LandingFound,
    e.RunPaused, e.RunResumed, e.DiskChanged, e.WorkersChanged, e.AgentsLimitSet, e.PoolLimitSet,
    e.PoolResized, e.BudgetSet, e.BudgetMarked,
    e.PlanChanged, e.RunEndAsked, e.RunFinished, e.PhaseClosed, e.StepFailed, e.Promoted,
    e.PromoteWaiting, e.TargetPushed, e.PullRequestOpened, e.AttemptLaunched, e.AttemptAsked,
    e.MessageSent, e.AttemptFrozen, e.AttemptThawed, e.AttemptExited, e.AccountLimited,
    e.AccountReopened, e.TaskReviewAsked, e.ReviewStarted, e.ReviewFinished, e.TaskProposed,
    e.TaskApproved, e.TaskReverted, e.TaskDone, e.RetryScheduled, e.TaskFailed, e.TaskCancelled,
    e.TaskSkipped, e.EntryConflicted, e.CollisionsForeseen, e.BatchSplit, e.EntryLanded,
    e.EntryEjected, e.LandingBlocked, e.GateFinished, e.RefsTouched, e.HookFailed, e.HookGaveUp,
)  # fmt: skip


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
    """Whom an event is about (a task, a gate, the run) and what it says; None = only detail.

    Args:
        state: with the event in it; some sentences say more because of it.
    """
    if not isinstance(event, _TOLD):
        return None
    match event:
        case e.BudgetMarked(scope, mark):
            said = marked_in_words(state, scope, mark)
            return None if said is None else ("budget", said)
        case e.AttemptLaunched(task, attempt):
            agent = state.tasks[task].attempts[attempt - 1].agent
            box = box_words(event.sandbox, network=event.network)
            where = f" on {event.worker}" if event.worker else ""
            more = f", {box})" if box else ")"
            return task, f"working{where} (attempt {attempt}, {agent}{more}"
        case e.AttemptFrozen(task):
            held = Book(state).freezes(state.tasks[task])
            return task, "frozen: its budget is used up" if held else "paused"
        case e.AccountLimited(account):
            now = state.accounts[account]
            return account, accounts.said_of(now, state.at).removeprefix(f"{account} ")
        case e.GateFinished(verdict=Verdict.PASSED):
            return None
        case e.HookFailed(number=number) if number > 1:
            return None  # it is still not there
        case e.EntryLanded(entry, commit):
            done = sum(1 for _ in state.in_state(TaskState.LANDED))
            return entry, f"landed as {commit[:10]} ({done}/{len(state.tasks)})"
        case e.Promoted(commit, how):
            return "run", f"promoted {commit[:10]} to {state.base} ({promoted_how(how)})"
        case _:
            about, words, _ = told_of(event)
            return about, words
