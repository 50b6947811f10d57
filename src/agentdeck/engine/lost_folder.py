"""A run whose folder was deleted under its engine.

Rules:
- Journal, logs and worktrees stood in it. Nothing of the run can be stored, seen or stopped any
  more, and its agents would go on at somebody's cost: they are ended, and so is the engine.
- Two looks decide. A disk that cannot be asked says nothing.
"""

from __future__ import annotations

import asyncio
from typing import Final

from agentdeck.engine.enginelog import log
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.setting import Setting
from agentdeck.engine.stop import TreeFault, sweep_run

EVERY_S: Final = 5.0  # between two looks


async def watch_folder(at: Setting) -> None:
    """Look again and again, until cancelled or the folder is gone."""
    missed = 0
    while missed < 2:
        await asyncio.sleep(EVERY_S)
        missed = missed + 1 if await asyncio.to_thread(_is_gone, at.folder) else 0
    log.error("%s is gone: all agents of the run are ended, and the engine", at.folder.path)
    try:
        await asyncio.to_thread(sweep_run, at.state.run)
    except TreeFault as fault:
        log.error("%s", fault)
    at.engine.stop("the folder of the run is gone")


def _is_gone(folder: RunFolder) -> bool:
    try:
        folder.journal.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
