"""The way to workers that have joined a Dask scheduler.

Rules:
- The scheduler's state is worth nothing to us: it may be lost at any time. What is there is looked
  up, and the client is made anew when it has lost its scheduler.
- A slot is a task that asks for one unit of the pool's resource; it is submitted by the name of its
  tenancy, and never when no worker is known to have one.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, Final

from distributed import Client, Future

from agentdeck.core.errors import DeckError
from agentdeck.engine.remote.dask_far import TOPIC, answer, hold
from agentdeck.engine.remote.dask_setting import security_of, set_dask
from agentdeck.engine.remote.link import ANSWER_S, Answer, LinkDown
from agentdeck.engine.remote.scheduler_note import address_and_tls

CONNECT_S: Final = 5.0
ANSWERS: Final = (OSError, TimeoutError, RuntimeError, ValueError, KeyError)  # of a lost client


class DaskLink:
    """Over one scheduler."""

    def __init__(self, named: str, run: str) -> None:
        """`named`: its address; "" = that of this machine, looked up at each connection."""
        self._named, self._run = named, run
        self._client: Client | None = None
        self._at: dict[str, str] = {}  # addresses of workers, by name
        self._slots: dict[str, Future[Any]] = {}  # by tenancy
        self._tickets: dict[str, asyncio.Future[str]] = {}
        self._count = 0
        set_dask()

    async def _connected(self) -> Client:
        if self._client is not None and self._client.status == "running":
            return self._client
        await self._drop()
        try:
            address, tls = address_and_tls(self._named, os.environ)
            client = Client(
                address,
                asynchronous=True,
                security=security_of(tls),
                timeout=CONNECT_S,
                name=f"agentdeck-{self._run}",
                direct_to_workers=False,
                set_as_default=False,
            )
            await client
        except DeckError as fault:
            raise LinkDown(fault.message, hint=fault.hint) from fault
        except ANSWERS as fault:
            raise LinkDown(f"the scheduler {self._named or address} does not answer") from fault
        client.subscribe_topic(TOPIC, self._given)
        self._client = client
        return client

    async def _drop(self) -> None:
        client, self._client = self._client, None
        self._at, self._slots = {}, {}
        if client is not None:
            with suppress(*ANSWERS, asyncio.CancelledError):
                await client.close(timeout=1)

    async def workers(self) -> Mapping[str, Mapping[str, int]]:
        """Who has joined."""
        client = await self._connected()
        try:
            async with asyncio.timeout(CONNECT_S):
                scheduler: Any = client.scheduler
                found = await scheduler.identity(n_workers=-1)
        except ANSWERS as fault:
            await self._drop()
            raise LinkDown("the scheduler does not answer") from fault
        workers = found["workers"]
        self._at = {str(about["name"]): str(address) for address, about in workers.items()}
        return {
            str(about["name"]): {pool: int(n) for pool, n in (about["resources"] or {}).items()}
            for about in workers.values()
        }

    async def reserve(self, pool: str, run: str, tenancy: str, among: Collection[str]) -> str:
        """A slot on one of these workers."""
        client = await self._connected()
        addresses = [self._at[name] for name in among if name in self._at]
        if not addresses:
            raise LinkDown(f"no worker of pool {pool} is there")
        return await self._submit(client, pool, run, tenancy, addresses)

    async def _submit(
        self, client: Client, pool: str, run: str, tenancy: str, addresses: list[str]
    ) -> str:
        self._count += 1
        ticket = f"{run}/{tenancy}/{os.getpid()}-{self._count}"
        given: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tickets[ticket] = given
        try:
            slot = client.submit(
                hold,
                run,
                tenancy,
                ticket,
                key=f"agentdeck/{ticket}",
                workers=addresses,
                allow_other_workers=False,
                resources={pool: 1},
                pure=False,
                retries=0,
            )
            self._slots[tenancy] = slot
            slot.add_done_callback(lambda _: self._slots.pop(tenancy, None))
            return await given
        except ANSWERS as fault:
            raise LinkDown(f"the scheduler does not answer: {fault}") from fault
        except asyncio.CancelledError:
            if (slot_ := self._slots.pop(tenancy, None)) is not None:
                with suppress(*ANSWERS):
                    await slot_.cancel()
            raise
        finally:
            self._tickets.pop(ticket, None)

    def _given(self, event: tuple[float, Any]) -> None:
        _, said = event
        if isinstance(said, dict):
            waiting = self._tickets.get(str(said.get("ticket")))
            if waiting is not None and not waiting.done():
                waiting.set_result(str(said.get("name")))

    async def ask(
        self, worker: str, ask: Mapping[str, Any], body: bytes = b"", *, timeout_s: float = ANSWER_S
    ) -> tuple[Answer, bytes]:
        """One question and its answer."""
        client = await self._connected()
        address = self._at.get(worker)
        if address is None:
            raise LinkDown(f"worker {worker} is not there")
        try:
            async with asyncio.timeout(timeout_s):
                found = await client.run(answer, dict(ask), body, workers=[address])
            reply, data = found[address]
        except ANSWERS as fault:
            raise LinkDown(f"worker {worker} does not answer") from fault
        if not isinstance(reply, dict) or not isinstance(data, bytes):
            raise LinkDown(f"worker {worker} says {type(reply).__name__}")
        return reply, data

    async def close(self) -> None:
        """Let go. Workers and agents live on."""
        await self._drop()


__all__ = ["DaskLink"]
