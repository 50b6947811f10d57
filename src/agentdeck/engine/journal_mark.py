"""The mark beside a journal: how far it has been acknowledged, told outside of the database.

Rules:
- SQLite takes the first frame of its log that does not check for the end of it: a byte that flips
  there takes acknowledged events away without a word. The mark is what gives them away.
- It is written behind each durable commit and not synced: it may be older than the journal, but
  never ahead of what was on the disk.
- One line of fixed length, overwritten in place, so that a full disk cannot stop it. One that
  cannot be read says nothing: it guards the journal, and must not stand in its way.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FIELDS: Final = 4  # format, number, link, checksum
MAX_BYTES: Final = 200  # of the file; a line has about 60


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a journal has been acknowledged."""

    format: int  # of the table
    seq: int  # the number of the last acknowledged event
    link: bytes  # of that event


def mark_file(journal: Path) -> Path:
    """Where the mark of a journal stands."""
    return journal.with_suffix(".mark")


def read_mark(journal: Path) -> Mark | None:
    """The mark of a journal; None where there is none, or none that can be read."""
    try:
        with mark_file(journal).open("rb") as file:
            line = file.read(MAX_BYTES).decode("ascii")
        words, checksum = line.rstrip("\n").rsplit(" ", 1)
        if int(checksum, 16) != zlib.crc32(words.encode()):
            return None
        number, seq, link = words.split(" ")
        return Mark(int(number), int(seq), bytes.fromhex(link))
    except (OSError, ValueError):
        return None


class MarkWriter:
    """Writes the mark of one journal."""

    def __init__(self, journal: Path) -> None:
        """Opens the file when it is first written."""
        self._file = mark_file(journal)
        self._fd: int | None = None

    def write(self, mark: Mark) -> None:
        """Note how far the journal is acknowledged. Never fails: events are safe without it."""
        words = f"{mark.format} {mark.seq:020} {mark.link.hex()}"
        line = f"{words} {zlib.crc32(words.encode()):08x}\n".encode()
        with suppress(OSError):
            if self._fd is None:
                self._fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.pwrite(self._fd, line, 0)

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
