"""The lines of a piece that may be shown at its end: those whose place no other has taken yet.

Rules:
- Lines that were skimmed are offered in their order; of each kind the latest is kept, with the
  memory from before it. When the piece ends, or a line comes that is read as a whole, the kept
  ones are read, and the summary takes from them what it would have had by reading every line.
- Prose in pieces is read backwards, until there is as much of it as a summary keeps.
"""

from __future__ import annotations

from typing import TypeAlias

from agentdeck.agents.line_reader import Memory
from agentdeck.agents.reports import MESSAGE_CHARS, Report, Said, Usage
from agentdeck.agents.skimming import ACTIVE, COUNTS, GOES_ON, SPEAKS, Skimming
from agentdeck.agents.summary import Summary

_Kept: TypeAlias = tuple[bytes, Memory]  # a line, and what was remembered before it


class Overtaken:
    """What is kept of the lines of one piece."""

    def __init__(self, lines: Skimming, summary: Summary) -> None:
        self._lines, self._summary = lines, summary
        self._prose: list[_Kept] = []  # the latest, from its beginning as far as it is in the piece
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
            if not does & GOES_ON:
                self._prose.clear()
            self._prose.append((line, before))
            self._active = None
        elif does & ACTIVE:
            self._active = line, before
        if does & COUNTS:
            self._counts = line, before

    def settle(self) -> None:
        """Bring the summary up to the latest line that was offered."""
        memory = self._lines.memory
        if self._prose:
            self._hear()
        if self._active is not None:
            for report in self._read(self._active):
                self._summary.show(report)
        if self._counts is not None:
            for report in self._read(self._counts):
                if isinstance(report, Usage):
                    self._summary.take(report)
        self._prose, self._active, self._counts = [], None, None
        self._lines.memory = memory

    def _hear(self) -> None:
        more, chars = list[str](), 0
        for kept in reversed(self._prose):
            said = next(report for report in self._read(kept) if isinstance(report, Said))
            if not said.more:
                self._summary.show(said)
                break
            more.append(said.text)
            chars += len(said.text)
            if chars > MESSAGE_CHARS:
                break
        if more:
            self._summary.show(Said("".join(reversed(more)), more=True))

    def _read(self, kept: _Kept) -> list[Report]:
        line, self._lines.memory = kept
        return self._lines.read(line)
