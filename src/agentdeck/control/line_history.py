"""The lines that a person has typed in the deck, kept for the next time.

Rules:
- They are the person's own: one file in the state folder that nobody else may read. A line that
  begins with a blank is not kept, as shells have it.
- The file is bounded and replaced as a whole. Decks beside each other keep each other's lines.
- What cannot be read or written costs the memory of lines, never a command.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import Final

from agentdeck.control.runs import runs_root
from agentdeck.control.sanitize import clean

FILE: Final = "command-history"
MAX_LINES: Final = 500  # kept; the oldest go
MAX_BYTES: Final = 1 << 20  # of a file that is read; ours is never longer than that
PRIVATE: Final = 0o600


class LineHistory:
    """Lines, the oldest first. `load` and `keep` read and write: call them in a thread."""

    def __init__(self, file: Path | None = None) -> None:
        """`file` is that of the user unless another one is named."""
        self.file = file or runs_root().parent / FILE
        self.lines: tuple[str, ...] = ()
        self.problem = ""  # why lines are not kept
        self._lock = threading.Lock()

    def load(self) -> None:
        """Read what earlier decks have kept."""
        with self._lock:
            self.lines = _with(self._read(), self.lines)

    def add(self, line: str) -> bool:
        """Remember a line in this deck; should it be kept?"""
        if not line.strip() or line[0].isspace():
            return False
        self.lines = _with(self.lines, (_one_line(line),))
        return True

    def keep(self, line: str) -> None:
        """Write a line behind those that are there by now."""
        with self._lock:
            lines = _with(self._read(), (_one_line(line),))
            try:
                self._write(lines)
            except OSError as error:
                self.problem = error.strerror or str(error)

    def _read(self) -> tuple[str, ...]:
        try:
            with self.file.open("rb") as file:
                found = file.read(MAX_BYTES)
        except OSError:
            return ()
        lines = found.decode("utf-8", "replace").splitlines()
        return tuple(_one_line(line) for line in lines[-MAX_LINES:] if line.strip())

    def _write(self, lines: tuple[str, ...]) -> None:
        self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(dir=self.file.parent, prefix=f".{FILE}-")
        try:
            with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
                os.fchmod(fd, PRIVATE)
                file.write("".join(f"{line}\n" for line in lines))
            Path(name).replace(self.file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _with(lines: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Lines and more of them; what was typed again stands once, where it was typed last."""
    found = dict.fromkeys(reversed((*lines, *more)))
    return tuple(reversed(list(found)[:MAX_LINES]))


def _one_line(line: str) -> str:
    return clean(" ".join(line.splitlines()).encode("utf-8", "replace")).strip()


__all__ = ["FILE", "MAX_LINES", "LineHistory"]
