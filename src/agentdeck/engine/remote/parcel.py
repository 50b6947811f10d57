"""Files that are in no commit, on their way to another machine: what `[worktree] copy` names.

Rules:
- It has a bound, in files and in bytes. Links go as links; what is neither file nor link stays.
- There everything is for its owner alone: 0600, or 0700 for what could be run.
- Nothing in the worktree is overwritten, and nothing outside of it is written.
- The standard library alone: this is sent to machines that have nothing else.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.furnishing import stays_inside
from agentdeck.engine.private_files import PRIVATE, PRIVATE_DIR, open_private

MAX_FILES: Final = 10_000
MAX_PARCEL: Final = 64 * 1024 * 1024  # bytes: settings, keys, a fixture; not dependencies
MIB: Final = 1024 * 1024


def pack(checkout: Path, names: Iterable[str], parcel: Path) -> bool:
    """Pack these files below a checkout. False: there are none. Blocking.

    Raises:
        EnvironmentFault: they are more than is sent.
    """
    found = [
        (checkout / name, name)
        for name in names
        if not name.endswith("/")
        and ((checkout / name).is_symlink() or (checkout / name).is_file())
    ]
    size = sum(file.lstat().st_size for file, _ in found)
    if len(found) > MAX_FILES or size > MAX_PARCEL:
        raise EnvironmentFault(
            f"[worktree] copy and .worktreeinclude name {len(found):,} files with "
            f"{size // MIB} MiB; at most {MAX_FILES:,} with {MAX_PARCEL // MIB} are sent to "
            "another machine",
            hint="name less, or have `setup` fetch it there",
        )
    if not found:
        return False
    with (
        open(parcel, "wb", opener=open_private) as opened,
        tarfile.open(fileobj=opened, mode="w", format=tarfile.PAX_FORMAT) as packed,
    ):
        for file, name in found:
            packed.add(file, arcname=name, recursive=False)
    return True


def unpack(parcel: Path, tree: Path) -> list[str]:
    """Put what was packed into a worktree; the names of what is there now."""
    done = []
    with tarfile.open(parcel, mode="r:") as packed:
        for member in packed:
            name = PurePosixPath(member.name)
            goal = tree / name
            if name.is_absolute() or ".." in name.parts or os.path.lexists(goal):
                continue
            if not (member.isreg() or member.issym()) or not stays_inside(tree, goal):
                continue
            goal.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            if member.issym():
                goal.symlink_to(member.linkname)
            else:
                _write(packed, member, goal)
            done.append(str(name))
    return done


def _write(packed: tarfile.TarFile, member: tarfile.TarInfo, goal: Path) -> None:
    mode = PRIVATE_DIR if member.mode & 0o100 else PRIVATE
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    source = packed.extractfile(member)
    assert source is not None
    with source, os.fdopen(os.open(goal, flags, mode), "wb") as written:
        shutil.copyfileobj(source, written)


__all__ = ["MAX_PARCEL", "pack", "unpack"]
