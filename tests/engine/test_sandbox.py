"""Sandboxes that cannot be had: refused in one sentence, before anything starts or is made."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.conftest import run_git
from tests.engine.turning import work_until

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.sandbox_kind import Sandbox
from agentdeck.core.state import TaskState
from agentdeck.engine import landlock, sandbox
from agentdeck.engine.create import create_run, open_engine
from agentdeck.engine.room_folders import temporary_of
from agentdeck.engine.sandbox import Room, enter, fault_of
from agentdeck.plans.reader import read_plan

T = TaskId("T")


def plan_of(more: str) -> Plan:
    text = f"""
version = 1
[plan]
name = "p"
[defaults]
agent = "sh"
backoff = "0s"
[agents.sh]
command = ["sh", "-c", "echo ran > a.txt"]
{more}
[[task]]
id = "T"
title = "x"
"""
    return read_plan(text, file="plan.toml", read_file=None)


@pytest.fixture
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without bubblewrap, and a kernel without Landlock."""
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    monkeypatch.setattr(sandbox, "BWRAP", str(tmp_path / "no-bwrap"))
    monkeypatch.setattr(sandbox, "_entered", set())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('sandbox = "bwrap"', "bubblewrap is not installed"),
        ('sandbox = "landlock"', "this kernel has no Landlock"),
        ("network = false", "no sandbox, so nothing would keep it off the network"),
    ],
)
@pytest.mark.usefixtures("nothing_here")
def test_a_run_is_refused_before_anything_is_made(
    repo: Path, tmp_path: Path, said: str, words: str
) -> None:
    """One sentence names the agent and why; there is no run, and no branch of one."""
    before = run_git(repo, "for-each-ref")
    with pytest.raises(EnvironmentFault) as caught:
        create_run(repo, plan_of(said), "", root=tmp_path / "runs")
    assert "agent sh" in caught.value.message
    assert words in caught.value.message
    assert not (tmp_path / "runs").exists()
    assert run_git(repo, "for-each-ref") == before


async def test_an_attempt_never_starts_without_its_sandbox(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that goes on where the sandbox is gone: the task fails with the reason, unstarted."""
    monkeypatch.setattr(sandbox, "fault_of", lambda *_, **__: "")
    monkeypatch.setattr("agentdeck.engine.loop.TROUBLE_FIRST_S", 0.01)
    folder = create_run(repo, plan_of('sandbox = "bwrap"'), "", root=tmp_path / "runs")
    monkeypatch.setattr(sandbox, "fault_of", lambda *_, **__: "it was taken away")
    state = await work_until(
        open_engine(folder), lambda state: state.tasks[T].state is TaskState.FAILED
    )
    task = state.tasks[T]
    assert task.cause is FailureClass.SETUP
    assert "it was taken away" in task.reason
    assert task.attempt is not None
    assert task.attempt.launched_at is None
    assert not (folder.attempt(T, 1) / "raw.log").exists()


@pytest.mark.parametrize(
    ("abi", "network", "words"),
    [(0, True, "no Landlock"), (2, True, "Linux 6.2"), (3, False, "Linux 6.7")],
)
def test_a_kernel_that_is_too_old_for_landlock_says_which_one_is_not(
    monkeypatch: pytest.MonkeyPatch, abi: int, network: bool, words: str
) -> None:
    """What an older interface cannot keep is a fault, never a weaker sandbox."""
    monkeypatch.setattr(landlock, "abi", lambda: abi)
    monkeypatch.setattr(sandbox, "_entered", set())
    assert words in fault_of(Sandbox.LANDLOCK, network=network)
    with pytest.raises(OSError, match="ABI"):
        landlock.confine((), network=network)


def test_bubblewrap_does_not_end_with_its_parent() -> None:
    """Else the end of a launcher would end the agent, which a new engine finds otherwise."""
    if fault := fault_of(Sandbox.BWRAP, network=False):
        pytest.skip(fault)
    room = Room("/w", writable=("/w",), granted=("/dev/kvm", "/c"), kept=("/w/.git",))
    argv = enter(Sandbox.BWRAP, room, ["me", "--", "x"], network=False)
    assert "--die-with-parent" not in argv
    assert argv[-4:] == ("--", "me", "--", "x")
    assert "--unshare-net" in argv
    places = [argv.index(path) for path in ("/c", "/w", "/w/.git")]
    assert places == sorted(places)  # what is only read comes last, over what is writable


def test_the_temporary_folder_has_room_for_sockets() -> None:
    """A socket's whole path has 108 bytes; programs name theirs with up to 60."""
    assert len(str(temporary_of(Path("/" + "x" * 300)))) < 48
