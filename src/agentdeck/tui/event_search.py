"""Looks through a whole journal, in a process of its own: `python -m agentdeck.tui.event_search`.

Rules:
- One query comes in as a line of JSON; the numbers of the events that pass go out as lines of JSON
  while they are found, from the first event on. A number that comes in afterwards says how far to
  go on; the end of the input ends the process.
- Memory is bounded: the journal is read in pieces, and after `MOST_FOUND` it stops.
- An expression may need for ever on some texts. `PIECE` events that take more than `PIECE_CPU_S`
  end the search, and that is said. Nothing of this happens in the deck: a key is answered all the
  while, and the process can be killed at any time.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from agentdeck.control.event_log import EventLog
from agentdeck.control.runs import RunFolder
from agentdeck.core.errors import DeckError
from agentdeck.tui.presentation.event_filter import EventQuery, Sieve

PIECE: Final = 1_000  # events between two looks at the time
PIECE_CPU_S: Final = 2.0  # of processor time for these; usual is a fiftieth of it
MOST_FOUND: Final = 500_000  # nobody goes through more; 4 MB of numbers
TELL_S: Final = 0.1  # between two reports


class EventsWanted(msgspec.Struct, frozen=True):
    """A query about one journal."""

    folder: str  # of the run
    query: EventQuery
    until: int  # the last event that is looked at


class EventsFound(msgspec.Struct, frozen=True):
    """A report."""

    numbers: list[int] = []  # of events that pass, in order; more than before
    looked_at: int = 0  # up to which event
    done: bool = False  # as far as was asked
    slow: bool = False  # given up: the expression needs too long


class _SlowError(Exception):
    """The processor time of a piece is used up."""


class _Search:
    """One query over one journal."""

    def __init__(self, wanted: EventsWanted, out: BinaryIO) -> None:
        self._sieve = Sieve(wanted.query)
        self._log = EventLog(RunFolder(Path(wanted.folder)))
        self._out = out
        self._at = 0  # looked at
        self._count = 0
        self._told_at = time.monotonic()
        self._ready: list[int] = []

    def go_on(self, until: int) -> None:
        """Up to this event."""
        while self._at < until and self._count < MOST_FOUND:
            piece = self._log.read(self._at + 1, min(PIECE, until - self._at))
            if not piece:
                break
            signal.setitimer(signal.ITIMER_VIRTUAL, PIECE_CPU_S)
            try:
                found = [one.seq for one in piece if self._sieve.passes(one)]
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self._at = piece[-1].seq
            self._count += len(found)
            self._ready += found
            if time.monotonic() - self._told_at >= TELL_S:
                self._tell()
        self._tell(done=True)

    def _tell(self, *, done: bool = False) -> None:
        self._told_at = time.monotonic()
        ready, self._ready = self._ready, []
        say(self._out, EventsFound(ready, self._at, done))


def say(out: BinaryIO, found: EventsFound) -> None:
    """One report."""
    out.write(msgspec.json.encode(found) + b"\n")
    out.flush()


def _give_up(*_: object) -> None:
    raise _SlowError


def main() -> int:
    """Read a query and answer it; the exit status."""
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=EventsWanted)
    out = sys.stdout.buffer
    signal.signal(signal.SIGVTALRM, _give_up)
    try:
        search = _Search(wanted, out)
        search.go_on(wanted.until)
        for line in sys.stdin.buffer:
            search.go_on(int(line))
    except _SlowError:
        say(out, EventsFound(done=True, slow=True))
    except DeckError:
        say(out, EventsFound(done=True))  # whoever asks reads the same journal, and is told why
    except BrokenPipeError:
        sys.stderr.close()  # nobody listens any more
    return 0


if __name__ == "__main__":
    sys.exit(main())
