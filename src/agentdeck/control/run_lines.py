"""The tasks and the merge queue of a run, as programs read them: one shape on all faces."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from agentdeck.core import queue
from agentdeck.core.events import EntryKind
from agentdeck.core.explain import explain, explain_entry
from agentdeck.core.ids import AgentName, EntryId, PhaseId, TaskId
from agentdeck.core.state import Entry, RunState, TaskRun, TaskState, Wanted


class TaskLine(msgspec.Struct, frozen=True):
    """One task."""

    id: TaskId
    title: str
    state: TaskState
    wanted: Wanted  # by a person
    since: float  # when it came into its state, seconds since the epoch
    attempts: int  # so far
    agent: AgentName  # that the plan gives it to
    commit: str | None  # that it has landed as
    why: str  # it stands where it stands, in a sentence
    phase: PhaseId | None
    needs: tuple[TaskId, ...]  # what has to land before it starts


class EntryLine(msgspec.Struct, frozen=True):
    """One entry of the merge queue."""

    id: EntryId
    why: str  # it waits, in a sentence
    kind: EntryKind
    task: TaskId | None  # whose work it is
    since: float  # when it was queued, seconds since the epoch
    head: str  # the commit that would land


def task_lines(state: RunState, now: float, only: Collection[TaskId] = ()) -> list[TaskLine]:
    """The tasks, in the order of the plan.

    Args:
        now: seconds since the epoch.
        only: these; empty = all.
    """
    tasks = [task for task in state.tasks.values() if not only or task.id in only]
    return [_task_line(state, task, now) for task in tasks]


def entry_lines(state: RunState, now: float) -> list[EntryLine]:
    """The merge queue, in the order in which it lands.

    Args:
        now: seconds since the epoch.
    """
    return [_entry_line(state, entry, now) for entry in queue.in_order(state)]


def _task_line(state: RunState, task: TaskRun, now: float) -> TaskLine:
    spec = state.spec(task.id)
    return TaskLine(
        id=task.id,
        title=spec.title,
        state=task.state,
        wanted=task.wanted,
        since=task.since,
        attempts=len(task.attempts),
        agent=state.settings(task.id).agent,
        commit=task.landed_commit,
        why=explain(state, task.id, now),
        phase=spec.phase,
        needs=spec.after,
    )


def _entry_line(state: RunState, entry: Entry, now: float) -> EntryLine:
    return EntryLine(
        id=entry.id,
        why=explain_entry(state, entry, now),
        kind=entry.kind,
        task=entry.task,
        since=entry.queued_at,
        head=entry.head,
    )


__all__ = ["EntryLine", "TaskLine", "entry_lines", "task_lines"]
