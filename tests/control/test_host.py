"""The engine's process with everything real: git, agents, journal, signals, kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from agentdeck.control import blocking, start
from agentdeck.control.creating import create_run
from agentdeck.control.host import host
from agentdeck.control.runs import fold_run, list_runs, newest_run, summary_of
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.socketfile import answers
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.events import EngineStopped, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.engine.environment import child_environment, hook_tag
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.hook_command import run_command
from agentdeck.engine.identity import is_alive
from agentdeck.engine.journal import Journal
from agentdeck.plans.reader import read_plan
from agentdeck.testing.settling import settle

A = TaskId("A")
PLAN = """\
version = 1
[plan]
name = "waits"
[agents.waiter]
command = ["sh", "-c", "until [ -e '{go}' ]; do sleep 0.05; done; echo done > done.txt", "{{task}}"]
[[task]]
id = "A"
title = "Waits until it may go on"
prompt = "wait"
agent = "waiter"
"""


def engine_pid(folder: RunFolder) -> int:
    with blocking.connect(folder) as client:
        return client.hello().pid


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def works(folder: RunFolder) -> bool:
    return fold_run(folder).tasks[A].state is TaskState.WORKING


@pytest.fixture
def go(tmp_path: Path) -> Path:
    """The file that the agent waits for."""
    return tmp_path / "go"


@pytest.fixture
def folder(tmp_path: Path, go: Path) -> Iterator[RunFolder]:
    """A run of one task; whatever it has started is gone afterwards."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = PLAN.format(go=go)
    made = create_run(repo, read_plan(text, file="waits.toml"), text)
    yield made
    go.touch()
    with suppress(DeckError):
        start.ensure_engine(made)
        with blocking.connect(made) as client:
            pid = client.hello().pid
            with suppress(DeckError):
                client.send(c.EndRun())
                settle(lambda: fold_run(made).outcome is not None, "the end of the run")
            client.stop("the test is over")
        settle(lambda: gone(pid), "the end of the engine")


def test_in_the_foreground_it_ends_when_it_is_told_to(folder: RunFolder, go: Path) -> None:
    """`until` ends it; what it saw is every event, once, in order."""
    go.touch()
    seen: list[int] = []
    ended = host(
        folder,
        until=lambda state: "complete" if state.outcome else None,
        saw=lambda batch, _: seen.extend(recorded.seq for recorded in batch),
    )
    assert (ended.reason, ended.interrupted) == ("complete", False)
    assert ended.state.outcome is Outcome.COMPLETE
    assert seen[:3] == [2, 3, 4]
    assert seen == list(range(2, 2 + len(seen)))
    assert not answers(folder.socket)
    assert not folder.socket.exists()


def test_it_runs_by_itself_and_ends_by_itself(folder: RunFolder, go: Path) -> None:
    """Detached from us, it finishes the run and is gone a few seconds later."""
    assert start.ensure_engine(folder)
    assert not start.ensure_engine(folder)
    pid = engine_pid(folder)
    assert os.getsid(pid) == pid
    go.touch()
    settle(lambda: fold_run(folder).outcome is Outcome.COMPLETE, "the end of the run")
    assert summary_of(folder).state == "complete"
    settle(lambda: gone(pid), "the end of the engine", 15)
    assert not folder.socket.exists()


@pytest.mark.parametrize(("tag", "lives"), [(hook_tag("other", "on.end"), True), ("o/T.1", False)])
def test_an_engine_that_a_hook_starts_outlives_its_command(
    folder: RunFolder, tag: str, lives: bool
) -> None:
    """A run may begin when another one has ended. What an agent starts ends with its attempt."""
    code = (
        "import sys, pathlib; from agentdeck.control import start;"
        "from agentdeck.engine.folders import RunFolder;"
        "start.start_engine(RunFolder(pathlib.Path(sys.argv[1])))"
    )
    answer = run_command(
        (sys.executable, "-c", code, str(folder.path)),
        b"",
        cwd=Path("/"),
        env=child_environment(os.environ, tag=tag, extra={}),
        tag=tag,
        timeout_s=60.0,
        ended=threading.Event(),
    )
    assert answer.fault == ""
    assert start.responds(folder) is lives


