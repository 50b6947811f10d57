"""Which process is meant: identities that survive the reuse of pids, and signals that keep to them.

Rules:
- A pid alone is never trusted. pid, start time and boot together name one process for all time.
- A zombie has ended.
- A process whose identity differs from the wanted one is never signalled. On Linux a pidfd makes
  this exact; elsewhere the identity is read right before the signal is sent.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from agentdeck.core.ids import ProcessIdentity

HAS_PROC: Final = Path("/proc/self/stat").exists()
STAT_BYTES: Final = 4096  # one line of /proc/<pid>/stat has at most about 1,200
ENVIRON_BYTES: Final = 65_536  # of an environment at once; most have a few thousand
MOST_PIECES: Final = 128  # of these: 8 MB, more than a system lets an environment have
ENDED_STATES: Final = frozenset("ZXx")


@cache
def boot_id() -> str:
    """What tells this boot of the machine from every other."""
    if HAS_PROC:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    import psutil

    return str(int(psutil.boot_time()))


def stat_fields(pid: int) -> list[bytes] | None:
    """/proc/<pid>/stat from field 3, the state, onwards; None if there is no such process."""
    content = proc_bytes(f"/proc/{pid}/stat", STAT_BYTES)
    return None if content is None else content.rpartition(b")")[2].split() or None


def proc_bytes(path: str, at_once: int = ENVIRON_BYTES) -> bytes | None:
    """A small file of /proc, or None: the process has ended, or is that of another user.

    A look at all processes reads hundreds of them: by `os` it takes a third of the time.
    """
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        pieces = [os.read(fd, at_once)]
        while len(pieces[-1]) == at_once and len(pieces) < MOST_PIECES:
            pieces.append(os.read(fd, at_once))
        return b"".join(pieces)
    except OSError:  # it ended between open and read
        return None
    finally:
        os.close(fd)


def identity_of(pid: int) -> ProcessIdentity | None:
    """The identity of a process that is alive, or None: no such process, or a zombie."""
    if HAS_PROC:
        fields = stat_fields(pid)
        if fields is None or fields[0].decode() in ENDED_STATES:
            return None
        return ProcessIdentity(pid, int(fields[19]), boot_id())
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return None
        return ProcessIdentity(pid, round(process.create_time() * 100), boot_id())
    except psutil.Error:
        return None


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether exactly this process exists and has not ended."""
    return identity_of(identity.pid) == identity


def send(identity: ProcessIdentity, number: signal.Signals) -> bool:
    """Send a signal to exactly this process.

    Returns:
        Whether it was sent; False if the process has ended or its pid belongs to another.

    Raises:
        PermissionError: the process changed its user and is out of reach.
    """
    with suppress(ProcessLookupError):
        if not hasattr(os, "pidfd_open"):
            if not is_alive(identity):
                return False
            os.kill(identity.pid, number)
            return True
        fd = os.pidfd_open(identity.pid)
        try:
            if not is_alive(identity):
                return False
            signal.pidfd_send_signal(fd, number)
            return True
        finally:
            os.close(fd)
    return False
