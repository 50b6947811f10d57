"""Signals, and waiting that no signal can be too early for.

Rules:
- The module `signal` itself would import enumerations, which takes as long as half the start.
- Nothing waits in a plain `sleep` or `read`: a signal that comes between the last check and the
  system call would be heard only after it. The C handler writes into a pipe, and each wait looks
  at that too.
"""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from types import FrameType
else:
    import _signal as signal

__all__ = ["listen", "ready", "signal"]

_wake: list[int] = []  # the end of the pipe, once there is one


def listen(stop: Callable[[int, FrameType | None], None]) -> None:
    """Have SIGINT and SIGTERM handled, wherever the program is waiting."""
    end, start = os.pipe()
    for fd in (end, start):
        os.set_blocking(fd, False)
    _wake[:] = [end]
    signal.set_wakeup_fd(start, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def ready(wait_s: float | None, *fds: int) -> bool:
    """Wait until one of the files has something to read.

    Args:
        wait_s: seconds; None = for ever.
        fds: none of them = only wait.

    Returns:
        False when the time was over first, or a signal came that was not the end.
    """
    found = select.select([*fds, *_wake], [], [], wait_s)[0]
    if _wake and _wake[0] in found:
        os.read(_wake[0], 64)
    return any(fd in found for fd in fds)
