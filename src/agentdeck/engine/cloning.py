"""Clones files and folders: in no time where the file system can share their blocks, else by copy.

Rules: a clone is its own from the first moment, what is written into it is seen nowhere else. Links
stay links. What cannot be read, or is no file (a socket, a pipe), is left out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

FICLONE: Final = 0x40049409  # <linux/fs.h>: make one file share all blocks of another


def clone(source: Path, goal: Path) -> None:
    """Clone a file or a folder to a path that does not exist yet. Blocking: may take minutes.

    Raises:
        OSError: the goal cannot be written.
    """
    goal.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        with suppress(shutil.Error):  # of the files that it could not read; the others are there
            shutil.copytree(source, goal, symlinks=True, copy_function=_clone_file)
    else:
        _clone_file(str(source), str(goal))


def _clone_file(source: str, goal: str) -> None:
    if not os.path.isfile(source):  # noqa: PTH113 - copytree speaks in strings
        return
    if not _shares_blocks(source, goal):
        shutil.copyfile(source, goal)
    shutil.copystat(source, goal)


def _shares_blocks(source: str, goal: str) -> bool:
    if sys.platform != "linux":
        return False
    with open(source, "rb") as old, open(goal, "wb") as new:  # noqa: PTH123 - likewise
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
        except OSError:
            return False
    return True
