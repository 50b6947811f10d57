"""The places where two commits do not merge, for who repairs it.

Rules:
- They come from the tree that `merge-tree` leaves of a conflict: files with git's markers in them.
- Only the conflicts of a file are kept, each with a few lines around it; a file without markers
  (one side has deleted it, it is binary) is told in git's own words.
- Everything has a bound: it is journalled and becomes a part of a prompt.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.core.events import Hunks
from agentdeck.engine.git import Git
from agentdeck.engine.landing import Conflict

MAX_FILES: Final = 6  # whose conflicts are shown; the others are named
FILE_CHARS: Final = 2_000  # of the conflicts of one file: about fifty lines
AROUND: Final = 3  # lines before and after a conflict, as in a diff
MAX_BLOB_BYTES: Final = 1 << 20  # of a file that is looked into; hand-written ones are smaller
CUT: Final = "… (more of it was left out)"

_BEGIN, _END = "<<<<<<< ", ">>>>>>> "


def hunks_of(git: Git, conflict: Conflict) -> tuple[Hunks, ...]:
    """What does not merge, of the first files."""
    return tuple(_of_file(git, conflict, path) for path in conflict.files[:MAX_FILES])


def _of_file(git: Git, conflict: Conflict, path: str) -> Hunks:
    text = "\n".join(_hunks(_lines(git, f"{conflict.tree}:{path}")))
    if not text:
        text = next((said for said in conflict.messages if path in said), "it does not merge")
    if len(text) > FILE_CHARS:
        text = f"{text[:FILE_CHARS].rpartition(chr(10))[0] or text[:FILE_CHARS]}\n{CUT}"
    return Hunks(_clean(path), _clean(text))


def _lines(git: Git, blob: str) -> list[str]:
    size = git.run("cat-file", "-s", blob, check=False).text
    if not size.isdigit() or int(size) > MAX_BLOB_BYTES:
        return []
    found = git.run("cat-file", "blob", blob, check=False).out
    return [] if b"\0" in found else found.decode("utf-8", "replace").splitlines()


def _hunks(lines: Sequence[str]) -> Iterator[str]:
    """The conflicts, each with the lines around it; `@@` and a line number stand before each."""
    shown = 0
    begin = None
    for at, line in enumerate(lines):
        if line.startswith(_BEGIN) and begin is None:
            begin = at
        elif line.startswith(_END) and begin is not None:
            start = max(shown, begin - AROUND)
            if start > shown or not shown:
                yield f"@@ line {start + 1}"
            shown = min(len(lines), at + 1 + AROUND)
            yield from lines[start:shown]
            begin = None


def _clean(text: str) -> str:
    """Bytes that are no UTF-8 become `?`: the journal takes none."""
    return os.fsencode(text).decode("utf-8", "replace")


__all__ = ["hunks_of"]
