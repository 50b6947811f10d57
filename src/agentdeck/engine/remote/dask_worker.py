"""A worker of a cluster: a process that dials in to a scheduler, and again when it has lost it.

Rules:
- Agents do not die with it: its end, however it comes, costs no agent. The next worker with the
  same folder answers for them.
- One worker at a time has a folder: it is locked.
- While no scheduler is there it keeps trying, and ends agents whose time is up.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from distributed import Worker
from distributed.utils import get_ip

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.hook_urls import is_loopback
from agentdeck.engine.private_files import make_private
from agentdeck.engine.remote.dask_far import NAME, ROOT
from agentdeck.engine.remote.dask_setting import PAGES, security_of, set_dask
from agentdeck.engine.remote.outpost import end_overdue_everywhere
from agentdeck.engine.remote.scheduler_note import Tls

AGAIN_S: Final = (0.5, 10.0)  # between two tries to join, the first and the longest
JOIN_S: Final = 15.0  # for one try
OVERDUE_S: Final = 30.0  # between two looks at agents whose time is up
SPARE_THREADS: Final = 2  # beyond one for each slot
HEARTBEAT: Final = "2s"


def work(
    address: str,
    name: str,
    slots: Mapping[str, int],
    root: Path,
    tls: Tls,
    *,
    tell: Callable[[str], None],
) -> None:
    """Join, and work until SIGINT or SIGTERM.

    Raises:
        EnvironmentFault: another worker has the folder.
    """
    set_dask()
    make_private(root)
    with _alone(root):
        asyncio.run(_work(address, name, slots, root, tls, tell))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    fd = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise EnvironmentFault(
                f"another worker has {root}", hint="end it first, or give this one another --name"
            ) from None
        yield
    finally:
        os.close(fd)


async def _work(
    address: str,
    name: str,
    slots: Mapping[str, int],
    root: Path,
    tls: Tls,
    tell: Callable[[str], None],
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    overdue = asyncio.create_task(_end_overdue(root))
    pause = AGAIN_S[0]
    try:
        while not ended.is_set():
            worker = Worker(
                address,
                name=name,
                nthreads=sum(slots.values()) + SPARE_THREADS,
                resources=dict(slots),
                memory_limit=0,
                local_directory=str(root / "dask"),
                security=security_of(tls),
                dashboard=False,
                dashboard_address=PAGES,
                heartbeat_interval=HEARTBEAT,
                death_timeout=JOIN_S,
                host=_way_to(address),
            )
            setattr(worker, ROOT, root)
            setattr(worker, NAME, name)
            try:
                await asyncio.wait_for(worker, JOIN_S)
            except (OSError, TimeoutError, RuntimeError, ValueError) as fault:
                said = str(fault).strip() or type(fault).__name__
                tell(f"cannot join {address}: {said.splitlines()[0]}; again in {pause:g} s")
                await _closed(worker)
                await _sleep(ended, pause)
                pause = min(2 * pause, AGAIN_S[1])
                continue
            pause = AGAIN_S[0]
            tell(f"joined {address} as {name}")
            await _first(worker.finished(), ended.wait())
            await _closed(worker)
            if not ended.is_set():
                tell(f"lost {address}; agents work on")
                await _sleep(ended, pause)
    finally:
        overdue.cancel()
    tell("left; agents work on")


def _way_to(address: str) -> str:
    """The address of this machine towards the scheduler: it listens there and nowhere else."""
    host = urlsplit(address).hostname or ""
    if is_loopback(host):
        return "127.0.0.1" if ":" not in host else "::1"
    return str(get_ip(host))


async def _closed(worker: Worker) -> None:
    with suppress(OSError, TimeoutError, RuntimeError, ValueError, asyncio.CancelledError):
        await asyncio.wait_for(worker.close(timeout=2, executor_wait=False), 5)


async def _first(*waiting: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(one) for one in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _sleep(ended: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(ended.wait(), seconds)


async def _end_overdue(root: Path) -> None:
    while True:
        await asyncio.to_thread(end_overdue_everywhere, root)
        await asyncio.sleep(OVERDUE_S)


__all__ = ["work"]
