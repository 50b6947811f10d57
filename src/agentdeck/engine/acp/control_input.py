"""Reads control lines from standard input, in a thread of its own.

Rules:
- A thread and not the event loop: standard input may be a FIFO, a pipe, /dev/null or a file, and
  the loop can wait for some of them only.
- A piece is read when the one before it has been taken in, so a flood stays in the pipe.
- The end of the input says `End`, once.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import Final

from agentdeck.engine.acp.control_lines import (
    MAX_LINE_BYTES,
    Control,
    End,
    Mistake,
    read_control,
)
from agentdeck.engine.acp.lines import LineSplitter

CHUNK: Final = 64 * 1024  # bytes: what a pipe holds


def listen(fd: int, hear: Callable[[list[Control]], None]) -> None:
    """Call `hear` in the running loop for what is said on `fd`, until its end or ours."""
    loop = asyncio.get_running_loop()
    thread = threading.Thread(target=_read, args=(fd, loop, hear), daemon=True, name="control")
    thread.start()


def heard(splitter: LineSplitter, data: bytes) -> list[Control]:
    """What a piece of input says; empty = the end of it."""
    before = splitter.cut
    lines = splitter.feed(data) if data else splitter.finish()
    said = [control for line in lines if (control := read_control(line)) is not None]
    if splitter.cut > before:
        said.append(Mistake(f"a line above {MAX_LINE_BYTES} bytes was cut"))
    return said if data else [*said, End()]


def _read(fd: int, loop: asyncio.AbstractEventLoop, hear: Callable[[list[Control]], None]) -> None:
    splitter = LineSplitter(MAX_LINE_BYTES)
    data = b"\n"
    while data:
        try:
            data = os.read(fd, CHUNK)
        except OSError:  # it was closed, or never open
            data = b""
        taken = threading.Event()
        said = heard(splitter, data)
        try:
            loop.call_soon_threadsafe(_take, said, hear, taken)
        except RuntimeError:  # the loop has ended
            return
        taken.wait()


def _take(
    said: list[Control], hear: Callable[[list[Control]], None], taken: threading.Event
) -> None:
    try:
        hear(said)
    finally:
        taken.set()
