"""The final message of an agent, whole: what its totals keep only the end of.

Rules: of agents that speak a stream it is their latest prose, with the pieces that belong to it; of
plain programs the end of what they printed. It is bounded, and the end is what is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from agentdeck.agents.reports import Printed, Report, Said

MAX_CHARS: Final = 200_000  # a verdict with fifty long comments has a third of that


class FinalMessage:
    """Takes reports in, and knows what was said last."""

    def __init__(self) -> None:
        """Nothing was said yet."""
        self._parts: list[str] = []
        self._length = 0
        self._prose = False  # an agent that speaks prints besides it at most noise

    def take(self, reports: Iterable[Report]) -> None:
        """Remember what these say."""
        for report in reports:
            if isinstance(report, Said):
                if not report.more or not self._prose:
                    self._begin()
                self._prose = True
                self._keep(report.text)
            elif isinstance(report, Printed) and not self._prose:
                self._keep(report.text + "\n")

    @property
    def text(self) -> str:
        """What was said last."""
        return "".join(self._parts)[-MAX_CHARS:]

    def _begin(self) -> None:
        self._parts, self._length = [], 0

    def _keep(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)
        if self._length > 2 * MAX_CHARS:
            kept = self.text
            self._parts, self._length = [kept], len(kept)
