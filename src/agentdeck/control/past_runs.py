"""What the runs on this machine teach about durations, and a run about itself.

Rules: the newest runs first, within bounds; a journal that cannot be read teaches nothing and
hides nothing. Runs of this repository come after (so outlast) those of others, because the newest
samples are kept and its tasks are the likeliest to be alike.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from agentdeck.control.discovery import common_dir
from agentdeck.control.runs import first_event
from agentdeck.core.errors import DeckError
from agentdeck.core.events import Recorded
from agentdeck.engine.folders import RunFolder, all_runs
from agentdeck.engine.journal import Journal, JournalDamaged
from agentdeck.plans.forecast.history import History, Reader, measured
from agentdeck.plans.forecast.setbacks import Setbacks

MAX_RUNS: Final = 50  # newest; older ones ran with other agents
MAX_EVENTS: Final = 200_000  # of one journal; about a second of reading


def past_history(
    repo: Path, *, besides: str | None = None, most_events: int = MAX_RUNS * MAX_EVENTS
) -> History:
    """The measurements of past runs. Blocking: reads up to `MAX_RUNS` journals.

    Args:
        besides: the id of a run that is left out, because its measurements come from elsewhere.
        most_events: in all; the newest runs of this repository are read first. 100,000 take 1.3 s.
    """
    common = common_dir(repo)
    folders = [folder for folder in all_runs() if folder.run != besides]
    begun = [(folder, first) for folder in folders if (first := first_event(folder))]
    newest = sorted(begun, key=lambda pair: pair[1][0].at)[-MAX_RUNS:]
    elsewhere = [folder for folder, first in newest if not _of(first[1].repo, common)]
    here = [folder for folder, first in newest if _of(first[1].repo, common)]
    found: list[History] = []
    for folder in reversed((*elsewhere, *here)):
        if most_events <= 0:
            break
        events = _events(folder, min(MAX_EVENTS, most_events))
        most_events -= len(events)
        found.append(measured(events))
    history = History()
    for older in reversed(found):
        history = history.joined(older)
    return history


def so_far(folder: RunFolder) -> tuple[History, Setbacks]:
    """What one run has measured, and what has come back in it. Blocking: reads its journal.

    Of a damaged journal what is sound counts.

    Raises:
        JournalError, JournalFormatError: it cannot be opened.
    """
    reader, setbacks = Reader(), Setbacks()
    journal = Journal(folder.journal)
    try:
        with suppress(JournalDamaged):
            for recorded in journal.history():
                reader.take(recorded)
                setbacks.take(recorded)
    finally:
        journal.close()
    return reader.history(), setbacks


def _of(repo: str, common: Path | None) -> bool:
    return common is not None and Path(repo) == common


def _events(folder: RunFolder, most: int) -> list[Recorded]:
    try:
        journal = Journal(folder.journal)
        try:
            return journal.read(0, most)
        finally:
            journal.close()
    except DeckError:
        return []
