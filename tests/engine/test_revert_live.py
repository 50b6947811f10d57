"""Reverts on real git with real gates: gone from the target, and back again when retried."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import LandingStyle
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.plans.reader import read_plan

Sh = Callable[..., str]
PATIENCE_S = 90.0

# B writes a second line below that of A into the same file; K keeps the run open.
PLAN = """\
version = 1
[plan]
name = "p"
agents = 4
[queue]
style = "{style}"
[agents.sh]
command = ["sh", "-c", "echo {{task}} >> {{task}}.txt; [ {{task}} != B ] || echo B >> A.txt"]
[agents.me]
use = "human"
[defaults]
agent = "sh"
[gates.look]
run = ["sh", "-c", "! test -e D.txt || test -e C.txt"]
when = "merge"
[[task]]
id = "A"
title = "Do A"
[[task]]
id = "B"
title = "Do B"
after = ["A"]
[[task]]
id = "C"
title = "Do C"
[[task]]
id = "D"
title = "Do D"
after = ["C"]
[[task]]
id = "K"
title = "Do K"
agent = "me"
"""


def files(sh: Sh, repo: Path, state: RunState) -> set[str]:
    return set(sh(repo, "ls-tree", "--name-only", state.target).split())


@pytest.mark.parametrize("style", LandingStyle)
async def test_work_is_taken_back_and_lands_again(
    tmp_path: Path, sh: Sh, style: LandingStyle
) -> None:
    repo = tmp_path / "repo"
    repo.mkdir()
    sh(repo, "init", "--quiet", "--initial-branch=main")
    sh(repo, "commit", "--quiet", "--allow-empty", "-m", "first")
    text = PLAN.format(style=style)
    folder = create_run(repo, read_plan(text, file="p.toml"), text, root=tmp_path / "runs")
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    try:
        await until(engine, lambda s: all(_is(s, name, TaskState.LANDED) for name in "ABCD"))
        # Without C the gate is red as long as D is there: the revert does not land.
        await engine.submit(c.Revert(TaskId("C"), only=True))
        await until(engine, lambda s: "did not land" in s.tasks[TaskId("C")].reason)
        assert {"A.txt", "C.txt", "D.txt"} <= files(sh, repo, engine.state)
        # A alone is in conflict with what B has made of its file.
        await engine.submit(c.Revert(TaskId("A"), only=True))
        await until(engine, lambda s: "conflicts" in s.tasks[TaskId("A")].reason)
        # With what landed on top of it, it goes.
        await engine.submit(c.Revert(TaskId("A"), with_dependents=True))
        await until(engine, lambda s: all(_is(s, name, TaskState.CANCELLED) for name in "AB"))
        assert files(sh, repo, engine.state) == {"C.txt", "D.txt"}
        # Tried again, it lands again, though its old commits are in the history.
        await engine.submit(c.Retry(TaskId("A")))
        await until(engine, lambda s: _is(s, "A", TaskState.LANDED))
        assert files(sh, repo, engine.state) == {"A.txt", "C.txt", "D.txt"}
        assert sh(repo, "show", f"{engine.state.target}:A.txt") == "A"
        commits = sh(repo, "rev-list", "--first-parent", f"main..{engine.state.target}").split()
        assert set(commits) == {landing.commit for landing in engine.state.landings}
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, PATIENCE_S)

    passed_one_by_one(sh, repo, engine.state)


def passed_one_by_one(sh: Sh, repo: Path, state: RunState) -> None:
    for landing in state.landings:
        sh(repo, "checkout", "--quiet", "--detach", landing.commit)
        gate = state.plan.gates[0].run
        assert subprocess.run(gate, cwd=repo, check=False).returncode == 0, landing.commit


def _is(state: RunState, name: str, wanted: TaskState) -> bool:
    return state.tasks[TaskId(name)].state is wanted
