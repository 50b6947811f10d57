"""The end of a log file that somebody else is writing, and any part before it.

Rules:
- A file of any size opens at once: only its last block is read.
- One poll costs one `fstat` and at most one read. Whoever writes faster than that is not followed
  line by line: the tail jumps ahead and says how much it left out.
- A line counts when its newline is there. No line is too long: of a huge one the start is kept.
- Nothing here raises for a file that is missing, cut, replaced or unreadable: it may come back.
"""

from __future__ import annotations

import os
from collections import deque
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from agentdeck.engine.plain_files import NotPlainError, open_plain

READ_BYTES: Final = 64 * 1024  # one poll; at 15 polls a second about 1 MB/s, ten busy agents' worth
LAG_BYTES: Final = 256 * 1024  # further behind than this: jump; a long line still fits in
RING_LINES: Final = 2000  # lines kept; more than any screen, and scrolling back reads the file
RING_BYTES: Final = 8 * 1024 * 1024  # lines kept, should they be long
LINE_BYTES: Final = 256 * 1024  # kept of one line; long enough for an agent's stream message
BLOCK_BYTES: Final = 64 * 1024  # one read when looking for lines elsewhere in the file


class LogLine(NamedTuple):
    """One line, without its newline."""

    offset: int  # bytes from the start of the file
    end: int  # where the next line starts
    data: bytes  # at most `LINE_BYTES`


def open_log(path: Path) -> BinaryIO:
    """A log, to be read from its start. Raises FileNotFoundError where there is no plain file."""
    try:
        return os.fdopen(open_plain(path), "rb")
    except NotPlainError as error:
        raise FileNotFoundError(error.errno, error.strerror, str(path)) from error


class LogTail:
    """Follows one file. `lines` are the newest lines, oldest first."""

    def __init__(self, path: str | os.PathLike[str], *, until: int | None = None) -> None:
        """Nothing is read yet. `until` is where the file counts as ended, in bytes."""
        self.path = Path(path)
        self.until = until
        self.lines: deque[LogLine] = deque(maxlen=RING_LINES)
        self.total = 0  # lines ever added to `lines`
        self.skipped_bytes = 0  # left out by jumping ahead
        self._kept_bytes = 0
        self._fd: int | None = None
        self._offset = 0  # up to where the file was read
        self._partial = bytearray()  # the line without a newline yet, its first LINE_BYTES
        self._start = 0  # offset of that line
        self._aligned = True  # False: in the middle of a line whose start was jumped over

    @property
    def first(self) -> int:
        """The number of `lines[0]`, counted from 0 since the tail was opened."""
        return self.total - len(self.lines)

    def poll(self) -> int:
        """Read what is new; returns the number of lines added. Never blocks, never raises."""
        before = self.total
        try:
            self._read()
        except OSError:
            self.close()
        return self.total - before

    def end_at(self, until: int | None) -> bool:
        """Let the file count as ended somewhere else, in bytes; None = where it does.

        Returns:
            False, and nothing is changed, when more than that was read already.
        """
        if until is not None and until < self._offset:
            return False
        self.until = until
        return True

    def close(self) -> None:
        """Release the file. The next poll opens it again and goes on where it was."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _read(self) -> None:
        if self._fd is None and not self._open():
            return
        assert self._fd is not None
        status = os.fstat(self._fd)
        if status.st_nlink == 0:  # replaced by another file of the same name, or deleted
            self.close()
            self._restart("… the log was replaced")
            return
        size = self._size(status)
        if size < self._offset:
            self._restart("… the log was cut and starts again")
        if size - self._offset > LAG_BYTES:
            self._jump(size - READ_BYTES)
        elif size == self._offset:
            return
        data = os.pread(self._fd, min(READ_BYTES, size - self._offset), self._offset)
        self._take(data)

    def _size(self, status: os.stat_result) -> int:
        return status.st_size if self.until is None else min(status.st_size, self.until)

    def _open(self) -> bool:
        try:
            fd = open_plain(self.path)  # a FIFO must not stop the screen
        except OSError:
            return False
        status = os.fstat(fd)
        self._fd = fd
        if self.total == 0 and self._offset == 0 and self._size(status) > READ_BYTES:
            self._offset = self._start = self._size(status) - READ_BYTES
            self._aligned = False
        return True

    def _restart(self, notice: str) -> None:
        self._offset = self._start = 0
        self._partial.clear()
        self._aligned = True
        if self.total:
            self._add(0, 0, notice.encode())

    def _jump(self, offset: int) -> None:
        left_out = offset - self._start
        self.skipped_bytes += left_out
        self._add(self._start, offset, f"… skipped {left_out // 1024} KiB".encode())
        self._partial.clear()
        self._offset = self._start = offset
        self._aligned = False

    def _take(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        at = self._offset
        self._offset += len(data)
        for part in whole:
            at += len(part) + 1
            if not self._aligned:
                self._aligned = True
            elif self._partial:
                self._keep_partial(part)
                self._add(self._start, at, bytes(self._partial))
            else:
                self._add(self._start, at, part)
            self._partial.clear()
            self._start = at
        if self._aligned:
            self._keep_partial(rest)

    def _keep_partial(self, part: bytes) -> None:
        self._partial += part[: max(0, LINE_BYTES - len(self._partial))]

    def _add(self, offset: int, end: int, data: bytes) -> None:
        if len(self.lines) == RING_LINES:
            self._kept_bytes -= len(self.lines.popleft().data)
        self.lines.append(LogLine(offset, end, data))
        self.total += 1
        self._kept_bytes += len(data)
        while self._kept_bytes > RING_BYTES and len(self.lines) > 1:
            self._kept_bytes -= len(self.lines.popleft().data)

    def lines_before(self, offset: int, count: int) -> list[LogLine]:
        """Up to `count` whole lines that end at or before `offset`, the start of a line; in order.

        Time grows with the bytes between; memory only with the lines that are returned.
        """
        if self._fd is None or offset <= 0 or count <= 0:
            return []
        ends = [offset]  # where lines start or end, backwards
        at = offset - 1  # the newline just before `offset` closes the line looked for
        while at > 0 and len(ends) <= count:
            size = min(BLOCK_BYTES, at)
            block = os.pread(self._fd, size, at - size)
            newline = block.rfind(b"\n")
            while newline >= 0 and len(ends) <= count:
                ends.append(at - size + newline + 1)
                newline = block.rfind(b"\n", 0, newline)
            at -= size
        if len(ends) <= count:
            ends.append(0)
        ends.reverse()
        return [self._line(start, end) for start, end in pairwise(ends)]

    def lines_after(self, offset: int, count: int) -> list[LogLine]:
        """Up to `count` whole lines from `offset`, the start of a line, onwards."""
        if self._fd is None or count <= 0:
            return []
        ends = [offset]
        at = offset
        until = self._size(os.fstat(self._fd))
        while len(ends) <= count and at < until:
            block = os.pread(self._fd, min(BLOCK_BYTES, until - at), at)
            if not block:
                break
            newline = block.find(b"\n")
            while newline >= 0 and len(ends) <= count:
                ends.append(at + newline + 1)
                newline = block.find(b"\n", newline + 1)
            at += len(block)
        return [self._line(start, end) for start, end in pairwise(ends)]

    def line(self, start: int, end: int) -> LogLine:
        """What stands between two offsets; empty while there is no file."""
        return self._line(start, end) if self._fd is not None else LogLine(start, end, b"")

    def _line(self, start: int, end: int) -> LogLine:
        assert self._fd is not None
        data = os.pread(self._fd, min(end - 1 - start, LINE_BYTES), start)
        return LogLine(start, end, data)
