"""A pool over ssh: a real server on loopback, real processes, nothing of ours installed there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.turning import Running, until

from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import create_run
from agentdeck.plans.reader import read_plan
from agentdeck.testing.clustered import routed
from agentdeck.testing.kills.faults import outliving

if TYPE_CHECKING:
    from tests.engine.remote.ssh_server import Server

pytest.importorskip("asyncssh")
# The server of the tests is cut off with pipes redirected: asyncssh leaves their queues alone then.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Queue.join'")

Sh = Callable[..., str]
A = TaskId("T0")
PLAN = """
version = 1
[plan]
name = "over ssh"
agents = 2
[defaults]
agent = "writer"
retries = 0
[agents.writer]
output = "plain"
command = ["sh", "-c", '{script}', "sh", "{{task}}"]
"""


def tasks(count: int) -> str:
    return "".join(f'[[task]]\nid = "T{n}"\nprompt = "x"\n' for n in range(count))


def plan_of(script: str, count: int, port: int) -> Plan:
    plan = read_plan(PLAN.format(script=script) + tasks(count), file="p.toml")
    return routed(plan, f"ssh://127.0.0.1:{port}", 2, 20.0)


def all_landed(state: RunState) -> bool:
    return all(task.state is TaskState.LANDED for task in state.tasks.values())


async def test_tasks_land_over_ssh_though_the_connection_is_lost(
    server: Server, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """Three land; the line is cut while they work; nothing of them is left there."""
    plan = plan_of("echo $1 begins; sleep 1.5; echo $1 > $1.txt", 3, server.port)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: s.tasks[A].state is TaskState.WORKING)
        server.cut()
        await until(engine, all_landed)
        state = engine.state
    attempt = state.tasks[A].attempts[0]
    assert attempt.worker == f"127-0-0-1-{server.port}"
    assert len(state.tasks[A].attempts) == 1
    assert "T0 begins" in (folder.attempt(A, 1) / "raw.log").read_text()
    assert sh(repo, "show", f"{state.target}:T2.txt") == "T2"
    assert await asyncio.to_thread(outliving, server.home) == []


async def test_an_agent_over_ssh_is_paused_goes_on_and_is_stopped(
    server: Server, repo: Path, tmp_path: Path
) -> None:
    plan = plan_of("while :; do date; sleep 0.1; done", 1, server.port)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        log = folder.attempt(A, 1) / "raw.log"
        await until(engine, lambda _: log.exists() and log.stat().st_size > 0)
        await engine.submit(c.Pause(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.PAUSED)
        await asyncio.sleep(1)  # what was on its way is here
        size = log.stat().st_size
        await asyncio.sleep(1)  # nothing more comes
        assert log.stat().st_size == size
        await engine.submit(c.Resume(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.WORKING)
        await until(engine, lambda _: log.stat().st_size > size)
        await engine.submit(c.Stop(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.CANCELLED)
    assert await asyncio.to_thread(outliving, server.home) == []


async def test_an_unknown_host_key_is_refused(server: Server, repo: Path, tmp_path: Path) -> None:
    (server.place / "known_hosts").write_text("")
    folder = create_run(repo, plan_of("true", 1, server.port), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: any(one.fault for one in s.workers.values()))
        (known,) = engine.state.workers.values()
        assert "ost key" in known.fault
        assert engine.state.tasks[A].state is TaskState.READY


TWO = """
version = 1
[plan]
name = "two"
[repos.web]
path = "../web"
[defaults]
agent = "writer"
retries = 0
[agents.writer]
output = "plain"
command = ["sh", "-c", "cat index.html > $1.txt; pwd >> $1.txt", "sh", "{{task}}"]
[pools.here]
size = 1
[pools.there]
size = 2
host = "ssh://127.0.0.1:{port}"
[[task]]
id = "T0"
prompt = "x"
repo = "web"
pool = "there"
[[task]]
id = "T1"
prompt = "x"
pool = "here"
after = "T0"
"""


async def test_one_repository_is_worked_on_over_ssh_and_another_one_here(
    server: Server, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """Each lands in its own repository, made where its pool is."""
    web = tmp_path / "web"
    web.mkdir()
    sh(web, "init", "--quiet", "--initial-branch=trunk")
    (web / "index.html").write_text("<p>\n")
    sh(web, "add", "--all")
    sh(web, "commit", "--quiet", "-m", "first of web")
    plan = read_plan(TWO.format(port=server.port), file="p.toml")
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, all_landed)
        target = engine.state.target
    first, where = sh(web, "show", f"{target}:T0.txt").splitlines()
    assert first == "<p>"
    assert Path(where).is_relative_to(server.home)
    (only,) = sh(repo, "show", f"{target}:T1.txt").splitlines()
    assert Path(only).is_relative_to(folder.path)
    assert await asyncio.to_thread(outliving, server.home) == []


FURNISHED = """
version = 1
[plan]
name = "furnished"
[worktree]
copy = [".env"]
link = ["data"]
cache = ["deps"]
setup = ["sh", "-c", "cat .env > set-up"]
[defaults]
agent = "writer"
retries = 0
[agents.writer]
output = "plain"
command = ["sh", "-c", "cat .env *.local data/n deps/n set-up > seen; rm set-up; stat -c %a .env"]
[[task]]
id = "T0"
prompt = "x"
"""


async def test_private_files_go_along_and_into_no_commit(
    server: Server, repo: Path, tmp_path: Path, sh: Sh
) -> None:
    """What is copied comes from the checkout; what is linked and cached, from that machine."""
    (repo / ".gitignore").write_text("*.local\n.env\n")
    (repo / ".worktreeinclude").write_text("*.local\n")
    sh(repo, "add", ".gitignore", ".worktreeinclude")
    sh(repo, "commit", "--quiet", "-m", "what is private")
    (repo / ".env").write_text("KEY=1\n")
    (repo / "notes.local").write_text("mine\n")
    files = server.home / ".local/state/agentdeck/workers/ssh/files" / repo.name
    for name in ("data", "deps"):
        (files / name).mkdir(parents=True)
        (files / name / "n").write_text(f"{name}\n")
    plan = routed(read_plan(FURNISHED, file="p.toml"), f"ssh://127.0.0.1:{server.port}", 1, 20.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, all_landed)
        target = engine.state.target
    assert sh(repo, "show", f"{target}:seen").split() == ["KEY=1", "mine", "data", "deps", "KEY=1"]
    assert sh(repo, "diff", "--name-only", f"main..{target}") == "seen"
    assert (folder.attempt(A, 1) / "raw.log").read_text().strip() == "600"
    assert not (folder.attempt(A, 1) / "private.tar").exists()
