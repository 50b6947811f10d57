"""The launcher: starts one agent, survives the engine, and writes down how the agent ended."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.agent_stdin import NotHeard, close_stdin, write_stdin
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.identity import is_alive
from agentdeck.engine.processes import (
    Child,
    Finished,
    LaunchError,
    Lost,
    NeverStarted,
    Running,
    launch,
    look,
    read_child,
)
from agentdeck.engine.stop import sweep
from agentdeck.engine.waiting import wait

PYTHON = [sys.executable, "-I", "-S", "-c"]


def until(condition: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Wait for a condition, with a bound."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.005)


@pytest.fixture
def tag(tmp_path: Path) -> Iterator[str]:
    """A tag of the test's own; whatever still carries it afterwards is killed."""
    name = str(tmp_path)
    yield name
    sweep(name)


@pytest.fixture
def env(tag: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", TAG_VARIABLE: tag}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "attempts" / "T1.1"


def sh(script: str) -> list[str]:
    return ["sh", "-c", script]


async def finish(child: Child) -> Finished:
    outcome = await wait(child)
    assert isinstance(outcome, Finished)
    assert look(child.directory) == outcome
    return outcome


@pytest.mark.parametrize(
    ("script", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15), ("kill -KILL $$", -9)],
)
async def test_the_status_of_an_agent_is_known(
    folder: Path, tmp_path: Path, env: dict[str, str], script: str, code: int
) -> None:
    before = time.time()
    outcome = await finish(launch(folder, sh(script), tmp_path, env))
    assert outcome.code == code
    assert before - 0.01 <= outcome.ended_at <= time.time() + 0.01


