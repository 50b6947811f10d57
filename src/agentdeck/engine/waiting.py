"""Waits for the end of agents, whether this engine or an earlier one started them.

Rules:
- pidfds on Linux (also for processes that are no children of ours), polling elsewhere.
- The identity is checked after the pidfd is open, so a reused pid is never waited for.
- The launcher's end is awaited first: by then the exit status is on disk.
- A cancelled wait leaves no descriptor and no reader behind.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Final

from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.identity import is_alive
from agentdeck.engine.processes import Child, Finished, Lost, read_exit, reap

LAST_LINE_S: Final = 1.0  # for a launcher to end that has written the exit status
POLL_S: Final = 0.05  # where there is no pidfd: soon enough for a person, cheap for fifty agents


async def wait(child: Child) -> Finished | Lost:
    """Wait until the agent has ended. `Lost` if its launcher died before it could tell how."""
    if (outcome := read_exit(child.directory)) is None:
        await ended(child.launcher)
        outcome = read_exit(child.directory)
    else:  # it is at its last line, unless somebody has stopped it
        with suppress(TimeoutError):
            await asyncio.wait_for(ended(child.launcher), LAST_LINE_S)
    reap(child.launcher)
    if outcome is None:
        await ended(child.agent)
        return Lost(child)
    return outcome


async def ended(identity: ProcessIdentity) -> None:
    """Return once this process has ended; at once if it has already."""
    try:
        fd = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # no pidfds here, or no descriptor left
        while is_alive(identity):
            await asyncio.sleep(POLL_S)
        return
    try:
        if is_alive(identity):
            await _readable(fd)
    finally:
        os.close(fd)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)
