"""What is wrong with the run itself is seen in the deck, with its cause and what helps."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from agentdeck.control import vitals as vitals_module
from agentdeck.control.vitals import Health
from agentdeck.core import events as e
from agentdeck.core.events import Recorded
from agentdeck.core.ids import RunId, TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.heartbeat import Beat
from agentdeck.engine.identity import identity_of
from agentdeck.engine.journal import JournalDamaged
from agentdeck.tui.model import Model
from agentdeck.tui.presentation.header import header_line
from agentdeck.tui.sickness import LOOKS, Sickness


class App:
    """What the sickness needs of a deck."""

    def __init__(self, folder: Path) -> None:
        self.folder = RunFolder(folder)
        self.model = Model()
        self.source = SimpleNamespace(engine=True, fault=None)
        self.told: list[tuple[str, str]] = []
        me = identity_of(os.getpid())
        assert me is not None
        plan = Plan(name="p", tasks=(Task(id=TaskId("A"), title="First"),))
        began = e.RunStarted(RunId("r"), plan, "/r", "main", "a" * 40, "b" * 40, "deck/p")
        self.model.take([Recorded(1, 1.0, began), Recorded(2, 1.0, e.EngineStarted(me, "1"))])

    def notify(self, text: str, *, title: str, **_: Any) -> None:
        self.told.append((title, text))

    def beat(self, ago_s: float) -> None:
        told = Beat(time.time() - ago_s, os.getpid(), 2)
        self.folder.heartbeat.write_bytes(msgspec.json.encode(told))
        os.utime(self.folder.heartbeat, (told.at, told.at))

    @property
    def shown(self) -> str:
        deck = self.model.moment(None, offline="", folded=frozenset())
        return "".join(span.text for span in header_line(deck, 120))


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(tmp_path)


@pytest.mark.parametrize(
    ("health", "says", "helps"),
    [
        (Health.STOPPED, "engine stopped (state T)", "kill -CONT"),
        (Health.HUNG, "engine hung", "kill -9"),
        (Health.DISK, "engine waits for the disk (state D)", "dmesg"),
    ],
)
def test_an_engine_that_does_not_beat_is_shown_until_it_does(
    app: App, monkeypatch: pytest.MonkeyPatch, health: Health, says: str, helps: str
) -> None:
    """In the header, and once in a toast; not at the first look, which may come too early."""
    monkeypatch.setattr(vitals_module, "process_health", lambda _: health)
    sickness = Sickness(app)  # type: ignore[arg-type]
    app.beat(ago_s=200)
    for _ in range(LOOKS - 1):
        sickness.tick()
        assert not app.told
    for _ in range(3):
        sickness.tick()
    ((title, text),) = app.told
    assert title == says
    assert "no heartbeat for 3 min" in text
    assert helps in text
    assert f"! {says}" in app.shown
    app.beat(ago_s=1)
    sickness.tick()
    assert says not in app.shown


def test_a_damaged_journal_is_shown_as_such(app: App) -> None:
    """Its message and its hint, as the command line has them."""
    app.source.fault = JournalDamaged(app.folder.journal, "event 7 cannot be read")
    Sickness(app).tick()  # type: ignore[arg-type]
    ((title, text),) = app.told
    assert title == "journal damaged"
    assert "Event 7 cannot be read." in text
    assert "agentdeck runs repair" in text
    assert "! journal damaged" in app.shown


def test_where_no_engine_should_be_none_is_missed(app: App) -> None:
    """A run that has ended, or is only played."""
    app.source.engine = False
    sickness = Sickness(app)  # type: ignore[arg-type]
    app.beat(ago_s=5_000)
    for _ in range(LOOKS + 1):
        sickness.tick()
    assert (app.told, app.model.sick) == ([], "")