async def test_output_of_both_streams_is_complete_and_in_order(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    script = 'i=0; while [ $i -lt 2000 ]; do echo "out $i"; echo "err $i" >&2; i=$((i+1)); done'
    await finish(launch(folder, sh(script), tmp_path, env))
    lines = (folder / "raw.log").read_text().splitlines()
    assert lines == [f"{stream} {n}" for n in range(2000) for stream in ("out", "err")]


async def test_agent_gets_argv_cwd_environment_and_priority_unchanged(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """Empty arguments, newlines, quotes and bytes that are no UTF-8 arrive as they are."""
    work = tmp_path / "wörk dir"
    work.mkdir()
    odd = ["", "a b", "'\"$(x)\n", "\udcff", "ü"]
    script = (
        "import os,sys; print(sys.argv[1:], os.getcwd(), sorted(os.environ.items()), os.nice(0))"
    )
    launch(folder, [*PYTHON, script, *odd], work, env, nice=3)
    child = read_child(folder)
    assert child is not None
    await finish(child)
    expected = f"{odd} {work} {sorted(env.items())} {os.nice(0) + 3}\n"
    assert (folder / "raw.log").read_text() == expected


async def test_agent_has_a_clean_start(folder: Path, tmp_path: Path, env: dict[str, str]) -> None:
    """Own group, the launcher's session, empty stdin, default signals, nothing else open."""
    script = """if 1:
        import os, sys
        print(os.getpid() == os.getpgid(0), os.getsid(0), repr(sys.stdin.read()))
        print(sorted(os.listdir('/proc/self/fd'))[:-1])
        print([l.split()[1] for l in open('/proc/self/status') if l[:6] in ('SigBlk', 'SigIgn')])
        """
    # A plain C program, as Python itself ignores SIGPIPE.
    status = launch(folder, ["cat", "/proc/self/status"], tmp_path, env)
    await finish(status)
    masks = [
        line.split()[1]
        for line in (folder / "raw.log").read_text().splitlines()
        if line.startswith(("SigBlk", "SigIgn"))
    ]
    libc_own = 0b11 << 31  # signals 32 and 33: no program can set them, whoever started the tests
    assert [int(mask, 16) & ~libc_own for mask in masks] == [0, 0]
    other = folder.with_name("T1.2")
    child = launch(other, [*PYTHON, script], tmp_path, env)
    await finish(child)
    first, fds, _ = (other / "raw.log").read_text().splitlines()
    assert first == f"True {child.launcher.pid} ''"
    assert fds == "['0', '1', '2']"


@pytest.mark.parametrize("command", ["no-such-agent-cli", "/no/such/agent", "/"])
async def test_a_command_that_cannot_start_ends_with_127_and_says_so(
    folder: Path, tmp_path: Path, env: dict[str, str], command: str
) -> None:
    assert (await finish(launch(folder, [command, "-p"], tmp_path, env))).code == 127
    assert f"cannot start {command}: " in (folder / "raw.log").read_text()


async def test_a_missing_folder_ends_with_127_and_says_so(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    gone = tmp_path / "gone"
    assert (await finish(launch(folder, ["true"], gone, env))).code == 127
    log = (folder / "raw.log").read_text()
    assert log == f"agentdeck: cannot enter {gone}: No such file or directory\n"


def test_files_of_an_attempt_are_private(folder: Path, tmp_path: Path, env: dict[str, str]) -> None:
    launch(folder, ["true"], tmp_path, env, stdin="fifo")
    until(lambda: isinstance(look(folder), Finished))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in folder.iterdir()}
    assert modes == dict.fromkeys(["claim", "spec", "pid", "exit", "raw.log", "stdin"], "0o600")


async def test_an_agent_is_spoken_to_over_time(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """Writers come and go without ending the conversation; closing it ends the agent's input."""
    child = launch(folder, ["cat"], tmp_path, env, stdin="fifo")
    log = folder / "raw.log"
    write_stdin(folder, b"one\n")
    until(lambda: log.read_text() == "one\n")
    write_stdin(folder, b"two\n")
    until(lambda: log.read_text() == "one\ntwo\n")
    write_stdin(folder, b"x" * 300_000)  # more than a pipe holds
    assert close_stdin(child)
    assert (await finish(child)).code == 0
    assert len(log.read_bytes()) == 8 + 300_000
    with pytest.raises(NotHeard, match="no longer reads"):
        write_stdin(folder, b"three\n")
    until(lambda: not is_alive(child.launcher))
    assert not close_stdin(child)


async def test_speaking_to_an_agent_that_does_not_listen_is_an_error(
    folder: Path, tmp_path: Path, env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentdeck.engine.agent_stdin.WRITE_TIMEOUT_S", 0.1)
    launch(folder, ["sleep", "60"], tmp_path, env, stdin="fifo")
    write_stdin(folder, b"x" * 900_000)  # the pipe is made to hold it
    with pytest.raises(NotHeard, match=r"read only \d+ of 900000 bytes"):
        write_stdin(folder, b"x" * 900_000)
    with pytest.raises(NotHeard, match="more than"):
        write_stdin(folder, b"x" * (2 << 20))
    launch(folder.with_name("T1.2"), sh("exec <&-; echo deaf; exec sleep 60"), tmp_path, env)
    with pytest.raises(NotHeard, match="not started to be spoken to"):
        write_stdin(folder.with_name("T1.2"), b"x")
    deaf = folder.with_name("T1.3")
    launch(deaf, sh("exec <&-; echo deaf; exec sleep 60"), tmp_path, env, stdin="fifo")
    until(lambda: (deaf / "raw.log").read_text() == "deaf\n")
    with pytest.raises(NotHeard, match="no longer reads"):
        write_stdin(deaf, b"x")


async def test_launching_again_returns_the_same_agent(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    first = launch(folder, sh("echo started"), tmp_path, env)
    assert launch(folder, sh("echo started"), tmp_path, env) == first
    await finish(first)
    assert launch(folder, sh("echo started"), tmp_path, env) == first
    assert (folder / "raw.log").read_text() == "started\n"


async def test_launches_at_once_start_one_agent(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    children: list[Child] = []
    threads = [
        threading.Thread(
            target=lambda: children.append(launch(folder, sh("echo started"), tmp_path, env))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(children) == 8
    assert len(set(children)) == 1
    await finish(children[0])
    assert (folder / "raw.log").read_text() == "started\n"


def test_nothing_started_in_a_folder_without_files(folder: Path) -> None:
    assert look(folder) == NeverStarted()
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text("do it")
    assert look(folder) == NeverStarted()


async def test_no_agent_runs_when_its_pid_could_not_be_written(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """The barrier holds: a launcher that dies before DIR/pid leaves no agent behind."""
    obstacle = folder / "pid.tmp"
    obstacle.mkdir(parents=True)  # in the way of the file
    with pytest.raises(LaunchError, match=r"launcher .* ended with 1: .*Is a directory"):
        launch(folder, sh("echo the agent ran"), tmp_path, env)
    assert look(folder) == NeverStarted(), "said only after the child let go of the claim"
    obstacle.rmdir()
    await finish(launch(folder, sh("echo the agent ran"), tmp_path, env))
    assert (folder / "raw.log").read_text().count("the agent ran") == 1


def test_a_claim_held_without_end_is_an_error_that_names_it(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """While somebody may still start an agent, nobody says it never started, or starts another."""
    folder.mkdir(parents=True)
    with (folder / "claim").open("w") as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        with pytest.raises(LaunchError, match="has held its claim"):
            look(folder, timeout_s=0.05)
        with pytest.raises(LaunchError, match="another launch"):
            launch(folder, ["true"], tmp_path, env, timeout_s=0.05)
    assert look(folder) == NeverStarted()


def test_a_launch_that_takes_too_long_leaves_nothing(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """The launcher is killed, nothing ran, and the next launch may start."""
    with pytest.raises(LaunchError, match="took too long"):
        launch(folder, ["touch", str(folder / "ran")], tmp_path, env, timeout_s=-1)
    assert look(folder) == NeverStarted()
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("argv", "fault"), [([], "empty command"), (["x", "a\0b"], "NUL character")]
)
def test_a_command_that_cannot_be_is_refused(
    folder: Path, tmp_path: Path, env: dict[str, str], argv: list[str], fault: str
) -> None:
    with pytest.raises(LaunchError, match=fault):
        launch(folder, argv, tmp_path, env)
    assert not folder.exists()


ENGINE = """
import os, sys
from pathlib import Path
from agentdeck.engine.processes import launch
launch(Path(sys.argv[1]), sys.argv[3:], Path("/"), dict(os.environ), stdin=sys.argv[2])
print("launched", flush=True)
sys.stdin.read()
"""


def launched_by_an_engine_that_dies(
    folder: Path, env: dict[str, str], argv: list[str], stdin: str = "null"
) -> Child:
    engine = subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(folder), stdin, *argv],
        env=env | {"HOME": os.environ["HOME"]},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with engine:
        assert engine.stdout is not None
        assert engine.stdout.readline() == b"launched\n"
        engine.kill()
    child = read_child(folder)
    assert child is not None
    return child


async def test_an_agent_outlives_the_engine_and_its_status_is_learnt(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """After kill -9 of the engine another process adopts the agent and learns its status."""
    go = tmp_path / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.01; done; exit 5"
    child = launched_by_an_engine_that_dies(folder, env, sh(script))
    assert look(folder) == Running(child, launcher_alive=True)
    go.touch()
    assert (await finish(child)).code == 5


async def test_a_conversation_outlives_the_engine(folder: Path, env: dict[str, str]) -> None:
    child = launched_by_an_engine_that_dies(folder, env, ["cat"], stdin="fifo")
    write_stdin(folder, b"still there?\n")
    until(lambda: (folder / "raw.log").read_text() == "still there?\n")
    close_stdin(child)
    assert (await finish(child)).code == 0


async def test_an_agent_without_launcher_is_adopted_and_lost_at_its_end(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    go = tmp_path / "go"
    script = f"echo up; while [ ! -e {go} ]; do sleep 0.01; done"
    child = launch(folder, sh(script), tmp_path, env)
    until(lambda: (folder / "raw.log").read_text() == "up\n")
    os.kill(child.launcher.pid, signal.SIGKILL)
    until(lambda: not is_alive(child.launcher))
    assert look(folder) == Running(child, launcher_alive=False)
    assert is_alive(child.agent)
    go.touch()
    assert await wait(child) == Lost(child)
    assert look(folder) == Lost(child)
    assert launch(folder, ["true"], tmp_path, env) == child, "a lost attempt is not started again"


async def test_signals_to_the_launcher_do_not_end_it(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    go = tmp_path / "go"
    child = launch(folder, sh(f"while [ ! -e {go} ]; do sleep 0.01; done"), tmp_path, env)
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGPIPE", "SIGUSR1", "SIGCHLD"):
        os.kill(child.launcher.pid, signal.Signals[name])
    go.touch()
    assert (await finish(child)).code == 0


def test_a_pid_file_of_another_boot_or_process_is_lost(
    folder: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """Numbers that belong to other processes now are not mistaken for the agent."""
    folder.mkdir(parents=True)
    mine = f"{os.getpid()} 1"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    (folder / "pid").write_text(f"launcher {mine} {boot}\nagent {mine} {boot}\n")
    me = ProcessIdentity(os.getpid(), 1, boot)
    assert look(folder) == Lost(Child(folder, me, me))


@pytest.mark.parametrize("name", ["pid", "exit"])
def test_a_damaged_file_is_an_error_that_names_it(folder: Path, name: str) -> None:
    folder.mkdir(parents=True)
    (folder / name).write_text("nonsense\n")
    with pytest.raises(LaunchError, match=f"{name} cannot be read"):
        look(folder)
