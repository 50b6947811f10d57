"""A real disk that fills up in the middle of a run: nothing is lost, and it goes on by itself."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.engine.test_faults import HEAD, ONE_TASK, A, Running, finished, open_up
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core.events import DiskChanged, DiskMark, Outcome
from agentdeck.core.explain import explain
from agentdeck.core.inbox import Kind, waiting
from agentdeck.core.state import TaskState
from agentdeck.engine import disk_watch
from agentdeck.engine.create import create_run
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan

PATIENCE_S = 60.0
SIZE_MB = 40
FLOOR_MB = 20
CHUNK = b"x" * 64 * 1024


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of `SIZE_MB`."""
    where = tmp_path / "small"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "small", str(where)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"nothing can be mounted: {error}")
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield where
    subprocess.run(["umount", "-l", str(where)], check=True)


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that agents wait for."""
    return tmp_path / "go"


@pytest.fixture
def start(repo: Path, small: Path, go: Path) -> Callable[[], RunFolder]:
    """A run whose folder is on the small disk."""

    def begin() -> RunFolder:
        text = HEAD.format(plan=f"disk_floor_mb = {FLOOR_MB}", go=go) + ONE_TASK
        return create_run(repo, read_plan(text, file="plan.toml"), "", root=small / "runs")

    return begin


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is looked at often."""
    monkeypatch.setattr(disk_watch, "EVERY_S", 0.05)


def fill(where: Path, leave_mb: float) -> Path:
    """Leave so much free; nothing at all for 0."""
    filler = where / f"filler-{time.monotonic_ns()}"
    with filler.open("wb", buffering=0) as file:
        try:
            while not leave_mb or free_mb(where) > leave_mb:
                file.write(CHUNK)
        except OSError:
            pass  # full to the last page
    return filler


def free_mb(where: Path) -> float:
    found = os.statvfs(where)
    return found.f_bavail * found.f_frsize / 1e6


def empty(where: Path) -> None:
    for filler in where.glob("filler-*"):
        filler.unlink()


async def test_a_run_on_a_full_disk_says_what_it_needs_and_goes_on_when_there_is_room(
    start: Callable[[], RunFolder], small: Path, go: Path
) -> None:
    """Its agent stands still meanwhile, and is not tried again."""
    folder = start()
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
        fill(small, leave_mb=2)
        await until(engine, lambda state: state.tasks[A].state is TaskState.PAUSED)
        said = explain(engine.state, A, time.time())
        assert said.startswith("A is frozen: the disk is full")
        assert str(small) in said
        assert "goes on by itself at 4 MB" in said
        assert Kind.DISK in {item.kind for item in waiting(engine.state)}
        empty(small)
        await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
        assert engine.state.disk is None
        open_up(go)
        await until(engine, finished)
    assert engine.state.outcome is Outcome.COMPLETE
    assert len(engine.state.tasks[A].attempts) == 1


async def test_a_journal_without_a_byte_of_room_loses_nothing(
    start: Callable[[], RunFolder], small: Path, go: Path
) -> None:
    """A command is answered once it is stored, however long that takes; the journal is sound."""
    folder = start()
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
        held: list[asyncio.Task[int]] = []
        async with asyncio.timeout(PATIENCE_S):
            while not engine.waits_for_room:
                fill(small, leave_mb=0)  # what the ballast gave back goes too
                held.append(asyncio.create_task(engine.submit(c.SetAgents(2 + len(held)))))
                await asyncio.wait(held, timeout=0.1)
        assert not folder.ballast.exists()
        assert not held[-1].done(), "nothing is acknowledged that is not stored"
        stored = engine.read(0, 10_000)[-1].seq
        empty(small)
        async with asyncio.timeout(PATIENCE_S):
            numbers = [await each for each in held]
        assert numbers[-1] > stored
        open_up(go)
        await until(engine, finished)
        async with asyncio.timeout(PATIENCE_S):
            while not folder.ballast.exists():  # it is kept back again
                await asyncio.sleep(0.05)
    assert engine.state.agents_limit == 1 + len(held)
    assert engine.state.outcome is Outcome.COMPLETE
    history = list(Journal(folder.journal).history())
    assert [recorded.seq for recorded in history] == list(range(1, len(history) + 1))
    marks = [r.event.mark for r in history if isinstance(r.event, DiskChanged)]
    assert DiskMark.FULL in marks
    assert marks[-1] is DiskMark.ROOM
    with sqlite3.connect(folder.journal) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)


async def test_on_a_disk_that_is_low_from_the_beginning_nothing_starts(
    repo: Path, tmp_path: Path, go: Path
) -> None:
    """It is looked at before the first task is claimed."""
    much = int(free_mb(tmp_path) * 2)
    text = HEAD.format(plan=f"disk_floor_mb = {much}", go=go) + ONE_TASK
    folder = create_run(repo, read_plan(text, file="plan.toml"), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.disk is not None)
        assert engine.state.disk is not None
        assert engine.state.disk.mark is DiskMark.LOW
        assert explain(engine.state, A, time.time()).startswith("A waits: the disk is low")
    assert not engine.state.tasks[A].attempts
