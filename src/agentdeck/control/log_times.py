"""Where in a log file a time is: looked for by halving, so a file of any size is quick.

Rules: lines are in the order of their times. A line without a time has that of the next one that
has; where none is near, nothing is known of that part.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from agentdeck.agents.rendering import time_of
from agentdeck.control.log_pieces import line_start, pieces_after, size_of
from agentdeck.engine.plain_files import open_plain

NEAR_BYTES: Final = 2 * 1024 * 1024  # looked through for a line with a time


def offset_of_share(path: Path, share: float, until: int | None = None) -> int | None:
    """The start of the line at this share of the file, 0 to 1; None when there is no file."""
    try:
        fd = open_plain(path)
    except OSError:
        return None
    try:
        return line_start(fd, int(share * size_of(fd, until)))
    finally:
        os.close(fd)


def offset_of_time(path: Path, at: float, until: int | None = None) -> int | None:
    """The start of the first line that was written at this time or later.

    Args:
        path: the log.
        at: seconds since the epoch.
        until: where the file counts as ended, in bytes.

    Returns: the last line's where all are earlier; None when no line says its time.
    """
    try:
        fd = open_plain(path)
    except OSError:
        return None
    try:
        return _halved(fd, at, size_of(fd, until))
    finally:
        os.close(fd)


def _halved(fd: int, at: float, size: int) -> int | None:
    low, high, best = 0, size, None
    last = None
    while low < high:
        middle = line_start(fd, (low + high) // 2)
        found = _timed(fd, middle, size)
        if found is None:
            high = min(middle, high - 1)
            continue
        offset, end, time = found
        if time >= at:
            best, high = offset, min(middle, high - 1)
        else:
            last, low = offset, max(end, low + 1)
    return best if best is not None else last


def _timed(fd: int, offset: int, size: int) -> tuple[int, int, float] | None:
    """The first line from `offset` that has a time: where it begins and ends, and the time."""
    for lines in pieces_after(fd, offset, min(size, offset + NEAR_BYTES)):
        for line in lines:
            if (time := time_of(line.data)) is not None:
                return line.offset, line.end, time
    return None
