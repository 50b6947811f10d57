"""Two agents meet in one line: one lands, the other is repaired. Real git, processes, sessions.

A `claude` that is first on PATH is the scripted agent in that voice, so sessions go on.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.control.catalog import equipped
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.agent_place import PACKAGE
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

A, B = TaskId("A"), TaskId("B")
Sh = Callable[..., str]
PATIENCE_S = 60.0
SCRIPTED = PACKAGE / "testing" / "scripted_agent.py"
PLAN = """
version = 1
[plan]
name = "meet"
[defaults]
agent = "claude"
retries = 0
[agents.referee]
use = "scripted"
[queue]
batch = 1
{queue}
[gates.whole]
run = "! grep -q '<<<<' list.txt && ! grep -q bad list.txt"
[[task]]
id = "A"
title = "Add apples"
prompt = '''
! append list.txt apples
'''
[[task]]
id = "B"
title = "Add pears"
prompt = '''
{b}
'''
"""
WORKS = "! append list.txt pears\n! append pears.txt pears"


class Live:
    """A run whose engine turns beside the test."""

    def __init__(self, repo: Path, tmp: Path, queue: str, b: str) -> None:
        text = PLAN.format(queue=queue, b=b)
        plan = equipped(read_plan(text, file="p.toml"))
        self.folder: RunFolder = create_run(repo, plan, "", root=tmp / "runs")
        self.engine: Engine = open_engine(self.folder)

    async def __aenter__(self) -> Live:
        self.task = asyncio.create_task(run_engine(self.engine))
        for name in (A, B):
            await self.engine.submit(c.Hold(name))
        await self.until(lambda state: len(state.queue) == 2)  # both begin where the run began
        await self.engine.submit(c.Release(A))
        await self.until(lambda state: state.tasks[A].state is TaskState.LANDED)
        await self.engine.submit(c.Release(B))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)

    @property
    def state(self) -> RunState:
        return self.engine.state

    async def until(self, condition: Callable[[RunState], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition(self.engine.state):
                await self.engine.wait_past(self.engine.state.seq, 1.0)

    async def until_b(self, *states: TaskState) -> None:
        await self.until(lambda state: state.tasks[B].state in states)

    def prompt(self, attempt: int) -> str:
        return (self.folder.attempt(B, attempt) / "prompt.md").read_text()

    def events(self) -> list[e.AnyEvent]:
        journal = Journal(self.folder.journal)
        found = [recorded.event for recorded in journal.history()]
        journal.close()
        return found


@pytest.fixture
def repo(tmp_path: Path, sh: Sh, monkeypatch: pytest.MonkeyPatch) -> Path:
    binary = tmp_path / "bin" / "claude"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} {SCRIPTED} --speak claude "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binary.parent}:{os.environ['PATH']}")
    path = tmp_path / "repo"
    path.mkdir()
    sh(path, "init", "--quiet", "--initial-branch=main")
    (path / "list.txt").write_text("fruit\n")
    sh(path, "add", "-A")
    sh(path, "commit", "--quiet", "-m", "first")
    return path


def the_list(repo: Path, state: RunState, sh: Sh) -> list[str]:
    return sh(repo, "show", f"{state.target}:list.txt").split("\n")


async def test_one_lands_and_the_other_is_repaired_by_its_agent_and_lands(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """In the same worktree and session, with no retries; each first-parent commit is gated."""
    async with Live(repo, tmp_path, "", WORKS) as live:
        await live.until(
            lambda state: all(t.state is TaskState.LANDED for t in state.tasks.values())
        )
        state = live.state
    first, second = state.tasks[B].attempts
    assert the_list(repo, state, sh) == ["fruit", "pears", "apples"]
    assert second.path == first.path
    assert second.resumed == first.session is not None
    said = live.prompt(2)
    landed = state.tasks[A].landed_commit
    assert landed is not None
    assert f"Take in commit {landed}: `git merge {landed[:12]}`" in said
    assert f"    A: Add apples (commit {landed[:12]})" in said
    assert "    apples\n    =======\n    pears\n" in said
    work = second.collected
    assert work is not None
    assert (work.merged, work.losses) == (landed, ())
    assert {file.path for file in work.files} == {"list.txt", "pears.txt"}
    assert sum(file.removed for file in work.files) == 0
    commits = sh(repo, "rev-list", "--first-parent", "--reverse", f"main..{state.target}").split()
    assert commits == [landing.commit for landing in state.landings]
    _each_passes(repo, commits, state, sh)
    kept = sh(repo, "for-each-ref", "--format=%(objectname)", "refs/agentdeck/keep")
    assert first.collected is not None
    assert first.collected.head in kept


def _each_passes(repo: Path, commits: list[str], state: RunState, sh: Sh) -> None:
    for commit in commits:
        sh(repo, "checkout", "--quiet", "--detach", commit)
        gate = state.plan.gates[0].run
        assert subprocess.run(gate, cwd=repo, check=False).returncode == 0, commit


async def test_a_repair_that_drops_the_lines_of_another_asks_a_person(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """It waits, says which line of whom, and lands only with a yes to it by name."""
    async with Live(repo, tmp_path, "", f"! resolve mine\n{WORKS}") as live:
        await live.until(
            lambda state: (
                state.tasks[B].state is TaskState.PROPOSED and len(state.tasks[B].attempts) == 2
            )
        )
        # What is foreseen of it may stand behind that by now, or not yet.
        assert explain(live.state, B, 0.0).partition("; collides")[0] == (
            "B waits for your yes (a = accept, R = send back): it would remove a line that A "
            'landed: list.txt: "apples"'
        )
        await live.engine.submit(c.Approve(B))
        await live.until_b(TaskState.LANDED)
        assert the_list(repo, live.state, sh) == ["fruit", "pears"]


async def test_a_resolver_repairs_in_the_worktree_of_the_other(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    async with Live(
        repo, tmp_path, 'resolver = "referee"', f"! on 2: merge\n{_first(WORKS)}"
    ) as live:
        await live.until_b(TaskState.LANDED)
        state = live.state
    first, second = state.tasks[B].attempts
    assert (first.agent, second.agent) == ("claude", "referee")
    assert (second.path, second.resumed) == (first.path, None)
    assert sorted(the_list(repo, state, sh)) == ["apples", "fruit", "pears"]


def _first(script: str) -> str:
    return script.replace("! ", "! on 1: ")


async def test_drop_cancels_and_keeps_the_work(repo: Path, tmp_path: Path, sh: Sh) -> None:
    async with Live(repo, tmp_path, 'repair = "drop"', WORKS) as live:
        await live.until_b(TaskState.CANCELLED)
        task = live.state.tasks[B]
    assert task.reason == "dropped from the merge queue: conflicts with what has landed in list.txt"
    work = task.attempts[0].collected
    assert work is not None
    assert sh(repo, "rev-parse", f"deck/{live.state.run}/B") == work.head


async def test_ask_leaves_it_to_a_person_whose_words_go_with_the_repair(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    async with Live(repo, tmp_path, 'repair = "ask"', WORKS) as live:
        await live.until_b(TaskState.FAILED)
        assert "B was sent back by the merge queue and needs you" in explain(live.state, B, 0.0)
        await live.engine.submit(c.Retry(B, feedback="apples come first"))
        await live.until_b(TaskState.LANDED)
    assert "apples come first" in live.prompt(2)
    assert "git merge" in live.prompt(2)


async def test_who_never_merges_is_sent_back_only_so_often(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    queue = "repairs = 1"
    async with Live(repo, tmp_path, queue, f"! resolve neither\n{WORKS}") as live:
        await live.until_b(TaskState.FAILED)
        assert len(live.state.tasks[B].attempts) == 2
        assert live.state.tasks[B].reason.endswith("it was sent back once before")


async def test_a_gate_that_is_red_on_the_two_together_is_mended_on_the_tip(
    repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """Nothing is in conflict; the agent is told what has landed and takes it in."""
    queue = (
        '[gates.both]\nrun = "! test -e pears.txt || ! grep -q apples list.txt || test -e ok.txt"'
    )
    script = "! on 1: append pears.txt pears\n! on 1: resolve both"
    async with Live(repo, tmp_path, queue, script) as live:
        await live.until_b(TaskState.RETRYING, TaskState.PREPARING, TaskState.WORKING)
        await live.until(lambda state: len(state.tasks[B].attempts) == 2)
        await live.until(lambda state: state.tasks[B].attempts[1].collected is not None)
        work = live.state.tasks[B].attempts[1].collected
    assert "gate both is red on what would land" in live.prompt(2)
    assert "    A: Add apples" in live.prompt(2)
    assert work is not None
    assert (work.merged, [file.path for file in work.files]) == (
        live.state.tasks[A].landed_commit, ["pears.txt"]
    )  # fmt: skip
