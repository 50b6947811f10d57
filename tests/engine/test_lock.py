"""One engine a run: the lock is the kernel's, so no crash can leave it behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentdeck.core.errors import EXIT_ENVIRONMENT, EnvironmentFault
from agentdeck.engine import lock as lock_module
from agentdeck.engine.lock import EngineLock

# Takes the lock, says so, and goes on until its input ends.
HOLDER = """
import sys
from pathlib import Path
from agentdeck.engine.lock import EngineLock

lock = EngineLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

# As `HOLDER`, with a child that was forked and has not become a program yet: it has the lock too.
# It lives on as long as it is told after the engine has died.
FORKED = """
import os, sys, time
from pathlib import Path
from agentdeck.engine.lock import EngineLock

lock = EngineLock(Path(sys.argv[1]))
engine = os.getpid()
if not os.fork():
    print("held", flush=True)
    while os.getppid() == engine:
        time.sleep(0.001)
    time.sleep(float(sys.argv[2]))
    os._exit(0)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.lock"


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_engine_is_refused_and_told_who_holds_the_lock(path: Path) -> None:
    """The message has the pid, the hint the way in."""
    with holder(path) as other:
        for _ in range(2):  # a refusal changes nothing
            with pytest.raises(EnvironmentFault, match=rf"\(pid {other.pid}\)") as caught:
                EngineLock(path)
        assert "agentdeck attach" in caught.value.hint
        assert caught.value.exit_code == EXIT_ENVIRONMENT


def test_two_locks_of_one_process_exclude_each_other_too(path: Path) -> None:
    """An engine in the foreground cannot run one run twice."""
    lock = EngineLock(path)
    with pytest.raises(EnvironmentFault, match=rf"\(pid {os.getpid()}\)"):
        EngineLock(path)
    lock.release()


def test_a_killed_engine_leaves_no_lock_behind(path: Path) -> None:
    """The file stays, with the old pid in it, and means nothing."""
    with holder(path) as other:
        other.send_signal(signal.SIGKILL)
        other.wait()
        lock = EngineLock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def killed_while_it_starts_a_child(path: Path, lives_on_s: float) -> int:
    """The pid of an engine that was killed between the fork and the exec of a child of its."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKED, str(path), str(lives_on_s)],
        stdout=subprocess.PIPE,
        text=True,
    ) as engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == "held\n"
        engine.kill()
        os.waitpid(engine.pid, 0)
        engine.returncode = -signal.SIGKILL
        engine.stdout.close()
        return engine.pid


def test_a_child_that_was_just_forked_does_not_refuse_the_next_engine(path: Path) -> None:
    """Until it has become a program it has the lock of the dead; the next engine waits for that."""
    killed_while_it_starts_a_child(path, lives_on_s=0.5)
    EngineLock(path).release()


def test_what_a_dead_engine_started_is_not_waited_for_for_ever(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then it is said that the engine is dead, and how to find who has its lock."""
    monkeypatch.setattr(lock_module, "HEIR_S", 0.1)
    dead = killed_while_it_starts_a_child(path, lives_on_s=5.0)
    with pytest.raises(EnvironmentFault, match=rf"engine that has died \(pid {dead}\)") as caught:
        EngineLock(path)
    assert caught.value.hint == f"see who has it: fuser {path}"


def test_a_released_lock_can_be_taken_again(path: Path) -> None:
    """Also where a longer pid stood before."""
    path.write_text("4194304999\n")
    EngineLock(path).release()
    lock = EngineLock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_child_of_the_engine_does_not_keep_the_run_locked(path: Path) -> None:
    """Agents outlive the engine, even those that are given every descriptor."""
    lock = EngineLock(path)
    with subprocess.Popen(
        [sys.executable, "-c", "print('up', flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        close_fds=False,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        lock.release()
        EngineLock(path).release()
        child.kill()


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    """Under an open umask as well."""
    before = os.umask(0)
    try:
        EngineLock(path).release()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
