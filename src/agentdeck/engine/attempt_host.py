"""The port through which an attempt is started, watched, spoken to and ended, wherever it works.

Rules:
- Three keep it: this machine (`engine.here`), and the workers of a cluster and machines over ssh
  (`engine.remote.far`). Steps know the port alone; the core knows only the `host` of a pool.
- The folder of an attempt is on this machine in any case: `raw.log` grows in it and `exit` appears
  in it, so that whoever reads them need not know where the agent works.
- What is asked is done once, as far as a crash allows, and asking again finds it done.
- `Lost.why` says that the machine is gone. Then nothing of the attempt is ever taken any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agentdeck.core.ids import ProcessIdentity, TaskId
from agentdeck.core.steps import Collect, Launch
from agentdeck.engine.processes import Child, Finished, Found, Lost, Running
from agentdeck.engine.stop import GRACE_S


@dataclass(frozen=True, slots=True)
class Whose:
    """An attempt, its folder on this machine, and what marks its processes."""

    task: TaskId
    attempt: int
    folder: Path
    tag: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What came home of an attempt's work."""

    left: int = 0  # files that were committed for the agent where it worked
    lack: str = ""  # why nothing could be taken there


class AttemptHost(Protocol):
    """Where attempts work."""

    async def launch(self, step: Launch) -> None:
        """Start the agent, or find it started, and record what came of it."""

    def tree_of(self, of: Whose) -> str:
        """Its worktree, as its agent knows it."""

    async def look(self, of: Whose) -> Found:
        """What became of it."""

    async def wait(self, of: Whose, child: Child) -> Finished | Lost:
        """Return once the agent has ended and its log is here as a whole."""

    async def stands_still(self, of: Whose, child: Child) -> int:
        """How many processes of it are stopped; 0 when at least one runs, or none is left."""

    async def freeze(self, of: Whose, child: Child) -> int:
        """Stop the whole tree where it stands; how many processes stand still."""

    async def thaw(self, of: Whose, child: Child) -> None:
        """Let the tree go on."""

    async def stop(self, of: Whose, child: Child, grace_s: tuple[float, float] = GRACE_S) -> None:
        """End the tree: interrupt, terminate, kill, with grace between."""

    async def sweep(self, of: Whose, since: ProcessIdentity | None) -> None:
        """Kill what is left of it after its agent has ended."""

    async def cpu_s(self, of: Whose, child: Child) -> float:
        """Seconds of one core that its tree has used."""

    async def say(self, of: Whose, word: str, data: bytes, *, shows: bool) -> None:
        """Write to the agent's input, once.

        Args:
            word: the id of what is said.
            shows: the agent prints something once it has heard it.

        Raises:
            InputIsClosed: nothing is said to this agent any more.
            NotHeard: it did not go through.
        """

    async def close_input(self, of: Whose, child: Child, last: bytes | None) -> None:
        """Say the last words, if there are any, and that nothing more comes."""

    async def bring_home(self, step: Collect) -> Brought:
        """Have all of the attempt's work in its worktree on this machine."""


class AttemptHosts(Protocol):
    """All hosts of a run."""

    def of(self, task: TaskId, number: int) -> AttemptHost:
        """Where an attempt works, or will."""


async def running(host: AttemptHost, of: Whose) -> Child | None:
    """The living processes of an attempt; None when they have ended."""
    found = await host.look(of)
    return found.child if isinstance(found, Running) else None


__all__ = ["AttemptHost", "AttemptHosts", "Brought", "Whose", "running"]
