"""One engine a run: an advisory lock on a file of the run's folder, held while the engine lives.

Rules:
- The kernel lets go of it when the last process that has it ends, or becomes another program.
- So an engine that is killed while it starts a child leaves it to that child for a moment, which is
  long on a busy machine. The lock of a dead engine is waited for, that of a living one never.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.identity import identity_of

HEIR_S: Final = 10.0  # for a child of a dead engine to become a program; idle cores take 1 ms
LOOK_S: Final = 0.005


class EngineLock:
    """A held lock. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            EnvironmentFault: another engine holds it, and the message names its pid; or what a
                dead one has started does, after `HEIR_S`; or the file cannot be written.
        """
        # Not inherited: agents outlive the engine and must not keep the run locked.
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EnvironmentFault(
                f"the run's lock {path} cannot be taken: {error.strerror}",
                hint="make the run's folder writable, or set XDG_STATE_HOME to one that is",
            ) from error
        try:
            self._take(path)
        except BaseException:
            os.close(self._fd)
            raise
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def _take(self, path: Path) -> None:
        deadline = time.monotonic() + HEIR_S
        while True:
            try:
                return fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(self._fd, 32, 0).decode(errors="replace").strip()
            if not holder.isdigit() or identity_of(int(holder)) is not None:
                raise EnvironmentFault(
                    f"an engine runs this run already (pid {holder or 'unknown'})",
                    hint="`agentdeck attach` opens it",
                )
            if time.monotonic() > deadline:
                raise EnvironmentFault(
                    f"the run is still locked for an engine that has died (pid {holder})",
                    hint=f"see who has it: fuser {path}",
                )
            time.sleep(LOOK_S)

    def release(self) -> None:
        """Let go of the lock."""
        os.close(self._fd)
