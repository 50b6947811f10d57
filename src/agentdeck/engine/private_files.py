"""Folders and files for their owner alone, whatever the umask says.

Rules:
- A folder is 0700, a file 0600 from the moment it exists: nobody can open it in between.
- A folder that is there already is taken only if it is a real one and ours; if others may enter or
  write it, that is mended.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault

PRIVATE_DIR: Final = 0o700
PRIVATE: Final = 0o600
# Where even the temporary folder has a long path. A folder in it is checked to be ours alone.
SHORT_ROOT: Final = Path("/tmp")  # noqa: S108
STATE_HINT: Final = "set XDG_STATE_HOME to a folder of your own, that you can write to"


def make_private(folder: Path, *, linked: bool = True, hint: str = STATE_HINT) -> None:
    """Make a folder, and its parents, or see to it that the one that is there is private.

    Args:
        folder: what is wanted.
        linked: a link to one will do: a person may keep their state on another disk. Not where
            others can make links, as in /tmp.
        hint: the next step where it cannot be had.

    Raises:
        EnvironmentFault: it is somebody else's, is no folder, or cannot be made.
    """
    try:
        _make(folder)
        found = folder.lstat()
        if linked and stat.S_ISLNK(found.st_mode):
            found = folder.stat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise EnvironmentFault(
                f"the folder {folder} belongs to somebody else (user {found.st_uid})",
                hint=hint,
            )
        if stat.S_IMODE(found.st_mode) != PRIVATE_DIR:
            folder.chmod(PRIVATE_DIR)
    except OSError as error:
        raise EnvironmentFault(
            f"the folder {folder} cannot be made: {error.strerror}",
            hint=hint,
        ) from error


def _make(folder: Path) -> None:
    """`Path.mkdir` would give parents that are missing the usual mode."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE_DIR, exist_ok=True)


def open_private(path: str | Path, flags: int) -> int:
    """As `os.open`, for the `opener` of `open`: made for its owner alone; no link is followed."""
    return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)


def write_private(path: Path, data: bytes | str) -> None:
    """Write the whole of a file. One that was there keeps its mode, unless others could read it.

    Raises:
        OSError: it cannot be written.
    """
    with open(path, "wb", opener=open_private) as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != PRIVATE:
            os.fchmod(file.fileno(), PRIVATE)
        file.write(data.encode() if isinstance(data, str) else data)


__all__ = [
    "PRIVATE",
    "PRIVATE_DIR",
    "SHORT_ROOT",
    "make_private",
    "open_private",
    "write_private",
]
