"""The tasks and the merge queue of a run, as programs read them: one shape on all faces."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from agentdeck.core import queue
from agentdeck.core.events import EntryKind
from agentdeck.core.explain import explain, explain_entry
from agentdeck.core.explain_shared import Shared
from agentdeck.core.ids import AgentName, EntryId, PhaseId, RepoName, TaskId
from agentdeck.core.lanes import lanes
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
    worker: str | None  # the machine of its latest attempt; None = this one
    commit: str | None  # that it has landed as
    why: str  # it stands where it stands, in a sentence
    phase: PhaseId | None
    needs: tuple[TaskId, ...]  # what has to land before it starts
    repo: RepoName  # that it works in; "" = the plan's own
    lands_with: tuple[TaskId, ...]  # the others of its group


class RepoLine(msgspec.Struct, frozen=True):
    """One repository of the run."""

    name: RepoName  # "" = the plan's own
    checkout: str  # the folder
    base: str  # branch
    target: str  # branch
    tip: str  # commit of the target
    promoted: str | None  # the tip that the base has got


class EntryLine(msgspec.Struct, frozen=True):
    """One entry of the merge queue."""

    id: EntryId
    why: str  # it waits, in a sentence
    kind: EntryKind
    task: TaskId | None  # whose work it is
    since: float  # when it was queued, seconds since the epoch
    head: str  # the commit that would land
    repo: RepoName  # where


def task_lines(state: RunState, now: float, only: Collection[TaskId] = ()) -> list[TaskLine]:
    """The tasks, in the order of the plan.

    Args:
        now: seconds since the epoch.
        only: these; empty = all.
    """
    tasks = [task for task in state.tasks.values() if not only or task.id in only]
    shared = Shared(state, now)
    return [_task_line(state, task, now, shared) for task in tasks]


def entry_lines(state: RunState, now: float) -> list[EntryLine]:
    """The merge queues, one repository after the other, in the order in which each lands.

    Args:
        now: seconds since the epoch.
    """
    each = (entry for lane in lanes(state) for entry in queue.in_order(lane))
    return [_entry_line(state, entry, now) for entry in each]


def repo_lines(state: RunState) -> list[RepoLine]:
    """The repositories of a run, the plan's own first."""
    return [
        RepoLine(lane.lane, lane.checkout, lane.base, lane.target, lane.tip, lane.promoted or None)
        for lane in lanes(state)
    ]


def others_of(state: RunState, task: TaskId) -> tuple[TaskId, ...]:
    """The tasks that one lands together with."""
    return tuple(name for name in state.plan.group_of.get(task, ()) if name != task)


def _task_line(state: RunState, task: TaskRun, now: float, shared: Shared) -> TaskLine:
    spec = state.spec(task.id)
    return TaskLine(
        id=task.id,
        title=spec.title,
        state=task.state,
        wanted=task.wanted,
        since=task.since,
        attempts=len(task.attempts),
        agent=state.settings(task.id).agent,
        worker=(task.attempt.worker or None) if task.attempt is not None else None,
        commit=task.landed_commit,
        why=explain(state, task.id, now, shared),
        phase=spec.phase,
        needs=spec.after,
        repo=state.plan.repo_of(task.id),
        lands_with=others_of(state, task.id),
    )


def _entry_line(state: RunState, entry: Entry, now: float) -> EntryLine:
    return EntryLine(
        id=entry.id,
        why=explain_entry(state, entry, now),
        kind=entry.kind,
        task=entry.task,
        since=entry.queued_at,
        head=entry.head,
        repo=entry.repo,
    )


__all__ = [
    "EntryLine",
    "RepoLine",
    "TaskLine",
    "entry_lines",
    "others_of",
    "repo_lines",
    "task_lines",
]
