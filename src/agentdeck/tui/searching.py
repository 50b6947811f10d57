"""The process that looks through a log, as the deck has it.

Rules: whoever starts a search ends it; ending it twice does no harm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import msgspec

from agentdeck.tui.presentation.log_found import Found, Hits, Query


class LogSearch:
    """One search, in a process of its own."""

    def __init__(self, query: Query) -> None:
        self.query = query
        self.hits = Hits()
        self.pattern = query.find
        self._ended = False
        self._heard = False  # a thread listens
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentdeck.tui.log_search"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl+c is the deck's
        )
        self._ask(msgspec.json.encode(query))

    def listen(self, told: Callable[[Found], object]) -> None:
        """For a thread: hand on what is reported, until all was looked at or it was ended."""
        stream = self._process.stdout
        assert stream is not None
        self._heard = True
        for line in stream:
            found = msgspec.json.decode(line, type=Found)
            told(found)
            if found.done:
                self._heard = False
                return
        stream.close()
        told(Found(done=True))

    def more(self) -> bool:
        """Ask for what was written since; False when nobody answers."""
        return not self._ended and not self.hits.slow and self._ask(b"more")

    def end(self) -> None:
        """Call it off."""
        if self._ended:
            return
        self._ended = True
        self._process.kill()
        self._process.wait()  # it is killed: this takes no time
        if self._process.stdout is not None and not self._heard:
            self._process.stdout.close()
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
