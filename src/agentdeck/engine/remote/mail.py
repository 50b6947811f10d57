"""Calls of tools on their way from an agent to an engine on another machine: files in a folder.

Rules:
- `KEY.call` is a call that has no answer yet, `KEY.answer` its answer. Each appears as a whole, by
  a rename. The engine asks for what is there, over the way that its other questions take; nobody
  listens anywhere.
- A call lies there until it is answered or taken back, whoever dies meanwhile: the engine, the
  worker, the line. An engine that finds one again carries it out again, which changes nothing.
- Agents can write what they like into this folder. Who reads it believes no name, no kind of file
  and no size.
- The standard library alone: this is sent to machines that have nothing else.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from agentdeck.core.errors import RefusedError
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import make_private, write_private

FOLDER: Final = "mail"  # below that of the tenancy
MAX_WAITING: Final = 16  # calls of one agent at once; it asks one thing after the other
MAX_CALL: Final = 2 * 1024 * 1024  # bytes: two texts of 64,000 characters in the longest escapes
MAX_ANSWER: Final = 2 * 1024 * 1024  # bytes, likewise
_LOOKED_AT: Final = 1_000  # names in the folder; an agent that leaves more is not heard
KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}\Z")


def post(folder: Path, key: str, data: bytes) -> None:
    """Lay a call down.

    Raises:
        RefusedError: it is too long, or too many are waiting.
    """
    if len(data) > MAX_CALL:
        raise RefusedError(f"the call has {len(data):,} bytes; at most {MAX_CALL:,} are taken")
    if len(waiting(folder)) >= MAX_WAITING:
        raise RefusedError(f"{MAX_WAITING} calls wait for an answer already")
    _lay(folder, key, "call", data)


def take_answer(folder: Path, key: str) -> bytes | None:
    """The answer to a call, once; None: there is none yet."""
    file = folder / f"{key}.answer"
    try:
        data = read_plain(file, MAX_ANSWER)
    except FileNotFoundError:
        return None
    file.unlink(missing_ok=True)
    return data


def take_back(folder: Path, key: str) -> None:
    """Nobody waits for this call any more."""
    for kind in ("call", "answer"):
        (folder / f"{key}.{kind}").unlink(missing_ok=True)


def waiting(folder: Path) -> list[str]:
    """The keys of calls that have no answer, at most `MAX_WAITING`, the oldest first."""
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in islice(entries, _LOOKED_AT):
            key, _, kind = entry.name.rpartition(".")
            if kind == "call" and KEY.match(key) and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    found.append((entry.stat(follow_symlinks=False).st_mtime_ns, key))
    return [key for _, key in sorted(found)[:MAX_WAITING]]


def read_call(folder: Path, key: str) -> bytes:
    """What is called. Raises OSError: it is not there any more, or is no plain file of its size."""
    return read_plain(folder / f"{key}.call", MAX_CALL)


def answer(folder: Path, key: str, data: bytes) -> None:
    """Lay the answer to a call down, if somebody still waits for it."""
    call = folder / f"{key}.call"
    if call.exists():
        _lay(folder, key, "answer", data)
        call.unlink(missing_ok=True)


def _lay(folder: Path, key: str, kind: str, data: bytes) -> None:
    make_private(folder)
    aside = folder / f"{key}.{kind}.part"
    write_private(aside, data)
    aside.rename(folder / f"{key}.{kind}")


__all__ = [
    "FOLDER",
    "KEY",
    "MAX_ANSWER",
    "MAX_CALL",
    "MAX_WAITING",
    "answer",
    "post",
    "read_call",
    "take_answer",
    "take_back",
    "waiting",
]
