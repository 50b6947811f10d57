"""A file that an agent writes beside its output, read whole whenever it has changed.

Rules:
- It is looked at once a second at most, and once more when the agent has ended.
- Its totals replace those of the log; its result counts where the log has none that names a cause.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.agents.reports import Report
from agentdeck.agents.traces import MAX_TRACE_BYTES, read_trace
from agentdeck.core.adapter import Adapter
from agentdeck.engine.plain_files import open_plain

LOOK_S: Final = 1.0  # between two looks; the file may have megabytes


@dataclass(slots=True)
class TraceFile:
    """The trace of one attempt."""

    path: Path
    format: str
    looked_at: float = 0.0
    stamp: tuple[int, int] = (-1, -1)  # size and time of change of what was read last

    def is_due(self, now: float) -> bool:
        """Is it time to look again?"""
        return now - self.looked_at >= LOOK_S

    def read(self, now: float) -> list[Report]:
        """What it says, if it has changed. Blocking: milliseconds for each megabyte."""
        self.looked_at = now
        try:
            with os.fdopen(open_plain(self.path), "rb") as file:
                found = os.fstat(file.fileno())
                stamp = (found.st_size, found.st_mtime_ns)
                if stamp == self.stamp:
                    return []
                data = file.read(MAX_TRACE_BYTES)
        except OSError:
            return []
        self.stamp = stamp
        return read_trace(self.format, data)


def trace_of(adapter: Adapter | None, folder: Path) -> TraceFile | None:
    """The trace that an agent with this adapter writes into the folder of an attempt."""
    if adapter is None or not adapter.trace:
        return None
    return TraceFile(folder / adapter.trace, adapter.trace_output)
