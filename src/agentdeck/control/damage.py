"""What a face needs of a damaged journal: the error that says so, and the mending of it."""

from __future__ import annotations

from agentdeck.engine.journal import JournalDamaged
from agentdeck.engine.mending import Mended, fault_of, mend

__all__ = ["JournalDamaged", "Mended", "fault_of", "mend"]
