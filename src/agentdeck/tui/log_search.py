"""Looks through a whole log, in a process of its own: `python -m agentdeck.tui.log_search`.

Rules:
- One query comes in as a line of JSON; what is found goes out as lines of JSON while it is found:
  first from where the person stands to the end, then from there back to the start. A line `more`
  afterwards looks at what was written meanwhile; the end of the input ends the process.
- Memory is bounded: the file is read in pieces, and after `MOST_HITS` in a direction it stops.
- A pattern may need for ever on some texts (`(a+)+$`). `WATCHED_LINES` that take more than
  `PIECE_CPU_S` end the search, and that is said. Nothing of this happens in the deck: a key is
  answered all the while, and the process can be killed at any time.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, Final

import msgspec

from agentdeck.control.log_pieces import line_start, pieces_after, size_of, start_before
from agentdeck.control.logtail import LogLine
from agentdeck.tui.presentation.log_found import Found, Hit, Query
from agentdeck.tui.presentation.log_passages import parted
from agentdeck.tui.presentation.log_pattern import Pattern, matches, pattern_of
from agentdeck.tui.presentation.log_rows import log_rows, passages_of, raw_text

MOST_HITS: Final = 10_000  # in one direction; nobody steps through more
WATCHED_LINES: Final = 500  # matched between two looks at the time
PIECE_CPU_S: Final = 2.0  # of processor time for these; usual is a hundredth of it
TELL_S: Final = 0.1  # between two reports
BATCH_HITS: Final = 500  # in one report, so that the screen takes it in at once


_SPECIAL: Final = re.compile(r"[^\w ,:;/<>=@#%&!~'\"-]")  # with one of these it is an expression
_ACTS: Final = bytes({*range(32), 127} - {10})  # where these are, what is shown is something else


class _SlowError(Exception):
    """The processor time of a piece is used up."""


class _Search:
    """One query over one file."""

    def __init__(self, query: Query, fd: int, out: BinaryIO) -> None:
        self._query, self._fd, self._out = query, fd, out
        self._find = pattern_of(query.find) if query.find is not None else None
        self._keep = pattern_of(query.keep) if query.keep is not None else None
        text = self._query.find or ""
        as_it_is = query.look.raw and text and text.isascii() and not _SPECIAL.search(text)
        self._plain = text.encode() if as_it_is else None
        self._told_at = time.monotonic()
        self._ready: list[Hit] = []
        size = size_of(fd, query.until)
        self._start = line_start(fd, size if query.at is None else min(query.at, size))
        self._open = self._start  # where the last passage begins, that may go on
        self._full = False  # no more hits are told ahead

    def run(self) -> None:
        """From where the person stands to the end, then back to the start."""
        self._ahead()
        self._behind()
        self._tell(Found(done=True))

    def more(self) -> None:
        """What was written since."""
        if not self._full:
            self._tell(Found(again=self._open))
            self._ahead()
        self._tell(Found(done=True))

    def _ahead(self) -> None:
        look, count = self._query.look, 0
        parting, last = passages_of(look), list[LogLine]()
        until = size_of(self._fd, self._query.until)
        for lines in pieces_after(self._fd, self._open, until, self._has_none):
            found = parted(lines, parting, last)
            last = found.pop() if found else []
            hits = self._hits(found)
            count += len(hits)
            self._ready += hits
            self._flush(ahead=True)
            if count >= MOST_HITS:
                self._full = True
                break
        if last:
            self._open = last[0].offset
        if not self._full:
            self._ready += self._hits([last] if last else [])
        self._flush(ahead=True, now=True)
        if self._full:
            self._tell(Found(cut=True))

    def _behind(self) -> None:
        end, count = self._start, 0
        while end > 0:
            start = start_before(self._fd, end)
            pieces = pieces_after(self._fd, start, end, self._has_none)
            lines = [line for piece in pieces for line in piece]
            found = parted(lines, passages_of(self._query.look))
            if not self._query.look.raw and start > 0 and len(found) > 1:
                del found[0]  # it may have begun in the piece before
                start = found[0][0].offset
            end = start
            hits = self._hits(found, ahead=False)
            count += len(hits)
            self._ready[0:0] = hits
            self._flush(ahead=False)
            if count >= MOST_HITS:
                self._flush(ahead=False, now=True)
                self._tell(Found(ahead=False, cut=True))
                return
        self._flush(ahead=False, now=True)

    def _has_none(self, lines: bytes) -> bool:
        """Is it certain that none of these has what is looked for? Only of plain text, raw."""
        if self._plain is None or not lines.isascii():
            return False
        if len(lines.translate(None, _ACTS)) != len(lines):
            return False
        return self._plain.lower() not in lines.lower()  # with a capital: a line more to look at

    def _hits(self, found: Sequence[Sequence[LogLine]], *, ahead: bool = True) -> list[Hit]:
        """The hits in these passages, in order; what is far away is left out if they are many."""
        hits: list[Hit] = []
        starts = range(0, len(found), WATCHED_LINES)
        for at in starts if ahead else reversed(starts):
            signal.setitimer(signal.ITIMER_VIRTUAL, PIECE_CPU_S)
            try:
                some = list(self._matched(found[at : at + WATCHED_LINES]))
            finally:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            hits = [*hits, *some] if ahead else [*some, *hits]
            if len(hits) >= MOST_HITS:
                break
        return hits

    def _matched(self, found: Iterable[Sequence[LogLine]]) -> Iterator[Hit]:
        look, plain_find = self._query.look, self._find if self._query.look.raw else None
        for passage in found:
            data = [line.data for line in passage]
            if plain_find is not None and not _may_have(plain_find, data):
                continue
            for match in matches(log_rows(look, data), self._find, self._keep):
                yield Hit(passage[0].offset, passage[-1].end, *match)

    def _flush(self, *, ahead: bool, now: bool = False) -> None:
        """Tell what is ready, if there is much or it is time."""
        if not now and time.monotonic() - self._told_at < TELL_S and len(self._ready) < BATCH_HITS:
            return
        hits, self._ready = self._ready, []
        parts = [hits[at : at + BATCH_HITS] for at in range(0, len(hits), BATCH_HITS)] or [[]]
        for part in parts if ahead else reversed(parts):
            self._tell(Found(tuple(part), ahead))

    def _tell(self, found: Found) -> None:
        self._told_at = time.monotonic()
        self._out.write(msgspec.json.encode(found) + b"\n")
        self._out.flush()


def _may_have(pattern: Pattern, lines: Sequence[bytes]) -> bool:
    """Has any of these lines of a raw log what is looked for? Faster than making rows of it."""
    return any(pattern.regex.search(raw_text(line)) for line in lines)


def _give_up(*_: object) -> None:
    raise _SlowError


def main() -> int:
    """Read a query and answer it; the exit status."""
    query = msgspec.json.decode(sys.stdin.buffer.readline(), type=Query)
    out = sys.stdout.buffer
    signal.signal(signal.SIGVTALRM, _give_up)
    try:
        fd = os.open(query.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        search = _Search(query, fd, out)
        search.run()
        for _ in sys.stdin.buffer:
            search.more()
    except _SlowError:
        out.write(msgspec.json.encode(Found(slow=True, done=True)) + b"\n")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody listens any more
    except OSError:
        out.write(msgspec.json.encode(Found(done=True)) + b"\n")  # there is no log
    return 0


if __name__ == "__main__":
    sys.exit(main())
