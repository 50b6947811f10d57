"""Taking over and handing back, with real processes, worktrees and commits."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.control.catalog import equipped
from agentdeck.control.take_over import Hands, hands_on, work_by_hand
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine.agent_place import PACKAGE
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.identity import is_alive
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

A = TaskId("A")
PATIENCE_S = 60.0
SCRIPTED = PACKAGE / "testing" / "scripted_agent.py"


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and a `claude` on PATH: headless the scripted agent, else it says its words."""
    binary = tmp_path / "bin" / "claude"
    binary.parent.mkdir()
    binary.write_text(
        "#!/bin/sh\n"
        f'case "$1" in -p) exec {sys.executable} {SCRIPTED} --speak claude "$@";; esac\n'
        'printf "%s\\n" "$@" > ../words; env > ../variables; echo by hand > by-hand.txt\n'
    )
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "--quiet")
    (path / "README").write_text("hello\n")
    git(path, "add", "-A")
    git(path, "commit", "--quiet", "-m", "first")
    return path


def plan_of(script: str, more: str = "", agent: str = "claude") -> Plan:
    text = (
        f'version = 1\n[plan]\nname = "p"\n[defaults]\nagent = "{agent}"\nretries = 0\n{more}\n'
        f'[[task]]\nid = "A"\ntitle = "By hand"\nprompt = """\n{script}\n"""\n'
    )
    return equipped(read_plan(text, file="p.toml"))


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


def attempt(state: RunState) -> Attempt:
    found = state.tasks[A].attempt
    assert found is not None
    return found


def is_taken(state: RunState) -> bool:
    return state.tasks[A].state is TaskState.TAKEN


def ended(state: RunState) -> bool:
    return state.outcome is not None


def work(hands: Hands) -> None:
    subprocess.run(hands.argv, cwd=hands.cwd, env=hands.env, check=True)


async def taken(engine: Engine) -> None:
    """The agent has said who it is and is at work; then it is interrupted."""
    await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).session is not None)
    await engine.submit(c.TakeOver(A, by="kim"))
    await until(engine, is_taken)


LONG = "! write from-agent.txt\n! sleep 300"


