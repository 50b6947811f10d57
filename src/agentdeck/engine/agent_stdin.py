"""Speaks to an agent through the FIFO that its launcher holds open.

Rules:
- Nothing here blocks for longer than `WRITE_TIMEOUT_S`: an agent that does not read is an error.
- One writer at a time: messages above the pipe's atomic size would mix otherwise.
- The pipe is made large enough for what is written, where the system can do that: then all of it
  goes in at once, or nothing does, and half a line is never left behind by a crash.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import struct
import termios
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.core.errors import RefusedError
from agentdeck.engine.identity import send
from agentdeck.engine.processes import Child

MAX_MESSAGE_BYTES: Final = 1 << 20  # far above any prompt; a mistake is larger
WRITE_TIMEOUT_S: Final = 5.0  # a pipe holds 64 KiB and more, then the agent has to read
GET_PIPE_SIZE: Final = getattr(fcntl, "F_GETPIPE_SZ", None)  # Linux
SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)


class NotHeard(RefusedError):
    """A message did not reach the agent, or only in part."""

    def __init__(self, message: str, *, hint: str = "", done: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.done = done  # bytes that went through


def write_stdin(directory: Path, data: bytes) -> None:
    """Hand `data` to the agent of `directory`. Blocks a while if the pipe is full: use a thread.

    Raises:
        NotHeard: there is no FIFO, nobody reads it, or it stays full; the message says how many
            bytes went through.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise NotHeard(
            f"the message has {len(data)} bytes, more than {MAX_MESSAGE_BYTES}",
            hint="put the text into a file and name the file in the message",
        )
    try:
        fd = _open(directory)
    except FileNotFoundError as fault:
        raise NotHeard(
            f"the agent of {directory.name} was not started to be spoken to",
            hint="use an agent that can be steered, or take the session over",
        ) from fault
    except OSError as fault:
        if fault.errno != errno.ENXIO:
            raise
        raise NotHeard(
            f"the agent of {directory.name} no longer reads its input",
            hint="resume its session to say more",
        ) from fault
    try:
        _make_room(fd, len(data))
        _write_all(fd, data, directory.name)
    finally:
        os.close(fd)


def unread_bytes(directory: Path) -> int:
    """How much was written to the agent that it has not read yet; 0 also when it is gone."""
    try:
        fd = _open(directory)
    except OSError:
        return 0
    try:
        return _waiting(fd)
    finally:
        os.close(fd)


def close_stdin(child: Child) -> bool:
    """Tell the agent that no more input comes: it reads what is left, then the end.

    Returns:
        False if the launcher has ended, and with it the agent's input.
    """
    return send(child.launcher, signal.SIGUSR1)


def _open(directory: Path) -> int:
    return os.open(directory / "stdin", os.O_WRONLY | os.O_NONBLOCK)


def _waiting(fd: int) -> int:
    with suppress(OSError):
        found: int = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]
        return found
    return 0


def _make_room(fd: int, size: int) -> None:
    """Let the pipe hold `size` bytes more; where it cannot grow, it is written piece by piece."""
    if GET_PIPE_SIZE is None or SET_PIPE_SIZE is None:
        return
    with suppress(OSError):  # the person's share of pipe memory is used up
        wanted = _waiting(fd) + size
        if fcntl.fcntl(fd, GET_PIPE_SIZE) < wanted:
            fcntl.fcntl(fd, SET_PIPE_SIZE, wanted)


def _write_all(fd: int, data: bytes, name: str) -> None:
    deadline = time.monotonic() + WRITE_TIMEOUT_S
    done = 0
    while done < len(data):
        try:
            done += os.write(fd, data[done:])
        except BlockingIOError:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise NotHeard(
                    f"the agent of {name} read only {done} of {len(data)} bytes "
                    f"within {WRITE_TIMEOUT_S:g} s",
                    hint="stop it, or wait until it reads and send again",
                    done=done,
                ) from None
            select.select([], [fd], [], left_s)
        except BrokenPipeError as fault:
            raise NotHeard(
                f"the agent of {name} closed its input after {done} of {len(data)} bytes",
                hint="resume its session to say more",
                done=done,
            ) from fault
