"""The failpoints inside work of several steps, and what is armed. `engine.failpoints` has the rest.

Rules: only the standard library, and nothing of events or plans: what supervises agents on another
machine is sent there with this file, where nothing is ever armed.
"""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from typing import Final


class Place(StrEnum):
    """Places inside work of several steps, between two states of the disk."""

    ENGINE_LOCKED = "engine:locked"  # the run is this engine's, and its journal not yet opened
    JOURNAL_BEGUN = "journal:begun"  # facts are folded, and nothing of them is in the journal
    JOURNAL_WRITTEN = "journal:written"  # they are in a transaction that is not committed
    JOURNAL_COMMITTED = "journal:committed"  # they are durable, and nobody has been told
    REPOSITORY_LOCKED = "repository:locked"  # nothing is written yet
    SLOT_CLAIMED = "slot:claimed"  # a worktree is a task's, and may not be made
    SLOT_SECURED = "slot:secured"  # what it held is on refs, and it is not idle yet
    GATE_PLACED = "gate:placed"  # a scratch worktree is at the commit, and not noted as the gate's
    LAUNCH_CLAIMED = "launch:claimed"  # a folder is locked, and no launcher started
    LAUNCH_SPAWNED = "launch:spawned"  # a launcher runs, and its agent is not known
    WORDS_NOTED = "words:noted"  # what is said to an agent is noted, and nothing of it is said
    WORDS_SAID = "words:said"  # it went through, and that is not noted
    BATCH_FOLDED = "batch:folded"  # one piece is in the chain, and nothing holds it
    LANDING_CHECKED = "landing:checked"  # the target may be moved, and is not
    GROUP_CHECKED = "group:checked"  # all targets of a group may be moved, and none is
    GROUP_MOVED = "group:moved"  # one more of them has moved
    GROUP_TAKEN_BACK = "group:taken-back"  # one of them is back where it was
    PROMOTION_CHECKED = "promotion:checked"  # the base may be moved, and is not


armed: Final[dict[str, int]] = {}  # passages until it kills, by name


def reached(place: Place) -> None:
    """The engine is at a place."""
    if armed:
        pass_by(place.value)


def pass_by(name: str) -> None:
    """Die here, if this is the passage that was meant."""
    left = armed.get(name)
    if left is None:
        return
    armed[name] = left - 1
    if left == 1:
        os.write(2, f"failpoint {name}\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)


__all__ = ["Place", "armed", "pass_by", "reached"]
