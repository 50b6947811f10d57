"""What others do to the repository of a run: locks, branches, a second run in the same place."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.turning import Running, until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import Outcome
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine import queueing
from agentdeck.engine.create import create_run
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import linked
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import told_in

A = TaskId("A")
PLAN = """
version = 1
[plan]
name = "p"
[agents.sh]
command = ["sh", "-c", "{before}; until [ -e '{go}' ]; do sleep 0.05; done; {after}"]
[defaults]
agent = "sh"
retries = 0
backoff = "0s"
"""
WORK = "echo work > {{task}}.txt"
COMMIT = "git add -A; git commit --quiet -m work"
ONE_TASK = '[[task]]\nid = "A"\ntitle = "First"\n'

Sh = Callable[..., str]
Start = Callable[..., RunFolder]


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that agents wait for."""
    return tmp_path / "go"


@pytest.fixture
def start(repo: Path, tmp_path: Path, go: Path) -> Start:
    """A run of a plan in `repo`; its agents do something before they wait, and after it."""

    def begin(rest: str = ONE_TASK, before: str = "true", after: str = WORK) -> RunFolder:
        text = PLAN.format(before=before, after=after, go=go).replace("{{task}}", "{task}") + rest
        return create_run(repo, read_plan(text, file="plan.toml"), text, root=tmp_path / "runs")

    return begin


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the way is looked at again soon."""
    monkeypatch.setattr(queueing, "LAND_AGAIN_S", 0.2)
    monkeypatch.setattr(queueing, "PROMOTE_POLL_S", 0.2)


def works(state: RunState) -> bool:
    return state.tasks[A].state is TaskState.WORKING


def finished(state: RunState) -> bool:
    return state.outcome is not None


def open_up(file: Path) -> None:
    """Make the file that somebody waits for."""
    file.touch()


# --- two runs -------------------------------------------------------------------------------------


async def test_two_runs_of_one_plan_in_one_repository_at_once(
    start: Start, repo: Path, sh: Sh, go: Path
) -> None:
    """Both end, each on a target and in worktrees of its own, and none takes or moves a thing of
    the other's; nobody is suspected either.
    """
    tasks = "".join(f'[[task]]\nid = "{name}"\ntitle = "{name}"\n' for name in "ABC")
    work = "echo $AGENTDECK_RUN > {{task}}.txt"  # no two commits are the same
    folders = [start(tasks, after=f"{work}; {COMMIT}") for _ in range(2)]
    async with Running(folders[0]) as one, Running(folders[1]) as two:
        for engine in (one, two):
            await until(engine, lambda state: all(t.attempts for t in state.tasks.values()))
        open_up(go)
        for engine in (one, two):
            await until(engine, finished)
    for engine, other in ((one, two), (two, one)):
        state = engine.state
        assert state.outcome is Outcome.COMPLETE
        assert [len(task.attempts) for task in state.tasks.values()] == [1, 1, 1]
        line = sh(repo, "rev-list", "--first-parent", f"main..{state.target}").split()
        assert set(line) == {landing.commit for landing in state.landings}
        said = sh(repo, "log", "--format=%(trailers:key=Agentdeck-Run,valueonly)", *line)
        assert set(said.split()) == {state.run}
        assert state.target != other.state.target
        kept = [event for event in told_in(engine.folder) if isinstance(event, e.RefsTouched)]
        assert kept == []
        for task in state.tasks.values():
            path = Path(task.attempts[0].path or "")
            assert engine.folder.path in path.parents
    assert sh(repo, "status", "--porcelain") == ""


# --- branches -------------------------------------------------------------------------------------


def branch_of(folder: RunFolder) -> str:
    return f"refs/heads/deck/{folder.run}/A"


async def test_a_branch_deleted_under_its_agent_loses_nothing(
    start: Start, repo: Path, sh: Sh, go: Path
) -> None:
    """Its commits and what it wrote afterwards land as if nobody had done that."""
    folder = start(before=f"echo one > one.txt; {COMMIT}; touch done.txt", after=WORK)
    async with Running(folder) as engine:
        await until(engine, works)
        tree = Path(engine.state.tasks[A].attempts[0].path or "")
        async with asyncio.timeout(60):
            while not (tree / "done.txt").exists():
                await asyncio.sleep(0.02)
        sh(repo, "update-ref", "-d", branch_of(folder))
        open_up(go)
        await until(engine, finished)
    task = engine.state.tasks[A]
    assert (task.state, len(task.attempts)) == (TaskState.LANDED, 1)
    names = sh(repo, "diff", "--name-only", "main", engine.state.target).split()
    assert names == ["A.txt", "done.txt", "one.txt"]


async def test_a_branch_deleted_while_its_work_waits_to_land(
    start: Start, repo: Path, sh: Sh, go: Path, tmp_path: Path
) -> None:
    """What was collected is known by its commit: it lands, once."""
    open_up(go)
    fixed = tmp_path / "fixed"
    gate = f'[gates.db]\nrun = "until test -e {fixed}; do sleep 0.05; done"\nwhen = "merge"\n'
    folder = start(gate + ONE_TASK)
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.QUEUED)
        sh(repo, "update-ref", "-d", branch_of(folder))
        open_up(fixed)
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED
    assert sh(repo, "show", f"{engine.state.target}:A.txt") == "work"


# --- locks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["index.lock", "packed-refs.lock", "refs/heads/main.lock"])
async def test_locks_of_others_do_not_stop_work(
    start: Start, repo: Path, go: Path, name: str
) -> None:
    """It lands in a repository in which a git of the person was killed; the lock stays theirs."""
    lock = repo / ".git" / name
    lock.touch()
    open_up(go)
    async with Running(start()) as engine:
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED
    assert lock.exists()


@pytest.mark.parametrize(
    ("name", "base_is_open"),
    [
        ("index.lock", True),
        ("HEAD.lock", True),
        ("refs/heads/main.lock", True),
        ("refs/heads/main.lock", False),
    ],
)
async def test_a_promotion_waits_for_the_lock_of_a_person(
    start: Start, repo: Path, sh: Sh, go: Path, name: str, base_is_open: bool
) -> None:
    """Nobody knows whether its git lives: it says which file, and the command that mends it."""
    lock = repo / ".git" / name
    open_up(go)
    folder = start()
    if not base_is_open:
        sh(repo, "switch", "--quiet", "--create", "other")
    async with Running(folder) as engine:
        await until(engine, finished)
        lock.touch()
        await engine.submit(c.Promote())
        await until(engine, lambda state: "exists" in (state.promote_reason or ""))
        said = engine.state.promote_reason or ""
        assert str(lock) in said
        assert lock.exists()
        assert shlex.split(said.split("`")[1]) == ["rm", str(lock)]
        lock.unlink()
        await until(engine, lambda state: state.promoted == state.tip)
    assert sh(repo, "show", "main:A.txt") == "work"
    assert sh(repo, "status", "--porcelain") == ""


async def test_a_locked_target_is_waited_for_and_said(
    start: Start, git: Git, go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git may be at work on it: nothing is removed, and it goes on when that has ended."""
    lock = git.common / "refs/heads/deck/p.lock"
    folder = start()
    lock.touch()
    open_up(go)
    async with Running(folder) as engine:
        await until(engine, lambda state: bool(state.troubles))
        (trouble,) = engine.state.troubles.values()
        assert str(lock) in trouble.error
        assert str(lock) in explain(engine.state, A, time.time())
        lock.unlink()
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED


async def test_a_lock_in_a_worktree_outlives_its_agent_only(
    start: Start, git: Git, go: Path
) -> None:
    """While an agent lives its locks are its own; then no git can be at work there."""
    async with Running(start(after=WORK)) as engine:
        await until(engine, works)
        tree = linked(git, Path(engine.state.tasks[A].attempts[0].path or ""))
        locks = [tree.git_dir / "index.lock", git.common / f"{branch_of(engine.folder)}.lock"]
        for lock in locks:
            lock.touch()
        open_up(go)
        await until(engine, finished)
        assert [lock for lock in locks if lock.exists()] == []
    assert engine.state.tasks[A].state is TaskState.LANDED
