"""The process that looks through a journal, as the deck has it.

Rules: whoever starts a search ends it; ending it twice does no harm.
"""

from __future__ import annotations

import subprocess
import sys
from array import array
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from agentdeck.tui.event_search import EventsFound, EventsWanted
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
        self._ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentdeck.tui.event_search"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl+c is the deck's
        )
        self._ask(msgspec.json.encode(EventsWanted(str(folder), query, until)))

    def listen(self, told: Callable[[EventsFound], object]) -> None:
        """For a thread: hand on what is reported, until all was looked at or it was ended."""
        stream = self._process.stdout
        assert stream is not None
        for line in stream:
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
        if self._ended or self.slow or not self.idle or until <= self.asked:
            return False
        self.asked, self.idle = until, False
        return self._ask(b"%d" % until)

    def end(self) -> None:
        """Call it off."""
        if self._ended:
            return
        self._ended = True
        self._process.kill()
        self._process.wait()  # it is killed: this takes no time
        if self._process.stdin is not None:
            with suppress(OSError):  # what was not read is lost with it
                self._process.stdin.close()

    def _ask(self, line: bytes) -> bool:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except OSError:
            return False
        return True
