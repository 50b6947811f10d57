"""How much memory there is for the processes of a run, and how much of it is in use.

A container sees the memory of its whole machine, and is killed at the limit of its control group.

Rules:
- Whatever is the shortest counts: the machine, or a control group that this process is in, its own
  or one above it. Both versions of control groups are understood; where there are none, or none of
  them has a limit, it is the machine.
- What a group uses counts without the file pages that the kernel drops first when memory is short:
  so it does in what kernels and container managers call the working set.
- A file that is not there, or has no number in it, says nothing. At most `MAX_FILE` bytes of each
  are read, and at most `MAX_GROUPS` groups are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

MAX_FILE: Final = 64 * 1024  # bytes; `memory.stat` has two thousand, `/proc/self/cgroup` one
MAX_GROUPS: Final = 32  # one below the other; container managers make about six
OWN_GROUPS: Final = Path("/proc/self/cgroup")
MOUNTED: Final = Path("/sys/fs/cgroup")


class Room(NamedTuple):
    """Memory, in bytes."""

    whole: int
    used: int  # that nobody else could have

    @property
    def share(self) -> float:
        """How much of it is in use, 0 to 1."""
        return min(1.0, self.used / self.whole)


class _Files(NamedTuple):
    """What one version calls its files, and a field of the last of them."""

    limit: str
    usage: str
    droppable: str
    stat: str = "memory.stat"


_V2: Final = _Files("memory.max", "memory.current", "inactive_file")
_V1: Final = _Files("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def room() -> Room:
    """The memory as it is now. Less than a millisecond."""
    import psutil

    memory = psutil.virtual_memory()
    machine = Room(memory.total, memory.total - memory.available)
    return max([machine, *limits(memory.total)], key=lambda one: one.share)


def limits(machine: int, own: Path = OWN_GROUPS, mounted: Path = MOUNTED) -> Iterator[Room]:
    """The control groups around this process that have a limit.

    Args:
        machine: bytes of the whole machine; a limit that is not below it is none.
        own: the file that says in which groups a process is.
        mounted: where the control groups of the machine can be seen.
    """
    for line in (_text(own) or "").splitlines()[:MAX_GROUPS]:
        number, *rest = line.split(":", 2)
        if not number.isdigit() or len(rest) != 2:
            continue
        controllers, path = rest
        if not controllers:
            found, files = mounted, _V2
            if not (mounted / "cgroup.controllers").exists():
                found = mounted / "unified"  # beside those of version 1
        elif "memory" in controllers.split(","):
            found, files = mounted / "memory", _V1
        else:
            continue
        for group in _groups(found, path):
            limited = _limited(group, files, machine)
            if limited is not None:
                yield limited


def _groups(top: Path, path: str) -> Iterator[Path]:
    """A group and those above it. In a container its own is often mounted at the top."""
    parts = [part for part in path.split("/") if part][:MAX_GROUPS]
    if ".." in parts:  # outside of what this process may see
        parts = []
    for count in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:count])


def _limited(group: Path, files: _Files, machine: int) -> Room | None:
    limit, usage = _number(group / files.limit), _number(group / files.usage)
    if limit is None or usage is None or not 0 < limit < machine:
        return None
    fields = (line.split() for line in (_text(group / files.stat) or "").splitlines())
    dropped = next((f[1] for f in fields if len(f) == 2 and f[0] == files.droppable), "")
    droppable = int(dropped) if dropped.isascii() and dropped.isdigit() else 0
    return Room(limit, max(0, usage - droppable))


def _number(path: Path) -> int | None:
    """A file that has one number; None where it says `max`, or nothing."""
    said = (_text(path) or "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None


def _text(path: Path) -> str | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return None
    try:
        return os.read(fd, MAX_FILE).decode("ascii", "replace")
    except OSError:
        return None
    finally:
        os.close(fd)


__all__ = ["Room", "limits", "room"]
