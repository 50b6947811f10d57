"""Groups: tasks that land together, all of them or none, whichever repositories they are in.

Rules:
- A group goes into the train only when all of it can: each member is in the queue and not held, and
  none of them is red on a target that is red by itself. Until then its members wait, and the others
  go past.
- A member that is done without anything to land, or that a person has skipped as done, is waited
  for no more; so is one that has landed.
- In one repository the members of a group are one car, which is neither split nor shared.
- A member that is ejected goes back to its task as ever. The others keep their places and wait.
- What landed together is taken back together: the reverts of a group that are in the queue land
  all or none. Nobody mends a revert, so when one is ejected the others are, too. A revert that is
  wanted of one member alone has no others.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core import evidence
from agentdeck.core.events import EntryKind
from agentdeck.core.ids import GateName, RepoName, TaskId
from agentdeck.core.lanes import of_task
from agentdeck.core.state import Entry, RunState, TaskRun, TaskState


def others(state: RunState, entry: Entry) -> tuple[TaskId, ...]:
    """The tasks that an entry lands, or takes back, together with its own, in file order."""
    own = about(entry)
    group = state.plan.group_of.get(own, ()) if own is not None else ()
    if entry.kind is EntryKind.REVERT:
        group = tuple(name for name in group if _entry_of(state, name, entry.kind) is not None)
    return tuple(name for name in group if name != own)


def about(entry: Entry) -> TaskId | None:
    """The task that an entry brings in, or takes back; None for commits of the base."""
    return entry.reverts if entry.kind is EntryKind.REVERT else entry.task


def mates(state: RunState, entry: Entry) -> list[Entry]:
    """The entries of its group that are in the queue, without itself."""
    found = (_entry_of(state, name, entry.kind) for name in others(state, entry))
    return [one for one in found if one is not None]


def joins(state: RunState, entry: Entry, other: Entry) -> bool:
    """Do two entries land together?"""
    return other.kind is entry.kind and about(other) in others(state, entry)


def missing(state: RunState, entry: Entry) -> TaskId | None:
    """The first other member that keeps the group from landing; None = all of it could."""
    if entry.kind is EntryKind.REVERT:
        return None  # all of them came at once
    for name in others(state, entry):
        task = state.tasks.get(name)
        if task is not None and not _is_ready(state, task, entry.repo):
            return name
    return None


def waits_in_queue(state: RunState, task: TaskRun) -> bool:
    """Is it in the queue, and kept there by others of its group?"""
    if task.state is not TaskState.QUEUED or task.id not in state.plan.group_of:
        return False
    entry = _entry_of(state, task.id)
    return entry is not None and not entry.intended and missing(state, entry) is not None


def red_target(state: RunState, task: TaskId) -> GateName | None:
    """The gate that is red on what was built of a member, and on its target by itself."""
    lane, entry = of_task(state, task), _entry_of(state, task)
    if entry is None or entry.build is None:
        return None
    names = evidence.merge_gates(lane, state.tasks[task])
    red = evidence.red_gate(lane, names, entry.build.tree)
    return evidence.red_gate(lane, [red], lane.tip_tree) if red is not None else None


def sentence(state: RunState, entry: Entry, name: TaskId) -> str:
    """Why the member `name` keeps an entry waiting."""
    task = state.tasks[name]
    lead = f"waits to land together with {name}"
    if task.state is not TaskState.QUEUED:
        why = f": {task.reason.splitlines()[0]}" if task.reason.strip() else ""
        does = "which failed" if task.state is TaskState.FAILED else f"which is {task.state}"
        return f"{lead}, {does}{why}"
    if task.held:
        return f"{lead}, which is held by you"
    red = red_target(state, name) if state.plan.repo_of(name) != entry.repo else None
    if red is not None:
        return f"{lead}: gate {red} is red on {of_task(state, name).target} itself"
    return lead


def _is_ready(state: RunState, task: TaskRun, repo: RepoName) -> bool:
    """Could a member land, as far as one who lands in `repo` has to know?"""
    if task.satisfied:
        return True
    entry = _entry_of(state, task.id)
    if entry is None or task.held:
        return False
    # A red target of one's own freezes the queue, which says so: that is found by being in it.
    return entry.repo == repo or red_target(state, task.id) is None


def _entry_of(state: RunState, task: TaskId, kind: EntryKind = EntryKind.TASK) -> Entry | None:
    entries: Iterator[Entry] = iter(state.queue.values())
    return next((one for one in entries if one.kind is kind and about(one) == task), None)


__all__ = [
    "about",
    "joins",
    "mates",
    "missing",
    "others",
    "red_target",
    "sentence",
    "waits_in_queue",
]
