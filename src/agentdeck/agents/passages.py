"""Which lines of a log are drawn together: prose that comes in pieces is one text.

Rules:
- A passage is one line, or the pieces of one message with the lines between them that say nothing.
  The reader of the format knows which piece goes on the one before it.
- A passage may begin at any line, so that any part of a log can be drawn. It is bounded: of a very
  long message the rest is another passage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agentdeck.agents.line_reader import Context, LineReader
from agentdeck.agents.readers import line_reader
from agentdeck.agents.rendering import TEXT_FORMATS, Line, prose, render, time_of
from agentdeck.agents.reports import Noise, Report, Said, Usage

PASSAGE_LINES: Final = 200  # pieces are drawn again whenever one comes
PASSAGE_CHARS: Final = 8_000  # a few screens; longer ones are rare, and cut between two pieces


class Passages:
    """Reads lines in their order and says where a passage begins."""

    def __init__(self, stream_format: str, root: str = "") -> None:
        """`root` is the agent's folder.

        Raises:
            UsageError: there is no such format.
        """
        self._format, self._root = stream_format, root
        self._reader: LineReader | None = None  # has read the passage so far, if it is of prose
        self._lines = self._chars = 0  # of that passage

    def goes_on(self, line: bytes) -> bool:
        """Is this line of the same passage as the line before it?"""
        if self._reader is not None and self._belongs(self._reader.read(line)):
            return True
        self._reader = reader = _alone(self._format, self._root)
        said = _said(reader.read(line))
        self._lines, self._chars = 1, (len(said.text) if said else 0)
        if said is None or self._format in TEXT_FORMATS:
            self._reader = None
        return False

    def _belongs(self, reports: list[Report]) -> bool:
        said = _said(reports)
        self._lines += 1
        self._chars += len(said.text) if said else 0
        if self._lines > PASSAGE_LINES or self._chars > PASSAGE_CHARS:
            return False
        if said is None:
            return _says_nothing(reports)
        return said.more


def passages_of(stream_format: str, lines: Iterable[bytes], *, root: str) -> Iterator[list[bytes]]:
    """The passages that lines, as they stand in a log, are made of."""
    passages, passage = Passages(stream_format, root), list[bytes]()
    for line in lines:
        if not passages.goes_on(line) and passage:
            yield passage
            passage = []
        passage.append(line)
    if passage:
        yield passage


def render_passage(stream_format: str, lines: Sequence[bytes], *, root: str = "") -> list[Line]:
    """What to show of one passage.

    Args:
        stream_format: a key of `readers.FORMATS`.
        lines: one or more, as they stand in the log.
        root: the agent's folder; paths are shown from there.

    Raises:
        UsageError: there is no such format.
    """
    if len(lines) == 1:
        return render(stream_format, lines[0], root=root)
    reader = _alone(stream_format, root)
    pieces = (_said(reader.read(line)) for line in lines)
    text = "".join(piece.text for piece in pieces if piece is not None)
    return prose(text, time_of(lines[0]))


def _alone(stream_format: str, root: str) -> LineReader:
    return line_reader(stream_format, Context(root, alone=True))


def _said(reports: list[Report]) -> Said | None:
    """The prose of a line that says nothing else."""
    match reports:
        case [Said() as said]:
            return said
        case _:
            return None


def _says_nothing(reports: list[Report]) -> bool:
    return all(
        isinstance(report, Usage) or (isinstance(report, Noise) and not report.foreign)
        for report in reports
    )
