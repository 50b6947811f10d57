"""A log file in pieces, from any line onwards or backwards: for whoever looks through all of it.

Rules: memory is bounded by a piece and one line, whatever the file. Only whole lines are told; of
a huge one the start is kept, as in `logtail`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
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


def pieces_after(
    fd: int, offset: int, until: int, skip: Callable[[bytes], bool] = lambda _: False
) -> Iterator[list[LogLine]]:
    """All whole lines from `offset`, the start of a line, to `until`; in order.

    Lines that `skip` is sure of, as they stand one after the other, are left out.
    """
    start = at = offset  # of the line at hand; what was read
    head = b""  # of that line, as much as is kept
    while at < until:
        block = os.pread(fd, min(PIECE_BYTES, until - at), at)
        if not block:
            return
        cut = block.rfind(b"\n") + 1
        lines: list[LogLine] = []
        if cut and not skip(head + block[:cut]):
            end = at
            for part in block[: cut - 1].split(b"\n"):
                end += len(part) + 1
                lines.append(LogLine(start, end, (head + part if head else part)[:LINE_BYTES]))
                head, start = b"", end
        if cut:
            head, start = b"", at + cut
        head = (head + block[cut:])[:LINE_BYTES]
        at += len(block)
        yield lines


def start_before(fd: int, end: int) -> int:
    """Where the lines of one piece before `end`, the start of a line, begin; at least one line."""
    low = max(0, end - PIECE_BYTES)
    if low == 0:
        return 0
    newline = os.pread(fd, end - 1 - low, low).find(b"\n")
    return low + newline + 1 if newline >= 0 else line_start(fd, low)
