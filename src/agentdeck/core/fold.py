"""Fold: journal -> `RunState`. The only code that writes the state.

Rules:
- `apply` takes the next event and changes the state in place. An event that cannot follow from the
  state raises `StaleEvent` and changes nothing.
- A task's state changes by the table of `transitions` alone; everything else an event does stands
  in the `effects_*` module of its kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args

from agentdeck.core import (
    effects_account,
    effects_attempt,
    effects_hooks,
    effects_queue,
    effects_review,
    effects_run,
    effects_task,
    foreseen,
)
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.readiness import refresh_readiness
from agentdeck.core.stale import check
from agentdeck.core.state import RunState, TaskRun, TaskState, Wanted
from agentdeck.core.transitions import CHANGING, targets

_READINESS: Final = frozenset({
    e.RunStarted,
    e.EntryLanded,
    e.TaskReverted,
    e.LandingFound,
    e.TaskDone,
    e.TaskSkipped,
    e.TaskUnskipped,
    e.PhaseClosed,
    e.PlanChanged,
    e.TaskRetried,
    e.TaskContinued,
    e.RetryDue,
})  # fmt: skip
_FORESIGHT: Final = frozenset({*CHANGING, e.PlanChanged, e.RunFinished})  # may end a foresight
# Who takes in an event of a type: asked for each of 100,000 events, so looked up, not searched.
_TAKERS: Final[Mapping[type, Callable[[RunState, Any, float], None]]] = {
    kind: take
    for kinds, take in (
        (e.RunEvent, effects_run.take),
        (e.TaskEvent, effects_task.take),
        (e.AttemptEvent, effects_attempt.take),
        (e.ReviewEvent, effects_review.take),
        (e.AccountEvent, effects_account.take),
        (e.QueueEvent, effects_queue.take),
        (e.HookEvent, effects_hooks.take),
    )
    for kind in get_args(kinds)
}


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
    kind = type(event)
    check(state, event)
    if kind in CHANGING:
        _change_state(state, event, at)
    _TAKERS[kind](state, event, at)
    if kind in _FORESIGHT:
        foreseen.forget_the_gone(state)
    state.seq, state.at = recorded.seq, at
    if state.hooks:
        effects_hooks.notice(state, event)
    if kind in _READINESS:
        refresh_readiness(state, at)


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
        case e.AskWithdrawn():
            others = attempt is not None and any(q.id != event.question for q in attempt.questions)
            return TaskState.ASKING if others else TaskState.WORKING
        case e.AttemptExited():
            taken = task.wanted is Wanted.TAKE and not state.ending
            return TaskState.TAKEN if taken else TaskState.CHECKING
        case e.AttemptThawed():
            asks = attempt is not None and attempt.question is not None
            return TaskState.ASKING if asks else TaskState.WORKING
        case e.TaskUnskipped() if state.spec(task.id).defer:
            return TaskState.DEFERRED
        case _:
            return TaskState.PENDING  # `refresh_readiness` makes it ready if it is
