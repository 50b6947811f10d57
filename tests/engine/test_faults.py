"""What goes wrong around a run, by hand or by accident: it waits with a reason and then goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused
from agentdeck.core.errors import UsageError
from agentdeck.core.events import AnyEvent, FailureClass, Outcome, Recorded
from agentdeck.core.explain import explain, standstill
from agentdeck.core.ids import ProcessIdentity, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine import here, lost_folder, queueing, stop
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.enginelog import open_log
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.git import STALE_LOCK_S, Git, GitError
from agentdeck.engine.identity import identity_of, is_alive
from agentdeck.engine.journal import Journal, JournalError
from agentdeck.engine.loop import Engine
from agentdeck.engine.process_tree import ProcessTable
from agentdeck.engine.processes import Child
from agentdeck.plans.reader import read_plan
from agentdeck.testing.crash import told_in

PATIENCE_S = 60.0
A = TaskId("A")
HEAD = """
version = 1
[plan]
name = "p"
{plan}
[agents.sh]
command = ["sh", "-c", "until [ -e '{go}' ]; do sleep 0.05; done; echo work > {{task}}.txt"]
[defaults]
agent = "sh"
retries = 0
backoff = "0s"
"""
ONE_TASK = '[[task]]\nid = "A"\ntitle = "First"\n'

Sh = Callable[..., str]


class Running:
    """An engine turning in the background of a test."""

    def __init__(self, folder: RunFolder) -> None:
        self.engine = open_engine(folder)

    async def __aenter__(self) -> Engine:
        self.task = asyncio.create_task(run_engine(self.engine))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)


def why(engine: Engine) -> str:
    return explain(engine.state, A, time.time())


def open_up(file: Path) -> None:
    """Make the file that somebody waits for."""
    file.touch()


def finished(state: RunState) -> bool:
    return state.outcome is not None


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that agents wait for, and that gates want."""
    return tmp_path / "go"


@pytest.fixture
def start(repo: Path, tmp_path: Path, go: Path) -> Callable[..., RunFolder]:
    """A run of a plan in `repo`."""

    def begin(rest: str = ONE_TASK, plan: str = "") -> RunFolder:
        found: Plan = read_plan(HEAD.format(plan=plan, go=go) + rest, file="plan.toml")
        return create_run(repo, found, "", root=tmp_path / "runs")

    return begin


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocked landing is tried again soon."""
    monkeypatch.setattr(queueing, "LAND_AGAIN_S", 0.2)


@pytest.mark.parametrize("when", ["preflight", "merge", "phase", "final"])
async def test_a_red_gate_is_run_again_when_a_person_asks(
    start: Callable[..., RunFolder], tmp_path: Path, go: Path, when: str
) -> None:
    """The machine was at fault: after `retry` the command really runs again, and work goes on."""
    open_up(go)
    fixed = tmp_path / "fixed"
    gate = f'[gates.db]\nrun = "test -e {fixed}"\nwhen = "{when}"\n'
    phase = '[[phase]]\nid = "one"\nsync = true\ngates = ["db"]\n' if when == "phase" else ""
    folder = start(gate + phase + ONE_TASK + ('phase = "one"\n' if phase else ""))
    async with Running(folder) as engine:
        await until(engine, lambda state: "gate db is red" in (standstill(state) or ""))
        open_up(fixed)
        await engine.submit(c.Retry(None))
        await until(engine, finished)
    assert engine.state.outcome is Outcome.COMPLETE


async def test_a_red_task_gate_judges_the_same_work_again(
    start: Callable[..., RunFolder], tmp_path: Path, go: Path
) -> None:
    """The agent has nothing to add; a person's retry asks the gate anew, not the old verdict."""
    open_up(go)
    fixed = tmp_path / "fixed"
    folder = start(f'[gates.db]\nrun = "test -e {fixed}"\nwhen = "task"\n' + ONE_TASK)
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.FAILED)
        assert engine.state.tasks[A].cause is FailureClass.GATE
        open_up(fixed)
        await engine.submit(c.Retry(A))
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED


KILLED = {"itself": "kill -9 $$", "its last command": "sh -c 'kill -9 $$'; exit $?"}


