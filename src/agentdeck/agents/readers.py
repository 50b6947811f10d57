"""Reads an agent's log while it grows: bytes in, reports out.

Rules:
- Bytes may come in any pieces; the reports are the same. Half a line waits for its end.
- Nothing raises: what is not understood is noise.
- Of a line longer than `MAX_LINE_BYTES` the beginning is kept and the rest only counted.
- Who follows a log wants its totals, and reports of which each one counts. `follow` gives both for
  less: where only the last lines of a piece leave a trace it looks at no others, and where lines
  can be skimmed it reads those alone that are shown. A line of noise that comes again and again is
  read and told once. All else is as if `feed` had read every line.
- `offset` is where a new reader may go on: always at the end of a line. A result is left before it
  until something follows, so that a reader that starts there hears the result again.
- `summary.carry` is the format's memory *at that offset*: with a result pending, the memory from
  before the result. So a line that is read again is read as it was the first time, and what is
  summed up over lines is summed up once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from io import BytesIO  # pure here: it cuts bytes in memory
from typing import Final

from agentdeck.agents.line_reader import Context, LineReader, Memory, carried
from agentdeck.agents.overtaken import skimmed
from agentdeck.agents.reports import (
    Asked,
    Ended,
    Limited,
    Noise,
    Report,
    Said,
    Started,
    Told,
    ToolUsed,
    Totals,
    Usage,
    Withdrawn,
    Worked,
)
from agentdeck.agents.skimming import NEWS, WORKS, M, Skimming
from agentdeck.agents.summary import MESSAGE_LINES, Summary
from agentdeck.core.errors import UsageError

MANY_LINES: Final = 1_024  # the same ones that are passed over at once
MAX_LINE_BYTES: Final = 8 << 20  # the longest lines seen have 2 MB; memory of one reader

_COUNTING: Final = (Started, Limited, Asked, Withdrawn, Ended)  # reports that are told one by one
_WORK: Final = (Said, ToolUsed)  # of which it is told that there were some
_NO_NEWS: Final = (Noise, Usage)  # reports after which a result still stands

# Each is the name of a module here, imported when a log of it is read first; and the class in it.
FORMATS: Final = {
    "plain": "PlainLines",
    "claude": "ClaudeLines",
    "codex": "CodexLines",
    "gemini": "GeminiLines",
    "opencode": "OpencodeLines",
    "aider": "AiderLines",
    "mini": "MiniLines",
    "acp": "AcpLines",
    "scripted": "ScriptedLines",
}

# Formats of which each line only takes the place of one before it: how many of them are remembered.
LAST_LINES: Final = {"plain": MESSAGE_LINES}


class Reader:
    """Follows the stream of one attempt."""

    def __init__(
        self,
        lines: LineReader,
        start_offset: int,
        summary: Summary,
        max_line_bytes: int = MAX_LINE_BYTES,
        last_lines: int | None = None,
    ) -> None:
        self.summary = summary
        self.result: Ended | None = None  # the latest one, until something follows it
        self._lines = lines
        self._max = max_line_bytes
        self._last_lines = last_lines  # that change something; None = each may
        self._line = bytearray()  # of the line that has no end yet, cut at `_max`
        self._length = 0  # of that line, uncut
        self._read_to = start_offset
        self._result_at = start_offset
        self._before_result = lines.memory
        self._carried: Memory | None = None  # the memory that `summary.carry` is the text of
        self._over = False

    @property
    def offset(self) -> int:
        """Bytes of the log that need not be read again."""
        return self._read_to if self.result is None else self._result_at

    def feed(self, data: bytes) -> list[Report]:
        """What the lines say that end in `data`."""
        return self._feed(data)

    def _feed(self, data: bytes, *, pass_over: bool = False) -> list[Report]:
        """As `feed`; with `pass_over`, noise that comes again and again is reported once."""
        reports: list[Report] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            if self._length or end - start > self._max:
                self._keep(data[start:end])
                reports += self._end_kept(1)
                start = end + 1
                continue
            before = self._lines.memory
            found = self._read(data[start:end], end - start + 1)
            reports += found
            line, start = data[start : end + 1], end + 1
            if pass_over and self._lines.memory is before and is_noise(found):
                start += self._pass_over(data, start, line)
        if start < len(data):
            self._keep(data[start:])
        self._carry()
        return reports

    def follow(self, data: bytes) -> list[Told]:
        """As `feed`, without the reports that the summary says all of."""
        if isinstance(self._lines, Skimming):
            return self._skim(self._lines, data)
        start = self._needless(data)
        if start:
            self._read_to += self._length + start
            self._line.clear()
            self._length = 0
        return told(self._feed(data[start:], pass_over=True))

    def _skim(self, skimming: Skimming[M], data: bytes) -> list[Told]:
        begun = data.find(b"\n") + 1 if self._length else 0  # the end of a line that has begun
        found = told(self.feed(data[:begun]))
        lines = BytesIO(data[begun:]).readlines()  # half the time of `split`
        if not lines or max(map(len, lines)) > self._max:
            return told(self._feed(data[begun:], pass_over=True), found)
        rest = b"" if lines[-1].endswith(b"\n") else lines.pop()
        start = 0
        while start < len(lines):
            end, did = skimmed(skimming, self.summary, lines, start)
            self._read_to += sum(map(len, lines[start:end]))
            if did & WORKS and not (found and isinstance(found[-1], Worked)):
                found.append(Worked())
            if did & NEWS:
                self.result = None
            start = end + 1
            if end < len(lines):
                line, before = lines[end], skimming.memory
                said = self._read(line[:-1], len(line))
                found = told(said, found)
                if skimming.memory is before and is_noise(said):
                    while start < len(lines) and lines[start] == line:  # says nothing new
                        self._read_to += len(line)
                        start += 1
        self.feed(rest)
        return found

    def _pass_over(self, data: bytes, start: int, line: bytes) -> int:
        """How many bytes from `start` are this line again and again, which says nothing new.

        Who prints one line for ever, such as an empty one, would else keep its reader busy.
        """
        end = start
        for step in (line * MANY_LINES, line):
            while data.startswith(step, end):
                end += len(step)
        self._read_to += end - start
        return end - start

    def _needless(self, data: bytes) -> int:
        """How many bytes of `data` are lines that leave no trace. O(lines that leave one)."""
        if self._last_lines is None:
            return 0
        start, wanted = data.rfind(b"\n") + 1, self._last_lines
        while start and wanted:
            end = start - 1
            start = data.rfind(b"\n", 0, end) + 1
            if start == end:  # an empty line: there may be very many
                text = len(data[:end].rstrip(b"\n"))
                start = text + 1 if text else 0
                continue
            if self._lines.read(data[start:end][: self._max]):
                wanted -= 1
        return start

    def finish(self) -> list[Report]:
        """What the end of the log says, once no more bytes can come.

        That is a last line without a line break, and what the silence after it means.
        """
        reports = self._end_kept(0) if self._length else []
        if not self._over:
            self._over = True
            reports += self._take(self._lines.at_end(), self._read_to, self._lines.memory)
        self._carry()
        return reports

    def _keep(self, piece: bytes) -> None:
        self._line += piece[: self._max - len(self._line)]
        self._length += len(piece)

    def _end_kept(self, break_bytes: int) -> list[Report]:
        line, length = bytes(self._line), self._length + break_bytes
        self._line.clear()
        self._length = 0
        return self._read(line, length)

    def _read(self, line: bytes, length: int) -> list[Report]:
        start, before = self._read_to, self._lines.memory
        self._read_to += length
        return self._take(self._lines.read(line), start, before)

    def _take(self, reports: list[Report], start: int, before: Memory) -> list[Report]:
        """Add up what a line said that begins at `start`, read with the memory `before`."""
        result: Ended | None = None
        for report in reports:
            self.summary.take(report)
            if isinstance(report, Ended):
                result = report
            elif not isinstance(report, _NO_NEWS):
                self.result = None
        if result is not None:
            self.result, self._result_at, self._before_result = result, start, before
        return reports

    def _carry(self) -> None:
        memory = self._lines.memory if self.result is None else self._before_result
        if memory is not self._carried:
            self.summary.carry, self._carried = carried(memory), memory


def is_noise(reports: list[Report]) -> bool:
    """Is there nothing in what a line said?"""
    return all(isinstance(report, Noise) for report in reports)


def told(reports: list[Report], before: list[Told] | None = None) -> list[Told]:
    """What who follows is told of these reports, after what he was told `before`."""
    found = [] if before is None else before
    for report in reports:
        if isinstance(report, _COUNTING):
            found.append(report)
        elif isinstance(report, Noise):
            if report.foreign and report not in found[-1:]:
                found.append(report)
        elif isinstance(report, _WORK) and not (found and isinstance(found[-1], Worked)):
            found.append(Worked())
    return found


def line_reader(stream_format: str, context: Context | None = None) -> LineReader:
    """What reads single lines of a format.

    Raises:
        UsageError: there is no such format.
    """
    if stream_format not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(
            f"there is no output format named {stream_format!r}", hint=f"output = one of {known}"
        )
    module = import_module(f"agentdeck.agents.{stream_format}")
    of: Callable[[Context], LineReader] = getattr(module, FORMATS[stream_format])
    return of(context or Context())


def reader_for(
    stream_format: str,
    *,
    start_offset: int = 0,
    summary: Summary | None = None,
    root: str = "",
    before: Mapping[str, Totals] | None = None,
    said_chars: int = 0,
) -> Reader:
    """A reader of one attempt's log.

    Args:
        stream_format: a key of `FORMATS`.
        start_offset: bytes that an earlier reader has understood (its `offset`).
        summary: the totals up to there; it is changed from now on.
        root: the agent's folder; paths below it are told from there.
        before: what earlier attempts have used, by the session they had: agents whose counts go on
            over a session are charged for the rest alone.
        said_chars: how much of a piece of prose is reported; 0 = as much as the totals keep.

    Raises:
        UsageError: there is no such format.
    """
    summary = summary or Summary()
    context = Context(root, before or {}, summary.carry, said_chars)
    return Reader(
        line_reader(stream_format, context),
        start_offset,
        summary,
        last_lines=LAST_LINES.get(stream_format),
    )
