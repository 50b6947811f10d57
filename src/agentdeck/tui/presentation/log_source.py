"""Where a log view gets its lines from: here a list that grows; a file is in `rendered_source`.

Rules: a line has a number that never changes while it is available. A source that reads a file
keeps only a window of it; the window follows the end until it is *held* (somebody scrolled back),
and then it stands still and moves only when more lines are asked for at one of its edges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol, TypeAlias

from rich.text import Text
from textual.strip import Strip

Line: TypeAlias = bytes | Text | Strip  # raw bytes are cleaned by the view; SGR colours are kept
PAGE_LINES: Final = 500  # read at once at an edge of the window
HELD_LINES: Final = 4000  # in a window that is held; more than a person scrolls without a pause


class Place(NamedTuple):
    """Where a line comes from: the same in every window and every look."""

    offset: int  # of its passage in the file
    row: int  # in the passage


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

    def place(self, number: int) -> Place | None:
        """Where a line comes from; None where that is not known."""

    def seek(self, place: Place) -> int:
        """Move the window around a place, while held; the number of the line there or behind it."""


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

    def place(self, number: int) -> Place | None:  # noqa: ARG002 - as the protocol has it
        """These lines are of no file."""
        return None

    def seek(self, place: Place) -> int:  # noqa: ARG002 - as the protocol has it
        """These lines are of no file."""
        return self.first
