"""The lines of a log that match, and no others: in place of a `LogTail` for a `RenderedSource`.

Rules: which lines those are comes from a search; here nothing is matched. Only what is asked for is
read, so a filter over a log of any size costs what is on the screen.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from agentdeck.control.logtail import LogLine, LogTail
from agentdeck.tui.presentation.log_found import Hits

NEWEST: Final = 300  # passages that are ready while the end is followed; a few screens


class FilteredTail:
    """See `rendered_source.FileLines`. A passage is one line here, its own lines within it."""

    def __init__(self, tail: LogTail, hits: Hits) -> None:
        self._tail, self._hits = tail, hits

    @property
    def lines(self) -> list[LogLine]:
        """The newest ones."""
        return self._read(self._hits.offsets[-NEWEST:])

    def poll(self) -> int:
        """Nothing comes from the file itself: the search tells what is new."""
        return 0

    def end_at(self, until: int | None) -> bool:
        """Let the file count as ended somewhere else; False when more was read already."""
        return self._tail.end_at(until)

    def lines_before(self, offset: int, count: int) -> list[LogLine]:
        """Up to `count` that end at or before `offset`."""
        at = bisect_left(self._hits.offsets, offset)
        return self._read(self._hits.offsets[max(0, at - count) : at])

    def lines_after(self, offset: int, count: int) -> list[LogLine]:
        """Up to `count` from `offset` onwards."""
        at = bisect_left(self._hits.offsets, offset)
        return self._read(self._hits.offsets[at : at + count])

    def close(self) -> None:
        """Release the file."""
        self._tail.close()

    def _read(self, offsets: list[int]) -> list[LogLine]:
        return [self._tail.line(offset, self._hits.end_of(offset)) for offset in offsets]
