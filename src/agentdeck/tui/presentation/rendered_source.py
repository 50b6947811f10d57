"""A log file as a log view's lines, drawn: tool calls and prose, or lines as they were written.

Rules: as `log_source`: following, the newest lines are kept; held, a window of the file that grows
at its edges when somebody scrolls there. One line of the file may give no line or several, and
pieces of one message are drawn together: a piece that comes changes the last lines, and at an edge
of the window the passage there is drawn again with what was read beside it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice, takewhile
from typing import Final, NamedTuple, Protocol

from rich.text import Text

from agentdeck.control.logtail import LogLine
from agentdeck.tui.presentation.log_passages import Parting, parted
from agentdeck.tui.presentation.log_source import HELD_LINES, PAGE_LINES, Line, Place

FOLLOWED_LINES: Final = 2_000  # rendered ones kept while following; more than any screen
OPENED_LINES: Final = 120  # drawn when a log is opened: more than a screen; the others on demand
OPENED_SCREEN: Final = 80  # rows that are enough of it: the tallest screen with a log in it
TRIES: Final = 8  # pages read at an edge until one has something to show
AROUND_LINES: Final = 200  # read before and behind a place that is gone to


class FileLines(Protocol):
    """Lines of a file, all of them or some; see `LogTail`."""

    @property
    def lines(self) -> Sequence[LogLine] | deque[LogLine]:
        """The newest ones."""

    def poll(self) -> int:
        """Look for news; how many lines came."""

    def end_at(self, until: int | None) -> bool:
        """Let the file count as ended somewhere else; False when more was read already."""

    def lines_before(self, offset: int, count: int) -> list[LogLine]:
        """Up to `count` that end at or before `offset`."""

    def lines_after(self, offset: int, count: int) -> list[LogLine]:
        """Up to `count` from `offset` onwards."""

    def close(self) -> None:
        """Release the file."""


class DrawnRow(NamedTuple):
    """A row of a passage."""

    text: Text
    number: int = 0  # in its passage
    folds: bool = False  # there may be more behind it
    first: bool = True  # of its line; else it goes on the row before it


_NO_ROW: Final = DrawnRow(Text())


class _Shown(NamedTuple):
    offset: int  # of the passage it comes from
    end: int
    row: DrawnRow


class RenderedSource:
    """See `LineSource`."""

    def __init__(
        self,
        tail: FileLines,
        passages: Callable[[], Parting],
        draw: Callable[[Sequence[LogLine]], Iterable[DrawnRow]],
    ) -> None:
        """`passages` makes what tells the passages apart, and `draw` draws one of them."""
        self._tail = tail
        self._passages = passages
        self._draw = draw
        self._lines: deque[_Shown] = deque()
        self._open: list[LogLine] = []  # the last passage, while following: it may go on
        self._parting = passages()  # has read it
        self._held = False
        self.newest = 0  # lines that came since this was opened, as the file has them
        self.first = 0
        self.version = 0
        self._tail.poll()
        self._follow()

    def count(self) -> int:
        """How many lines are available."""
        return len(self._lines)

    def lines(self, start: int, stop: int) -> Sequence[Line]:
        """The lines numbered `start` to `stop`."""
        return [one.row.text for one in islice(self._lines, start - self.first, stop - self.first)]

    def poll(self) -> None:
        """Look for news."""
        added = self._tail.poll()
        if not added:
            return
        self.newest += added
        if not self._held:
            self._extend(list(self._tail.lines)[-added:])
            while len(self._lines) > FOLLOWED_LINES:
                self._lines.popleft()
                self.first += 1
        self.version += 1

    def end_at(self, until: int | None) -> bool:
        """Let the file count as ended somewhere else; False when more was read already."""
        return self._tail.end_at(until)

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
            found = self._drawn(parted(page, self._passages()))
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
        seam = self._lines[-1] if self._lines else _Shown(0, 0, _NO_ROW)
        for _ in range(TRIES):
            more = self._tail.lines_after(page[-1].end if page else seam.offset, PAGE_LINES)
            if not more:
                return 0
            page += more
            found = self._drawn(parted(page, self._passages()))
            if found and found[-1].end > seam.end:
                again = self._drop_last(seam)
                self._lines.extend(found)
                while len(self._lines) > HELD_LINES:
                    self._lines.popleft()
                    self.first += 1
                self.version += 1
                return max(1, len(found) - again)
        return 0

    def rewind(self) -> None:
        """Move the window to the very first line, while held."""
        page = self._tail.lines_after(0, PAGE_LINES)
        found = self._drawn(parted(page, self._passages()))
        if found:
            self._lines = deque(found)
            self.version += 1

    def place(self, number: int) -> Place | None:
        """Where a line comes from."""
        shown = self._at(number)
        return Place(shown.offset, shown.row.number) if shown is not None else None

    def row(self, number: int) -> DrawnRow | None:
        """A row with what is known of it."""
        shown = self._at(number)
        return shown.row if shown is not None else None

    def passage(self, number: int) -> tuple[int, int] | None:
        """Where the passage of a row begins and ends in the file, in bytes."""
        shown = self._at(number)
        return (shown.offset, shown.end) if shown is not None else None

    def number_of(self, place: Place) -> int:
        """The number of the line at a place, or of the one nearest to it in the window."""
        return self.first + self._index_of(place)

    def seek(self, place: Place) -> int:
        """Move the window around a place, while held; the number of the line there or behind it."""
        found: list[_Shown] = []
        lines = AROUND_LINES
        for _ in range(TRIES):  # a part with nothing to show may lie here
            page = self._tail.lines_before(place.offset, lines)
            page += self._tail.lines_after(place.offset, lines)
            found = self._drawn(parted(page, self._passages()))
            if found or len(page) < lines:
                break
            lines *= 2
        self._lines = deque(found)
        self.version += 1
        return self.first + self._index_of(place)

    def again(self) -> None:
        """Draw the newest lines once more: they look different now."""
        self._follow()
        self.version += 1

    def close(self) -> None:
        """Release the file."""
        self._tail.close()

    def _at(self, number: int) -> _Shown | None:
        at = number - self.first
        return self._lines[at] if 0 <= at < len(self._lines) else None

    def _index_of(self, place: Place) -> int:
        """The row at a place; else the last of its passage that is before it, else one behind."""
        best = 0
        for at, shown in enumerate(self._lines):
            if (shown.offset, shown.row.number) == place:
                return at
            if shown.offset > place.offset:
                return best if self._lines[best].end > place.offset else at
            best = at
        return best

    def _follow(self) -> None:
        """Show the end of what the tail has. Whoever goes through tasks opens a log at each key."""
        end = self.first + len(self._lines)
        kept, read = list(self._tail.lines), OPENED_LINES
        while True:  # most lines give a row; where they do not, more of them are read
            self._parting = self._passages()
            found = parted(kept[-read:], self._parting)
            whole = found if read >= len(kept) else found[1:]  # the first one may have begun before
            self._lines = deque()
            for passage in reversed(whole):
                self._lines.extendleft(reversed(self._drawn([passage])))
                if len(self._lines) >= OPENED_LINES:
                    break
            if len(self._lines) >= OPENED_SCREEN or read >= len(kept):
                break
            read *= 4
        self._open = found[-1] if found else []
        while len(self._lines) > FOLLOWED_LINES:
            self._lines.popleft()
        self.first = max(0, end - len(self._lines))

    def _extend(self, fresh: Iterable[LogLine]) -> None:
        """Show lines that came; the first of them may go on the passage that was the last."""
        was = self._open
        found = parted(fresh, self._parting, was)
        if was and len(found[0]) == len(was):
            del found[0]  # it stands as it was drawn
        elif was:
            self._drop_last(_Shown(was[0].offset, was[-1].end, _NO_ROW))
        if found:
            self._lines.extend(self._drawn(found))
            self._open = found[-1]

    def _drop_last(self, of: _Shown) -> int:
        """Take away the rows of the last passage; how many there were."""
        count = _rows_of(of, reversed(self._lines))
        for _ in range(count):
            self._lines.pop()
        return count

    def _drawn(self, passages: Iterable[Sequence[LogLine]]) -> list[_Shown]:
        return [
            _Shown(passage[0].offset, passage[-1].end, row)
            for passage in passages
            for row in self._draw(passage)
        ]


def _rows_of(passage: _Shown, rows: Iterable[_Shown]) -> int:
    """How many of `rows`, from the first on, are of the same passage."""
    same = takewhile(lambda row: (row.offset, row.end) == (passage.offset, passage.end), rows)
    return sum(1 for _ in same)
