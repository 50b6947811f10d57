"""A file of the person, written anew in one step, or not at all.

Rules: the new text is on the disk before it takes the old one's place; the file keeps its mode and
owner, and a link stays a link to the same file. Nothing is written over a change that somebody else
made since the file was read.
"""

from __future__ import annotations

import glob
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault

PART: Final = ".agentdeck-"  # in the name of a file that is about to take another's place
_READABLE: Final = 0o666  # before the umask, as any file that a person makes


class ChangedMeanwhile(EnvironmentFault):
    """Somebody else wrote the file between reading and replacing it."""


def replace_file(path: Path, before: bytes, after: bytes) -> None:
    """Put `after` in the place of a file that holds `before`.

    Raises:
        ChangedMeanwhile: it holds something else by now.
        EnvironmentFault: it cannot be written.
    """
    real = Path(os.path.realpath(path))
    try:
        _check(real, before)
        found = real.stat()
        if not os.access(real, os.W_OK):  # the folder alone would let it happen
            raise PermissionError(13, "it may only be read")
        _put(real, after, found, before)
    except OSError as error:
        raise EnvironmentFault(f"{path.name} cannot be written: {error.strerror}") from error


def write_file(path: Path, data: bytes) -> None:
    """Write the whole of a file, new or not, or nothing.

    Raises:
        EnvironmentFault: it cannot be written, or is a link that leads out of the repository: work
            of an agent that has landed may have put it there.
    """
    real = Path(os.path.realpath(path))
    home = _home_of(path)
    if path.is_symlink() and not real.is_relative_to(home):
        raise EnvironmentFault(
            f"{path} is a link that leads out of {home}", hint=f"name the file itself: {real}"
        )
    try:
        _put(real, data, real.stat() if real.exists() else None, None)
    except OSError as error:
        raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error


def _home_of(path: Path) -> Path:
    """The checkout that a path is in, or its folder."""
    folder = path.parent.resolve()
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def remove_parts(path: Path) -> None:
    """Remove what a killed process left of its attempts to replace a file."""
    for part in path.parent.glob(f".{glob.escape(path.name)}{PART}*"):
        with suppress(OSError):
            part.unlink()


def _check(real: Path, before: bytes) -> None:
    if real.read_bytes() != before:
        raise ChangedMeanwhile(
            f"{real.name} was changed by somebody else meanwhile", hint="do it again"
        )


def _put(real: Path, data: bytes, old: os.stat_result | None, before: bytes | None) -> None:
    fd, name = tempfile.mkstemp(prefix=f".{real.name}{PART}", dir=real.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):  # only root may give a file away
                    os.fchown(fd, old.st_uid, old.st_gid)
            os.fchmod(fd, _READABLE & ~_umask() if old is None else old.st_mode & 0o7777)
            file.flush()
            os.fsync(fd)
        if before is not None:
            _check(real, before)  # once more: the disk may have taken its time
        Path(name).replace(real)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
    folder = os.open(real.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
