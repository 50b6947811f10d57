"""How long the parts of a task take: what timetables, forecasts and simulated runs are made of.

Rules: all values are seconds, finite and 0 or more. They say nothing about waiting for capacity,
for files or for the head of the queue: that follows from the plan, and the scheduler finds it out.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan


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


def estimated(plan: Plan) -> dict[TaskId, TaskTimes]:
    """The times of a plan as it is written: one try of the estimate, everything else free."""
    return {task.id: TaskTimes((Try(plan.settings(task.id).estimate_s),)) for task in plan.tasks}
