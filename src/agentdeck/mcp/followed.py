"""Which run `agentdeck mcp` serves: the one that was named, or whichever is the newest by now.

Rules:
- A run that was named is served for good. Without a name the newest of the repository is looked up
  for every call, so that whoever starts a run has it there without starting the server anew.
- What a client may command is settled for each run when it is first served: what its plan says, and
  what the person who started the server has added.
- How a run began never changes, so each journal is opened once for that.
- These functions block: call them in a thread.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agentdeck.control.discovery import common_dir
from agentdeck.control.runs import first_event, fold_run, is_of, newest_run
from agentdeck.core.offered import Offered
from agentdeck.engine.folders import RunFolder, all_runs
from agentdeck.mcp.reading import Reader
from agentdeck.mcp.run_tools import commands_of


class Served(NamedTuple):
    """The run of one call."""

    folder: RunFolder
    reader: Reader
    commands: tuple[Offered, ...]

    @property
    def run(self) -> str:
        """Its id."""
        return self.folder.run


class Followed:
    """The run that is served now."""

    def __init__(
        self, repo: Path, named: RunFolder | None = None, more: Iterable[str] = ()
    ) -> None:
        """Nothing is looked up yet.

        Args:
            repo: a folder inside of the repository whose newest run is meant.
            named: the run that is meant instead.
            more: commands that may be sent whatever the plan says.
        """
        self.named = named
        self._repo, self._common = repo, common_dir(repo)
        self._more = frozenset(more)
        self._began_at: dict[RunFolder, float | None] = {}  # None = in another repository
        self._served: dict[RunFolder, Served] = {}

    @property
    def more(self) -> tuple[Offered, ...]:
        """The commands that every run takes."""
        return tuple(commands_of(self._more))

    def now(self) -> Served:
        """The run that is meant now.

        Raises:
            NotFoundError: the repository has none.
        """
        folder = self.named or self._newest()
        served = self._served.get(folder)
        if served is None:
            allowed = {*fold_run(folder).plan.mcp.commands, *self._more}
            served = Served(folder, Reader(folder), tuple(commands_of(allowed)))
            self._served = {folder: served}  # of the one before nothing is asked again
        return served

    def _newest(self) -> RunFolder:
        there = all_runs()
        began = {run: self._began_at[run] for run in there if run in self._began_at}
        for run in there:
            if run not in began and (first := first_event(run)) is not None:
                began[run] = first[0].at if is_of(first[1], self._common) else None
        self._began_at = began
        own = {run: at for run, at in began.items() if at is not None}
        return max(own, key=own.__getitem__) if own else newest_run(self._repo)


__all__ = ["Followed", "Served"]
