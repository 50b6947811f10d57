"""Repair: what becomes of work that the merge queue sends back, and what a repair must not do.

Rules:
- The plan says who mends it: its agent (or, for conflicts, the plan's resolver), a person, or
  nobody. It goes on in the same worktree, and in the same session where the agent is the same.
- Who was sent back for a conflict and has not taken the target in will not: the next attempt starts
  afresh from the target, with the earlier work beside it.
- What the queue sends back costs no retry: it was proven, and others came first. It has a bound of
  its own, `[queue] repairs`; after that a person is asked.
- Who repairs takes in the target, and may leave out by mistake what others have landed there. Work
  that would take such lines away waits for a person's yes, whatever `land` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, assert_never

from agentdeck.core import assignment
from agentdeck.core.events import (
    AnyEvent,
    FailureClass,
    Loss,
    NextSession,
    RetryScheduled,
    TaskCancelled,
    TaskFailed,
)
from agentdeck.core.plan import Land, Repair
from agentdeck.core.policy import POLICY, next_session
from agentdeck.core.state import RunState, TaskRun
from agentdeck.core.words import listed

NAMED: Final = 3  # tasks or files in a sentence


def after_ejection(
    state: RunState, task: TaskRun, cause: FailureClass, detail: str, now: float
) -> AnyEvent:
    """What follows when the queue has sent a task's work back; `now` in seconds since the epoch."""
    rules = state.plan.queue
    number = task.attempt.number if task.attempt else 0
    match rules.repair:
        case Repair.DROP:
            return TaskCancelled(task.id, f"dropped from the merge queue: {detail}", cause)
        case Repair.ASK:
            return TaskFailed(task.id, number, cause, detail)
        case Repair.AGENT:
            pass
        case _ as never:
            assert_never(never)
    if task.repairs >= rules.repairs:
        return TaskFailed(task.id, number, cause, _used_up(detail, task.repairs))
    resolver = rules.resolver if cause is FailureClass.CONFLICT else None
    last = task.attempt.agent if task.attempt else None
    fresh = cause is FailureClass.CONFLICT and _left_it(task)
    anew = fresh or resolver not in (None, last)
    return RetryScheduled(
        task.id,
        number,
        cause,
        detail,
        now,
        counts=False,
        fresh=fresh,
        session=NextSession.NEW if anew else next_session(cause),
        escalate=POLICY[cause].escalates and assignment.can_escalate(state, task),
        agent=resolver,
        repair=True,
    )


def _left_it(task: TaskRun) -> bool:
    """Was it sent back for a conflict before, and has it not taken in the target since?"""
    before, attempt = task.ejection, task.attempt
    if before is None or before.cause is not FailureClass.CONFLICT:
        return False
    return attempt is not None and attempt.own_base == before.base


def _used_up(detail: str, repairs: int) -> str:
    first, newline, rest = detail.partition("\n")
    times = {0: "the plan lets no agent repair it", 1: "it was sent back once before"}
    return f"{first}; {times.get(repairs, f'it was sent back {repairs} times')}{newline}{rest}"


def losses_of(task: TaskRun) -> tuple[Loss, ...]:
    """What others have landed and the work of a task would take away.

    What a person did by hand they have decided.
    """
    attempt = task.attempt
    if attempt is None or attempt.collected is None or attempt.hands:
        return ()
    return attempt.collected.losses


def waits_for_yes(state: RunState, task: TaskRun) -> bool:
    """Does proven work need a person's approval before it goes into the queue?"""
    return state.settings(task.id).land is not Land.AUTO or bool(losses_of(task))


def losses_sentence(state: RunState, task: TaskRun) -> str:
    """Which lines would vanish, and whose: `would remove a line that A landed: a.py: "x = 1"`."""
    losses = losses_of(task)
    count = sum(loss.count for loss in losses)
    lines = "a line" if count == 1 else f"{count} lines"
    attempt = task.attempt
    base = task.ejection.base if task.ejection else (attempt and attempt.base) or ""
    whose = landed_by(state, base, (loss.path for loss in losses))
    others = listed((other.id for other in whose), NAMED) or "others"
    named = listed((f'{loss.path}: "{loss.lines[0].strip()}"' for loss in losses), NAMED)
    return f"would remove {lines} that {others} landed: {named}"


def landed_since(state: RunState, base: str) -> list[TaskRun]:
    """The tasks that have landed after a commit of the target, the oldest first."""
    landings = state.landed_here
    places = [at for at, landing in enumerate(landings) if landing.commit == base]
    later = landings[places[-1] + 1 if places else 0 :]
    return [state.tasks[one.task] for one in later if one.task is not None]


def landed_by(state: RunState, base: str, paths: Iterable[str]) -> list[TaskRun]:
    """Those of `landed_since` that have changed one of these files."""
    wanted = set(paths)
    return [
        task
        for task in landed_since(state, base)
        if task.attempt is not None
        and task.attempt.collected is not None
        and any(file.path in wanted for file in task.attempt.collected.files)
    ]


__all__ = [
    "after_ejection",
    "landed_by",
    "landed_since",
    "losses_of",
    "losses_sentence",
    "waits_for_yes",
]
