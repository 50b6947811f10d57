"""Work of a command on another core: in a copy of this process, made by `fork`.

Rules:
- The copy has everything that was read already, so nothing is sent to it; the result comes back
  through a pipe, as it is (`pickle` between two halves of one process).
- Where there is no second core, or no `fork`, or the copy fails, the work is done here: the result
  is the same, later.
- For a command that has no other thread, and before it has printed anything.
"""

from __future__ import annotations

import gc
import os
import pickle
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


def on_another_core(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work`; what is returned waits for its result."""
    if _cores() < 2 or not hasattr(os, "fork") or threading.active_count() > 1:
        return work
    gc.freeze()  # what is there is not touched in either half, so its memory stays shared
    receiving, sending = os.pipe()
    try:
        copy = os.fork()
    except OSError:  # no room for another process
        os.close(receiving)
        os.close(sending)
        return work
    if copy == 0:
        _work_in_copy(work, receiving, sending)
    os.close(sending)
    return lambda: _fetched(copy, receiving, work)


def _cores() -> int:
    with suppress(AttributeError):  # Linux: those that this process may use
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _work_in_copy(work: Callable[[], object], receiving: int, sending: int) -> None:
    """Never returns: nothing of the command may happen twice."""
    code = 1
    try:
        os.close(receiving)
        gc.disable()  # it ends soon
        with os.fdopen(sending, "wb") as pipe:
            pickle.dump(work(), pipe, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)


def _fetched(copy: int, receiving: int, work: Callable[[], T]) -> T:
    with os.fdopen(receiving, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(copy, 0)
    if status == 0:
        found: T = pickle.loads(data)  # noqa: S301 - written by the copy of this very process
        return found
    return work()


__all__ = ["on_another_core"]
