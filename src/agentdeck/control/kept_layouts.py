"""The layout of a deck as it was left, one small file for each repository, in the state folder.

Rules:
- A file is put in place whole, and is its owner's alone. Two decks over one repository do not know
  of each other: who writes last wins, and nothing else can come of it.
- At most `MAX_LAYOUTS` are kept; those that were not written for the longest go first.
- What stands in a file is for whoever draws; here it is bytes.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.folders import state_root
from agentdeck.engine.private_files import PRIVATE_DIR

MAX_LAYOUTS: Final = 200  # repositories; a file has under 1 KiB
MAX_BYTES: Final = 64 * 1024  # of one that is read; more is none of ours
SUFFIX: Final = ".json"


def layout_file(repo: str) -> Path:
    """Where the layout of a repository is, by its common git directory."""
    digest = hashlib.sha256(os.fsencode(repo)).hexdigest()[:20]
    return state_root() / "layouts" / f"{digest}{SUFFIX}"


def read_layout(repo: str) -> bytes | None:
    """What was kept, or None.

    Raises:
        EnvironmentFault: it cannot be read.
    """
    path = layout_file(repo)
    try:
        with path.open("rb") as file:
            found = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be read: {error.strerror}") from error
    if len(found) > MAX_BYTES:
        raise EnvironmentFault(f"{path} has more than {MAX_BYTES // 1024} KiB")
    return found


def write_layout(repo: str, data: bytes) -> None:
    """Keep a layout.

    Raises:
        EnvironmentFault: it cannot be written.
    """
    path = layout_file(repo)
    try:
        path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        fd, part = tempfile.mkstemp(dir=path.parent)  # 0600
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(data)
            Path(part).replace(path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
        _forget_old(path.parent)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error


def _forget_old(folder: Path) -> None:
    # With the parts that a killed deck left: they are older than any that is being written.
    files = list(folder.iterdir())
    if len(files) <= MAX_LAYOUTS:
        return
    with suppress(OSError):  # another deck forgets the same ones
        by_age = sorted(files, key=lambda path: path.stat().st_mtime)
        for path in by_age[: len(files) - MAX_LAYOUTS]:
            path.unlink(missing_ok=True)


__all__ = ["MAX_LAYOUTS", "layout_file", "read_layout", "write_layout"]
