"""Where a live run stands, as a start for a forecast.

Rules:
- What has been done is not drawn again. A task at work has already taken its time so far: what is
  left is drawn from the worlds in which it takes at least that long (by rejection; a task that
  is later than all of them has `LEAST_REST` of a draw left).
- A person who has been asked, or has taken a task over, is as slow as people are; a paused task is
  taken to go on now.
- Failed and cancelled tasks wait for a person, who is not forecast: they, and what needs them, are
  in no forecast.
"""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core import queue
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.state import LIVE, SETTLED, STUCK, RunState, TaskRun, TaskState
from agentdeck.core.times import TaskTimes
from agentdeck.core.timetable import AtWork, UnderWay

LEAST_REST: Final = 0.05  # of a draw; nothing that still works is forecast to end this instant
HALF: Final = 0.5  # of a check, a merge or a start that is under way, on the average

_AT_WORK: Final = LIVE | {
    TaskState.PREPARING,
    TaskState.TAKEN,
    TaskState.CHECKING,
    TaskState.REVIEWING,
    TaskState.PROPOSED,
    TaskState.QUEUED,
    TaskState.RETRYING,
}


class Live(msgspec.Struct, frozen=True):
    """A task that is under way."""

    task: TaskId
    state: TaskState
    worked_s: float  # of the attempt, frozen time left out
    waits_s: float  # until a retry is due
    pool: PoolName | None


class Standing(msgspec.Struct, frozen=True):
    """A run at one moment."""

    settled: frozenset[TaskId] = frozenset()
    unsatisfying: frozenset[TaskId] = frozenset()
    stuck: frozenset[TaskId] = frozenset()
    live: tuple[Live, ...] = ()
    closed: frozenset[PhaseId] = frozenset()


def standing_of(state: RunState, now: float) -> Standing:
    """Where a run stands at `now` (seconds since the epoch). O(tasks)."""
    tasks = state.tasks.values()
    place = {entry.task: at for at, entry in enumerate(queue.in_order(state))}
    live = [task for task in tasks if task.state in _AT_WORK]
    live.sort(key=lambda task: place.get(task.id, -1))
    settled = [task for task in tasks if task.state in SETTLED]
    return Standing(
        settled=frozenset(task.id for task in settled),
        unsatisfying=frozenset(
            task.id
            for task in settled
            if not task.satisfied and task.state is not TaskState.DEFERRED
        ),
        stuck=frozenset(task.id for task in tasks if task.state in STUCK),
        live=tuple(_live(task, now) for task in live),
        closed=frozenset(state.closed_phases),
    )


def _live(task: TaskRun, now: float) -> Live:
    attempt = task.attempt
    return Live(
        task.id,
        task.state,
        attempt.worked_s(now) if attempt is not None else 0.0,
        max(0.0, (task.retry_at or now) - now),
        attempt.pool if attempt is not None else None,
    )


def under_way(standing: Standing, times: dict[TaskId, TaskTimes]) -> UnderWay:
    """A standing in one drawn world.

    Args:
        times: of this world; the work of a live task counts from its start.
    """
    return UnderWay(
        settled=standing.settled,
        unsatisfying=standing.unsatisfying,
        stuck=standing.stuck,
        at_work=tuple(
            AtWork(live.task, live.state, _left_s(live, times[live.task]), live.pool)
            for live in standing.live
        ),
        closed=standing.closed,
    )


def _left_s(live: Live, times: TaskTimes) -> float:
    match live.state:
        case TaskState.PREPARING:
            return HALF * times.prepare_s + times.tries[0].work_s
        case TaskState.CHECKING:
            return HALF * times.tries[0].check_s
        case TaskState.TAKEN | TaskState.REVIEWING | TaskState.PROPOSED:
            return times.approve_s
        case TaskState.QUEUED:
            return HALF * times.merge_s
        case TaskState.RETRYING:
            return live.waits_s
        case _:
            work_s = times.tries[0].work_s
            return max(LEAST_REST * work_s, work_s - live.worked_s)
