"""What effects of several kinds of events have in common."""

from __future__ import annotations

from typing import Final

from agentdeck.core import events as e
from agentdeck.core.hearing import requeue
from agentdeck.core.ids import TaskId
from agentdeck.core.state import Attempt, RunState, TaskRun

# How the outcome of an attempt begins, after which the next one is something else than a retry.
SENT_BACK: Final = "sent back"  # by the merge queue
WENT_ON: Final = "went on"


def attempt_of(state: RunState, task_id: TaskId) -> Attempt:
    """The latest attempt of a task that is known to have one."""
    attempt = state.tasks[task_id].attempt
    if attempt is None:
        raise LookupError(f"{task_id} has no attempt")  # `check` has ruled this out
    return attempt


def end_attempt(task: TaskRun, outcome: str, cause: e.FailureClass | None = None) -> None:
    """Say how the latest attempt ended, if there is one."""
    attempt = task.attempt
    if attempt is not None:
        attempt.outcome, attempt.cause = outcome, cause
        if attempt.launched_at is None:
            requeue(task, attempt, prompted=False)


def forget_troubles(state: RunState, task_id: TaskId) -> None:
    """Forget the steps of a task that failed: it has moved on."""
    for key in [key for key, trouble in state.troubles.items() if trouble.task == task_id]:
        del state.troubles[key]


def forget_red(state: RunState, tree: str) -> None:
    """Forget what is known of the gates that have never passed on a tree."""
    for key, runs in list(state.gates.items()):
        passed = any(run.verdict is e.Verdict.PASSED for run in runs)
        if tree and key.endswith(f"@{tree}") and not passed:
            state.forgotten_runs[key] = state.forgotten_runs.get(key, 0) + len(runs)
            del state.gates[key]


def take_back(state: RunState, task: TaskRun, commit: str, by: str) -> None:
    """What had landed of a task is not in any more.

    Args:
        commit: the one that took it back.
        by: who wanted that.
    """
    task.landed_commit, task.landed_at, task.cause = None, None, None
    task.reverted, task.reason = commit, f"reverted by {by}"
    phase = state.spec(task.id).phase
    state.closed_phases -= {phase} if phase is not None else set()
