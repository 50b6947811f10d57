"""Waiting with a limit that does not run while this process is frozen.

Rules: a pause of an attempt stops the whole tree (SIGSTOP) for minutes. A clock would count them,
and every limit would be over on waking; so time is counted in short sleeps that really happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

TICK_S: Final = 1.0  # a freeze counts as at most one of these

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """The result of `work`; TimeoutError when it takes longer, and then `work` is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        if not await settles(seconds, task):
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def settles(seconds: float, task: asyncio.Future[Any]) -> bool:
    """Whether `task` is done, in whatever way, within `seconds`. It is left alone."""
    left = seconds
    while True:
        tick = min(TICK_S, left)
        await asyncio.wait({task}, timeout=max(tick, 0))
        left -= tick
        if task.done() or left <= 0:
            return task.done()


async def exited(process: asyncio.subprocess.Process) -> int:
    """The exit status of a process: minus the signal that killed it.

    Some versions of asyncio let `wait` also wait for pipes, which a grandchild may hold for ever;
    the status is known all the same.
    """
    while process.returncode is None:
        waiting = asyncio.ensure_future(process.wait())
        await settles(TICK_S, waiting)
        waiting.cancel()
    return process.returncode