def test_it_stays_while_somebody_looks(folder: RunFolder, go: Path) -> None:
    """A connected deck keeps the engine of an ended run, so that it can still promote."""
    go.touch()
    start.start_engine(folder)
    with blocking.connect(folder) as client:
        pid = client.hello().pid
        settle(lambda: fold_run(folder).outcome is Outcome.COMPLETE, "the end of the run")
        time.sleep(4.0)  # longer than the idle rule: nothing else can show that it does not act
        assert not gone(pid)
        client.send(c.Promote())
    settle(lambda: gone(pid), "the end of the engine", 15)
    assert fold_run(folder).promoted


def test_after_kill_9_the_agent_lives_and_the_run_goes_on(folder: RunFolder, go: Path) -> None:
    """The next engine finds the same process, and its work lands."""
    start.start_engine(folder)
    settle(lambda: works(folder), "the agent at work")
    pid = engine_pid(folder)
    agent = fold_run(folder).tasks[A].attempts[0].process
    assert agent is not None
    os.kill(pid, signal.SIGKILL)
    settle(lambda: gone(pid), "the death of the engine")
    settle(lambda: summary_of(folder).state == "crashed", "a socket that nobody answers on")
    assert is_alive(agent)
    assert folder.socket.exists()
    start.ensure_engine(folder)
    assert engine_pid(folder) != pid
    assert is_alive(agent)
    go.touch()
    settle(lambda: fold_run(folder).outcome is Outcome.COMPLETE, "the end of the run")
    assert len(fold_run(folder).tasks[A].attempts) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_engine_and_not_the_agent(
    folder: RunFolder, number: signal.Signals
) -> None:
    """The last event says why; the run is left, not crashed."""
    start.start_engine(folder)
    settle(lambda: works(folder), "the agent at work")
    pid = engine_pid(folder)
    os.kill(pid, number)
    settle(lambda: gone(pid), "the end of the engine")
    journal = Journal(folder.journal)
    last = journal.read(journal.last_seq() - 1)[0].event
    journal.close()
    assert isinstance(last, EngineStopped)
    assert number.name in last.reason
    agent = fold_run(folder).tasks[A].attempts[0].process
    assert agent is not None
    assert is_alive(agent)
    assert summary_of(folder).state == "left"


def test_a_second_engine_is_refused(folder: RunFolder) -> None:
    """It says who has the run, and the first one is not disturbed."""
    start.start_engine(folder)
    pid = engine_pid(folder)
    second = subprocess.run(
        [sys.executable, "-m", "agentdeck.control.host", str(folder.path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert second.returncode == 5
    assert f"pid {pid}" in second.stderr
    assert "Traceback" not in second.stderr
    assert engine_pid(folder) == pid


def test_two_who_start_at_once_share_one_engine(folder: RunFolder) -> None:
    """Whoever comes second is content with the engine of the first."""
    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(start.ensure_engine, folder) for _ in range(3)]:
            done.result()
    assert answers(folder.socket)


def test_a_failed_start_quotes_what_the_engine_said(folder: RunFolder) -> None:
    """The error has the cause, not just "did not start"."""
    folder.lock.mkdir()  # no engine can take it
    with pytest.raises(EnvironmentFault, match=r"engine\.lock") as caught:
        start.start_engine(folder)
    folder.lock.rmdir()
    assert "engine.out" in caught.value.hint


def test_runs_are_listed_and_found(folder: RunFolder, tmp_path: Path) -> None:
    """By repository, newest first; a run that cannot be read is listed with its fault."""
    repo = tmp_path / "repo"
    later = create_run(repo, read_plan(PLAN.format(go="x"), file="later.toml"), "")
    broken = RunFolder(later.path.parent / "broken-0000")
    broken.create()
    broken.journal.write_bytes(b"this is no database" * 100)
    assert [run.id for run in list_runs()] == [later.run, folder.run, "broken-0000"]
    assert list_runs()[2].state == "unreadable"
    assert "broken-0000" in list_runs()[2].problem
    assert newest_run(repo).run == later.run
    (repo / "deep").mkdir()
    assert newest_run(repo / "deep").run == later.run
    linked = tmp_path / "linked"
    subprocess.run(["git", "worktree", "add", "-q", linked], cwd=repo, check=True)
    assert newest_run(linked).run == later.run
    with pytest.raises(DeckError, match="no run of"):
        newest_run(tmp_path)
