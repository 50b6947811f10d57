"""How a task stands, in the few words that other people's documents have for it.

Rules: landed (or skipped as done) is done; whoever has been begun is in progress; what needs a
person is blocked; the rest is to do. A task the document called done stays as it was.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.state import STUCK, RunState, TaskRun, TaskState


class Standing(StrEnum):
    """What a document can say of a task."""

    TODO = "todo"
    WORKING = "working"
    BLOCKED = "blocked"
    DONE = "done"


class Mark(msgspec.Struct, frozen=True):
    """What should stand in the document for one task."""

    standing: Standing
    agent: str | None = None  # who works, or did the work
    done_at: str | None = None  # ISO 8601, UTC, whole seconds
    title: str = ""  # of the task, to know it again where the document gives it no id


# Nothing goes on here, and the task does not do what was planned.
_HELD: Final = STUCK | {TaskState.SKIPPED, TaskState.DEFERRED}
_WAITS: Final = frozenset({TaskState.PENDING, TaskState.READY})


def marks_of(state: RunState) -> dict[TaskId, Mark]:
    """The mark of every task that is part of the run. O(tasks).

    What was deferred before anybody began it keeps the mark that the document gives it.
    """
    return {
        task.id: _mark(task, state.spec(task.id).title)
        for task in state.tasks.values()
        if task.state is not TaskState.DEFERRED or task.attempts
    }


def _mark(task: TaskRun, title: str) -> Mark:
    agent = task.attempts[-1].agent if task.attempts else None
    if task.satisfied:
        return Mark(Standing.DONE, agent, _moment(task.landed_at or task.since), title)
    if task.state in _HELD:
        return Mark(Standing.BLOCKED, agent, title=title)
    waits = task.state in _WAITS and not task.attempts
    return Mark(Standing.TODO if waits else Standing.WORKING, agent, title=title)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
