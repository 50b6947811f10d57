"""The merge queue on real git with real gates, as a person and the clock change it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.control.reporting import gates_of_run
from agentdeck.core import commands as c
from agentdeck.core import gate_timeouts
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
PATIENCE_S = 60.0
ENDED = (TaskState.LANDED, TaskState.FAILED, TaskState.CANCELLED)
PLAN = """
version = 1
[plan]
name = "queue"
agents = 4
[defaults]
retries = 0
agent = "writer"
[queue]
batch = 1
slots = 1
[agents.writer]
output = "plain"
command = ["sh", "-c", "echo x > $1.txt", "sh", "{task}"]
[gates.check]
run = ["sh", "-c", "if test -e C.txt; then sleep 30; fi"]
when = "merge"
"""


def begun(tmp_path: Path, sh: Sh, tasks: str) -> RunFolder:
    repo = tmp_path / "repo"
    repo.mkdir()
    sh(repo, "init", "--quiet", "--initial-branch=main")
    sh(repo, "commit", "--quiet", "--allow-empty", "-m", "first")
    plan = read_plan(PLAN + tasks, file="p.toml")
    return create_run(repo, plan, "", root=tmp_path / "runs")


def all_ended(state: RunState) -> bool:
    return all(task.state in ENDED for task in state.tasks.values())


def test_a_gate_that_hangs_is_ended_by_what_it_usually_takes(
    tmp_path: Path, sh: Sh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A and B are green at once and C hangs: it is red, says why, and `gates` shows it."""
    monkeypatch.setattr(gate_timeouts, "FLOOR_S", 1.5)
    monkeypatch.setattr(gate_timeouts, "LEAST_RUNS", 2)
    tasks = (
        '[[task]]\nid = "A"\nprompt = "x"\n[[task]]\nid = "B"\nprompt = "x"\n'
        '[[task]]\nid = "C"\nprompt = "x"\nafter = ["A", "B"]\n'
    )
    folder = begun(tmp_path, sh, tasks)
    engine = open_engine(folder)

    async def go() -> None:
        running = asyncio.create_task(run_engine(engine))
        await until(engine, all_ended)
        engine.stop("test")
        await running

    asyncio.run(go())
    task = engine.state.tasks[TaskId("C")]
    assert (task.state, task.cause) == (TaskState.FAILED, FailureClass.GATE)
    assert "learned limit of 2 s" in task.reason
    (line,) = gates_of_run(folder).gates
    assert (line.timed_out, line.timeout_from) == (1, "learned")
    assert line.last_red is not None
    assert "green runs took at most" in line.last_red.limit


def test_what_was_moved_lands_first_and_what_was_dropped_stays_on_its_branch(
    tmp_path: Path, sh: Sh
) -> None:
    """The queue is held, four come in, a person moves and drops, and it goes on."""
    tasks = "".join(f'[[task]]\nid = "{name}"\nprompt = "x"\n' for name in "ABDE")
    folder = begun(tmp_path, sh, tasks)
    engine = open_engine(folder)

    async def go() -> list[str]:
        running = asyncio.create_task(run_engine(engine))
        await engine.submit(c.Hold())
        await until(engine, lambda state: len(state.queue) == 4)
        order = [str(e.task) for e in sorted(engine.state.queue.values(), key=lambda e: e.number)]
        first, second, third, last = map(TaskId, order)
        await engine.submit(c.Move(last, c.Place.BEFORE, first))
        await engine.submit(c.Move(second, c.Place.DOWN))
        await engine.submit(c.Drop(third))
        await engine.submit(c.Release())
        await until(engine, all_ended)
        engine.stop("test")
        await running
        return order

    order = asyncio.run(go())
    landed = [str(landing.task) for landing in engine.state.landings]
    assert landed == [order[3], order[0], order[1]]
    dropped = engine.state.tasks[TaskId(order[2])]
    assert dropped.state is TaskState.CANCELLED
    assert dropped.attempt is not None
    work = dropped.attempt.collected
    assert work is not None
    assert f"{order[2]}.txt" in sh(tmp_path / "repo", "ls-tree", "--name-only", work.head)
