"""Is the engine of a run well, and if not, why: its heartbeat, its process, its lock.

Rules:
- The journal says whether there should be an engine, the heartbeat whether it turns, the process
  table what became of it. A cause is named only where the process shows it.
- An engine that is busy with a long step still beats: only what is older than `STALE_S` is stale.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import psutil

from agentdeck.core.state import RunState
from agentdeck.core.words import short_duration
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.heartbeat import BEAT_S, Beat, read_beat
from agentdeck.engine.identity import is_alive

STALE_S: Final = 4 * BEAT_S  # without a beat; a machine under load delays one by some seconds


class Health(StrEnum):
    """How an engine is."""

    WELL = "well"
    NONE = "none"  # there is none, and there need not be one
    DEAD = "dead"  # gone without a word
    STOPPED = "stopped"  # by a signal; it can go on
    DISK = "waits for the disk"  # in the kernel, where no signal reaches it
    HUNG = "hung"  # its process runs, and its loop does not turn


_OF_PROCESS: Final = {
    psutil.STATUS_STOPPED: Health.STOPPED,
    psutil.STATUS_TRACING_STOP: Health.STOPPED,
    psutil.STATUS_DISK_SLEEP: Health.DISK,
    psutil.STATUS_ZOMBIE: Health.DEAD,
    psutil.STATUS_DEAD: Health.DEAD,
}
_LETTERS: Final = {Health.STOPPED: " (state T)", Health.DISK: " (state D)"}


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known of the engine of a run."""

    health: Health
    pid: int | None = None
    silent_s: float | None = None  # since its last beat
    beat: Beat | None = None

    @property
    def sick(self) -> bool:
        """Does the run not go on because of its engine?"""
        return self.health not in (Health.WELL, Health.NONE)

    @property
    def short(self) -> str:
        """A few words for a header; empty when it is well."""
        return f"engine {self.health}{_LETTERS.get(self.health, '')}" if self.sick else ""

    @property
    def words(self) -> str:
        """`engine: no heartbeat for 3 min: stopped (state T)`; empty when it is well."""
        if not self.sick:
            return ""
        silent = (
            "" if self.silent_s is None else f"no heartbeat for {short_duration(self.silent_s)}: "
        )
        return f"engine: {silent}{self.health}{_LETTERS.get(self.health, '')}"

    def todo(self, run: str) -> str:
        """The command that helps; empty where nothing is wrong."""
        match self.health:
            case Health.STOPPED:
                return f"kill -CONT {self.pid}"
            case Health.DEAD:
                return f"agentdeck attach {run}"
            case Health.HUNG:
                return f"kill -9 {self.pid}; agentdeck attach {run}"
            case Health.DISK:
                return "see what the disk waits for (`dmesg`); agents go on without the engine"
            case _:
                return ""


def vitals_of(folder: RunFolder, state: RunState, now: float | None = None) -> Vitals:
    """How the engine of a run is. Costs a small read, and a look at one process when it is silent.

    Args:
        state: of the run, as its journal tells it.
        now: seconds since the epoch; None = the present.
    """
    engine = state.engine
    if engine is None or not state.engine_running:
        return Vitals(Health.NONE)
    now = time.time() if now is None else now
    beat = read_beat(folder.heartbeat)
    beat = beat if beat is not None and beat.pid == engine.pid else None
    silent = None if beat is None else max(0.0, now - beat.at)
    if not is_alive(engine):
        return Vitals(Health.DEAD, engine.pid, silent, beat)
    if silent is None or silent <= STALE_S:
        return Vitals(Health.WELL, engine.pid, silent, beat)
    return Vitals(process_health(engine.pid), engine.pid, silent, beat)


def process_health(pid: int) -> Health:
    """How an engine that does not beat is, by its process."""
    try:
        return _OF_PROCESS.get(psutil.Process(pid).status(), Health.HUNG)
    except psutil.NoSuchProcess:
        return Health.DEAD
    except psutil.Error:
        return Health.HUNG


__all__ = ["STALE_S", "Health", "Vitals", "process_health", "vitals_of"]
