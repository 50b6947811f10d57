"""Where a log view gets its lines from: a list that grows, or the tail of a file.

Rules: a line has a number that never changes while it is available. A source that reads a file
keeps only a window of it; the window follows the end until it is *held* (somebody scrolled back),
and then it stands still and moves only when more lines are asked for at one of its edges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, Protocol, TypeAlias

from rich.text import Text
from textual.strip import Strip

from agentdeck.control.logtail import LogLine, LogTail

Line: TypeAlias = bytes | Text | Strip  # raw bytes are cleaned by the view; SGR colours are kept
PAGE_LINES: Final = 500  # read at once at an edge of the window
HELD_LINES: Final = 4000  # in a window that is held; more than a person scrolls without a pause


class LineSource(Protocol):
    """Numbered lines, `first` to `first + count()`."""

    @property
    def first(self) -> int:
        """The number of the first line that is available; may be negative."""

    @property
    def version(self) -> int:
        """Differs whenever a line was added, changed or dropped."""

    @property
    def newest(self) -> int:
        """How many lines there ever were; grows also while the window is held."""

    def count(self) -> int:
        """How many lines are available."""

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """The lines numbered `start` to `stop`, both within what is available."""

    def poll(self) -> None:
        """Look for news; cheap, called at each tick of a visible view."""

    def hold(self, held: bool) -> None:
        """Stand still, or follow the end again."""

    def earlier(self) -> int:
        """Make lines before `first` available; how many."""

    def later(self) -> int:
        """Make lines after the window available while held; how many."""

    def rewind(self) -> None:
        """Move the window to the very first line, while held."""


class ListSource:
    """Lines that somebody else appends. Keeps the newest `limit`."""

    def __init__(self, lines: Sequence[Line] = (), *, limit: int = 10_000) -> None:
        self._lines: deque[Line] = deque(lines, maxlen=limit)
        self._added = len(lines)
        self.version = 0

    @property
    def first(self) -> int:
        """See `LineSource`."""
        return self._added - len(self._lines)

    @property
    def newest(self) -> int:
        """See `LineSource`."""
        return self._added

    def append(self, line: Line) -> None:
        """Add a line at the end."""
        self._lines.append(line)
        self._added += 1
        self.version += 1

    def count(self) -> int:
        """See `LineSource`."""
        return len(self._lines)

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """See `LineSource`."""
        return list(islice(self._lines, start - self.first, stop - self.first))

    def poll(self) -> None:
        """Nothing to do: lines are pushed."""

    def hold(self, held: bool) -> None:
        """Nothing to do: the list is its own window."""

    def earlier(self) -> int:
        """Nothing before the first line."""
        return 0

    def later(self) -> int:
        """Nothing after the last line."""
        return 0

    def rewind(self) -> None:
        """Nothing to do: the first line is in the window."""


class TailSource:
    """The raw lines of a log file. While held, any part of the file can be reached."""

    def __init__(self, tail: LogTail) -> None:
        self._tail = tail
        self._held: deque[LogLine] | None = None
        self._held_first = 0
        self.version = 0

    @property
    def first(self) -> int:
        """See `LineSource`."""
        return self._tail.first if self._held is None else self._held_first

    @property
    def newest(self) -> int:
        """See `LineSource`."""
        return self._tail.total

    def count(self) -> int:
        """See `LineSource`."""
        return len(self._tail.lines if self._held is None else self._held)

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """See `LineSource`."""
        lines = self._tail.lines if self._held is None else self._held
        return [line.data for line in islice(lines, start - self.first, stop - self.first)]

    def poll(self) -> None:
        """See `LineSource`."""
        self.version += bool(self._tail.poll())

    def hold(self, held: bool) -> None:
        """See `LineSource`."""
        if held and self._held is None:
            self._held_first = self._tail.first
            self._held = deque(self._tail.lines)
        elif not held:
            self._held = None
        self.version += 1

    def earlier(self) -> int:
        """See `LineSource`."""
        if not self._held:
            return 0
        page = self._tail.lines_before(self._held[0].offset, PAGE_LINES)
        self._held.extendleft(reversed(page))
        self._held_first -= len(page)
        while len(self._held) > HELD_LINES:
            self._held.pop()
        self.version += 1
        return len(page)

    def later(self) -> int:
        """See `LineSource`."""
        if not self._held:
            return 0
        page = self._tail.lines_after(self._held[-1].end, PAGE_LINES)
        self._held.extend(page)
        while len(self._held) > HELD_LINES:
            self._held.popleft()
            self._held_first += 1
        self.version += 1
        return len(page)

    def rewind(self) -> None:
        """See `LineSource`."""
        if self._held:
            self._held = deque(self._tail.lines_after(0, PAGE_LINES)) or self._held
            self.version += 1
