"""The engine on real git and real processes: plans run to landed commits."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine import loop
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

PATIENCE_S = 60.0


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "--quiet")
    (path / "README").write_text("hello\n")
    git(path, "add", "-A")
    git(path, "commit", "--quiet", "-m", "first")
    return path


def plan_of(text: str) -> Plan:
    return read_plan("version = 1\n" + text, file="plan.toml", read_file=None)


SHELL = """
[agents.sh]
command = ["sh", "-c", "echo working; echo $AGENTDECK_ATTEMPT > {task}.txt; sleep 0.1"]
[defaults]
agent = "sh"
backoff = "0s"
"""


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


def finished(state: RunState) -> bool:
    return state.outcome is not None


async def test_a_plan_lands_in_the_order_of_its_dependencies(repo: Path, tmp_path: Path) -> None:
    """Two tasks and one that needs both: three landings, the last one last, with trailers."""
    plan = plan_of(
        '[plan]\nname = "p"\n' + SHELL + '[[task]]\nid = "A"\ntitle = "First"\n'
        '[[task]]\nid = "B"\ntitle = "Second"\n'
        '[[task]]\nid = "C"\ntitle = "Third"\nafter = ["A", "B"]\n'
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, finished)
        state = engine.state
    assert [task.state for task in state.tasks.values()] == [TaskState.LANDED] * 3
    log = git(
        repo,
        "log",
        "--first-parent",
        "--format=%s|%(trailers:key=Agentdeck-Task,valueonly)",
        state.target,
    )
    lines = [line for line in log.splitlines() if line]
    assert lines[0] == "Complete C: Third|C"
    assert {lines[1], lines[2]} == {"Complete A: First|A", "Complete B: Second|B"}
    assert git(repo, "show", f"{state.target}:C.txt") == "1"


async def test_the_users_checkout_is_left_alone(repo: Path, tmp_path: Path) -> None:
    """Dirty files, index, HEAD and stash are what they were, bit for bit."""
    (repo / "README").write_text("stashed\n")
    git(repo, "stash")
    (repo / "staged").write_text("staged\n")
    git(repo, "add", "staged")
    (repo / "README").write_text("dirty\n")
    (repo / "untracked").write_text("new\n")

    def look() -> tuple[str, bytes, str, str]:
        return (
            git(repo, "status", "--porcelain"),
            (repo / ".git/index").read_bytes(),
            (repo / ".git/HEAD").read_text(),
            git(repo, "rev-parse", "refs/stash"),
        )

    before = look()
    plan = plan_of('[plan]\nname = "p"\n' + SHELL + '[[task]]\nid = "A"\ntitle = "First"\n')
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, finished)
    assert look() == before
    assert (repo / "README").read_text() == "dirty\n"


async def test_gates_of_different_tasks_run_at_the_same_time(repo: Path, tmp_path: Path) -> None:
    """Each stands in its task's own worktree: three gates that wait for each other all pass."""
    meet = tmp_path / "meet"
    meet.mkdir()
    waits = f"touch {meet}/$AGENTDECK_TASK; until [ $(ls {meet} | wc -l) = 3 ]; do sleep 0.05; done"
    plan = plan_of(
        '[plan]\nname = "p"\nagents = 3\n'
        + SHELL
        + f'[gates.meet]\nrun = "{waits}"\nwhen = "task"\ntimeout = "30s"\n'
        + "".join(f'[[task]]\nid = "{name}"\nprompt = "x"\n' for name in "ABC")
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, finished)
        assert not any(isinstance(r.event, e.StepFailed) for r in engine.read(0, 1_000))
        assert all(len(task.attempts) == 1 for task in engine.state.tasks.values())


async def test_a_red_gate_sends_the_task_back_with_its_log(repo: Path, tmp_path: Path) -> None:
    """The first attempt is red; the second goes on in its worktree and lands."""
    plan = plan_of(
        '[plan]\nname = "p"\n'
        + SHELL
        + '[gates.two]\nrun = "echo looked; test $(cat A.txt) = 2"\nwhen = ["task", "merge"]\n'
        '[[task]]\nid = "A"\ntitle = "First"\n'
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, finished)
        task = engine.state.tasks[TaskId("A")]
    assert task.state is TaskState.LANDED
    assert len(task.attempts) == 2
    assert "looked" in (folder.attempt(TaskId("A"), 2) / "prompt.md").read_text()
    assert task.attempts[0].path == task.attempts[1].path


