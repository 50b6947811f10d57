"""The lines of a piece that may be shown at its end: those whose place no other has taken yet.

Rules:
- Lines that were skimmed are offered in their order; of each kind the latest is kept, with the
  memory from before it. When the piece ends, or a line comes that is read as a whole, the kept
  ones are read, and the summary takes from them what it would have had by reading every line.
- Of prose in pieces the last ones are cleaned, as many as a summary keeps, and joined at once.
"""

from __future__ import annotations

from typing import TypeAlias

from agentdeck.agents.line_reader import Memory
from agentdeck.agents.one_line import plain_piece
from agentdeck.agents.reports import MESSAGE_CHARS, Report, Said, Usage
from agentdeck.agents.skimming import ACTIVE, COUNTS, GOES_ON, SPEAKS, Skimming
from agentdeck.agents.summary import Summary

_Kept: TypeAlias = tuple[bytes, Memory]  # a line, and what was remembered before it


class Overtaken:
    """What is kept of the lines of one piece."""

    def __init__(self, lines: Skimming, summary: Summary) -> None:
        self._lines, self._summary = lines, summary
        self._prose: _Kept | None = None  # the beginning of the latest, when it was offered
        self._more: list[str] = []  # what went on it since
        self._active: _Kept | None = None  # the latest activity, when it came after that prose
        self._counts: _Kept | None = None

    def offer(self, does: int, line: bytes, before: Memory) -> None:
        """Keep a line, and forget those whose place it takes.

        Args:
            does: what it does, in the bits of `skimming`.
            line: the line.
            before: what was remembered before it.
        """
        if does & SPEAKS:
            if does & GOES_ON:
                self._more.append(self._lines.piece)
            else:
                self._prose = line, before
                self._more.clear()
            self._active = None
        elif does & ACTIVE:
            self._active = line, before
        if does & COUNTS:
            self._counts = line, before

    def settle(self) -> None:
        """Bring the summary up to the latest line that was offered."""
        memory = self._lines.memory
        if self._prose is not None:
            self._show(self._prose)
        if self._more:
            self._summary.show(Said(self._latest_pieces(), more=True))
        if self._active is not None:
            self._show(self._active)
        if self._counts is not None:
            for report in self._read(self._counts):
                if isinstance(report, Usage):
                    self._summary.take(report)
        self._prose = self._active = self._counts = None
        self._more.clear()
        self._lines.memory = memory

    def _latest_pieces(self) -> str:
        """The end of what the pieces say, longer than a message if all of it is."""
        latest, chars = list[str](), 0
        for piece in reversed(self._more):
            latest.append(plain_piece(piece, MESSAGE_CHARS))
            chars += len(latest[-1])
            if chars > MESSAGE_CHARS:
                break
        return "".join(reversed(latest))

    def _show(self, kept: _Kept) -> None:
        for report in self._read(kept):
            self._summary.show(report)

    def _read(self, kept: _Kept) -> list[Report]:
        line, self._lines.memory = kept
        return self._lines.read(line)
