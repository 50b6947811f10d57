"""An engine that only decides and records, over a real journal, with the real server before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentdeck.control.server import ControlServer
from agentdeck.core import events as e
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import decide
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.fold import apply, fold
from agentdeck.core.ids import RunId, TaskId
from agentdeck.core.plan import Plan, Task
from agentdeck.engine.folders import RunFolder, runs_root
from agentdeck.engine.journal import Journal

PLAN = Plan(
    name="two tasks",
    tasks=(Task(id=TaskId("A"), title="First"), Task(id=TaskId("B"), after=(TaskId("A"),))),
)


def begin(name: str, plan: Plan = PLAN, repo: Path = Path("/nowhere/.git")) -> RunFolder:
    """A run's folder whose journal has its first event."""
    folder = RunFolder(runs_root() / name)
    folder.create()
    journal = Journal(folder.journal, writable=True)
    started = e.RunStarted(
        run=RunId(name),
        plan=plan,
        repo=str(repo),
        base="main",
        base_commit="a" * 40,
        base_tree="b" * 40,
        target="deck/two-tasks",
        checkout=str(repo.parent),
    )
    journal.append([started], 1_000.0, after=0)
    journal.close()
    return folder


class RecordingEngine:
    """Decides commands and stores what follows; performs nothing."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.journal = Journal(folder.journal, writable=True)
        self.state = fold(self.journal.history())
        self.moved = asyncio.Condition()
        self.stopped = ""
        self.fails: Exception | None = None
        self.slow: asyncio.Event | None = None

    def read(self, after: int, limit: int) -> list[Recorded]:
        return self.journal.read(after, limit)

    async def wait_past(self, seq: int, timeout_s: float) -> int:
        async with self.moved:
            try:
                async with asyncio.timeout(timeout_s):
                    await self.moved.wait_for(lambda: self.state.seq > seq)
            except TimeoutError:
                pass
        return self.state.seq

    async def submit(self, command: AnyCommand) -> int:
        if self.slow is not None:
            await self.slow.wait()
        if self.fails is not None:
            raise self.fails
        return await self.record(*decide(self.state, command))

    async def record(self, *events: AnyEvent, at: float = 1_001.0) -> int:
        for recorded in self.journal.append(events, at, after=self.state.seq):
            apply(self.state, recorded)
        async with self.moved:
            self.moved.notify_all()
        return self.state.seq

    def stop(self, reason: str) -> None:
        self.stopped = reason

    def busy(self) -> bool:
        return False


@pytest.fixture
def folder() -> RunFolder:
    return begin("two-tasks-0001")


@pytest.fixture
async def engine(folder: RunFolder) -> AsyncIterator[RecordingEngine]:
    made = RecordingEngine(folder)
    yield made
    made.journal.close()


@pytest.fixture
async def server(engine: RecordingEngine) -> AsyncIterator[ControlServer]:
    made = ControlServer(engine, engine.folder)
    await made.start()
    yield made
    await made.close()
