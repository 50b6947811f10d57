"""Looks at the room on the disks that a run writes to, and tells the engine what has changed.

Rules:
- It looks at three places: the run's folder, the worktrees, the repository. The one with the least
  room counts. What follows from it is decided in `core.disk`.
- A disk that cannot be asked is passed over; so nothing stands still because of a failed question.
- Once there is room again the ballast is taken back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.disk import MB, mark_of, needed_for
from agentdeck.core.events import DiskMark
from agentdeck.core.lanes import lanes
from agentdeck.core.state import RunState
from agentdeck.engine.ballast import take_ballast
from agentdeck.engine.setting import Setting

EVERY_S: Final = 2.0  # between two looks; a fast disk takes 0.2 to 2 GB in it


async def watch_disk(at: Setting) -> None:
    """Look again and again, until cancelled."""
    while True:
        found = await at.in_thread(lambda: look(at.state, places(at)))
        if found is not None:
            await at.engine.record(found)
            if found.mark is DiskMark.ROOM:
                await at.in_thread(lambda: take_ballast(at.folder))
        await asyncio.sleep(EVERY_S)


def places(at: Setting) -> list[Path]:
    """Where the run writes."""
    root, found = at.state.plan.worktree.root, [at.folder.path]
    for lane in lanes(at.state):
        found += [at.folder.trees(Path(lane.checkout or "/"), root, lane.lane), Path(lane.repo)]
    return found


def look(state: RunState, folders: Iterable[Path]) -> e.DiskChanged | None:
    """What has changed about the room in these folders; None = nothing."""
    known = DiskMark.ROOM if state.disk is None else state.disk.mark
    floor = state.plan.disk_floor_mb * MB
    free, folder = min(_free(folders), default=(floor * 2, ""))
    mark = mark_of(free, floor, known)
    if mark is known:
        return None
    return e.DiskChanged(mark, folder, free, needed_for(mark, floor))


def _free(folders: Iterable[Path]) -> Iterable[tuple[int, str]]:
    """Bytes that may be written in each, by who is not root."""
    for folder in folders:
        try:
            found = os.statvfs(_there(folder))
        except OSError:
            continue
        yield found.f_bavail * found.f_frsize, str(folder)


def _there(folder: Path) -> Path:
    """It, or what is there of the way to it."""
    return next((each for each in (folder, *folder.parents) if each.exists()), folder)
