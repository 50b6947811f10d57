"""A simulated run on the disk, as the folder of a run: the deck shows it, and other verbs read it.

Rules: the folder is new; its journal is as a real one, with the times of the simulation. There are
no logs and no repository, so what is asked of those is answered with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agentdeck.core.codec import encode_event
from agentdeck.core.events import VERSION, Recorded
from agentdeck.core.plan import Plan
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.writer import write_plan


def keep_run(path: Path, plan: Plan, history: Sequence[Recorded]) -> RunFolder:
    """Write a run down; its folder, which did not exist.

    Raises:
        EnvironmentFault: the folder exists, or cannot be made.
        JournalError: the journal cannot be written.
    """
    folder = RunFolder(path.absolute())
    folder.create()
    folder.plan.write_text(write_plan(plan), encoding="utf-8")
    journal = Journal(folder.journal, writable=True)
    try:
        journal.restore((one.seq, one.at, VERSION, encode_event(one.event)) for one in history)
    finally:
        journal.close()
    return folder
