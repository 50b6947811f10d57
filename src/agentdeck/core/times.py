"""How long the parts of a task take: what timetables, forecasts and simulated runs are made of.

Rules: all values are seconds, finite and 0 or more. They say nothing about waiting for capacity,
for files or for the head of the queue: that follows from the plan, and the scheduler finds it out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Land, Plan


class Try(msgspec.Struct, frozen=True):
    """One attempt: the agent's work and the task gates behind it."""

    work_s: float
    check_s: float = 0.0
    wait_s: float = 0.0  # backoff before the next try; nothing follows the last


class TaskTimes(msgspec.Struct, frozen=True):
    """One task from its claim to its landing, waiting left out."""

    tries: tuple[Try, ...]  # at least one; the last one succeeds
    prepare_s: float = 0.0  # worktree and launch, for each try
    approve_s: float = 0.0  # a person's latency, where the policy asks for a yes
    merge_s: float = 0.0  # at the head of the merge queue: build, merge gates, landing


def estimated(plan: Plan) -> Mapping[TaskId, TaskTimes]:
    """The times of a plan as it is written: one try of the estimate, everything else free.

    Computed once a plan.
    """
    cached: Mapping[TaskId, TaskTimes] | None = plan.__dict__.get("_estimated")
    if cached is None:
        settings = plan.all_settings
        cached = {task: TaskTimes((Try(each.estimate_s),)) for task, each in settings.items()}
        plan.__dict__["_estimated"] = cached
    return cached


def sequential_s(plan: Plan, times: Mapping[TaskId, TaskTimes]) -> float:
    """Seconds that everything takes one after the other, waits and people included."""
    return math.fsum(_alone_s(plan, task.id, times) for task in plan.tasks if not task.defer)


def _alone_s(plan: Plan, task: TaskId, times: Mapping[TaskId, TaskTimes]) -> float:
    settings, found = plan.settings(task), times[task]
    if plan.agent_by_name[settings.agent].use == "human":
        return found.tries[0].work_s
    tries = sum(found.prepare_s + each.work_s + each.check_s for each in found.tries)
    waits = sum(each.wait_s for each in found.tries[:-1])
    asks = found.approve_s if settings.land is not Land.AUTO else 0.0
    return tries + waits + asks + found.merge_s


def checked(task: TaskId, times: TaskTimes) -> TaskTimes:
    """`times`, if they are times at all.

    Raises:
        ValueError: one is negative or not finite, or there is no try.
    """
    if not times.tries:
        raise ValueError(f"the times of {task} have no try")
    seconds = [times.prepare_s, times.approve_s, times.merge_s]
    for each in times.tries:
        seconds += (each.work_s, each.check_s, each.wait_s)
    if not (min(seconds) >= 0 and sum(seconds) < math.inf):  # also where one of them is no number
        for one in seconds:
            seconds_of(task, one)
    return times


def seconds_of(what: str, seconds: float) -> float:
    """`seconds`, if it is a time at all.

    Raises:
        ValueError: it is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} is no time for {what}")
    return seconds
