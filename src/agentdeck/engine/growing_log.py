"""A log that somebody else writes, read in pieces while it grows.

Rules:
- A look reads at most one chunk, so that it never holds up the loop for long.
- A log that grows fast is looked at less often, and in larger pieces: each look has a price of its
  own, and nobody reads along that fast. What a log says is at most `FLOOD_POLL_S` late.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

POLL_S: Final = 0.1  # between two looks; 100 quiet agents cost under 1 % of a core
FLOOD_POLL_S: Final = 0.4  # the same for a log that grows fast; records come once a second
FLOOD_BYTES: Final = 4 * 1024  # since the last look; more than that grows fast
CHUNK: Final = 256 * 1024  # bytes read at once; of a flood of 600 KB/s one look has all


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

    def read(self) -> bytes:
        """The next bytes, at most `CHUNK`; none where there are no more yet."""
        try:
            log = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            data = os.pread(log, CHUNK, self._position)
        finally:
            os.close(log)
        self._position += len(data)
        self._grown += len(data)
        return data

    def pause_s(self) -> float:
        """Seconds until the next look, by what came since this was asked for the last time."""
        grown, self._grown = self._grown, 0
        return FLOOD_POLL_S if grown > FLOOD_BYTES else POLL_S
