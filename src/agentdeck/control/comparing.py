"""Two runs read from their journals and compared; and the runs that one can be compared with.

Rules: nothing is started and nothing is written. The list of runs reads no more than the first
event of each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from agentdeck.control.reporting import told_of
from agentdeck.control.runs import RunFolder, first_event, runs_of
from agentdeck.core.errors import UsageError
from agentdeck.plans.reporting.compare import Comparison, compared
from agentdeck.plans.reporting.report import report_of

MAX_LISTED: Final = 50  # the newest; an older one can be named on the command line


class OtherRun(NamedTuple):
    """A run of the same repository."""

    folder: RunFolder
    plan: str
    started_at: float  # seconds since the epoch


def compare_runs(first: RunFolder, second: RunFolder) -> Comparison:
    """What the second run did beside the first.

    Raises:
        UsageError: both are the same.
        JournalError, JournalFormatError, NotFoundError: one cannot be read, or has no event yet.
    """
    if first.run == second.run:
        raise UsageError(
            f"{first.run} is compared with itself", hint="`agentdeck runs` lists the others"
        )
    return compared(report_of(told_of(first)), report_of(told_of(second)))


def other_runs(repo: Path, besides: str) -> list[OtherRun]:
    """The other runs of a repository, the newest first, at most `MAX_LISTED`."""
    found = [folder for folder, _ in runs_of(repo) if folder.run != besides]
    begun = ((folder, first_event(folder)) for folder in found[:MAX_LISTED])
    return [
        OtherRun(folder, first[1].plan.name, first[0].at)
        for folder, first in begun
        if first is not None
    ]
