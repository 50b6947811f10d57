"""One attempt on one worker, as far as this machine knows.

Rules:
- It is over when its end, its log and its work are here, or when it was given up. Which of the two
  comes first holds for good.
- Silence counts only while this engine listens: time in which the engine itself stood still is not
  held against a worker.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from agentdeck.core.containment import Confined
from agentdeck.core.ids import ProcessIdentity, TaskId
from agentdeck.engine.processes import Child, Finished, Lost
from agentdeck.engine.remote.note import append_private

MAX_PLACES: Final = 20  # that were tried; there are six


@dataclass(slots=True)
class Tenancy:
    """What is known of it."""

    task: TaskId
    attempt: int
    folder: Path  # on this machine
    worker: str
    lease_s: float
    left_s: float  # that its agent may work without a word from here
    state: str = ""  # as the worker said last; "" = it has said nothing yet
    child: Child | None = None
    cpu_s: float = 0.0
    still: int = 0
    confined: Confined | None = None  # what was found when its sandbox was tried there
    setup: str = "none"
    setup_code: int = 0
    silent_s: float = 0.0  # since it was heard of
    launched: bool = False
    outcome: Finished | Lost | None = None
    known: asyncio.Event = field(default_factory=asyncio.Event)  # the worker has said something
    over: asyncio.Event = field(default_factory=asyncio.Event)
    homing: asyncio.Task[None] | None = None  # brings its work home

    @property
    def name(self) -> str:
        """As the worker knows it."""
        return f"{self.task}.{self.attempt}"

    @property
    def log_size(self) -> int:
        """Bytes of its log that are here."""
        try:
            return (self.folder / "raw.log").stat().st_size
        except OSError:
            return 0

    @property
    def lost(self) -> str:
        """Why it was given up; empty while it was not."""
        return self.outcome.why if isinstance(self.outcome, Lost) else ""

    def heard(self, about: dict[str, Any], log: bytes) -> bool:
        """Take in what the worker says. True when there may be more of the log."""
        self.silent_s = 0.0
        self.state = str(about["state"])
        self.setup, self.setup_code = (
            str(about.get("setup", "none")),
            int(about.get("setup_code", 0)),
        )
        self.cpu_s, self.still = float(about.get("cpu_s", self.cpu_s)), int(about.get("still", 0))
        if "child" in about:
            self.child = child_of(self.folder, about["child"])
        if "confined" in about:
            self.confined = confined_of(about["confined"])
        if log:
            append_private(self.folder / "raw.log", log)
        self.known.set()
        return self.log_size < int(about.get("size", 0))

    def end(self, outcome: Finished | Lost) -> None:
        """It is over, unless it was before."""
        if self.outcome is None:
            self.outcome = outcome
            self.over.set()
            self.known.set()

    def lose(self, why: str) -> None:
        """Give it up."""
        nobody = ProcessIdentity(0, 0, "")
        self.end(Lost(self.child or Child(self.folder, nobody, nobody), why))


def child_of(folder: Path, named: Any) -> Child:
    """The processes that a worker names. Raises ValueError or TypeError."""
    launcher, agent = (
        ProcessIdentity(int(pid), int(ticks), str(boot)[:64]) for pid, ticks, boot in named
    )
    return Child(folder, launcher, agent)


def confined_of(named: Any) -> Confined | None:
    """What a worker says of trying a sandbox. Raises ValueError or TypeError."""
    if named is None:
        return None
    closed, left_open = named
    return Confined(tuple(map(str, closed))[:MAX_PLACES], tuple(map(str, left_open))[:MAX_PLACES])


__all__ = ["Tenancy", "child_of", "confined_of"]
