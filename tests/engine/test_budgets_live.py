"""Budgets on real processes: an agent that goes over one stands still, and goes on when raised."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import psutil
import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.explain import standstill
from agentdeck.core.ids import TaskId
from agentdeck.core.prices import Price, Prices
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

PATIENCE_S = 60.0
A, B, C = TaskId("A"), TaskId("B"), TaskId("C")
TURN_USD = 0.25
# Four turns of a second, each for 25 cents; a process of its own runs beside it.
SPENDER = r"""
version = 1
[plan]
name = "spend"
agents = 2
[budget]
usd = 1
[agents.spender]
output = "scripted"
command = ["sh", "-c", '''
sleep 600 &
for turn in 1 2 3 4; do
  sleep 1
  cents=$((turn * 25))
  usd="$((cents / 100)).$(printf %02d $((cents % 100)))"
  printf '{"type":"usage","in":%d000,"out":0,"usd":%s}\n' $turn $usd
done
kill %1
echo done > "$1.txt"
echo '{"type":"result","ok":true}'
''', "sh", "{task}"]
[defaults]
agent = "spender"
"""
TASKS = "".join(f'[[task]]\nid = "{name}"\ntitle = "{name}"\n' for name in "ABC")
# Its stream names tokens and a model; it says more when a file is there.
NAMELESS = r"""
version = 1
[plan]
name = "priced"
[agents.quiet]
output = "scripted"
command = ["sh", "-c", '''
echo '{"type":"start","model":"maker/m-1"}'
echo '{"type":"usage","in":1000,"out":500}'
until [ -e "$2/more" ]; do sleep 0.05; done
echo '{"type":"usage","in":3000,"out":500}'
until [ -e "$2/end" ]; do sleep 0.05; done
echo done > "$1.txt"
echo '{"type":"result","ok":true}'
''', "sh", "{task}", "GO"]
[defaults]
agent = "quiet"
[[task]]
id = "A"
title = "A"
"""
PRICES = Prices("2020-02-02", models={"m": Price(1000.0, 2000.0)})  # $1 for 1,000 that are read


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=path, check=True, capture_output=True)
    return path


class Running:
    """An engine turning in the background of a test."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    async def __aenter__(self) -> Engine:
        self.engine = open_engine(self.folder)
        self.task = asyncio.create_task(run_engine(self.engine))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)


def attempt(state: RunState, task: TaskId) -> Attempt:
    found = state.tasks[task].attempt
    assert found is not None
    return found


def stopped(of: Attempt) -> bool:
    """Is every process of the attempt stopped?"""
    assert of.process is not None
    agent = psutil.Process(of.process.pid)
    tree = [agent, *agent.children(recursive=True)]
    return len(tree) > 1 and all(each.status() == psutil.STATUS_STOPPED for each in tree)


def events_of(folder: RunFolder, kind: type[e.Event]) -> list[e.Event]:
    journal = Journal(folder.journal)
    try:
        return [r.event for r in journal.history() if isinstance(r.event, kind)]
    finally:
        journal.close()


async def test_a_run_stands_still_at_its_budget_and_goes_on_when_raised(
    repo: Path, tmp_path: Path
) -> None:
    """Two agents stop within a turn each of the dollar; a third does not start; all land."""
    plan = read_plan(SPENDER + TASKS, file="spend.toml")
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda state: standstill(state) is not None)
        state = engine.state
        assert 1.0 <= state.usd <= 1.0 + 2 * TURN_USD
        assert standstill(state) == f"the budget of $1 is used up (${state.usd:.2f})"
        assert [state.tasks[x].state for x in (A, B)] == [TaskState.PAUSED] * 2
        assert stopped(attempt(state, A))
        assert stopped(attempt(state, B))
        assert state.tasks[C].state is TaskState.READY
        await engine.submit(c.RaiseBudget("run", usd=5.0, by="kim"))
        await until(engine, lambda state: state.outcome is not None)
        assert [task.state for task in engine.state.tasks.values()] == [TaskState.LANDED] * 3
        assert engine.state.usd == pytest.approx(3.0)
        assert all(len(task.attempts) == 1 for task in engine.state.tasks.values())
    assert events_of(folder, e.BudgetSet) == [e.BudgetSet("run", 6.0, None, "kim")]
    assert e.BudgetMarked("run", 1.0) in events_of(folder, e.BudgetMarked)


async def test_a_new_engine_finds_the_agents_frozen_and_tells_no_mark_again(
    repo: Path, tmp_path: Path
) -> None:
    plan = read_plan(SPENDER + TASKS, file="spend.toml")
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda state: standstill(state) is not None)
    told = events_of(folder, e.BudgetMarked)
    async with Running(folder) as engine:
        await until(engine, lambda state: state.engine_running)
        assert stopped(attempt(engine.state, A))
        await engine.submit(c.SetBudget("run", usd=None))
        await until(engine, lambda state: state.outcome is not None)
    assert events_of(folder, e.BudgetMarked) == told


async def test_a_stream_that_names_no_cost_is_priced_by_the_table(
    repo: Path, tmp_path: Path
) -> None:
    """Also across engines: what was reckoned once is not reckoned again."""
    plan = read_plan(NAMELESS.replace("GO", str(tmp_path)), file="priced.toml")
    folder = create_run(repo, plan, "", prices=PRICES, root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.usd > 0)
        found = attempt(engine.state, A)
        assert (found.usd, found.usd_priced) == (2.0, 2.0)
    async with Running(folder) as engine:
        (tmp_path / "more").touch()
        await until(engine, lambda state: state.usd > 2.0)
        found = attempt(engine.state, A)
        assert (found.usd, found.usd_priced, found.tokens_in) == (4.0, 4.0, 3000)
        (tmp_path / "end").touch()
        await until(engine, lambda state: state.outcome is not None)
        assert engine.state.usd == 4.0
