"""Agents on other machines call tools of agentdeck through a real MCP client, on live runs."""

from __future__ import annotations

import asyncio
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.remote.story import Story
from tests.engine.turning import Running, until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run
from agentdeck.engine.tool_pass import read_pass
from agentdeck.plans.reader import read_plan
from agentdeck.testing.clustered import Cluster, routed
from agentdeck.testing.crash import told_in
from agentdeck.testing.kills.faults import outliving

if TYPE_CHECKING:
    from tests.engine.remote.ssh_server import Server

pytest.importorskip("distributed")
pytest.importorskip("mcp")
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Queue.join'")

A = TaskId("A")
Sh = Callable[..., str]
SCRIPTED = """
version = 1
[plan]
name = "far tools"
[defaults]
agent = "scripted"
retries = 0
[tools]
ask_person = "allow"
report_progress = "allow"
propose_task = "allow"
request_files = "free"
wait = "2s"
[[task]]
id = "A"
title = "First"
files = ["a/"]
prompt = '''
{script}
'''
"""
ASK = '! call ask_person {"question": "Which colour?", "options": ["red", "blue"]}'
ALL = f"""! call report_progress {{"text": "half of it", "percent": 50}}
! call request_files {{"files": ["c/x"], "why": "the list is there"}}
! write c/x
! call propose_task {{"title": "More", "prompt": "! write b/more", "id": "B", "files": ["b/"]}}
{ASK}
! write-answer a/answer"""
# Not one of ours: a program that finds the file of MCP servers by the variable.
BY_HAND = """
version = 1
[plan]
name = "far tools"
[defaults]
agent = "hand"
retries = 0
[tools]
ask_person = "allow"
[agents.hand]
output = "plain"
command = ["sh", "-c", '''
BEFORE
mkdir a
PYTHON -m agentdeck.testing.mcp_caller "$AGENTDECK_MCP" ask_person \
    '{"question": "Which colour?", "options": ["red", "blue"]}' > a/answer
cat "$AGENTDECK_MCP" > a/servers
''']
[[task]]
id = "A"
prompt = "x"
"""


def by_hand(before: str) -> str:
    return BY_HAND.replace("BEFORE", before).replace("PYTHON", sys.executable)


def asking(state: RunState) -> bool:
    return state.tasks[A].state is TaskState.ASKING


def landed(state: RunState) -> bool:
    return all(task.state is TaskState.LANDED for task in state.tasks.values())


def asked_in(story: Story) -> int:
    return sum(isinstance(one, e.AttemptAsked) for one in told_in(story.folder))


async def test_an_agent_on_a_worker_has_all_the_tools(
    cluster: Cluster, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """It says how far it is, gets one file more, proposes a task, asks, and hears the answer."""
    cluster.start_scheduler()
    cluster.start_worker("w1", 2)
    plan = routed(read_plan(SCRIPTED.format(script=ALL), file="p.toml"), cluster.address, 2, 30.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, asking)
        attempt = engine.state.tasks[A].attempt
        assert attempt is not None
        assert (attempt.worker, attempt.reported, attempt.percent) == ("w1", "half of it", 50)
        assert engine.state.plan.by_id[A].files == ("a/", "c/x")
        there = next((tmp_path / "cluster/w1/runs").glob("*/A.1"))
        for name in ("tools.json", "mcp.json"):
            assert stat.S_IMODE((there / name).stat().st_mode) == 0o600
        own = read_pass(folder.attempt(A, 1))
        assert own is not None
        assert own.secret not in (there / "mcp.json").read_text()
        await engine.submit(c.Answer(A, "2", by="kim"))
        await until(engine, lambda s: len(s.tasks) == 2 and landed(s))
        target = engine.state.target
    assert sh(repo, "show", f"{target}:a/answer") == "blue"
    assert sh(repo, "cat-file", "-t", f"{target}:c/x") == "blob"
    assert sh(repo, "cat-file", "-t", f"{target}:b/more") == "blob"


async def test_a_program_over_ssh_asks_without_anything_of_ours_there(
    server: Server, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """The server for its tools is what was sent there, and runs without site-packages."""
    host = f"ssh://127.0.0.1:{server.port}"
    plan = routed(read_plan(by_hand("true"), file="p.toml"), host, 2, 20.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, asking)
        server.cut()
        await engine.submit(c.Answer(A, "1", by="kim"))
        await until(engine, landed)
        target = engine.state.target
    assert sh(repo, "show", f"{target}:a/answer") == "red"
    servers = sh(repo, "show", f"{target}:a/servers")
    assert f"{server.home}/.local/state/agentdeck/workers/ssh/bin/" in servers
    assert '"-I",' in servers
    assert await asyncio.to_thread(outliving, server.home) == []


def test_a_question_outlives_engine_and_worker_and_is_asked_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Both are killed while its agent waits; the answer that comes afterwards arrives."""
    cluster.start_scheduler()
    cluster.start_worker("w1", 1)
    text = SCRIPTED.format(script=f"{ASK}\n! write-answer a/answer")
    plan = routed(read_plan(text, file="p.toml"), cluster.address, 1, 30.0)
    story = Story(cluster, plan, tmp_path)
    story.begin()
    story.until(asking)
    story.kill_engine()
    cluster.kill("w1")
    cluster.start_worker("w1", 1)
    story.begin()
    story.until(lambda state: state.tasks[A].state is TaskState.ASKING)
    story.answers(c.Answer(A, text="green", by="kim"))
    story.end()
    assert story.wrong() == []
    assert story.shown("a/answer") == "green\n"
    assert asked_in(story) == 1
    cluster.close()
    assert outliving(tmp_path) == []


def test_a_call_of_an_attempt_that_was_given_up_is_never_taken(
    cluster: Cluster, tmp_path: Path
) -> None:
    """Its worker sleeps beyond the lease while it is about to ask; the one that counts asks."""
    go, first = tmp_path / "go", tmp_path / "first"
    cluster.start_scheduler()
    cluster.start_worker("w1", 1)
    before = f"if [ ! -e {first} ]; then touch {first}; while [ ! -e {go} ]; do sleep 0.1; done; fi"
    plan = routed(read_plan(by_hand(before), file="p.toml"), cluster.address, 1, 4.0)
    story = Story(cluster, plan, tmp_path)
    story.begin()
    story.until(lambda _: first.exists())
    cluster.suspend("w1")
    cluster.start_worker("w2", 1)
    go.touch()  # the one on w1 asks now
    story.until(asking)
    attempt = story.state.tasks[A].attempt
    assert attempt is not None
    assert attempt.worker == "w2"
    there = next((tmp_path / "cluster/w1/runs").glob("*/A.1"))
    assert list((there / "mail").glob("*.call")) != []
    cluster.wake("w1")
    story.until(lambda _: not there.exists())
    story.answers(c.Answer(A, text="green", by="kim"))
    story.end()
    assert story.wrong() == []
    assert [one.attempt for one in told_in(story.folder) if isinstance(one, e.AttemptAsked)] == [2]
    cluster.close()
    assert outliving(tmp_path) == []
