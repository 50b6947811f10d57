"""The heart beats while the loop turns, and time in which the engine slept is nobody's fault."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.engine.turning import until

from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine import commands, enginelog, heartbeat
from agentdeck.engine.create import create_run, run_engine
from agentdeck.engine.enginelog import log, open_log
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.heartbeat import read_beat
from agentdeck.engine.identity import identity_of
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.engine.processes import Child
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import identity
from agentdeck.testing.crash import told_in

A = TaskId("A")
DAY_S = 86_400.0
PATIENCE_S = 60.0
PLAN = """
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", "until [ -e '{go}' ]; do sleep 0.05; done; echo work > work.txt"]
[defaults]
agent = "sh"
retries = 0
timeout = "1h"
idle_timeout = "30min"
[[task]]
id = "A"
title = "First"
"""


class Sleeper:
    """A clock that jumps, as it does for a process that was stopped or a machine that slept."""

    def __init__(self) -> None:
        self.slept = 0.0

    def __call__(self) -> float:
        return time.time() + self.slept


class Turning:
    """An engine over a clock of one's own."""

    def __init__(self, folder: RunFolder, clock: Sleeper) -> None:
        me = identity_of(os.getpid())
        assert me is not None
        self.engine = Engine(folder, Journal(folder.journal, writable=True), me, clock=clock)

    async def __aenter__(self) -> Engine:
        self.task = asyncio.create_task(run_engine(self.engine))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heart that beats often enough for a test."""
    monkeypatch.setattr(heartbeat, "BEAT_S", 0.1)


@pytest.fixture
def folder(repo: Path, tmp_path: Path) -> RunFolder:
    """A run whose only agent waits for the file `go`."""
    text = PLAN.format(go=tmp_path / "go")
    return create_run(repo, read_plan(text, file="p.toml"), "", root=tmp_path / "runs")


def works(state: RunState) -> bool:
    return state.tasks[A].state is TaskState.WORKING


def slept(state: RunState) -> bool:
    attempt = state.tasks[A].attempt
    return attempt is not None and attempt.frozen_s > DAY_S / 2


def told(folder: RunFolder, kind: type[e.Event]) -> list[AnyEvent]:
    return [event for event in told_in(folder) if isinstance(event, kind)]


async def test_an_agent_is_not_ended_for_time_in_which_the_engine_slept(
    folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day of it, with an hour of time and half an hour of silence allowed: it lands at once."""
    clock = Sleeper()
    monkeypatch.setattr(heartbeat, "BEAT_S", 2.0)  # watchdogs look first
    async with Turning(folder, clock) as engine:
        await until(engine, works)
        clock.slept = DAY_S
        await until(engine, slept)
        attempt = engine.state.tasks[A].attempt
        assert attempt is not None
        assert attempt.worked_s(clock()) < DAY_S / 2
        (tmp_path / "go").touch()
        await until(engine, lambda state: state.outcome is not None)
    assert told(folder, e.LimitHit) == []
    assert engine.state.tasks[A].state is TaskState.LANDED
    (once,) = told(folder, e.EngineSlept)
    assert isinstance(once, e.EngineSlept)
    assert DAY_S - 60 < once.seconds < DAY_S + 60


@pytest.mark.usefixtures("quick")
async def test_the_heart_says_how_far_the_engine_is_and_when_agents_gave_a_sign(
    folder: RunFolder, tmp_path: Path
) -> None:
    """The file is written anew with each beat, and an attempt that has ended is not in it."""
    async with Turning(folder, Sleeper()) as engine:
        await until(engine, works)
        async with asyncio.timeout(PATIENCE_S):
            while (beat := read_beat(folder.heartbeat)) is None or "A#1" not in beat.signs:
                await asyncio.sleep(0.02)
        assert beat.pid == os.getpid()
        assert abs(beat.at - time.time()) < PATIENCE_S
        assert beat.seq > 0
        (tmp_path / "go").touch()
        async with asyncio.timeout(PATIENCE_S):
            while (
                (later := read_beat(folder.heartbeat)) is None or later.signs or later.at <= beat.at
            ):
                await asyncio.sleep(0.02)
    assert not list(folder.path.glob("*.new"))


async def test_a_gate_is_not_ended_for_time_in_which_the_engine_slept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of a wait that took an hour where seconds were meant, seconds count."""
    waits: list[object] = []
    hours = count(step=3_600)

    async def for_ever(child: object) -> None:
        waits.append(child)
        await asyncio.sleep(PATIENCE_S)

    monkeypatch.setattr(commands, "SLICE_S", 0.01)
    monkeypatch.setattr(commands, "wait", for_ever)
    clock = SimpleNamespace(monotonic=lambda: float(next(hours)))
    monkeypatch.setattr(commands, "time", clock)  # of this module alone
    child = Child(Path(), identity(1), identity(2))
    assert not await commands._ends_within(child, 0.1)
    assert len(waits) == 5


@pytest.mark.parametrize("content", ["", "{", '{"at": "x"}', "[]"])
def test_a_heartbeat_that_cannot_be_read_is_none(tmp_path: Path, content: str) -> None:
    """A face is never stopped by it."""
    file = tmp_path / "heartbeat.json"
    file.write_text(content)
    assert read_beat(file) is None


def test_the_log_has_levels_and_is_rotated_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`AGENTDECK_LOG` names the least that is written; files do not grow, and do not multiply."""
    file = tmp_path / "engine.log"
    monkeypatch.setattr(enginelog, "MAX_BYTES", 2_000)
    monkeypatch.setenv("AGENTDECK_LOG", "warning")
    monkeypatch.setenv("MY_API_KEY", "very-secret-value")
    before = os.umask(0)
    try:
        open_log(file)
        log.info("not written")
        for number in range(100):
            log.warning("line %d with very-secret-value", number)
    finally:
        os.umask(before)
        for handler in list(log.handlers):
            log.removeHandler(handler)
            handler.close()
    files = sorted(tmp_path.glob("engine.log*"))
    assert len(files) == 1 + enginelog.KEPT_FILES
    for one in files:
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
        assert one.stat().st_size <= 2_000
        lines = [json.loads(line) for line in one.read_text().splitlines()]
        assert {line["level"] for line in lines} == {"warning"}
        assert {line["pid"] for line in lines} == {os.getpid()}
        assert "very-secret-value" not in one.read_text()
    assert logging.getLogger("agentdeck.engine") is log
