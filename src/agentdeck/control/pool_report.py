"""The pools and agents of a run, read from its journal."""

from __future__ import annotations

from agentdeck.control.runs import RunFolder
from agentdeck.core.errors import NotFoundError
from agentdeck.core.fold import apply
from agentdeck.core.state import RunState
from agentdeck.engine.journal import Journal
from agentdeck.plans.reporting.pool_use import PoolUse


def told_pools(folder: RunFolder) -> tuple[RunState, PoolUse]:
    """How the run stands, and how its places were used. O(events).

    Raises:
        JournalError, JournalFormatError: it cannot be read.
        NotFoundError: it has no event yet.
    """
    state, use = RunState(), PoolUse()
    journal = Journal(folder.journal)
    try:
        for recorded in journal.history():
            apply(state, recorded)
            use.take(state, recorded)
    finally:
        journal.close()
    if not state.seq:
        raise NotFoundError(f"the journal of run {folder.run} has no event")
    return state, use