async def test_approve_hold_and_promote(repo: Path, tmp_path: Path) -> None:
    """Nothing lands without the yes, nothing held lands; promote moves the checked-out base."""
    plan = plan_of(
        '[plan]\nname = "p"\nland = "approve"\n' + SHELL + '[[task]]\nid = "A"\ntitle = "First"\n'
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    a = TaskId("A")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[a].state is TaskState.PROPOSED)
        await engine.submit(c.Hold(a))
        await engine.submit(c.Approve(a))
        await until(engine, lambda state: state.tasks[a].state is TaskState.QUEUED)
        await engine.submit(c.Merge(a))
        await until(engine, finished)
        await engine.submit(c.Promote())
        await until(engine, lambda state: bool(state.promoted))
    assert (repo / "A.txt").read_text() == "1\n"
    assert git(repo, "status", "--porcelain") == ""


async def test_who_knows_nothing_of_repairs_starts_afresh_on_the_new_tip(
    repo: Path, tmp_path: Path
) -> None:
    """Two tasks write one file. The later one is sent back, and only does the same again; so it is
    given a fresh worktree on the new tip, and lands.
    """
    script = '["sh", "-c", "echo {task} >> shared; sleep 0.1"]'
    plan = plan_of(
        '[plan]\nname = "p"\n[agents.sh]\ncommand = ' + script + '\n[defaults]\nagent = "sh"\n'
        '[[task]]\nid = "A"\ntitle = "First"\n[[task]]\nid = "B"\ntitle = "Second"\n'
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, finished)
        state = engine.state
    shared = git(repo, "show", f"{state.target}:shared").split()
    assert sorted(shared) == ["A", "B"]
    assert sorted(len(task.attempts) for task in state.tasks.values()) == [1, 3]


async def test_a_new_engine_goes_on_where_the_old_one_stopped(repo: Path, tmp_path: Path) -> None:
    """The agent works on while no engine runs; the next engine takes its result, once."""
    plan = plan_of(
        '[plan]\nname = "p"\n[agents.slow]\n'
        'command = ["sh", "-c", "echo start >> ../log; sleep 1; echo x > f"]\n'
        '[defaults]\nagent = "slow"\n[[task]]\nid = "A"\ntitle = "First"\n'
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    a = TaskId("A")
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[a].state is TaskState.WORKING)
        attempt = engine.state.tasks[a].attempt
        assert attempt is not None
        first = attempt.process
    async with Running(folder) as engine:
        await until(engine, finished)
        attempts = engine.state.tasks[a].attempts
    assert [attempt.process for attempt in attempts] == [first]
    assert (folder.worktrees / "log").read_text() == "start\n"


async def test_a_second_engine_is_refused(repo: Path, tmp_path: Path) -> None:
    """One run has one engine; the error names the holder."""
    from agentdeck.core.errors import EnvironmentFault

    plan = plan_of('[plan]\nname = "p"\n' + SHELL + '[[task]]\nid = "A"\ntitle = "First"\n')
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder):
        with pytest.raises(EnvironmentFault, match="pid"):
            open_engine(folder)


async def test_telemetry_is_gathered_and_holds_up_nobody(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports that come one by one are stored as one, and at once when a person wants something."""
    monkeypatch.setattr(loop, "GATHER_S", 3600.0)
    plan = plan_of(
        '[plan]\nname = "p"\n[agents.still]\ncommand = ["sleep", "600"]\n'
        '[defaults]\nagent = "still"\n[[task]]\nid = "A"\ntitle = "First"\n'
    )
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    a, reports = TaskId("A"), 6
    async with Running(folder) as engine:
        await until(engine, lambda state: state.tasks[a].state is TaskState.WORKING)
        turns: list[int] = []
        append = Journal.append

        def counted(journal: Journal, events: list[e.AnyEvent], *args: Any, **kw: Any) -> Any:
            turns.append(len(events))
            return append(journal, events, *args, **kw)

        monkeypatch.setattr(Journal, "append", counted)
        for number in range(1, reports + 1):
            seq = engine.state.seq
            engine.mention(e.AttemptProgressed(a, 1, number, tokens_in=number))
            await engine.wait_past(seq, 0.05)  # that it is stored by itself is what must not happen
        async with asyncio.timeout(PATIENCE_S):
            await engine.submit(c.Pause(by="somebody"))
        attempt = engine.state.tasks[a].attempt
        assert attempt is not None
        assert attempt.tokens_in == reports
        # The end of the launch may still be told, and takes along the first of them.
        assert turns in ([reports + 1], [1, reports])
        await engine.submit(c.EndRun("somebody"))
        await until(engine, finished)
