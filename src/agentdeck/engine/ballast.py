"""Bytes kept back from the disk, given up when it is full: so the journal can still say so."""

from __future__ import annotations

from typing import Final

from agentdeck.engine.enginelog import log
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.private_files import write_private

BALLAST_BYTES: Final = 4 * 1024 * 1024  # room for thousands of events, and a checkpoint of the WAL


def take_ballast(folder: RunFolder) -> None:
    """Keep some space back for the journal, where the disk has it."""
    if folder.ballast.exists():
        return
    aside = folder.ballast.with_suffix(".new")
    try:
        write_private(aside, b"\0" * BALLAST_BYTES)
        aside.rename(folder.ballast)
    except OSError:
        aside.unlink(missing_ok=True)  # what is left belongs to the journal


def give_up_ballast(folder: RunFolder) -> bool:
    """Make that space free. False: it was given up before."""
    if not folder.ballast.exists():
        return False
    folder.ballast.unlink()
    log.error("the disk is full: gave up the ballast")
    return True
