"""Reading a file that somebody else may have put something else in place of.

Rules:
- Only a plain file is read: no link is followed, and a pipe, a device or a socket of that name is
  refused at once and never waited for.
- What is read whole has a bound, whatever the file's size is said to be.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

CHUNK: Final = 1024 * 1024  # bytes copied at once


class NotPlainError(OSError):
    """There is something of that name, and it is no plain file."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "is no plain file", str(path))


def open_plain(path: Path) -> int:
    """A descriptor to read from; the caller closes it.

    Raises:
        NotPlainError: a link, a folder, a pipe, a device or a socket.
        OSError: it is not there, or cannot be opened.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        fd = os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise NotPlainError(path) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotPlainError(path)
    return fd


def read_plain(path: Path, most: int) -> bytes:
    """The whole of a file of at most `most` bytes.

    Raises:
        OSError: as `open_plain`, or it has more bytes.
    """
    with os.fdopen(open_plain(path), "rb") as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise OSError(errno.EFBIG, f"has more than {most:,} bytes", str(path))
    return found


def copy_plain(source: Path, goal: Path, most: int) -> None:
    """Copy a file of at most `most` bytes, with its times, to a path where nothing is.

    Raises:
        OSError: as `read_plain`, or the goal cannot be written.
    """
    with os.fdopen(open_plain(source), "rb") as old, goal.open("xb") as new:
        left = most
        while chunk := old.read(min(CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise OSError(errno.EFBIG, f"has more than {most:,} bytes", str(source))
            new.write(chunk)
        found = os.fstat(old.fileno())
    os.utime(goal, ns=(found.st_atime_ns, found.st_mtime_ns))


__all__ = ["NotPlainError", "copy_plain", "open_plain", "read_plain"]
