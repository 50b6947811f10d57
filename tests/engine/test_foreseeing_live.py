"""A run foresees by itself who would collide: while they work, after a landing, after a restart."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import events as e
from agentdeck.core.events import Foreseen
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.collisions import Look
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.foreseeing import news
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan
from agentdeck.testing.builders import plan, started

PATIENCE_S = 60.0  # on idle cores everything takes 4 s
A, B = TaskId("A"), TaskId("B")
FILE = "d1/f1.txt"

# Each one edits the same line without a commit, and works until a file of its name is there.
PLAN = """
version = 1
[plan]
name = "two"
agents = 2
[agents.editor]
output = "plain"
command = ["sh", "-c", '''
echo of $1 > d1/f1.txt
until [ -e GO/$1 ]; do sleep 0.05; done
''', "sh", "{task}"]
[queue]
repair = "ask"
[defaults]
agent = "editor"
retries = 0
[[task]]
id = "A"
prompt = "edit"
[[task]]
id = "B"
prompt = "edit"
"""


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where scratch stores are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def go(tmp_path: Path) -> Path:
    folder = tmp_path / "go"
    folder.mkdir()
    return folder


@pytest.fixture
def run(repo: Path, tmp_path: Path, go: Path) -> RunFolder:
    text = PLAN.replace("GO", str(go))
    return create_run(repo, read_plan(text, file="p.toml"), "", root=tmp_path / "runs")


@asynccontextmanager
async def turning(run: RunFolder) -> AsyncIterator[Engine]:
    engine = open_engine(run)
    ring = asyncio.create_task(run_engine(engine))
    try:
        yield engine
    finally:
        engine.stop("the test is over")
        await asyncio.wait_for(ring, PATIENCE_S)


def objects(repo: Path) -> set[str]:
    return {str(file) for file in (repo / ".git" / "objects").rglob("*") if file.is_file()}


def all_work(state: RunState) -> bool:
    return all(task.state is TaskState.WORKING for task in state.tasks.values())


def foresees(*pairs: Foreseen) -> Callable[[RunState], bool]:
    return lambda state: state.foreseen == pairs


def test_two_who_edit_one_line_are_told_while_both_work_and_the_second_after_the_first_landed(
    run: RunFolder, repo: Path, go: Path, scratch: Path
) -> None:
    """Nothing is committed yet, nothing reaches the repository, and the scratch store goes."""

    async def watched() -> None:
        async with turning(run) as engine:
            await until(engine, all_work)
            before = objects(repo)
            await until(engine, foresees(Foreseen(A, B, (FILE,))))
            assert all_work(engine.state)
            assert objects(repo) == before
            (go / "A").touch()
            await until(engine, foresees(Foreseen(B, None, (FILE,))))
            assert engine.state.tasks[A].state is TaskState.LANDED
            assert engine.state.tasks[B].state is TaskState.WORKING
            (go / "B").touch()
            await until(engine, lambda s: s.tasks[B].state is TaskState.FAILED)
            assert engine.state.foreseen == ()

    asyncio.run(watched())
    assert list(scratch.iterdir()) == []
    journal = Journal(run.journal)
    told = [r.event for r in journal.history() if isinstance(r.event, e.CollisionsForeseen)]
    journal.close()
    assert len(told) <= 3, "only news is told: the pair, perhaps that it is gone, the target"


def test_what_changed_while_no_engine_ran_is_seen_by_the_next_one(run: RunFolder, go: Path) -> None:
    """The work of one was put back in between: nobody collides, and that is told."""

    async def first() -> Path:
        async with turning(run) as engine:
            await until(engine, foresees(Foreseen(A, B, (FILE,))))
            attempt = engine.state.tasks[A].attempt
            assert attempt is not None
            return Path(attempt.path or "")

    async def second() -> None:
        async with turning(run) as engine:
            assert engine.state.foreseen == (Foreseen(A, B, (FILE,)),)
            await until(engine, foresees())
            for name in "AB":
                (go / name).touch()
            await until(engine, lambda s: s.tasks[B].state is TaskState.LANDED)

    worktree = asyncio.run(first())
    (worktree / FILE).write_text("file 1\n" * 5)
    asyncio.run(second())


def test_a_look_that_could_not_ask_takes_nothing_back() -> None:
    """Pairs that were not asked about stay as they were known, and the same is no news."""
    state = started(plan("A", "B")).state
    for task in (A, B):
        state.tasks[task].state = TaskState.WORKING
    state.foreseen = (Foreseen(A, B, (FILE,)),)
    look = Look("tip", (), (), asked=0, unknown=1)
    assert news(state, look) is None
    assert news(state, replace(look, unknown=0)) == e.CollisionsForeseen(())
