"""The process that keeps the index of the search up to date, as the deck has it.

Rules: whoever starts it ends it; ending it twice does no harm.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from agentdeck.control.search.indexer import Progress


class IndexProcess:
    """Indexes one run and past ones of its repository."""

    def __init__(self, folder: Path, repo: Path) -> None:
        """Start it. Raises OSError."""
        self._ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "agentdeck.control.search", str(folder), str(repo)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl+c is the deck's
        )

    def listen(self, told: Callable[[Progress], object]) -> None:
        """For a thread: hand on how far it is, until all was read or it has ended."""
        stream = self._process.stdout
        assert stream is not None
        for line in stream:
            step = msgspec.json.decode(line, type=Progress)
            told(step)
            if step.ready:
                return
        if not self._ended:
            told(Progress("index", ready=True, fault="what reads the run has died"))

    def more(self) -> bool:
        """Ask for what is new; False when nobody answers."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(b"more\n")
            self._process.stdin.flush()
        except (OSError, ValueError):
            return False
        return True

    def end(self) -> None:
        """Call it off."""
        if self._ended:
            return
        self._ended = True
        self._process.kill()
        self._process.wait()  # it is killed: this takes no time
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
