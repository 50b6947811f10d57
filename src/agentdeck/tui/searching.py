"""The process that looks through a log, as the deck has it.

Rules: whoever starts a search ends it; ending it twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from agentdeck.tui.line_process import LineProcess
from agentdeck.tui.presentation.log_found import Found, Hits, Query


class LogSearch:
    """One search, in a process of its own."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.hits = Hits()
        self.pattern = query.find
        self._process = LineProcess("agentdeck.tui.log_search")
        self._process.ask(msgspec.json.encode(query))

    def listen(self, told: Callable[[Found], object]) -> None:
        """For a thread: hand on what is reported, until all was looked at or it was ended."""
        for line in self._process.answers():
            found = msgspec.json.decode(line, type=Found)
            told(found)
            if found.done:
                return
        told(Found(done=True))

    def more(self) -> bool:
        """Ask for what was written since; False when nobody answers."""
        return not self._process.ended and not self.hits.slow and self._process.ask(b"more")

    def end(self) -> None:
        """Call it off."""
        self._process.end()
