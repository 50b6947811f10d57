"""The file with the checkpoint of a run: how it is written, and whether what is read counts.

Rules:
- It is a cache, and `core.checkpoint` says when one counts. No engine ever reads one: it folds the
  journal, so that a fault in here can never become a fact of a run.
- One file, replaced as a whole. What is left of a write that was killed is written over.
- Nothing waits for the disk: after a power cut the file may be torn, and then it does not count.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Final

from agentdeck import __version__, core
from agentdeck.core.checkpoint import Origin, opened, sealed, unpacked
from agentdeck.core.state import RunState
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal, JournalError

ROOM: Final = 64 * 1024 * 1024  # bytes free on the disk, below which all of it is the journal's
PRIVATE: Final = 0o600


@cache
def code_mark() -> str:
    """Which code folds in this process: its version, and a digest of the source of the core."""
    found = hashlib.blake2b(digest_size=16)
    for file in sorted(Path(core.__file__).parent.glob("*.py")):
        found.update(b"%s\0%s\0" % (file.name.encode(), file.read_bytes()))
    return f"{__version__} {found.hexdigest()}"


def write(folder: RunFolder, code: str, seq: int, state: bytes) -> None:
    """Put a checkpoint in the place of the one before. For the engine that has the run.

    Args:
        folder: of the run.
        code: what has folded it.
        seq: the latest event in it; the journal holds that already.
        state: what `core.checkpoint.packed` has made.

    Raises:
        OSError: it cannot be written, or the disk is nearly full.
        JournalError: the journal cannot be read, or has no such event.
    """
    file = folder.checkpoint
    aside = file.with_suffix(".new")
    if shutil.disk_usage(folder.path).free < ROOM + len(state):
        raise OSError("the disk is nearly full")
    data = sealed(_origin(folder, code, seq), state)
    try:
        aside.unlink(missing_ok=True)
        with open(aside, "xb", opener=_private) as out:
            out.write(data)
        aside.replace(file)
    except OSError:
        aside.unlink(missing_ok=True)
        raise


def latest(folder: RunFolder, journal: Journal, *, until: int | None = None) -> RunState | None:
    """The state in the run's checkpoint; None where there is none that counts.

    Args:
        folder: of the run.
        journal: of the run, open.
        until: the number of an event; a checkpoint that knows later ones is of no use.

    Raises:
        JournalError: the journal cannot be read.
    """
    try:
        found = opened(folder.checkpoint.read_bytes())
    except OSError:
        return None
    if found is None:
        return None
    origin = found.origin
    if (origin.code, origin.run) != (code_mark(), folder.run):
        return None
    if until is not None and origin.seq > until:
        return None
    if (journal.mark(1), journal.mark(origin.seq)) != (origin.first, origin.last):
        return None
    try:
        state = unpacked(found.state)
    except UNREADABLE:
        return None
    return state if state.seq == origin.seq else None


def _origin(folder: RunFolder, code: str, seq: int) -> Origin:
    journal = Journal(folder.journal)
    try:
        first, last = journal.mark(1), journal.mark(seq)
    finally:
        journal.close()
    if first is None or last is None:
        raise JournalError(f"the journal {folder.journal} has no event {seq}")
    return Origin(code, folder.run, seq, first, last)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
