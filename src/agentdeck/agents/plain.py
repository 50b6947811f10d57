"""Plain output of any command: each line that is not empty is a report, and nothing is a result.

Rules: success is the exit status; a line never says that the work is done.
"""

from __future__ import annotations

from agentdeck.agents.line_reader import Context, Memory
from agentdeck.agents.one_line import decoded_line
from agentdeck.agents.reports import ACTIVITY_CHARS, Printed, Report


class PlainLines:
    """Reads the lines of one attempt."""

    def __init__(self, context: Context) -> None:
        self._chars = context.chars(ACTIVITY_CHARS)
        self.memory = Memory()

    def read(self, line: bytes) -> list[Report]:
        """What one line says."""
        text = decoded_line(line, self._chars)
        return [Printed(text)] if text else []

    def at_end(self) -> list[Report]:
        """Nothing: the exit status tells."""
        return []
