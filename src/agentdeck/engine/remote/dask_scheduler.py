"""The scheduler of a cluster: `python -m agentdeck.engine.remote.dask_scheduler ADDRESS`.

Rules: it listens where it is told, writes down that it does, and ends with SIGTERM. It keeps
nothing: when it is started again, workers and engines come back by themselves.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from distributed import Scheduler

from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.engine.identity import identity_of
from agentdeck.engine.remote.dask_setting import PAGES, check_address, security_of, set_dask
from agentdeck.engine.remote.scheduler_note import SchedulerNote, Tls, write_scheduler


def schedule(
    address: str, tls: Tls, *, insecure: bool = False, tell: Callable[[str], None]
) -> None:
    """Listen at an address until SIGINT or SIGTERM.

    Raises:
        UsageError: it would listen to others without TLS.
        EnvironmentFault: it cannot listen there.
    """
    check_address(address, tls, insecure=insecure)
    set_dask()
    asyncio.run(_schedule(address, tls, tell))


async def _schedule(address: str, tls: Tls, tell: Callable[[str], None]) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        scheduler = await Scheduler(
            host=address,
            security=security_of(tls),
            dashboard=False,
            dashboard_address=PAGES,
        )
    except (OSError, RuntimeError, ValueError) as fault:
        raise EnvironmentFault(
            f"cannot listen at {address}: {fault}", hint="choose another --port"
        ) from fault
    me = identity_of(os.getpid())
    write_scheduler(SchedulerNote(scheduler.address, os.getpid(), me.start_ticks if me else 0, tls))
    tell(f"listens at {scheduler.address}")
    await ended.wait()
    await scheduler.close()


def main(argv: list[str]) -> int:
    """`ADDRESS [CA CERT KEY] [--insecure]`: as `agentdeck cluster start` calls it."""
    insecure = "--insecure" in argv
    words = [word for word in argv if word != "--insecure"]
    try:
        schedule(
            words[0],
            Tls(*words[1:4]),
            insecure=insecure,
            tell=lambda line: print(line, flush=True),
        )
    except DeckError as fault:
        sys.stderr.write(f"{fault.message}\n")
        return fault.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))


__all__ = ["schedule"]
