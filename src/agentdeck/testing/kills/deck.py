"""A control room on a terminal that nobody looks at: it can be killed as any other process."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

ROWS, COLUMNS = 40, 120
READ_BYTES: Final = 64 * 1024  # at once, and thrown away
SHOWN_BYTES: Final = 300  # of the last that was read, where it has ended by itself
ENDS_S: Final = 20.0  # after SIGKILL, or after its terminal has gone


class Deck:
    """One `agentdeck attach RUN`."""

    def __init__(self, run: str, checkout: Path, env: Mapping[str, str]) -> None:
        """Start it. It shows something within a second or two."""
        self._terminal, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agentdeck", "attach", run],
            cwd=checkout,
            env={**env, "TERM": "xterm-256color", "AGENTDECK_NO_TOUR": "1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.drawn = threading.Event()  # something was seen on the terminal
        self._last = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Has it not ended?"""
        return self.process.poll() is None

    @property
    def said(self) -> str:
        """How it ended, if it has, and the end of what was on its terminal."""
        return f"exit {self.process.poll()}, {self._last[-SHOWN_BYTES:]!r}"

    def kill(self) -> None:
        """SIGKILL, as the kernel does for want of memory."""
        self.process.kill()
        self._end()

    def close(self) -> None:
        """End it in good order: its terminal is closed."""
        self.process.terminate()
        self._end()

    def _end(self) -> None:
        try:
            self.process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(ENDS_S)  # the last other end of the terminal is closed
        os.close(self._terminal)

    def _read(self) -> None:
        with suppress(OSError):  # EIO: nobody has the other end any more
            while data := os.read(self._terminal, READ_BYTES):
                self._last = data
                self.drawn.set()


__all__ = ["Deck"]
