"""A plan is changed while its run goes on, with the real engine, real git and real agents."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused
from agentdeck.core.fold import fold
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.replan import PlanChange, difference
from agentdeck.core.state import TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

PATIENCE_S = 60.0
# The agent of A waits until a file `go` is there; the others write their own name.
PLAN = """\
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", '''
if [ {task} = A ]; then until [ -e GO ]; do sleep 0.02; done; fi
echo {task} > {task}.txt
''']
[defaults]
agent = "sh"
[[task]]
id = "A"
title = "First"
[[task]]
id = "B"
title = "Second"
after = ["A"]
[[task]]
id = "C"
title = "Third"
after = ["B"]
"""


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    (path / "README").write_text("hello\n")
    git(path, "add", "-A")
    git(path, "commit", "--quiet", "-m", "first")
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


def change(engine: Engine, new: Plan) -> c.EditPlan:
    return c.EditPlan(difference(engine.state.plan, new), engine.state.plan_changes)


async def test_a_run_gains_a_task_and_loses_another(repo: Path, tmp_path: Path) -> None:
    """The new one lands, the dropped one never starts, and the plan file of the run stays."""
    text = PLAN.replace("GO", str(tmp_path / "go"))
    plan = read_plan(text, file="plan.toml")
    folder = create_run(repo, plan, text, root=tmp_path / "runs")
    without_c = text[: text.index('[[task]]\nid = "C"')]
    new = read_plan(
        without_c + '[[task]]\nid = "D"\ntitle = "New"\nafter = ["A"]\n', file="plan.toml"
    )
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[TaskId("A")].state is TaskState.WORKING)
        await engine.submit(change(engine, new))
        assert list(engine.state.tasks) == ["A", "B", "D"]
        (tmp_path / "go").touch()
        await until(engine, lambda state: state.outcome is not None)
        state = engine.state
    assert {task.state for task in state.tasks.values()} == {TaskState.LANDED}
    files = git(repo, "ls-tree", "--name-only", state.target).split()
    assert files == ["A.txt", "B.txt", "D.txt", "README"]
    assert git(repo, "for-each-ref", "--format=%(refname)", f"refs/heads/deck/{state.run}/C") == ""
    assert folder.plan.read_text() == text
    journal = Journal(folder.journal)
    history = list(journal.history())
    journal.close()
    assert [r.event.revision for r in history if isinstance(r.event, e.PlanChanged)] == [1]
    assert fold(history) == state


async def test_a_change_outlives_the_engine(repo: Path, tmp_path: Path) -> None:
    """The next engine folds the journal, and goes on with the changed plan."""
    text = PLAN.replace("GO", str(tmp_path / "go"))
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    longer = text + '[[task]]\nid = "D"\ntitle = "New"\n'
    new = read_plan(longer.replace('after = ["B"]', 'defer = "later"'), file="p.toml")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[TaskId("A")].state is TaskState.WORKING)
        await engine.submit(change(engine, new))
    (tmp_path / "go").touch()
    async with Running(folder) as engine:
        await until(engine, lambda state: state.outcome is not None)
        states = {name: task.state for name, task in engine.state.tasks.items()}
    landed = TaskState.LANDED
    assert states == {"A": landed, "B": landed, "C": TaskState.DEFERRED, "D": landed}


async def test_work_that_is_under_way_is_not_changed(repo: Path, tmp_path: Path) -> None:
    """The engine says why, and its state and journal are as before."""
    text = PLAN.replace("GO", str(tmp_path / "go"))
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[TaskId("A")].state is TaskState.WORKING)
        seq = engine.state.seq
        other = read_plan(text.replace('"First"', '"First"\nfiles = ["x"]'), file="p.toml")
        with pytest.raises(Refused, match="A is working: its files cannot change"):
            await engine.submit(change(engine, other))
        with pytest.raises(Refused, match="B waits for A"):
            await engine.submit(c.EditPlan(PlanChange(dropped=(TaskId("A"),))))
        assert engine.state.plan_changes == 0
        assert not [r for r in engine.read(seq, 10) if isinstance(r.event, e.PlanChanged)]
        (tmp_path / "go").touch()
        await until(engine, lambda state: state.outcome is not None)
