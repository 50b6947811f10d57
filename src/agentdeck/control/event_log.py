"""A run's journal by the numbers of its events: any part of it, without reading the rest.

Rules:
- Numbers count from 1 without a gap, so an event is found at once, however long the journal is.
- It is opened when it is first read. One thread reads at a time; each read is bounded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from typing import Final

from agentdeck.core.event_words import Tone, told_of
from agentdeck.core.events import Recorded
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal

PIECE: Final = 500  # events in one read of a long search; about 5 ms
BREATH_S: Final = 0.001  # between two: whoever waits for the interpreter gets it


class EventLog:
    """Reads a journal here and there. Its methods block; they are for a thread."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is opened yet."""
        self._folder = folder
        self._journal: Journal | None = None
        self._lock = threading.Lock()
        self._closed = False

    def read(self, first: int, count: int) -> list[Recorded]:
        """Up to `count` events from number `first` on.

        Raises:
            JournalError, JournalFormatError: the journal cannot be read.
        """
        with self._lock:
            if self._closed:
                return []
            if self._journal is None:
                self._journal = Journal(self._folder.journal)
            return self._journal.read(first - 1, count)

    def some(self, numbers: Iterable[int]) -> list[Recorded]:
        """The events with these numbers. Raises as `read`."""
        return [one for first, count in runs_of(numbers) for one in self.read(first, count)]

    def next_failure(self, start: int, by: int, last: int) -> int | None:
        """The number of the next event that tells of a failure, or None.

        Args:
            start: looked at first.
            by: 1 = later ones, -1 = earlier ones.
            last: there is none behind it, as far as the caller knows.

        Raises: as `read`.
        """
        while 1 <= start <= last:
            if by > 0:
                piece = self.read(start, min(PIECE, last - start + 1))
                start += PIECE
            else:
                first = max(1, start - PIECE + 1)
                piece = self.read(first, start - first + 1)[::-1]
                start = first - 1
            found = next((one.seq for one in piece if told_of(one.event).tone is Tone.BAD), None)
            if found is not None:
                return found
            time.sleep(BREATH_S)
        return None

    def close(self) -> None:
        """Let go of the journal; from now on there is nothing in it."""
        with self._lock:
            self._closed = True
            if self._journal is not None:
                self._journal.close()
                self._journal = None


def runs_of(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Numbers as runs without a gap: the first of each, and how many they are."""
    first, count = 0, 0
    for number in sorted(set(numbers)):
        if count and number == first + count:
            count += 1
            continue
        if count:
            yield first, count
        first, count = number, 1
    if count:
        yield first, count