@pytest.mark.parametrize("how", KILLED)
async def test_a_gate_that_was_killed_has_judged_nothing(
    start: Callable[..., RunFolder], tmp_path: Path, go: Path, how: str
) -> None:
    """It ran out of memory, say: it is run again, and nobody is paid to mend work that was good."""
    open_up(go)
    seen = tmp_path / "seen"
    run = f"if test ! -e {seen}; then touch {seen}; {KILLED[how]}; fi"
    folder = start(f'[gates.db]\nrun = "{run}"\nwhen = "merge"\n' + ONE_TASK)
    async with Running(folder) as engine:
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED
    assert len(engine.state.tasks[A].attempts) == 1
    assert not any(isinstance(event, e.EntryEjected) for event in told_in(folder))


async def test_a_gate_that_is_killed_each_time_is_red_in_the_end(
    start: Callable[..., RunFolder], go: Path
) -> None:
    """Perhaps it is the work that takes all memory: bounded, and said as it was."""
    open_up(go)
    folder = start('[gates.db]\nrun = "kill -9 $$"\nwhen = "task"\n' + ONE_TASK)
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.FAILED)
    assert engine.state.tasks[A].reason.startswith("gate db was killed (exit -9), 3 runs")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("moved", [False, True])
async def test_a_target_that_was_taken_away_is_waited_for(
    start: Callable[..., RunFolder], repo: Path, sh: Sh, go: Path, moved: bool
) -> None:
    """Nothing is landed on something that lacks what has landed; the reason has the command."""
    folder = start(ONE_TASK + '[[task]]\nid = "B"\ntitle = "Second"\nafter = "A"\n')
    async with Running(folder) as engine:
        open_up(go)
        await until(engine, lambda state: state.tasks[A].state is TaskState.LANDED)
        tip = engine.state.tip
        if moved:
            sh(repo, "branch", "--force", "deck/p", "main")
        else:
            sh(repo, "branch", "-D", "deck/p")
        b = TaskId("B")
        await until(engine, lambda s: "git branch" in explain(s, b, time.time()))
        said = explain(engine.state, b, time.time())
        assert said.startswith("B waits to land: deck/p " + ("was moved" if moved else "is gone"))
        sh(repo, *said.split("`")[1].split()[1:])
        await until(engine, finished)
    assert sh(repo, "rev-parse", "deck/p^1") == tip
    assert sh(repo, "log", "--first-parent", "--format=%s", "deck/p").splitlines() == [
        "Complete B: Second",
        "Complete A: First",
        "first",
    ]


@pytest.mark.usefixtures("impatient")
async def test_a_checked_out_target_is_waited_for(
    start: Callable[..., RunFolder], repo: Path, sh: Sh, go: Path
) -> None:
    """The reason names the folder; after a switch it lands by itself."""
    folder = start()
    sh(repo, "switch", "--quiet", "deck/p")
    open_up(go)
    async with Running(folder) as engine:
        await until(engine, lambda _: "is checked out at" in why(engine))
        assert str(repo) in why(engine)
        sh(repo, "switch", "--quiet", "main")
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED


@pytest.mark.usefixtures("impatient")
async def test_a_run_can_be_ended_while_a_landing_is_blocked(
    start: Callable[..., RunFolder], repo: Path, sh: Sh, go: Path
) -> None:
    """The ref has not moved and will not: nothing has to be waited for."""
    folder = start()
    sh(repo, "switch", "--quiet", "deck/p")
    open_up(go)
    async with Running(folder) as engine:
        await until(engine, lambda _: "is checked out at" in why(engine))
        await engine.submit(c.EndRun())
        await until(engine, finished)
        assert engine.state.outcome is Outcome.STOPPED
        assert why(engine) == "A did not land: the run was ended"
    assert sh(repo, "rev-parse", "deck/p") == sh(repo, "rev-parse", "main")


async def test_a_run_from_a_detached_head_is_not_promoted(
    start: Callable[..., RunFolder], repo: Path, sh: Sh, go: Path
) -> None:
    """There is no branch to bring it into: refused at once, with what to do; never a long wait."""
    sh(repo, "switch", "--quiet", "--detach")
    with pytest.raises(UsageError, match="HEAD is detached"):
        start(plan='promote = "auto"')
    open_up(go)
    async with Running(start()) as engine:
        await until(engine, finished)
        with pytest.raises(Refused, match="detached HEAD") as caught:
            await engine.submit(c.Promote())
    assert caught.value.hint.startswith("git merge deck/p")


def _lock_of(git: Git, ref: str, age_s: float) -> Path:
    """A lock file such as a killed git leaves."""
    lock = git.common / f"{ref}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    then = time.time() - age_s
    os.utime(lock, (then, then))
    return lock


