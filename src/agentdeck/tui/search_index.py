"""The process that keeps the index of the search up to date, as the deck has it.

Rules: whoever starts it ends it; ending it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from agentdeck.control.search.indexer import Progress
from agentdeck.tui.line_process import LineProcess


class IndexProcess:
    """Indexes one run and past ones of its repository."""

    def __init__(self, folder: Path, repo: Path) -> None:
        """Start it. Raises OSError."""
        self._process = LineProcess("agentdeck.control.search", str(folder), str(repo))

    def listen(self, told: Callable[[Progress], object]) -> None:
        """For a thread: hand on how far it is, until all was read or it has ended."""
        for line in self._process.answers():
            step = msgspec.json.decode(line, type=Progress)
            told(step)
            if step.ready:
                return
        if not self._process.ended:
            told(Progress("index", ready=True, fault="what reads the run has died"))

    def more(self) -> bool:
        """Ask for what is new; False when nobody answers."""
        return self._process.ask(b"more")

    def end(self) -> None:
        """Call it off."""
        self._process.end()
