"""Reads an agent's log while it grows: bytes in, reports out.

Rules:
- Bytes may come in any pieces; the reports are the same. Half a line waits for its end.
- Nothing raises: what is not understood is noise.
- Of a line longer than `MAX_LINE_BYTES` the beginning is kept and the rest only counted.
- `offset` is where a new reader may go on: always at the end of a line. A result is left before it
  until something follows, so that a reader that starts there hears the result again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from agentdeck.agents.claude import ClaudeLines
from agentdeck.agents.plain import PlainLines
from agentdeck.agents.reports import Ended, Noise, Report, Summary
from agentdeck.agents.scripted import ScriptedLines
from agentdeck.core.errors import UsageError

MAX_LINE_BYTES: Final = 8 << 20  # the longest lines seen have 2 MB; memory of one reader


class LineReader(Protocol):
    """Knows one format; remembers what later lines refer to."""

    def read(self, line: bytes) -> list[Report]:
        """What one line says, without its line break."""
        ...


FORMATS: Final[dict[str, Callable[[], LineReader]]] = {
    "plain": PlainLines,
    "claude": ClaudeLines,
    "scripted": ScriptedLines,
}


class Reader:
    """Follows the stream of one attempt."""

    def __init__(
        self,
        lines: LineReader,
        start_offset: int,
        summary: Summary,
        max_line_bytes: int = MAX_LINE_BYTES,
    ) -> None:
        self.summary = summary
        self._lines = lines
        self._max = max_line_bytes
        self._line = bytearray()  # of the line that has no end yet, cut at `_max`
        self._length = 0  # of that line, uncut
        self._read_to = start_offset
        self._result_at: int | None = None

    @property
    def offset(self) -> int:
        """Bytes of the log that need not be read again."""
        return self._read_to if self._result_at is None else self._result_at

    def feed(self, data: bytes) -> list[Report]:
        """What the lines say that end in `data`."""
        reports: list[Report] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._keep(data[start:end])
            reports += self._end_line(1)
            start = end + 1
        self._keep(data[start:])
        return reports

    def finish(self) -> list[Report]:
        """What a last line without a line break says, once no more bytes can come."""
        return self._end_line(0) if self._length else []

    def _keep(self, piece: bytes) -> None:
        self._line += piece[: self._max - len(self._line)]
        self._length += len(piece)

    def _end_line(self, break_bytes: int) -> list[Report]:
        start = self._read_to
        self._read_to += self._length + break_bytes
        reports = self._lines.read(bytes(self._line))
        self._line.clear()
        self._length = 0
        for report in reports:
            self.summary.take(report)
            if isinstance(report, Ended):
                self._result_at = start
            elif not isinstance(report, Noise) and self._result_at != start:
                self._result_at = None
        return reports


def line_reader(stream_format: str) -> LineReader:
    """What reads single lines of a format.

    Raises:
        UsageError: there is no such format.
    """
    if stream_format not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(
            f"there is no output format named {stream_format!r}", hint=f"output = one of {known}"
        )
    return FORMATS[stream_format]()


def reader_for(
    stream_format: str, *, start_offset: int = 0, summary: Summary | None = None
) -> Reader:
    """A reader of one attempt's log.

    Args:
        stream_format: plain, claude or scripted.
        start_offset: bytes that an earlier reader has understood (its `offset`).
        summary: the totals up to there; it is changed from now on.

    Raises:
        UsageError: there is no such format.
    """
    return Reader(line_reader(stream_format), start_offset, summary or Summary())
