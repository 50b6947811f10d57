"""Permissions and questions of a real process that speaks as Claude Code does.

A `claude` that is first on PATH is the scripted agent in that voice, so the shipped adapter, the
reader, the rules and the answers are all the real ones.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.control.catalog import equipped
from agentdeck.core import commands as c
from agentdeck.core.answers import given_answers
from agentdeck.core.events import AskKind
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import NOBODY, Decision, Scope
from agentdeck.core.plan import Plan
from agentdeck.core.state import Attempt, Question, RunState, TaskState
from agentdeck.engine.agent_place import PACKAGE
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
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
    binary = tmp_path / "bin" / "claude"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} {SCRIPTED} --speak claude "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(binary.parent), prepend=":")
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "--quiet")
    (path / "README").write_text("hello\n")
    git(path, "add", "-A")
    git(path, "commit", "--quiet", "-m", "first")
    return path


def asking(script: str, more: str = "") -> Plan:
    text = (
        'version = 1\n[plan]\nname = "p"\n[agents.claude]\npermissions = "ask"\n'
        f'{more}\n[[task]]\nid = "A"\ntitle = "Ask"\n'
        f'prompt = """\n! ask permission\n{script}\n"""\n'
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


async def question(engine: Engine) -> Question:
    """The next open one."""
    await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).question is not None)
    found = attempt(engine.state).question
    assert found is not None
    return found


def ended(state: RunState) -> bool:
    return state.outcome is not None


async def test_a_tool_is_used_once_it_was_allowed(repo: Path, tmp_path: Path) -> None:
    """The person sees tool and target; the yes reaches the agent, and the work lands."""
    folder = create_run(repo, asking("! write f.txt"), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        asked = await question(engine)
        assert (asked.ask, asked.tool, asked.target) == (AskKind.PERMISSION, "Write", "f.txt")
        assert engine.state.tasks[A].state is TaskState.ASKING
        await engine.submit(c.Answer(A, "allow", remember=Scope.RUN, target="*", by="kim"))
        asked = await question(engine)  # the commit
        await engine.submit(c.Answer(A, "allow", by="kim"))
        await until(engine, ended)
        state = engine.state
    assert state.tasks[A].state is TaskState.LANDED
    assert git(repo, "show", f"{state.target}:f.txt")
    assert len(state.tasks[A].attempts) == 1


async def test_a_tool_is_not_used_that_was_denied(repo: Path, tmp_path: Path) -> None:
    """The reason comes back to the agent as the tool's result."""
    script = "! write bad.txt\n! write good.txt"
    folder = create_run(repo, asking(script), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await question(engine)
        await engine.submit(c.Answer(A, "deny", "not that one"))
        await question(engine)
        await engine.submit(c.Answer(A, "allow", remember=Scope.RUN, target="*"))
        await question(engine)
        await engine.submit(c.Answer(A, "allow", remember=Scope.RUN, target="*"))
        await until(engine, ended)
        state = engine.state
    files = git(repo, "ls-tree", "--name-only", "-r", state.target).split()
    assert ("good.txt" in files, "bad.txt" in files) == (True, False)
    assert "not that one" in (folder.attempt(A, 1) / "raw.log").read_text()


async def test_a_rule_of_the_plan_answers_and_the_log_names_it(repo: Path, tmp_path: Path) -> None:
    """Nobody is asked; each answer says which rule gave it."""
    rules = (
        '[[permission]]\ndecision = "allow"\n'
        '[[permission]]\ndecision = "deny"\ntarget = "secret*"\n'
    )
    script = "! write secret.txt\n! write f.txt"
    folder = create_run(repo, asking(script, rules), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, ended)
        state = engine.state
    given = [(g.tool, g.target, g.allowed, g.rule, g.by) for g in given_answers(state)]
    assert given[:2] == [
        ("Write", "secret.txt", False, "p2", "plan"),
        ("Write", "f.txt", True, "p1", "plan"),
    ]
    assert "secret.txt" not in git(repo, "ls-tree", "--name-only", "-r", state.target).split()


async def test_a_question_survives_the_engine(repo: Path, tmp_path: Path) -> None:
    """It is asked under one engine and answered under the next, once."""
    folder = create_run(repo, asking("! ask Tabs or spaces?\n! write-answer f.txt"), "",
                        root=tmp_path / "runs")  # fmt: skip
    async with Running(folder) as engine:
        asked = await question(engine)
        assert asked.text.startswith("Tabs or spaces?")
    rule = c.SetPermission(Scope.RUN, Decision.ALLOW)
    async with Running(folder) as engine:
        again = await question(engine)
        assert again.id == asked.id
        await engine.submit(rule)
        await engine.submit(c.Steer(A, "spaces"))
        await until(engine, ended)
        state = engine.state
    assert git(repo, "show", f"{state.target}:f.txt") == "spaces"


async def test_what_nobody_allows_in_time_is_denied_and_the_agent_goes_on(
    repo: Path, tmp_path: Path
) -> None:
    nobody = '[defaults]\nunattended = "deny"\nanswer_within = "0.3s"\n'
    plan = asking("! write f.txt\n! say I could not.", nobody)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).exit is not None)
        state = engine.state
    [given] = given_answers(state)[:1]
    assert (given.by, given.allowed) == (NOBODY, False)
    assert "Nobody was there to allow this" in (folder.attempt(A, 1) / "raw.log").read_text()
