"""One engine a run: an advisory lock on a file of the run's folder, held while the engine lives."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from agentdeck.core.errors import EnvironmentFault


class EngineLock:
    """A held lock. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            EnvironmentFault: another engine holds it, and the message names its pid; or the file
                cannot be written.
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
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise EnvironmentFault(
                f"an engine runs this run already (pid {holder})",
                hint="`agentdeck attach` opens it",
            ) from error
        os.ftruncate(self._fd, 0)
        os.write(self._fd, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go of the lock."""
        os.close(self._fd)
