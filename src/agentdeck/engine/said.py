"""What was written to an agent's input, kept beside it, so that a new engine does not say it again.

Rules:
- `said` in the attempt's folder names the latest words, how many of their bytes went through, and
  whether the input was closed. It is on the disk before the first byte and after the last one.
- Words that were begun and not seen to end are said again: twice is better than never. The prompt
  is the exception, because what an agent does with it can be seen: it prints, or has it to read.
- After the input was closed nothing is written any more: who opened the pipe anew would speak to
  nobody.
- These functions block, for seconds at the worst: call them in a thread.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from agentdeck.engine.agent_stdin import NotHeard, unread_bytes, write_stdin
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.plain_files import read_plain

SEEN_S: Final = 10.0  # for an agent that has read its prompt to print something; 5 s were measured
LOOK_S: Final = 0.05
SAID_BYTES: Final = 4 * 1024  # of the file; it has about 100


class InputIsClosed(NotHeard):
    """The agent was told that nothing more comes."""


@dataclass(frozen=True, slots=True)
class _Said:
    """The content of the file."""

    id: str = ""
    size: int = 0  # bytes
    done: int = 0  # of them
    closed: bool = False


def say(folder: Path, word: str, data: bytes, *, seen: Callable[[], bool] | None = None) -> None:
    """Write `data` to the agent of `folder`, unless that was done before.

    Args:
        word: the id of what is said; it names the same bytes each time.
        seen: whether the agent shows that it has heard words whose end was not written down; it is
            asked for some seconds. None = they are said again.

    Raises:
        InputIsClosed: nothing is said to this agent any more.
        NotHeard: it did not go through; saying it again goes on where this stopped.
    """
    before = _read(folder)
    if before.closed:
        raise InputIsClosed(f"the input of the agent of {folder.name} is closed")
    begun = before.id == word and before.size == len(data)
    if begun and before.done == before.size:
        return
    start = before.done if begun else 0
    if begun and start == 0 and seen is not None and _shows(folder, seen):
        start = len(data)
    if not begun:
        _write(folder, _Said(word, len(data)))
        reached(Place.WORDS_NOTED)
    try:
        if start < len(data):
            write_stdin(folder, data[start:])
    except NotHeard as fault:
        if fault.done:
            _write(folder, _Said(word, len(data), start + fault.done))
        raise
    reached(Place.WORDS_SAID)
    _write(folder, _Said(word, len(data), len(data)))


def note_closed(folder: Path) -> None:
    """From now on nothing is said to the agent of `folder`."""
    _write(folder, replace(_read(folder), closed=True))


def _shows(folder: Path, seen: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + SEEN_S
    while True:
        if seen() or unread_bytes(folder):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_S)


def _read(folder: Path) -> _Said:
    with suppress(OSError, ValueError, TypeError, RecursionError):  # what is no such file
        return _said_of(json.loads(read_plain(folder / "said", SAID_BYTES)))
    return _Said()


def _said_of(found: dict[str, object]) -> _Said:
    """The content of a file, with its types checked. Raises TypeError or ValueError."""
    said = _Said(**found)  # type: ignore[arg-type] # looked at in the next line
    for name, value in asdict(said).items():
        if type(value) is not type(getattr(_Said(), name)):
            raise ValueError(f"{name} is {value!r}")
    return said


def _write(folder: Path, said: _Said) -> None:
    aside = folder / "said.tmp"
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, json.dumps(asdict(said)).encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    aside.rename(folder / "said")
