"""The process that looks through a journal, as the deck has it.

Rules: whoever starts a search ends it; ending it twice does no harm.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

import msgspec

from agentdeck.tui.event_search import EventsFound, EventsWanted
from agentdeck.tui.line_process import LineProcess
from agentdeck.tui.presentation.event_filter import EventQuery


class EventSearch:
    """One filter over one journal."""

    def __init__(self, folder: Path, query: EventQuery, until: int) -> None:
        self.query = query
        self.numbers = array("Q")  # of the events that pass, in order
        self.looked_at = 0
        self.slow = False
        self.asked = until  # up to which event
        self.idle = False  # all of that was looked at
        self._process = LineProcess("agentdeck.tui.event_search")
        self._process.ask(msgspec.json.encode(EventsWanted(str(folder), query, until)))

    def listen(self, told: Callable[[EventsFound], object]) -> None:
        """For a thread: hand on what is reported, until all was looked at or it was ended."""
        for line in self._process.answers():
            found = msgspec.json.decode(line, type=EventsFound)
            told(found)
            if found.done:
                return
        told(EventsFound(done=True))

    def take(self, found: EventsFound) -> None:
        """Take in a report; for the thread of the screen."""
        self.numbers.extend(found.numbers)
        self.looked_at = max(self.looked_at, found.looked_at)
        self.slow |= found.slow
        self.idle = found.done

    def go_on(self, until: int) -> bool:
        """Look at what was written since. False: nobody does, or it is under way already."""
        if self._process.ended or self.slow or not self.idle or until <= self.asked:
            return False
        self.asked, self.idle = until, False
        return self._process.ask(b"%d" % until)

    def end(self) -> None:
        """Call it off."""
        self._process.end()
