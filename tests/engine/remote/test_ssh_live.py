"""A pool over ssh: a real server on loopback, real processes, nothing of ours installed there."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

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

asyncssh = pytest.importorskip("asyncssh")
# The server of the tests is cut off with pipes redirected: asyncssh leaves their queues alone then.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Queue.join'")

from agentdeck.engine.remote import ssh_link  # noqa: E402 - it needs asyncssh

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


class Server:
    """An ssh server that runs commands as this user, in a home of their own."""

    def __init__(self, place: Path) -> None:
        self.place, self.home = place, place / "home"
        self.home.mkdir(parents=True)
        self.port = 0
        self.connections: list[object] = []

    async def start(self) -> None:
        host, user = asyncssh.generate_private_key("ssh-ed25519"), self.place / "id"
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(user)
        user.chmod(stat.S_IRUSR)
        authorized = self.place / "authorized"
        authorized.write_bytes(key.export_public_key())
        self.listening = await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host],
            authorized_client_keys=str(authorized),
            process_factory=self._run,
            encoding=None,
        )
        self.port = self.listening.get_port()
        known = self.place / "known_hosts"
        line = host.export_public_key().decode().strip()
        known.write_text(f"[127.0.0.1]:{self.port} {line}\n")
        (self.place / "config").write_text(
            f"Host *\n  IdentityFile {user}\n  UserKnownHostsFile {known}\n"
        )

    async def _run(self, process: Any) -> None:
        self.connections.append(process.channel.get_connection())
        child = await asyncio.create_subprocess_shell(
            process.command or "",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(self.home), "PATH": f"{Path(sys.executable).parent}:{os.defpath}"},
        )
        await process.redirect(stdin=child.stdin, stdout=child.stdout)
        process.exit(await child.wait())

    def cut(self) -> None:
        """The network is gone, for all that is connected now."""
        for connection in self.connections:
            connection.abort()  # type: ignore[attr-defined]
        self.connections.clear()


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    found = Server(tmp_path / "ssh")
    await found.start()
    monkeypatch.setenv(ssh_link.CONFIG, str(found.place / "config"))
    yield found
    found.listening.close()
    found.cut()
    await found.listening.wait_closed()


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
    assert outliving(server.home) == []


async def test_an_agent_over_ssh_is_paused_goes_on_and_is_stopped(
    server: Server, repo: Path, tmp_path: Path
) -> None:
    plan = plan_of("while :; do date; sleep 0.1; done", 1, server.port)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: s.tasks[A].state is TaskState.WORKING)
        await engine.submit(c.Pause(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.PAUSED)
        log = folder.attempt(A, 1) / "raw.log"
        await asyncio.sleep(1)  # what was on its way is here
        size = log.stat().st_size
        await asyncio.sleep(1)  # nothing more comes
        assert log.stat().st_size == size
        await engine.submit(c.Resume(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.WORKING)
        await until(engine, lambda _: log.stat().st_size > size)
        await engine.submit(c.Stop(A))
        await until(engine, lambda s: s.tasks[A].state is TaskState.CANCELLED)
    assert outliving(server.home) == []


async def test_an_unknown_host_key_is_refused(server: Server, repo: Path, tmp_path: Path) -> None:
    (server.place / "known_hosts").write_text("")
    folder = create_run(repo, plan_of("true", 1, server.port), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: any(one.fault for one in s.workers.values()))
        (known,) = engine.state.workers.values()
        assert "ost key" in known.fault
        assert engine.state.tasks[A].state is TaskState.READY
