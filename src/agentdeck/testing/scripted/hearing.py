"""What comes in on standard input, line by line, with or without patience."""

from __future__ import annotations

import os
import time

from agentdeck.testing.scripted.signals import ready

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_MESSAGE_BYTES = 8 << 20  # of one line; a whole prompt with all it quotes has 100 KB


class Ears:
    """Standard input."""

    def __init__(self) -> None:
        self.open = True
        self._unread = b""

    def line(self, wait_s: float | None) -> bytes | None:
        """The next line, without its end.

        Args:
            wait_s: seconds to wait for it; None = for ever.
        Returns:
            None when none came in time, or none will come any more (`open` is False then).
        """
        until = None if wait_s is None else time.monotonic() + wait_s
        while b"\n" not in self._unread:
            left_s = None if until is None else max(0.0, until - time.monotonic())
            if not self.open:
                ready(left_s or 0)
                return None
            if not ready(left_s, 0):
                return None
            data = os.read(0, 65536)
            self.open = bool(data)
            self._unread = (self._unread + data)[-MAX_MESSAGE_BYTES:]
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def until_the_end(self) -> None:
        """Wait until nothing can come any more; what came is lost."""
        while self.open:
            self.open = not ready(None, 0) or bool(os.read(0, 65536))


def parsed(line: bytes) -> Any:
    """The JSON value of a line, or None."""
    import json  # takes as long to import as half of the start; most runs hear nothing

    try:
        return json.loads(line)
    except ValueError:
        return None


def message_in(line: bytes) -> str:
    """What a person says with a line: the `text` of an object, else the line itself."""
    found = parsed(line)
    if found is None:
        return line.decode("utf-8", "replace").strip()
    return str(found.get("text") if isinstance(found, dict) else found)
