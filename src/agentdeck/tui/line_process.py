"""A process of ours that is asked line by line, and answers so.

Rules: whoever starts one ends it; ending it twice does no harm. Its answers are read by one thread.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress


class LineProcess:
    """A module of this package at work beside the deck."""

    def __init__(self, module: str, *words: str) -> None:
        """Start it. Raises OSError."""
        self.ended = False
        self._heard = False  # a thread reads
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ctrl+c is the deck's
        )

    @property
    def alive(self) -> bool:
        """Is it still there?"""
        return self._process.poll() is None

    def ask(self, line: bytes) -> bool:
        """Write a line; False when nobody reads it."""
        stream = self._process.stdin
        assert stream is not None
        try:
            stream.write(line + b"\n")
            stream.flush()
        except (OSError, ValueError):  # it has died, or was ended
            return False
        return True

    def answers(self) -> Iterator[bytes]:
        """For a thread: what it says from here on, until it ends or nobody wants more."""
        stream = self._process.stdout
        assert stream is not None
        self._heard = True
        try:
            yield from iter(stream.readline, b"")
        finally:
            self._heard = False
            if self.ended:
                stream.close()

    def end(self) -> None:
        """Call it off."""
        if self.ended:
            return
        self.ended = True
        self._process.kill()
        self._process.wait()  # it is killed: this takes no time
        if self._process.stdout is not None and not self._heard:
            self._process.stdout.close()
        if self._process.stdin is not None:
            with suppress(OSError):  # what was not read is lost with it
                self._process.stdin.close()
