"""A log file as a log view's lines, rendered: tool calls and prose instead of a stream's JSON.

Rules: as `log_source`: following, the newest lines are kept; held, a window of the file that grows
at its edges when somebody scrolls there. One line of the file may give no line or several.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from rich.text import Text

from agentdeck.control.logtail import LogLine, LogTail
from agentdeck.tui.presentation.log_source import HELD_LINES, PAGE_LINES, Line

FOLLOWED_LINES: Final = 2_000  # rendered ones kept while following; more than any screen
TRIES: Final = 8  # pages read at an edge until one has something to show


class _Shown(NamedTuple):
    offset: int  # of the file's line it comes from
    end: int
    text: Text


class RenderedSource:
    """See `LineSource`."""

    def __init__(self, tail: LogTail, draw: Callable[[bytes], Iterable[Text]]) -> None:
        self._tail = tail
        self._draw = draw
        self._lines: deque[_Shown] = deque()
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
            fresh = list(self._tail.lines)[-added:]
            self._lines.extend(shown for line in fresh for shown in self._render(line))
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
        at = self._lines[0].offset if self._lines else 0
        for _ in range(TRIES):
            page = self._tail.lines_before(at, PAGE_LINES)
            if not page:
                return 0
            found = [shown for line in page for shown in self._render(line)]
            if found:
                self._lines.extendleft(reversed(found))
                self.first -= len(found)
                while len(self._lines) > HELD_LINES:
                    self._lines.pop()
                self.version += 1
                return len(found)
            at = page[0].offset
        return 0

    def later(self) -> int:
        """Make lines after the window available while held."""
        at = self._lines[-1].end if self._lines else 0
        for _ in range(TRIES):
            page = self._tail.lines_after(at, PAGE_LINES)
            if not page:
                return 0
            found = [shown for line in page for shown in self._render(line)]
            if found:
                self._lines.extend(found)
                self._missed = 0
                while len(self._lines) > HELD_LINES:
                    self._lines.popleft()
                    self.first += 1
                self.version += 1
                return len(found)
            at = page[-1].end
        return 0

    def rewind(self) -> None:
        """Move the window to the very first line, while held."""
        found = [s for line in self._tail.lines_after(0, PAGE_LINES) for s in self._render(line)]
        if found:
            self._lines = deque(found)
            self.version += 1

    def close(self) -> None:
        """Release the file."""
        self._tail.close()

    def _follow(self) -> None:
        """Show what the tail has."""
        end = self.first + len(self._lines) + self._missed
        found = [shown for line in self._tail.lines for shown in self._render(line)]
        self._lines = deque(found[-FOLLOWED_LINES:])
        self._missed = 0
        self.first = max(0, end - len(self._lines))

    def _render(self, line: LogLine) -> list[_Shown]:
        return [_Shown(line.offset, line.end, text) for text in self._draw(line.data)]
