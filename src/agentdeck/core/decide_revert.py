"""Taking landed work back: what a wish to revert means, or why it is refused.

Rules:
- A revert is an entry of the merge queue like any other: built on the target, gated, landed. What
  it undoes is the commit that brought the work in, and nothing that came with it in one batch.
- What landed together with it, and what was built on either, is named first. It is reverted too,
  the latest landing first, or stays because a person says so; then the gates judge what is left.
- What landed together (`core.groups`) goes together, all or none. With `only` one side of it goes;
  what it is that stays is said before.
- A reverted task is cancelled: retried it starts afresh, for git has its old commits in the history
  and would not merge them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, EntryKind
from agentdeck.core.graph import closure
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.plan import OWN_REPO_WORD
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.words import listed

NAMED: Final = 6  # dependents, in a sentence
# Work that is under way, or was done, on top of what would be taken back.
_BUILDS_ON: Final = frozenset(TaskState) - {
    TaskState.PENDING,
    TaskState.READY,
    TaskState.SKIPPED,
    TaskState.DEFERRED,
    TaskState.LANDED,
    TaskState.FAILED,
    TaskState.CANCELLED,
}


def revert(state: RunState, command: c.Revert) -> list[AnyEvent]:
    """The entries that take a task back, in the order in which they are to land.

    Raises:
        Refused: it has not landed, is being taken back, or others were built on it.
    """
    task = task_of(state, command.task)
    commit = landed_as(state, task.id)
    if task.state is not TaskState.LANDED:
        raise Refused(f"{task.id} is {task.state}: only what has landed can be reverted")
    if commit is None:
        raise Refused(f"nothing of {task.id} has landed: {task.done_how or 'it changed nothing'}")
    if is_reverting(state, task.id):
        raise Refused(f"the revert of {task.id} is in the merge queue")
    landed, under_way = built_on(state, task.id)
    if not command.only and (under_way or (landed and not command.with_dependents)):
        hint = _way_out(state, task.id, under_way)
        raise Refused(_named(state, task.id, landed, under_way), hint=hint)
    others = landed if command.with_dependents else ()
    return [
        _queued(state, name, commit, command.by)
        for name in (*others, task.id)
        if not is_reverting(state, name) and (commit := landed_as(state, name)) is not None
    ]


def landed_as(state: RunState, task: TaskId) -> str | None:
    """The commit that brought a task in, below the batch it may have landed with."""
    if state.tasks[task].landed_commit is None:
        return None
    found = next((one for one in reversed(state.landings) if one.task == task), None)
    return found.merge or found.commit if found is not None else None


def is_reverting(state: RunState, task: TaskId) -> bool:
    """Does a revert of it wait in the queue?"""
    return any(entry.reverts == task for entry in state.queue.values())


def built_on(state: RunState, task: TaskId) -> tuple[tuple[TaskId, ...], tuple[TaskId, ...]]:
    """What needs it or lands with it, directly or not: landed, the latest first; and under way."""
    groups = state.plan.group_of
    needing = {name: (*groups.get(name, ()), *by) for name, by in state.plan.dependents.items()}
    found = [name for name in closure(task, needing) if name != task]
    order = {landing.task: at for at, landing in enumerate(state.landings)}
    landed = [name for name in found if landed_as(state, name) is not None]
    under_way = tuple(name for name in found if state.tasks[name].state in _BUILDS_ON)
    return tuple(sorted(landed, key=lambda name: -order[name])), under_way


def _queued(state: RunState, task: TaskId, commit: str, by: str) -> e.EntryQueued:
    entry, repo = EntryId(f"revert@{task}"), state.plan.repo_of(task)
    return e.EntryQueued(entry, EntryKind.REVERT, commit, reverts=task, by=by, repo=repo)


def _named(
    state: RunState, task: TaskId, landed: Sequence[TaskId], under_way: Sequence[TaskId]
) -> str:
    parts = []
    with_it = landed_with(state, task)
    on_top = [name for name in landed if name not in with_it]
    if with_it:
        parts.append(f"{_placed(state, with_it)} landed together with it")
    if on_top:
        parts.append(f"{listed(on_top, NAMED)} landed on top of it")
    if under_way:
        parts.append(
            f"{listed(under_way, NAMED)} {'is' if len(under_way) == 1 else 'are'} under way"
        )
    has = "is one side of what landed" if with_it and not on_top else "has dependents"
    return f"{task} {has}: {', and '.join(parts)}"


def landed_with(state: RunState, task: TaskId) -> tuple[TaskId, ...]:
    """What landed together with a task and is in still, in file order."""
    group = state.plan.group_of.get(task, ())
    return tuple(name for name in group if name != task and landed_as(state, name) is not None)


def _placed(state: RunState, tasks: Sequence[TaskId]) -> str:
    """Tasks with the repositories in which they are, where there are several."""
    where = {name: state.plan.repo_of(name) or OWN_REPO_WORD for name in tasks}
    return listed([f"{n} (in {r})" if state.plan.repos else n for n, r in where.items()], NAMED)


def _way_out(state: RunState, task: TaskId, under_way: Sequence[TaskId]) -> str:
    with_it = landed_with(state, task)
    stays = f"; then {_placed(state, with_it)} stays landed" if with_it else ""
    if under_way:
        return (
            f"stop them first, or revert it alone (--only) and let the gates judge the rest{stays}"
        )
    if with_it:
        together = "take them back together, all or none (--with-dependents)"
        return f"{together}, or {task} alone (--only){stays}"
    return "revert them too (--with-dependents), or it alone (--only)"


__all__ = ["built_on", "is_reverting", "landed_as", "landed_with", "revert"]
