"""Which live tasks would collide, as programs read it: the state of a run laid beside a look.

Rules: live is whoever works, or has work that waits to land. Somebody who works is looked at in the
worktree, uncommitted files and all; work that was taken is looked at as it was pinned.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from agentdeck.core import queue
from agentdeck.core.errors import EnvironmentFault, UsageError
from agentdeck.core.explain_entry import explain_entry
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import lanes, where_of
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.collisions import Collision, CollisionWatch, Look
from agentdeck.engine.foreseeing import joined, live_work, shown
from agentdeck.engine.git import Git


class LiveTask(msgspec.Struct, frozen=True):
    """A task whose work was compared."""

    task: TaskId
    state: TaskState
    commit: str | None  # what was compared; None = it could not be
    uncommitted: int  # files of it that are in no commit yet
    note: str  # what was left out, and why
    queue_place: int | None  # in the merge queue, from 1
    queue_why: str  # what it waits for there


class TaskCollision(msgspec.Struct, frozen=True):
    """Work that does not merge."""

    tasks: tuple[str, ...]  # two; one, where it is the target that is in the way
    target: bool
    files: tuple[str, ...]  # bytes that are no UTF-8 stand as \\xNN
    more_files: int  # that are not named


class Collisions(msgspec.Struct, frozen=True):
    """What a look at a run found."""

    run: str
    target: str
    tip: str  # the commit that the target is at
    live: tuple[LiveTask, ...]
    collisions: tuple[TaskCollision, ...]
    unknown: int  # pairs of which it could not be found out
    fault: str  # why, as git says it


def look_at_collisions(state: RunState, now: float) -> Collisions:
    """Compare the live work of a run, once.

    Args:
        state: of the run.
        now: seconds since the epoch, for what entries wait for.

    Raises:
        EnvironmentFault: the repository or the target is gone, or git cannot be run.
    """
    looks = [_look(lane) for lane in lanes(state)]
    return report(state, joined(looks), now)


def _look(state: RunState) -> Look:
    """Compare the live work of the repository from which the state is seen."""
    try:
        git = Git.discover(Path(state.checkout))
    except UsageError as error:
        raise EnvironmentFault(error.message, hint="was it moved or deleted?") from error
    tip = git.ref_tip(f"refs/heads/{state.target}")
    if tip is None:
        raise EnvironmentFault(
            f"there is no branch {where_of(state)} any more",
            hint="`git reflog` may know its commit",
        )
    with CollisionWatch(git) as watch:
        return watch.look(tip, list(live_work(state)))


def report(state: RunState, look: Look, now: float) -> Collisions:
    """A look in the words of the run."""
    places = {
        entry.task: place
        for lane in lanes(state)
        for place, entry in enumerate(queue.in_order(lane), 1)
    }
    whys = {e.task: explain_entry(state, e, now) for e in state.queue.values()}
    live = tuple(
        LiveTask(
            task=TaskId(stand.name),
            state=state.task(TaskId(stand.name)).state,
            commit=stand.commit,
            uncommitted=stand.uncommitted,
            note=stand.note,
            queue_place=places.get(TaskId(stand.name)),
            queue_why=whys.get(TaskId(stand.name), ""),
        )
        for stand in look.branches
    )
    found = tuple(map(_told, look.collisions))
    return Collisions(state.run, state.target, look.tip, live, found, look.unknown, look.fault)


def _told(found: Collision) -> TaskCollision:
    tasks = (found.one,) if found.other is None else (found.one, found.other)
    return TaskCollision(tasks, found.other is None, tuple(map(shown, found.files)), found.more)
