"""A log file as a log view's lines, rendered: tool calls and prose instead of a stream's JSON.

Rules: as `log_source`: following, the newest lines are kept; held, a window of the file that grows
at its edges when somebody scrolls there. One line of the file may give no line or several, and
pieces of one message are drawn together: a piece that comes changes the last lines, and at an edge
of the window the passage there is drawn again with what was read beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, takewhile
from typing import Final, NamedTuple

from rich.text import Text

from agentdeck.agents.passages import Passages
from agentdeck.control.logtail import LogLine, LogTail
from agentdeck.tui.presentation.log_source import HELD_LINES, PAGE_LINES, Line

FOLLOWED_LINES: Final = 2_000  # rendered ones kept while following; more than any screen
TRIES: Final = 8  # pages read at an edge until one has something to show


class _Shown(NamedTuple):
    offset: int  # of the passage it comes from
    end: int
    text: Text


class RenderedSource:
    """See `LineSource`."""

    def __init__(
        self,
        tail: LogTail,
        passages: Callable[[], Passages],
        draw: Callable[[Sequence[bytes]], Iterable[Text]],
    ) -> None:
        """`passages` makes what tells the passages apart, and `draw` draws one of them."""
        self._tail = tail
        self._passages = passages
        self._draw = draw
        self._lines: deque[_Shown] = deque()
        self._open: list[LogLine] = []  # the last passage, while following: it may go on
        self._parting = passages()  # has read it
        self._held = False
        self._missed = 0  # lines of the file that came while held
        self.first = 0
        self.version = 0
        self._tail.poll()
        self._follow()

    @property
    def newest(self) -> int:
        """How many lines there ever were, as far as is known."""
        return self.first + len(self._lines) + self._missed

    def count(self) -> int:
        """How many lines are available."""
        return len(self._lines)

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """The lines numbered `start` to `stop`."""
        return [shown.text for shown in islice(self._lines, start - self.first, stop - self.first)]

    def poll(self) -> None:
        """Look for news."""
        added = self._tail.poll()
        if not added:
            return
        if self._held:
            self._missed += added
        else:
            self._extend(list(self._tail.lines)[-added:])
            while len(self._lines) > FOLLOWED_LINES:
                self._lines.popleft()
                self.first += 1
        self.version += 1

    def hold(self, held: bool) -> None:
        """Stand still, or follow the end again."""
        if self._held and not held:
            self._follow()
        self._held = held
        self.version += 1

    def earlier(self) -> int:
        """Make lines before `first` available."""
        page: list[LogLine] = []
        seam = self._lines[0] if self._lines else None
        for _ in range(TRIES if seam is not None else 0):
            assert seam is not None
            more = self._tail.lines_before(page[0].offset if page else seam.end, PAGE_LINES)
            if not more:
                return 0
            page = [*more, *page]
            found = self._drawn(_parted(page, self._passages()))
            if found and found[0].offset < seam.offset:
                again = _rows_of(seam, self._lines)
                self._lines = deque([*found, *islice(self._lines, again, None)])
                self.first -= len(found) - again
                while len(self._lines) > HELD_LINES:
                    self._lines.pop()
                self.version += 1
                return max(1, len(found) - again)
        return 0

    def later(self) -> int:
        """Make lines after the window available while held."""
        page: list[LogLine] = []
        seam = self._lines[-1] if self._lines else _Shown(0, 0, Text())
        for _ in range(TRIES):
            more = self._tail.lines_after(page[-1].end if page else seam.offset, PAGE_LINES)
            if not more:
                return 0
            page += more
            found = self._drawn(_parted(page, self._passages()))
            if found and found[-1].end > seam.end:
                again = self._drop_last(seam)
                self._lines.extend(found)
                self._missed = 0
                while len(self._lines) > HELD_LINES:
                    self._lines.popleft()
                    self.first += 1
                self.version += 1
                return max(1, len(found) - again)
        return 0

    def rewind(self) -> None:
        """Move the window to the very first line, while held."""
        page = self._tail.lines_after(0, PAGE_LINES)
        found = self._drawn(_parted(page, self._passages()))
        if found:
            self._lines = deque(found)
            self.version += 1

    def close(self) -> None:
        """Release the file."""
        self._tail.close()

    def _follow(self) -> None:
        """Show what the tail has."""
        end = self.first + len(self._lines) + self._missed
        self._parting = self._passages()
        parted = _parted(self._tail.lines, self._parting)
        self._open = parted[-1] if parted else []
        self._lines = deque(self._drawn(parted)[-FOLLOWED_LINES:])
        self._missed = 0
        self.first = max(0, end - len(self._lines))

    def _extend(self, fresh: Iterable[LogLine]) -> None:
        """Show lines that came; the first of them may go on the passage that was the last."""
        was = self._open
        parted = _parted(fresh, self._parting, was)
        if was and len(parted[0]) == len(was):
            del parted[0]  # it stands as it was drawn
        elif was:
            self._drop_last(_Shown(was[0].offset, was[-1].end, Text()))
        if parted:
            self._lines.extend(self._drawn(parted))
            self._open = parted[-1]

    def _drop_last(self, of: _Shown) -> int:
        """Take away the rows of the last passage; how many there were."""
        count = _rows_of(of, reversed(self._lines))
        for _ in range(count):
            self._lines.pop()
        return count

    def _drawn(self, parted: Iterable[Sequence[LogLine]]) -> list[_Shown]:
        return [
            _Shown(passage[0].offset, passage[-1].end, text)
            for passage in parted
            for text in self._draw([line.data for line in passage])
        ]


def _parted(
    lines: Iterable[LogLine], parting: Passages, last: Sequence[LogLine] = ()
) -> list[list[LogLine]]:
    """Lines as passages; `last` is the one that `parting` has read before, and comes first."""
    found = [list(last)] if last else []
    for line in lines:
        if parting.goes_on(line.data):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _rows_of(passage: _Shown, rows: Iterable[_Shown]) -> int:
    """How many of `rows`, from the first on, are of the same passage."""
    same = takewhile(lambda row: (row.offset, row.end) == (passage.offset, passage.end), rows)
    return sum(1 for _ in same)
