"""A log file in pieces, from any line onwards or backwards: for whoever looks through all of it.

Rules: memory is bounded by a piece and one line, whatever the file. Only whole lines are told; of
a huge one the start is kept, as in `logtail`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from agentdeck.control.logtail import LINE_BYTES, LogLine

PIECE_BYTES: Final = 256 * 1024  # read at once; a few milliseconds of work


def size_of(fd: int, until: int | None = None) -> int:
    """How long the file is now, in bytes; at most `until`."""
    size = os.fstat(fd).st_size
    return size if until is None else min(size, until)


def line_start(fd: int, offset: int) -> int:
    """Where the line begins that has the byte at `offset`, or that begins there."""
    at = offset
    while at > 0:
        low = max(0, at - PIECE_BYTES)
        newline = os.pread(fd, at - low, low).rfind(b"\n")
        if newline >= 0:
            return low + newline + 1
        at = low
    return 0


def pieces_after(fd: int, offset: int, until: int) -> Iterator[list[LogLine]]:
    """All whole lines from `offset`, the start of a line, to `until`; in order."""
    start = at = offset  # of the line at hand; what was read
    head = b""  # of that line, as much as is kept
    while at < until:
        block = os.pread(fd, min(PIECE_BYTES, until - at), at)
        if not block:
            return
        *whole, rest = block.split(b"\n")
        lines: list[LogLine] = []
        for part in whole:
            at += len(part) + 1
            data = head + part if head else part
            lines.append(LogLine(start, at, data[:LINE_BYTES]))
            head, start = b"", at
        at += len(rest)
        head = (head + rest)[:LINE_BYTES]
        yield lines


def piece_before(fd: int, end: int) -> list[LogLine]:
    """The whole lines of one piece before `end`, the start of a line; in order, at least one."""
    if end <= 0:
        return []
    low = max(0, end - PIECE_BYTES)
    start = low
    if low:
        newline = os.pread(fd, end - 1 - low, low).find(b"\n")
        start = low + newline + 1 if newline >= 0 else line_start(fd, low)
    return [line for piece in pieces_after(fd, start, end) for line in piece]
