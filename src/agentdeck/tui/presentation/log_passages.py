"""Lines of a log file put together as passages; see `agents.passages`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from agentdeck.control.logtail import LogLine


class Parting(Protocol):
    """Knows where a passage begins."""

    def goes_on(self, line: bytes) -> bool:
        """Is this line of the same passage as the line before it?"""


def parted(
    lines: Iterable[LogLine], parting: Parting, last: Sequence[LogLine] = ()
) -> list[list[LogLine]]:
    """Lines as passages; `last` is the one that `parting` has read before, and comes first."""
    found = [list(last)] if last else []
    for line in lines:
        if parting.goes_on(line.data):
            found[-1].append(line)
        else:
            found.append([line])
    return found
