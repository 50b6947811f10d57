"""Where a face gets its events from: a live engine, or the journal of a run that has none.

Rules:
- `follow` yields events in order, each once, in batches of at most `protocol.MAX_EVENTS`; a batch
  is never empty. It goes on for ever: a face stops by leaving the loop.
- A live source that loses its engine comes back to it by itself when it runs again; numbers go on
  where they stopped, because they are the journal's.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Final, Protocol

from agentdeck.control import protocol as rpc
from agentdeck.control.client import EngineGone, RunClient
from agentdeck.control.explaining import explained
from agentdeck.control.handshake import gone
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError, EnvironmentFault, NotFoundError
from agentdeck.core.events import Recorded
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal

POLL_S: Final = 0.05  # of a journal's data version, at first; costs under 1 % of a core
POLL_MAX_S: Final = 0.5  # of one in which nothing happens; seen soon enough
POLL_GROWS: Final = 1.2  # times, with each look that finds nothing: three seconds to the longest
WAIT_S: Final = 20.0  # of one long poll; shorter than any socket is idle for
RECONNECT_FIRST_S: Final = 0.1  # doubles
RECONNECT_MAX_S: Final = 1.0
MAX_FAULTS: Final = 8  # in a row, other than that nobody answers; about 5 s
BREATH_S: Final = 0.05  # after an empty answer that came early: an engine that ends does not wait


class EventSource(Protocol):
    """A run as a face sees it."""

    folder: RunFolder

    @property
    def connected(self) -> bool:
        """Can commands be sent now?"""

    def follow(self, after: int = 0) -> AsyncGenerator[list[Recorded], None]:
        """Events behind number `after`, for ever."""

    async def send(self, command: AnyCommand) -> int:
        """Carry out a command. Raises Refused, EngineGone."""

    async def explain(self, task: TaskId) -> str:
        """Why the task stands where it stands. Raises NotFoundError, EngineGone."""

    async def close(self) -> None:
        """Let go of it."""


class LiveSource:
    """A run with an engine."""

    engine = True  # there should be one

    def __init__(self, folder: RunFolder) -> None:
        """Connects when it is first used."""
        self.folder = folder
        self._client: RunClient | None = None
        self._opening = asyncio.Lock()

    @property
    def connected(self) -> bool:
        """Is there a connection now?"""
        return self._client is not None and self._client.connected

    async def follow(self, after: int = 0) -> AsyncGenerator[list[Recorded], None]:
        """Events behind number `after`; waits where there is no engine until there is one.

        Raises:
            EnvironmentFault: there is one, and it goes on to say that it cannot answer.
        """
        pause, faults = RECONNECT_FIRST_S, 0
        while True:
            asked_at = time.monotonic()
            try:
                batch = await (await self._open()).events(after, wait_s=WAIT_S)
            except EnvironmentFault as fault:
                # Also an engine that ends cannot read its journal any more, for a moment.
                faults = 0 if isinstance(fault, EngineGone) else faults + 1
                if faults > MAX_FAULTS:
                    raise
                await asyncio.sleep(pause)
                pause = min(RECONNECT_MAX_S, pause * 2)
                continue
            pause, faults = RECONNECT_FIRST_S, 0
            if batch:
                after = batch[-1].seq
                yield batch
            elif time.monotonic() - asked_at < WAIT_S / 2:
                await asyncio.sleep(BREATH_S)

    async def send(self, command: AnyCommand) -> int:
        """Carry out a command. Raises Refused, EngineGone."""
        return await (await self._open()).send(command)

    async def explain(self, task: TaskId) -> str:
        """Why the task stands where it stands. Raises NotFoundError, EngineGone."""
        return await (await self._open()).explain(task)

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.close()

    async def _open(self) -> RunClient:
        async with self._opening:
            if self._client is None or not self._client.connected:
                self._client = await RunClient.open(self.folder)
            return self._client


class JournalSource:
    """A run without an engine, read from its journal. Nothing can be commanded."""

    def __init__(self, folder: RunFolder) -> None:
        """Open the journal. Raises JournalError."""
        self.folder = folder
        self._journal = Journal(folder.journal)
        self._state = RunState()
        self.fault: DeckError | None = None  # what is wrong with what comes next, once it is met
        self._nudged = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Never: nobody would carry a command out."""
        return False

    async def follow(self, after: int = 0) -> AsyncGenerator[list[Recorded], None]:
        """Events behind number `after`; new ones as they are written.

        Behind damage nothing comes: `fault` says what is wrong.
        """
        version, pause = None, POLL_S
        while True:
            found = self._journal.data_version()
            if found == version:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._nudged.wait()
                self._nudged.clear()
                pause = min(POLL_MAX_S, pause * POLL_GROWS)
                continue
            pause = POLL_S
            while True:
                batch, self.fault = self._journal.sound(after, rpc.MAX_EVENTS)
                if batch:
                    after = batch[-1].seq
                    yield batch
                if self.fault is not None or not batch:
                    break
            version = found

    def look(self) -> None:
        """Look at once, not when it is time: there is something new."""
        self._nudged.set()

    async def send(self, command: AnyCommand) -> int:  # noqa: ARG002 - nobody is there to take it
        """Always raises EngineGone."""
        raise gone(self.folder)

    async def explain(self, task: TaskId) -> str:
        """Why the task stands where it stands. Raises NotFoundError."""
        while batch := self._journal.sound(self._state.seq, rpc.MAX_EVENTS)[0]:
            for recorded in batch:
                apply(self._state, recorded)
        try:
            return explained(self.folder, self._state, task, time.time())
        except KeyError:
            raise NotFoundError(f"there is no task {task!r}") from None

    async def close(self) -> None:
        """Close the journal."""
        self._journal.close()


def read_history(folder: RunFolder) -> list[Recorded]:
    """All events of a run's journal. Raises JournalError."""
    journal = Journal(folder.journal)
    try:
        return list(journal.history())
    finally:
        journal.close()


def open_source(folder: RunFolder, *, live: bool) -> EventSource:
    """A source for the run: `live` follows an engine, else the journal is read."""
    return LiveSource(folder) if live else JournalSource(folder)