def test_the_lock_file_of_a_killed_git_does_not_stop_a_landing(git: Git) -> None:
    """A ref of ours that has been locked for long was left by a git that is gone."""
    ref, tip = "refs/heads/deck/p", git.resolve("main")
    lock = _lock_of(git, ref, STALE_LOCK_S + 1)
    git.update_ref(ref, tip, None)
    assert git.ref_tip(ref) == tip
    assert not lock.exists()


@pytest.mark.parametrize(("ref", "age_s"), [("refs/heads/deck/p", 0.0), ("refs/heads/x", 999.0)])
def test_a_lock_file_that_may_be_in_use_is_left(git: Git, ref: str, age_s: float) -> None:
    """A young one may be at work, and a branch of the user's is not ours to unlock."""
    lock = _lock_of(git, ref, age_s)
    with pytest.raises(GitError, match="lock"):
        git.update_ref(ref, git.resolve("main"), None)
    assert lock.exists()


async def test_a_worktree_that_was_deleted_by_hand(
    start: Callable[..., RunFolder], go: Path
) -> None:
    """The attempt fails with a reason, the next one begins afresh, and the task lands once."""
    folder = start(ONE_TASK + "retries = 1\n")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
        shutil.rmtree(engine.state.tasks[A].attempts[0].path or "")
        open_up(go)
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED
    assert len(engine.state.tasks[A].attempts) == 2


class BrokenDisk(Journal):
    """A journal on a disk that takes two more events."""

    room = 2

    def append(
        self, events: Sequence[AnyEvent], at: float, *, after: int, durable: bool = True
    ) -> list[Recorded]:
        if self.room < len(events):
            raise JournalError("the journal cannot be written: disk I/O error")
        self.room -= len(events)
        return super().append(events, at, after=after, durable=durable)


async def test_a_broken_disk_ends_the_engine_with_its_cause(
    start: Callable[..., RunFolder], go: Path
) -> None:
    """The log names the disk, nothing is stored on top of a gap, and the next engine goes on."""
    folder = start()
    open_log(folder.engine_log)
    me = identity_of(os.getpid())
    assert me is not None
    broken = BrokenDisk(folder.journal, writable=True)
    with pytest.raises(JournalError, match="I/O error"):
        await run_engine(Engine(folder, broken, me))
    logged = folder.engine_log.read_text()
    assert "I/O error" in logged
    assert "somebody else" not in logged
    open_up(go)
    async with Running(folder) as engine:
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED


async def test_a_pause_that_is_taken_back_while_it_freezes_leaves_nobody_frozen(
    start: Callable[..., RunFolder], go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is called off when the tree stands still already: that is told, and undone."""
    freezes, may_end, real = threading.Event(), threading.Event(), stop.freeze

    def slowly(child: Child, tag: str) -> frozenset[ProcessIdentity]:
        found = real(child, tag)
        freezes.set()
        assert may_end.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(here, "freeze", slowly)
    async with Running(start()) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
        await engine.submit(c.Pause(A))
        await asyncio.to_thread(freezes.wait, PATIENCE_S)
        await engine.submit(c.Resume(A))
        may_end.set()
        open_up(go)
        await until(engine, finished)
    assert engine.state.tasks[A].state is TaskState.LANDED


async def test_a_run_whose_folder_is_deleted_leaves_no_agent_behind(
    start: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could see or stop its agents any more: they are ended, and so is the engine."""
    monkeypatch.setattr(lost_folder, "EVERY_S", 0.05)
    folder = start()
    engine = open_engine(folder)
    turning = asyncio.create_task(run_engine(engine))
    await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
    attempt = engine.state.tasks[A].attempt
    assert attempt is not None
    assert attempt.process is not None
    await asyncio.to_thread(shutil.rmtree, folder.path)
    await asyncio.wait([turning], timeout=PATIENCE_S)
    assert turning.done()
    assert not is_alive(attempt.process)
    assert not ProcessTable.now().of_run(engine.state.run)


async def test_one_look_that_misses_the_folder_ends_nobody(
    start: Callable[..., RunFolder], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a disk is mounted anew: agents are ended when two looks in a row find nothing."""
    monkeypatch.setattr(lost_folder, "EVERY_S", 0.01)
    looks = [True, False, True, False]
    monkeypatch.setattr(lost_folder, "_is_gone", lambda _: bool(looks) and looks.pop(0))
    async with Running(start()) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.WORKING)
        await until(engine, lambda _: not looks)
        attempt = engine.state.tasks[A].attempt
        assert attempt is not None
        assert attempt.process is not None
        assert not engine.stopping
        assert is_alive(attempt.process)
        await engine.submit(c.EndRun("somebody"))
        await until(engine, finished)