async def test_a_turn_is_ended_by_the_agents_own_protocol(repo: Path, tmp_path: Path) -> None:
    """No signal is needed: it says that it was interrupted, and ends when its input is closed."""
    folder = create_run(repo, plan_of(LONG), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        state = engine.state
    assert "error_during_execution" in (folder.attempt(A, 1) / "raw.log").read_text()
    found = attempt(state).exit
    assert found is not None
    assert found.code is not None
    assert found.code >= 0, "a signal would be negative"
    process = attempt(state).process
    assert process is not None
    assert not is_alive(process)


async def test_an_agent_without_such_a_protocol_is_ended_by_signals(
    repo: Path, tmp_path: Path
) -> None:
    agent = '[agents.sh]\ncommand = ["sh", "-c", "echo begun; sleep 300"]\n'
    folder = create_run(repo, plan_of("x", agent, "sh"), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: s.tasks[A].state is TaskState.WORKING)
        await engine.submit(c.TakeOver(A, by="kim"))
        await until(engine, is_taken)
        state = engine.state
    hands = hands_on(folder, state, A, base={**os.environ, "SHELL": "/bin/sh"})
    assert hands.argv == ("/bin/sh",)
    assert hands.why_a_shell == "sh has named no session"


async def test_a_person_works_in_the_session_and_hands_finished_work_back(
    repo: Path, tmp_path: Path
) -> None:
    """In its worktree, with its variables; what is left uncommitted is committed by their name."""
    folder = create_run(repo, plan_of(LONG), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        session = attempt(engine.state).session
        hands = hands_on(folder, engine.state, A)
        await asyncio.to_thread(lambda: work(hands))
        await engine.submit(c.HandBack(A, by="kim"))
        await until(engine, ended)
        state = engine.state
    above = Path(attempt(state).path or "").parent
    assert (above / "words").read_text().split()[:2] == ["--resume", session]
    variables = (above / "variables").read_text()
    assert "AGENTDECK_TASK=A\n" in variables
    assert f"{TAG_VARIABLE}={folder.run}/A.1/hands\n" in variables
    assert "GIT_EDITOR=true" not in variables
    assert git(repo, "show", f"{state.target}:by-hand.txt") == "by hand"
    log = git(
        repo,
        "log",
        "--topo-order",
        "--format=%s|%(trailers:key=Agentdeck-Hands,valueonly)",
        state.target,
    )
    lines = [line for line in log.splitlines() if line]
    assert lines[:2] == ["Complete A: By hand|kim", "A: By hand|kim"]
    assert len(state.tasks[A].attempts) == 1


async def test_its_agent_goes_on_in_its_session(repo: Path, tmp_path: Path) -> None:
    """What the person left is committed, not cleaned away; the agent is told."""
    script = "! sleep 300\n! write from-agent.txt"
    folder = create_run(repo, plan_of(script), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        (Path(attempt(engine.state).path or "") / "mine.txt").write_text("mine\n")
        await engine.submit(c.HandBack(A, go_on=True, text="keep mine.txt", by="kim"))
        await until(engine, ended)
        state = engine.state
    first, second = state.tasks[A].attempts
    assert second.resumed == first.session
    prompt = (folder.attempt(A, 2) / "prompt.md").read_text()
    assert "kim took this over from you" in prompt
    assert "keep mine.txt" in prompt
    assert git(repo, "show", f"{state.target}:mine.txt") == "mine"
    assert git(repo, "show", f"{state.target}:from-agent.txt")


async def test_an_engine_that_dies_meanwhile_changes_nothing(repo: Path, tmp_path: Path) -> None:
    """The worktree is as the person left it, under the next engine and the one after."""
    folder = create_run(repo, plan_of(LONG), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        tree = Path(attempt(engine.state).path or "")
        (tree / "half-done.txt").write_text("half\n")
    for _ in range(2):
        async with Running(folder) as engine:
            await engine.wait_past(engine.state.seq, 0.5)
            assert is_taken(engine.state)
            assert (tree / "half-done.txt").read_text() == "half\n"
            assert not engine.busy()
    async with Running(folder) as engine:
        await engine.submit(c.HandBack(A, by="kim"))
        await until(engine, ended)
        state = engine.state
    assert git(repo, "show", f"{state.target}:half-done.txt") == "half"


async def test_an_engine_that_dies_while_the_turn_is_ended_goes_on_with_that(
    repo: Path, tmp_path: Path
) -> None:
    """The wish is in the journal; the next engine ends the agent."""
    script = "! ignore-signals\n! say here\n! sleep 300"
    folder = create_run(repo, plan_of(script), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).session is not None)
    journal = Journal(folder.journal, writable=True)
    journal.append([e.TaskTakeOverAsked(A, "kim")], 0.0, after=engine.state.seq)
    journal.close()
    async with Running(folder) as engine:
        await until(engine, is_taken)


async def test_a_rebase_half_way_stays_in_the_persons_hands(repo: Path, tmp_path: Path) -> None:
    """It is said why; nothing is reset. When it is finished the work is taken."""
    folder = create_run(repo, plan_of(LONG), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        tree = Path(attempt(engine.state).path or "")
        for number in (1, 2):
            (tree / "f").write_text(f"{number}\n")
            git(tree, "add", "f")
            git(tree, "commit", "--quiet", "-m", f"f {number}")
        stop_at_first = "sequence.editor=sed -i 1s/pick/edit/"
        await asyncio.to_thread(lambda: git(tree, "-c", stop_at_first, "rebase", "-i", "HEAD~2"))
        await engine.submit(c.HandBack(A, by="kim"))
        await until(engine, lambda s: bool(s.tasks[A].reason))
        assert is_taken(engine.state)
        assert "you left a rebase in progress" in engine.state.tasks[A].reason
        git(tree, "-c", "core.editor=true", "rebase", "--continue")
        await engine.submit(c.HandBack(A, by="kim"))
        await until(engine, ended)
        state = engine.state
    assert git(repo, "show", f"{state.target}:f") == "2"


async def test_stopping_commits_what_the_person_had_and_keeps_it(
    repo: Path, tmp_path: Path
) -> None:
    folder = create_run(repo, plan_of(LONG), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        (Path(attempt(engine.state).path or "") / "mine.txt").write_text("mine\n")
        await engine.submit(c.EndRun())
        await until(engine, ended)
        state = engine.state
    assert git(repo, "show", f"{attempt(state).branch}:mine.txt") == "mine"
    assert state.tasks[A].state is TaskState.CANCELLED


async def test_what_was_set_for_the_attempt_is_kept_for_its_owner_alone(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what it inherits: keys of the environment are not written anywhere."""
    monkeypatch.setenv("SOME_API_KEY", "sk-123456789")
    more = '[agents.claude]\nenv = { STYLE = "plain" }\n'
    folder = create_run(repo, plan_of(LONG, more), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await taken(engine)
        await engine.submit(c.HandBack(A, by="kim"))
        await until(engine, lambda s: ended(s) or bool(s.tasks[A].reason))
    kept = folder.attempt(A, 1) / "environment"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert '"STYLE":"plain"' in kept.read_text()
    assert "sk-123456789" not in kept.read_text()


def test_a_command_that_cannot_be_started_is_an_error_with_a_way_on(tmp_path: Path) -> None:
    gone = Hands((str(tmp_path / "gone"),), str(tmp_path), {}, "gone")
    with pytest.raises(EnvironmentFault, match="cannot be started"):
        work_by_hand(gone)
