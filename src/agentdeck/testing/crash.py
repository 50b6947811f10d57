"""A power cut for one engine, and what its journal tells afterwards."""

from __future__ import annotations

import signal
from contextlib import suppress

import psutil

from agentdeck.core.events import AnyEvent
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal

GONE_S = 10.0  # from SIGKILL until the process is gone


def kill_engine(folder: RunFolder) -> None:
    """End the engine of a run as a power cut would, and wait until it is gone."""
    engine = psutil.Process(int(folder.lock.read_text()))
    engine.send_signal(signal.SIGKILL)
    with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        engine.wait(GONE_S)


def is_gone(folder: RunFolder) -> bool:
    """Has the process that wrote itself down as the engine of a run ended?"""
    try:
        engine = psutil.Process(int(folder.lock.read_text()))
    except psutil.NoSuchProcess:
        return True
    except (OSError, ValueError):  # it has not come so far
        return False
    return engine.status() == psutil.STATUS_ZOMBIE


def told_in(folder: RunFolder) -> list[AnyEvent]:
    """Every event of the run's journal, the oldest first."""
    journal = Journal(folder.journal)
    try:
        return [recorded.event for recorded in journal.history()]
    finally:
        journal.close()


__all__ = ["kill_engine", "told_in"]
