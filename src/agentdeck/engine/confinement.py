"""Is a sandbox shut? It is entered and tried before an agent begins in it; and its log afterwards.

Rules:
- How it is tried: `engine.trying`.
- Denials themselves are told to nobody but who is denied: the kernel writes them into its audit log
  at most, which needs root. So what an agent's log says of them is kept as its own words.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agentdeck.agents.refusals import Refusals, refusals_in
from agentdeck.core.containment import Confined, Containment
from agentdeck.core.ids import TaskId
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.linked_tree import LinkedTree
from agentdeck.engine.plain_files import open_plain
from agentdeck.engine.sandbox import Room
from agentdeck.engine.setting import Setting
from agentdeck.engine.trying import Place, tried

READ: Final = 2 * 1024 * 1024  # bytes from the beginning of a log, and as many from its end


def places_of(at: Setting, task: TaskId, tree: LinkedTree) -> list[Place]:
    """The places that are tried for an attempt at `task` in `tree`; those that exist."""
    common = tree.git.common
    possible = (
        Place("your home", os.path.expanduser("~")),  # noqa: PTH111 - may be anything
        Place("your checkout", str(at.git.checkout)),
        Place("other worktrees", next(_others(at, task, tree), str(tree.path.parent))),
        Place("refs", str(common / "refs" / "heads")),
        Place("git's settings", str(common)),
        Place("the run's journal", str(at.folder.path)),
    )
    return [place for place in possible if Path(place.folder).is_dir()]


def try_out(kind: Sandbox, room: Room, places: Sequence[Place], box: Containment) -> Confined:
    """Enter the sandbox and try to write in these places.

    Raises:
        EnvironmentFault: it cannot be entered, or a place is open that nobody has left open.
    """
    return Confined(*tried(kind, room, places, network=box.network), box.writable)


def own_words(log: Path) -> Refusals:
    """What a log says of things that were refused; of a long one, its beginning and its end."""
    try:
        with os.fdopen(open_plain(log), "rb") as file:
            head = file.read(READ)
            size = file.seek(0, os.SEEK_END)
            file.seek(max(len(head), size - READ))
            return refusals_in(head + b"\n" + file.read(READ))
    except OSError:
        return Refusals(0)


def _others(at: Setting, task: TaskId, tree: LinkedTree) -> Iterator[str]:
    """Worktrees in which other tasks work, or have worked."""
    for other in at.state.tasks.values():
        path = other.attempt.path if other.attempt is not None else None
        theirs = other.id != task and path is not None and Path(path) != tree.path
        if path is not None and theirs and Path(path).is_dir():
            yield path
