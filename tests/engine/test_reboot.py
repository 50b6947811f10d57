"""The machine was started again in the middle of a run: pids of before mean nothing.

The agents die with the machine, here by SIGKILL; then what is recorded of them names the pid of a
stranger, who writes down every signal that it gets, and another boot.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.engine.turning import Running, until

from agentdeck.core import commands as c
from agentdeck.core.events import FailureClass, Verdict
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.identity import identity_of, is_alive
from agentdeck.engine.processes import read_child
from agentdeck.plans.reader import read_plan

A = TaskId("A")
PATIENCE_S = 60.0
PLAN = """
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", "{agent}"]
[gates.db]
run = "{gate}"
when = "merge"
[defaults]
agent = "sh"
retries = 1
backoff = "0s"
[[task]]
id = "A"
title = "First"
"""
WAITS = "until [ -e '{go}' ]; do sleep 0.05; done"
STRANGER = """
import signal, sys

for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, lambda number, _: print(number, flush=True))
print("up", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any run; `told` beside it has the signals it got."""
    told = tmp_path / "told"
    with told.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", STRANGER], stdout=out)
    deadline = time.monotonic() + PATIENCE_S
    while told.read_bytes() != b"up\n":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that somebody waits for."""
    return tmp_path / "go"


def begin(repo: Path, tmp_path: Path, agent: str, gate: str) -> RunFolder:
    text = PLAN.format(agent=agent, gate=gate)
    return create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")


def open_up(file: Path) -> None:
    """Make the file that somebody waits for."""
    file.touch()


def reboot(directory: Path, stranger: int) -> None:
    """End what was started in `directory`, and let its record name a stranger, of another boot."""
    child = read_child(directory)
    now = identity_of(stranger)
    assert child is not None
    assert now is not None
    for who in (child.launcher.pid, child.agent.pid):
        with suppress(ProcessLookupError):
            os.killpg(who, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while is_alive(child.launcher) or is_alive(child.agent):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    row = f"{now.pid} {now.start_ticks} another-boot"
    (directory / "pid").write_text(f"launcher {row}\nagent {row}\n", encoding="ascii")


def untouched(stranger: subprocess.Popen[bytes], tmp_path: Path) -> bool:
    return stranger.poll() is None and (tmp_path / "told").read_bytes() == b"up\n"


def in_state(wanted: TaskState, state: RunState) -> bool:
    return state.tasks[A].state is wanted


@pytest.mark.parametrize("paused", [False, True])
async def test_agents_of_before_are_dead_and_nobody_gets_their_signals(
    repo: Path, tmp_path: Path, go: Path, stranger: subprocess.Popen[bytes], paused: bool
) -> None:
    """The attempt counts as lost, the next one lands; a pause is over with its processes."""
    folder = begin(repo, tmp_path, WAITS.format(go=go) + "; echo work > work.txt", "true")
    async with Running(folder) as engine:
        await until(engine, lambda state: in_state(TaskState.WORKING, state))
        if paused:
            await engine.submit(c.Pause(A))
            await until(engine, lambda state: in_state(TaskState.PAUSED, state))
    reboot(folder.attempt(A, 1), stranger.pid)
    open_up(go)
    async with Running(folder) as engine:
        await until(engine, lambda state: len(state.tasks[A].attempts) > 1 or paused)
        if paused:
            await engine.submit(c.Resume(A))
        await until(engine, lambda state: state.outcome is not None)
    task = engine.state.tasks[A]
    assert (task.state, len(task.attempts)) == (TaskState.LANDED, 2)
    assert task.attempts[0].cause is FailureClass.LOST
    assert untouched(stranger, tmp_path)


async def test_a_gate_of_before_has_judged_nothing(
    repo: Path, tmp_path: Path, go: Path, stranger: subprocess.Popen[bytes]
) -> None:
    """It is run again, and the work lands as it is."""
    folder = begin(repo, tmp_path, "echo work > work.txt", WAITS.format(go=go))
    gates = folder.path / "gates"
    async with Running(folder) as engine:
        await until(engine, lambda _: any(gates.glob("*/pid")))
    (first,) = (file.parent for file in gates.glob("*/pid"))
    reboot(first, stranger.pid)
    open_up(go)
    async with Running(folder) as engine:
        await until(engine, lambda state: state.outcome is not None)
    task = engine.state.tasks[A]
    assert (task.state, len(task.attempts)) == (TaskState.LANDED, 1)
    verdicts = [run.verdict for runs in engine.state.gates.values() for run in runs]
    assert verdicts == [Verdict.BROKEN, Verdict.PASSED]
    assert untouched(stranger, tmp_path)
