"""Speaking to an agent on a worker, pausing it and stopping it, with an engine in this process."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.engine.test_conversation import heard, talker
from tests.engine.turning import Running, until

from agentdeck.core import commands as c
from agentdeck.core.decide import Refused
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run
from agentdeck.plans.reader import read_plan
from agentdeck.testing.clustered import Cluster, routed
from agentdeck.testing.kills.faults import outliving

pytest.importorskip("distributed")
A = TaskId("A")


@pytest.fixture(autouse=True)
def joined(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker, on whose PATH is a program that only looks like an agent."""
    claude = tmp_path / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text(CLAUDE)
    claude.chmod(0o755)
    monkeypatch.setenv("PATH", f"{claude.parent}:{os.environ['PATH']}")
    cluster.start_scheduler()
    cluster.start_worker("w1", 2)


def steered(state: RunState) -> bool:
    attempt = state.tasks[A].attempt
    return attempt is not None and any(message.delivered for message in attempt.messages)


async def test_an_agent_on_a_worker_is_steered_paused_and_lands(
    cluster: Cluster, repo: Path, tmp_path: Path
) -> None:
    """It hears the prompt and what is said later; it cannot be taken over, and why says so."""
    prompt = "! write f x\n! say I am at it\n! sleep 2\n! commit"
    plan = routed(talker(tmp_path, prompt), cluster.address, 2, 30.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and _message(s) != "")
        assert "works on w1" in explain(engine.state, A, engine.clock())
        with pytest.raises(Refused, match="works on w1"):
            await engine.submit(c.TakeOver(A))
        await engine.submit(c.Pause(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.PAUSED)
        await engine.submit(c.Resume(A))
        await engine.submit(c.Steer(A, "one"))
        await until(engine, steered)
        await until(engine, lambda s: s.tasks[A].state is TaskState.LANDED)
        attempt = engine.state.tasks[A].attempt
    assert attempt is not None
    assert (attempt.number, attempt.worker, attempt.frozen_s > 0) == (1, "w1", True)
    assert heard(tmp_path)[1:] == ["one"]
    assert outliving(tmp_path / "cluster" / "w1" / "runs") == []


async def test_an_agent_on_a_worker_is_stopped_and_its_work_kept(
    cluster: Cluster, repo: Path, tmp_path: Path
) -> None:
    prompt = "! write f x\n! commit\n! say I am at it\n! busy 600"
    plan = routed(talker(tmp_path, prompt), cluster.address, 2, 30.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and _message(s) != "")
        await engine.submit(c.Stop(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.CANCELLED)
        attempt = engine.state.tasks[A].attempt
    assert attempt is not None
    assert attempt.collected is not None
    assert attempt.collected.commits == 1
    await asyncio.to_thread(cluster.close)
    assert outliving(tmp_path / "cluster" / "w1" / "runs") == []


def _message(state: RunState) -> str:
    attempt = state.tasks[A].attempt
    return attempt.message if attempt is not None else ""


CLAUDE = """#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --mcp-config) cp "$2" servers; shift;; --settings) cp "$2" settings; shift;; esac
  shift
done
"""
NAMED = """
version = 1
[plan]
name = "named"
[defaults]
agent = "claude"
retries = 0
[tools]
ask_person = "allow"
[agents.claude]
output = "plain"
mcp = "servers.json"
settings = "settings.json"
[[task]]
id = "A"
prompt = "x"
"""


async def test_files_that_a_plan_names_for_an_agent_go_along(
    cluster: Cluster, repo: Path, tmp_path: Path, sh: Callable[..., str]
) -> None:
    """Its settings, and its MCP servers with ours among them, are in files there."""
    for name, text in (
        ("servers.json", '{"mcpServers": {"own": {"command": "x"}}}'),
        ("settings.json", '{"a": 1}'),
    ):
        (repo / name).write_text(text)
    plan = routed(read_plan(NAMED, file="p.toml"), cluster.address, 2, 30.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: s.tasks[A].state is TaskState.LANDED)
        target = engine.state.target
    servers = json.loads(sh(repo, "show", f"{target}:servers"))["mcpServers"]
    assert servers["own"] == {"command": "x"}
    assert str(tmp_path / "cluster/w1") in servers["agentdeck"]["args"][-1]
    assert json.loads(sh(repo, "show", f"{target}:settings")) == {"a": 1}
