"""Pictures of a deck whose run cannot go on as it is: disk, journal, engine; and of a sandbox.

Each docstring says what you should see. Such states are rare and must be understood at once, by
somebody who is not calm: the cause stands first, loud, and what helps stands with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from tests.tui.sample_journal import STARTED_AT, Story, middle
from tests.tui.test_room_pictures import SIZES, compare, take
from textual.pilot import Pilot

from agentdeck.control import vitals as vitals_module
from agentdeck.control.vitals import Health, Vitals
from agentdeck.core import events as e
from agentdeck.core.events import DiskMark
from agentdeck.core.ids import TaskId
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.engine.journal import JournalDamaged
from agentdeck.tui.app import DeckApp
from agentdeck.tui.sickness import LOOKS

STATE = Path("/state/agentdeck/runs/webhooks-0a1b")
SILENT_S = 190.0  # since the last beat of an engine that is not well
PID = 900
TRIES = 500
Steps = Callable[[Pilot[None]], Awaitable[None]]


def deck_of(pilot: Pilot[None]) -> DeckApp:
    app = pilot.app
    assert isinstance(app, DeckApp)
    return app


async def looked_at(app: DeckApp, pilot: Pilot[None]) -> None:
    """The deck has looked often enough to say what is wrong."""
    for _ in range(LOOKS):
        app.sickness.tick()
    app.draw()
    for _ in range(TRIES):  # a toast is mounted a message or two later
        if app.screen.query("Toast"):
            break
        await pilot.pause(0.02)
    assert app.screen.query("Toast")


def full(mark: DiskMark) -> Story:
    """The middle of the run; the disk fills up, and where it is full everybody stands still."""
    told = middle()
    free = 12_000_000 if mark is DiskMark.FULL else 310_000_000
    needed = 110_000_000 if mark is DiskMark.FULL else 550_000_000
    told.tell(e.DiskChanged(mark, str(STATE), free, needed))
    if mark is DiskMark.FULL:
        told.wait(1)
        for name in ("S-1", "S-2", "S-3"):
            told.tell(e.AttemptFrozen(TaskId(name), 1, 3))
    told.wait(40)
    return told


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["main", "inbox"])
async def test_a_full_disk(tmp_path: Path, size: str, screen: str) -> None:
    """You should see "! disk full" first and loud, then how many things need you; S-1 to S-3 with
    the sign of those who stand still, and below the plan that S-2 waits for room and goes on by
    itself. *inbox*: the disk at the head of the list, how many wait for it, and what makes room.
    """
    picture = await take(tmp_path, full(DiskMark.FULL), size, ".svg", screen=screen, selected="S-2")
    compare(f"disk-full-{screen}-{size}.svg", picture)


async def test_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    """You should see "! disk low" first, and those who work still at work: only nothing starts."""
    picture = await take(tmp_path, full(DiskMark.LOW), "120x36", ".svg", selected="S-2")
    compare("disk-low-120x36.svg", picture)


@pytest.mark.parametrize("size", SIZES)
async def test_a_damaged_journal(tmp_path: Path, size: str) -> None:
    """You should see "! journal damaged" first and loud, and a toast with the event that cannot be
    read and the command that saves what can be saved, whole.
    """

    async def damaged(pilot: Pilot[None]) -> None:
        app = deck_of(pilot)
        fault = JournalDamaged(STATE / "journal.db", "event 7 of the journal cannot be read")
        app.source.fault = fault  # type: ignore[attr-defined]
        await looked_at(app, pilot)

    picture = await take(tmp_path, middle(), size, ".svg", steps=damaged, toasts=True)
    compare(f"journal-damaged-{size}.svg", picture)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("health", [Health.STOPPED, Health.HUNG, Health.DEAD])
async def test_a_sick_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str, health: Health
) -> None:
    """You should see, first and loud, "! engine stopped (state T)", "hung" or "dead"; a toast with
    how long there was no heartbeat and the command that helps, not broken within a word.
    """
    vitals = Vitals(health, PID, SILENT_S)
    monkeypatch.setattr(vitals_module, "vitals_of", lambda *_: vitals)

    async def sick(pilot: Pilot[None]) -> None:
        app = deck_of(pilot)
        app.source.engine = True  # type: ignore[attr-defined]
        await looked_at(app, pilot)

    picture = await take(tmp_path, middle(), size, ".svg", steps=sick, toasts=True)
    compare(f"engine-{health}-{size}.svg", picture)


def boxed() -> Story:
    """The middle of the run; S-2 works in a sandbox without a network."""
    told = middle()
    for number, recorded in enumerate(told.history):
        event = recorded.event
        if isinstance(event, e.AttemptLaunched) and event.task == "S-2":
            inside = msgspec.structs.replace(event, sandbox=Sandbox.BWRAP, network=False)
            told.history[number] = msgspec.structs.replace(recorded, event=inside)
    assert told.history[-1].at > STARTED_AT
    return told


@pytest.mark.parametrize("size", SIZES)
async def test_an_agent_in_a_sandbox(tmp_path: Path, size: str) -> None:
    """You should see in the title of S-2 that it is sandboxed by bwrap with its network off (where
    there is room: not at 120x36), and in its history the same.
    """
    picture = await take(tmp_path, boxed(), size, ".svg", screen="history", selected="S-2")
    compare(f"sandbox-{size}.svg", picture)
