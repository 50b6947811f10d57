"""A log that somebody else writes, read in pieces while it grows.

Rules:
- A look reads at most one chunk, so that it never holds up the loop for long. Bytes do not say what
  reading them costs: a chunk of empty lines takes a second. So who reads says what it took, and the
  next chunk is smaller, or larger again.
- What is put in its place and is no plain file says nothing, and is never waited for.
- A log that grows fast is looked at less often, and in larger pieces: each look has a price of its
  own, and nobody reads along that fast. What a log says is at most `FLOOD_POLL_S` late.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from agentdeck.engine.plain_files import NotPlainError, open_plain

POLL_S: Final = 0.1  # between two looks; 100 quiet agents cost under 1 % of a core
FLOOD_POLL_S: Final = 0.4  # the same for a log that grows fast; records come once a second
FLOOD_BYTES: Final = 4 * 1024  # since the last look; more than that grows fast
CHUNK: Final = 256 * 1024  # bytes read at once; of a flood of 600 KB/s one look has all
FIRST_CHUNK: Final = 32 * 1024  # as long as nobody has said what it takes
LEAST_CHUNK: Final = 4 * 1024
SLOW_S: Final = 0.03  # of CPU for one chunk: a key pressed meanwhile is answered late
QUICK_S: Final = 0.01


class GrowingLog:
    """One log, from a position on."""

    def __init__(self, path: Path, position: int = 0) -> None:
        """Nothing is read yet.

        Args:
            path: it need not exist yet.
            position: bytes of it that are known.
        """
        self._path, self._position = path, position
        self._grown = 0  # bytes since the pause was asked for
        self._chunk = FIRST_CHUNK
        self.is_behind = False  # there may be more than the latest chunk

    def read(self) -> bytes:
        """The next bytes, at most a chunk; none where there are no more yet."""
        try:
            log = open_plain(self._path)
        except (FileNotFoundError, NotPlainError):
            return b""
        try:
            data = os.pread(log, self._chunk, self._position)
        finally:
            os.close(log)
        self._position += len(data)
        self._grown += len(data)
        self.is_behind = len(data) == self._chunk
        return data

    def took(self, cpu_s: float) -> None:
        """Make the next chunk as large as the time allows that it took to read the latest one."""
        if cpu_s > SLOW_S:
            self._chunk = max(LEAST_CHUNK, self._chunk // 2)
        elif cpu_s < QUICK_S and self.is_behind:
            self._chunk = min(CHUNK, self._chunk * 2)

    def pause_s(self) -> float:
        """Seconds until the next look, by what came since this was asked for the last time."""
        grown, self._grown = self._grown, 0
        return FLOOD_POLL_S if grown > FLOOD_BYTES else POLL_S
