"""Lets the tests of the control room import what they share, as `tests.tui.sample_journal`.

A toast stays for as long as a test may take: a busy machine must not lose one that was not looked
at yet. And a pilot waits until the event loop is quiet, not until the CPU seems to be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual.app import App
from textual.worker_manager import WorkerManager

from agentdeck.tui.app import DeckApp
from agentdeck.tui.pacing import CatchingUp
from agentdeck.tui.typed_ahead import TypedAhead

sys.path.append(str(Path(__file__).parents[2]))

from tests.tui.quiet_loop import AHEAD, FOLLOWS, WORKERS, forget, until_quiet

TOAST_S = 600.0  # longer than any test


@pytest.fixture(autouse=True)
def lasting_toasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No toast goes away by itself."""
    monkeypatch.setattr(App, "NOTIFICATION_TIMEOUT", TOAST_S)


@pytest.fixture(autouse=True)
def quiet_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """See `quiet_loop`."""
    forget()
    real, managed, typed = CatchingUp.__init__, WorkerManager.__init__, TypedAhead.__init__

    def known(follows: CatchingUp, *args: Any, **named: Any) -> None:
        real(follows, *args, **named)
        FOLLOWS.append(follows)

    def managing(workers: WorkerManager, *args: Any, **named: Any) -> None:
        managed(workers, *args, **named)
        WORKERS.append(workers)

    def ahead(self: TypedAhead, app: DeckApp) -> None:
        typed(self, app)
        AHEAD.append(self)

    monkeypatch.setattr(TypedAhead, "__init__", ahead)
    monkeypatch.setattr(CatchingUp, "__init__", known)
    monkeypatch.setattr(WorkerManager, "__init__", managing)
    monkeypatch.setattr(textual.app, "wait_for_idle", until_quiet)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", until_quiet)
