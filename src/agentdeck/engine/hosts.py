"""Which host an attempt has: this machine, or what its pool says.

Rules: where an attempt was begun is noted in its folder, and that holds, whatever the plan says of
its pool later. Nothing of other machines is imported before a pool has some.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agentdeck.core.hosts import host_address
from agentdeck.core.ids import TaskId
from agentdeck.core.state import HOLDS_SLOT
from agentdeck.engine.attempt_host import AttemptHost
from agentdeck.engine.enginelog import log
from agentdeck.engine.here import Here
from agentdeck.engine.setting import Setting

if TYPE_CHECKING:
    from agentdeck.engine.remote.far import Far
    from agentdeck.engine.remote.tenancy import Tenancy

LOOK_AGAIN_S = 1.0  # at the plan, which may get a pool on other machines while it runs


class Hosts:
    """All hosts of one run."""

    def __init__(self, at: Setting) -> None:
        self._at = at
        self._here = Here(at)
        self._far: dict[str, Far] = {}
        self._every: dict[str, Tenancy] = {}  # of all hosts

    def of(self, task: TaskId, number: int) -> AttemptHost:
        """Where an attempt works, or will."""
        at = self._at.of_task(task)
        attempt = at.attempt(task, number)
        pool = at.state.plan.pool_by_name.get(attempt.pool) if attempt.pool else None
        if not attempt.worker and (pool is None or pool.host is None):
            return self._here
        from agentdeck.engine.remote.note import read_note

        note = read_note(self._at.attempt_folder(task, number))
        if note is not None:
            return self._far_at(note.host)
        if pool is None or pool.host is None:
            return self._here
        return self._far_at(pool.host)

    def _far_at(self, host: str) -> Far:
        if host not in self._far:
            from agentdeck.engine.remote.far import Far
            from agentdeck.engine.remote.reaching import link_to

            link = link_to(host_address(host), self._at.engine.state)
            self._far[host] = Far(self._at, host, link, self._every)
        return self._far[host]

    async def keep(self) -> None:
        """Look after what runs elsewhere, until cancelled."""
        kept: dict[str, asyncio.Task[None]] = {}
        for task in self._at.engine.state.in_state(*HOLDS_SLOT):
            if task.attempt is not None:  # all are known before anybody is polled
                self.of(task.id, task.attempt.number)
        try:
            while True:
                for pool in self._at.engine.state.plan.pools:
                    if pool.host is not None:
                        self._far_at(pool.host)
                for host, far in self._far.items():
                    flight = kept.get(host)
                    if flight is None or flight.done():
                        if flight is not None and not flight.cancelled():
                            log.error("%s: %s", host, flight.exception())
                        kept[host] = asyncio.create_task(far.keep(), name=f"keep {host}")
                await asyncio.sleep(LOOK_AGAIN_S)
        finally:
            for flight in kept.values():
                flight.cancel()
            await asyncio.gather(*kept.values(), return_exceptions=True)
            for far in self._far.values():
                await far.close()
