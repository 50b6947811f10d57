"""A run as a bridge knows it: the state and the counts of its journal, kept up to date.

Rules:
- It reads the journal, so a run that has no engine is seen as well. An engine is asked only when to
  look (`nudges`), and one that ends is not kept from it.
- Nothing is kept for anybody who follows: each reads the journal from where they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

from agentdeck.control.bridge.nudges import nudge
from agentdeck.control.event_log import EventLog
from agentdeck.control.metrics import Surroundings, as_text
from agentdeck.control.runs import RunFolder, last_event
from agentdeck.control.socketfile import answers
from agentdeck.control.source import JournalSource
from agentdeck.control.vitals import vitals_of
from agentdeck.core.errors import DeckError
from agentdeck.core.events import Recorded
from agentdeck.core.fold import apply
from agentdeck.core.state import RunState
from agentdeck.plans.reporting.tally import Tally

FAULT_LOOK_S: Final = 1.0  # between two looks at a damaged journal: it may be mended


class RunView:
    """Follows one run."""

    def __init__(self, folder: RunFolder) -> None:
        """`follow` begins."""
        self.folder = folder
        self.state = RunState()
        self.tally = Tally()
        self.fault: DeckError | None = None  # what is wrong with the journal behind `state.seq`
        self.delay_s: float | None = None  # from the latest event to here
        self._log = EventLog(folder)
        self._moved = asyncio.Condition()
        self._ready = asyncio.Event()

    async def follow(self) -> None:
        """Keep up with the journal, until it is cancelled. Raises JournalError."""
        source = JournalSource(self.folder)
        whole = await asyncio.to_thread(last_event, self.folder)
        if not whole:
            self._ready.set()
        beside = (
            asyncio.create_task(self._look_for_damage(source)),
            asyncio.create_task(nudge(self.folder, self.state, source.look)),
        )
        try:
            async for batch in source.follow():
                await self._take(batch, told=self._ready.is_set())
                if self.state.seq >= whole:
                    self._ready.set()
        except DeckError as fault:
            self.fault = fault  # who asks is told, and what is known is still there
            raise
        finally:
            for task in beside:
                task.cancel()
            _ = await asyncio.gather(*beside, return_exceptions=True)
            await source.close()

    async def ready(self) -> None:
        """Wait until all is read that was there at the beginning, or that can be read of it."""
        await self._ready.wait()

    @property
    def now(self) -> float:
        """Seconds since the epoch; where no engine goes on, the moment of the last event."""
        return time.time() if self.state.engine_running else self.state.at

    async def wait_past(self, seq: int, timeout_s: float) -> int:
        """Wait for an event behind `seq`; the latest number."""
        async with self._moved:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._moved.wait_for(lambda: self.state.seq > seq)
        return self.state.seq

    async def read(self, after: int, count: int) -> list[Recorded]:
        """Events behind number `after`, from the journal. Raises JournalError."""
        return await asyncio.to_thread(self._log.read, after + 1, count)

    async def has(self, seq: int) -> bool:
        """Is there an event of that number, or of a later one? Raises JournalError."""
        return seq <= self.state.seq or bool(await self.read(seq - 1, 1))

    async def engine_answers(self) -> bool:
        """Is there an engine?"""
        return await asyncio.to_thread(answers, self.folder.socket)

    async def metrics(self, sockets: int) -> str:
        """The metrics of this moment; `sockets` follow the run through this bridge."""
        alive = await self.engine_answers()
        now = time.time()
        vitals = await asyncio.to_thread(vitals_of, self.folder, self.state, now)
        around = Surroundings(alive, vitals, self.delay_s, sockets)
        return as_text(self.state, self.tally, around, now)

    def close(self) -> None:
        """Let go of the journal."""
        self._log.close()

    async def _take(self, batch: list[Recorded], *, told: bool) -> None:
        for recorded in batch:
            apply(self.state, recorded)
            self.tally.add(recorded)
        if told:
            self.delay_s = max(0.0, time.time() - batch[-1].at)
        async with self._moved:
            self._moved.notify_all()
        await asyncio.sleep(0)  # a long history: others get their turn

    async def _look_for_damage(self, source: JournalSource) -> None:
        while True:
            self.fault = source.fault
            if self.fault is not None:
                self._ready.set()
            await asyncio.sleep(FAULT_LOOK_S)


__all__ = ["RunView"]
