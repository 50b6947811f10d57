"""Agents in sandboxes on other machines: what they cannot do there, and that they can work.

Each test is done in every sandbox that works here; for the others it is skipped, and says why.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.engine.turning import Running, until

from agentdeck.core import commands as c
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine import sandbox
from agentdeck.engine.create import check_sandboxes, create_run
from agentdeck.plans.reader import read_plan
from agentdeck.testing.clustered import Cluster, routed
from agentdeck.testing.kills.faults import outliving

if TYPE_CHECKING:
    from tests.engine.remote.ssh_server import Server

pytestmark = pytest.mark.filterwarnings("ignore:coroutine 'Queue.join'")
Sh = Callable[..., str]
T = TaskId("T")
# It tries to write where it must not, and leaves settings for git that would do so later.
BREAKS_OUT = """
tries() { if sh -c "echo x > $1" 2>/dev/null; then echo "DID $1"; else echo "could not $1"; fi; }
tries $HOME/x
tries ../../x
tries ../pid
tries ../start
tries "$(cat .git/objects/info/alternates)/x"
echo mine > mine.txt; git add mine.txt; git commit -qm mine
git config filter.out.clean "sh -c 'touch $HOME/escaped; cat'"
echo "*.left filter=out" > .gitattributes
echo left > x.left
"""


def plan_of(box: Sandbox, script: str, more: str = "") -> Plan:
    """One task for an agent that is a shell script."""
    text = f"""
version = 1
[plan]
name = "boxed"
[defaults]
agent = "sh"
retries = 0
sandbox = "{box}"
network = false
{more}
[agents.sh]
output = "plain"
command = ["sh", "-c", '''{script}''']
[[task]]
id = "T"
prompt = "x"
"""
    return read_plan(text, file="plan.toml", read_file=None)


def landed(state: RunState) -> bool:
    return state.tasks[T].state is TaskState.LANDED


async def test_an_agent_in_a_box_over_ssh_works_and_writes_nowhere_else(
    server: Server, repo: Path, tmp_path: Path, sh: Sh, box: Sandbox
) -> None:
    """Neither itself, nor by what git does for it when its work is taken."""
    plan = routed(plan_of(box, BREAKS_OUT), f"ssh://127.0.0.1:{server.port}", 1, 20.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, landed)
        state = engine.state
    attempt = state.tasks[T].attempt
    assert attempt is not None
    log = (folder.attempt(T, 1) / "raw.log").read_text()
    assert "could not" in log
    assert not (server.home / "x").exists()
    assert not (server.home / "escaped").exists()
    root = server.home / ".local/state/agentdeck/workers/ssh"
    assert not list(root.rglob("x"))
    assert (attempt.sandbox, attempt.network) == (box, False)
    assert attempt.confined is not None
    assert {"your home", "other worktrees", "refs"} <= set(attempt.confined.closed)
    assert attempt.confined.open == ()
    files = sh(repo, "diff", "--name-only", f"main..{state.target}").split()
    assert files == [".gitattributes", "mine.txt", "x.left"]
    assert await asyncio.to_thread(outliving, server.home) == []


SCRIPTED = """
version = 1
[plan]
name = "boxed tools"
[defaults]
agent = "scripted"
retries = 0
sandbox = "{box}"
network = false
[tools]
ask_person = "allow"
[[task]]
id = "T"
files = ["a/"]
prompt = '''
! call ask_person {{"question": "Which colour?", "options": ["red", "blue"]}}
! write-answer a/answer
'''
"""


async def test_an_agent_in_a_box_on_a_worker_without_a_network_reaches_its_tools(
    cluster: Cluster, repo: Path, tmp_path: Path, sh: Sh, box: Sandbox
) -> None:
    pytest.importorskip("distributed")
    cluster.start_scheduler()
    cluster.start_worker("w1", 1)
    plan = routed(read_plan(SCRIPTED.format(box=box), file="p.toml"), cluster.address, 1, 30.0)
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: s.tasks[T].state is TaskState.ASKING)
        await engine.submit(c.Answer(T, "1"))
        await until(engine, landed)
        target = engine.state.target
    assert sh(repo, "show", f"{target}:a/answer") == "red"


async def test_a_worker_that_lacks_the_program_is_named(
    cluster: Cluster, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine of the engine has it; the worker does not, and its agent does not begin."""
    pytest.importorskip("distributed")
    without = tmp_path / "bin"
    without.mkdir()
    for name in ("git", "sh"):
        (without / name).symlink_to(shutil.which(name) or name)
    cluster.start_scheduler()
    with monkeypatch.context() as poor:
        poor.setenv("PATH", str(without))
        cluster.start_worker("w1", 1)
    plan = routed(plan_of(Sandbox.BWRAP, "echo begun"), cluster.address, 1, 30.0)
    monkeypatch.setattr(sandbox, "_entered", {(Sandbox.BWRAP, False)})  # it works here
    folder = create_run(repo, plan, "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: "w1: agent sh wants" in s.tasks[T].reason)
        reason = engine.state.tasks[T].reason
    assert "that cannot be had here: bubblewrap is not installed" in reason
    assert not (folder.attempt(T, 1) / "raw.log").exists()
    assert os.environ["PATH"] != str(without)


def test_a_machine_that_only_leads_needs_no_sandbox_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who works elsewhere alone is asked for there; who also works here, here."""
    monkeypatch.setattr(sandbox, "_entered", set())
    monkeypatch.setattr(sandbox, "_fault_of", lambda *_, **__: "not here")
    here = plan_of(Sandbox.BWRAP, "true")
    check_sandboxes(routed(here, "cluster", 1, 30.0))
    with pytest.raises(EnvironmentFault, match="not here"):
        check_sandboxes(here)
