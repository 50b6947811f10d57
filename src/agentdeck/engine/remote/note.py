"""Where an attempt works, noted in its folder on this machine before anything is sent there.

Rules: the note is on the disk before the worker is asked to begin. An engine that finds one asks
that worker and no other: so an attempt is never begun on two machines.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import PRIVATE, make_private

NAME: Final = "worker.json"
WORK: Final = "work.json"
NOTE_BYTES: Final = 64 * 1024  # of either file; they have some hundred


@dataclass(frozen=True, slots=True)
class Note:
    """On which worker of which host an attempt was begun."""

    host: str
    worker: str
    tree: str  # the worktree there


@dataclass(frozen=True, slots=True)
class Work:
    """What was taken there and is here now, with its commits in `work.bundle`."""

    head: str = ""
    left: int = 0
    size: int = 0  # of the bundle; 0 = there is none, nothing was committed
    lack: str = ""


def read_note(folder: Path) -> Note | None:
    """Where an attempt was begun, if it was."""
    with suppress(OSError, ValueError, TypeError):
        found = json.loads(read_plain(folder / NAME, NOTE_BYTES))
        return Note(str(found["host"]), str(found["worker"]), str(found["tree"]))
    return None


def write_note(folder: Path, note: Note) -> None:
    """Note it, durably."""
    make_private(folder)
    write_durably(folder / NAME, json.dumps(asdict(note)).encode())


def read_work(folder: Path) -> Work | None:
    """What came home of an attempt, if it has."""
    with suppress(OSError, ValueError, TypeError):
        found = json.loads(read_plain(folder / WORK, NOTE_BYTES))
        return Work(str(found["head"]), int(found["left"]), int(found["size"]), str(found["lack"]))
    return None


def write_work(folder: Path, work: Work) -> None:
    """Note that it is here."""
    write_durably(folder / WORK, json.dumps(asdict(work)).encode())


def write_durably(path: Path, data: bytes) -> None:
    """The file is there as a whole after this, even if power fails."""
    aside = path.with_name(f"{path.name}.tmp")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    try:
        os.write(fd, data)
        os.fsync(fd)
    finally:
        os.close(fd)
    aside.rename(path)


def append_private(path: Path, data: bytes) -> None:
    """Add to a file that others here must not read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(path, flags, PRIVATE)
    try:
        os.write(fd, data)
    finally:
        os.close(fd)


__all__ = [
    "Note",
    "Work",
    "append_private",
    "read_note",
    "read_work",
    "write_durably",
    "write_note",
    "write_work",
]
