"""What a face needs of a damaged journal: the error that says so, and the mending of it.

Rule: most runs are sound, so what looks closer is imported where it is wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentdeck.engine.journal import JournalDamaged

if TYPE_CHECKING:
    from agentdeck.core.errors import DeckError
    from agentdeck.engine.folders import RunFolder
    from agentdeck.engine.mending import Mended


def fault_of(folder: RunFolder) -> DeckError | None:
    """As `engine.mending.fault_of`."""
    from agentdeck.engine import mending

    return mending.fault_of(folder)


def mend(folder: RunFolder) -> Mended | None:
    """As `engine.mending.mend`."""
    from agentdeck.engine import mending

    return mending.mend(folder)


__all__ = ["JournalDamaged", "fault_of", "mend"]
