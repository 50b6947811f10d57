"""The engine's heartbeat: that its loop turns, when each agent last gave a sign, and time it slept.

Rules:
- `heartbeat.json` in the run's folder is written anew every `BEAT_S` by the engine's own loop. Who
  reads it sees a loop that stands, a process that was stopped and one that is gone alike: the file
  grows old. What is the cause, the reader finds out from the process (`control.vitals`).
- A gap between two beats that nothing explains is time in which the engine did not run: stopped by
  a signal, or the machine was asleep. It is recorded, and no watchdog counts it: nobody listened to
  the agents then. Until it is recorded watchdogs say nothing.
- The heart never stops the engine: a disk that refuses costs a beat.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.enginelog import log
from agentdeck.engine.plain_files import open_plain
from agentdeck.engine.private_files import write_private

if TYPE_CHECKING:
    from agentdeck.engine.loop import Engine

BEAT_S: Final = 5.0  # between two beats
SLEPT_S: Final = 15.0  # a longer gap is sleep; a busy machine delays a beat by a few seconds
MAX_BYTES: Final = 1024 * 1024  # of the file; an agent takes about 60


class Beat(msgspec.Struct, frozen=True):
    """What the heart says."""

    at: float  # seconds since the epoch
    pid: int
    seq: int  # of the last stored event
    slept_s: float = 0.0  # in all, since this engine was started
    signs: dict[str, float] = {}  # of each live attempt (`T#2`): its last output or use of CPU


class Heart:
    """Beats for one engine."""

    def __init__(self, engine: Engine, pid: int, clock: Callable[[], float]) -> None:
        self._engine, self._pid, self._clock = engine, pid, clock
        self._slept_s = 0.0
        self._last = clock()  # when it beat last, once what was slept before is recorded
        self.signs: dict[str, float] = {}

    @property
    def late(self) -> bool:
        """Has the engine slept, and not said so yet? Then nobody may be judged by the clock."""
        return self._clock() - self._last > SLEPT_S

    async def beat(self) -> None:
        """Beat until it is cancelled."""
        while True:
            await self._look()
            await asyncio.to_thread(self._write)
            await asyncio.sleep(BEAT_S)

    async def _look(self) -> None:
        now = self._clock()
        gap = now - self._last - BEAT_S
        if gap > SLEPT_S - BEAT_S:
            self._slept_s += gap
            log.warning("the engine slept for %.0f s", gap)
            await self._engine.record(e.EngineSlept(round(gap, 3)))
            now = self._clock()  # a full disk may have kept it waiting, and that is no sleep
        self._last = now

    def _write(self) -> None:
        told = Beat(
            self._last, self._pid, self._engine.state.seq, round(self._slept_s, 3), dict(self.signs)
        )
        file = self._engine.folder.heartbeat
        aside = file.with_suffix(".new")
        try:
            write_private(aside, msgspec.json.encode(told))
            aside.replace(file)
        except OSError:  # a full disk: the time of the file takes no room
            with suppress(OSError):
                aside.unlink(missing_ok=True)
                os.utime(file)


def read_beat(file: Path) -> Beat | None:
    """The last beat in `RunFolder.heartbeat`; None where there is none to be read."""
    try:
        with os.fdopen(open_plain(file), "rb") as opened:
            told = msgspec.json.decode(opened.read(MAX_BYTES), type=Beat)
            touched_at = os.fstat(opened.fileno()).st_mtime
        return msgspec.structs.replace(told, at=max(told.at, touched_at))
    except (OSError, *UNREADABLE):
        return None


__all__ = ["BEAT_S", "SLEPT_S", "Beat", "Heart", "read_beat"]
