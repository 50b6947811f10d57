"""The tree of an attempt: found whole, frozen, thawed, stopped, swept, measured."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine import identity as identities
from agentdeck.engine import process_tree, processes, waiting
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.identity import identity_of, is_alive, send
from agentdeck.engine.process_tree import HANDS, ProcessTable, members, usage
from agentdeck.engine.processes import Child, Finished, Lost, launch
from agentdeck.engine.stop import TreeFault, freeze, stop, sweep, thaw
from agentdeck.engine.waiting import ended, wait

# Each mode is a process that burns CPU after it has reported its pid and started the next ones.
TREE = """
import os, signal, subprocess, sys, time
def burn(name):
    with open(os.path.join(sys.argv[1], name), "w") as file:
        file.write(str(os.getpid()))
    while True:
        pass
mode = sys.argv[2]
def more(mode, **options):
    return subprocess.Popen([sys.executable, "-I", "-S", __file__, sys.argv[1], mode], **options)
if mode == "agent":
    more("child"), more("escaped", start_new_session=True), more("double").wait()
    more("regrouped", process_group=0)
elif mode == "child":
    more("grandchild", env={})  # lost its tag
elif mode == "double":  # a daemon: new session, parent gone
    os.setsid()
    if os.fork():
        os._exit(0)
burn(mode)
"""
NAMES = {"agent", "child", "grandchild", "escaped", "double", "regrouped"}


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
    return {"PATH": os.environ["PATH"], TAG_VARIABLE: tag}


@pytest.fixture
def start(tmp_path: Path, env: dict[str, str], tag: str) -> Iterator[Callable[..., Child]]:
    """Launches an agent; at the end of the test all of its processes are gone."""
    started: list[Child] = []

    def start(*argv: str) -> Child:
        folder = tmp_path / "attempts" / f"T1.{len(started) + 1}"
        started.append(launch(folder, argv, tmp_path, env))
        return started[-1]

    yield start
    for child in started:
        for one in members(child, tag):
            send(one, signal.SIGKILL)


@pytest.fixture
def tree(start: Callable[..., Child], tmp_path: Path) -> tuple[Child, dict[str, int]]:
    """A busy agent with children that escaped in different ways, and the pid of each."""
    script = tmp_path / "tree.py"
    script.write_text(TREE)
    pids = tmp_path / "pids"
    pids.mkdir()
    child = start(sys.executable, "-I", "-S", str(script), str(pids), "agent")
    until(lambda: all((pids / n).exists() and (pids / n).read_text() for n in NAMES))
    return child, {name: int((pids / name).read_text()) for name in NAMES}


def pids(found: set[ProcessIdentity] | frozenset[ProcessIdentity]) -> set[int]:
    return {one.pid for one in found}


def cpu_ticks(pid: int) -> int:
    fields = identities.stat_fields(pid)
    assert fields is not None
    return int(fields[11]) + int(fields[12])


@contextmanager
def without_proc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a system that has no /proc."""
    with monkeypatch.context() as patch:
        patch.setattr(identities, "HAS_PROC", False)
        identities.boot_id.cache_clear()
        yield
    identities.boot_id.cache_clear()


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def state(pid: int) -> str:
    fields = identities.stat_fields(pid)
    return fields[0].decode() if fields else "gone"


def test_every_way_to_escape_is_found(tree: tuple[Child, dict[str, int]], tag: str) -> None:
    """setsid, another group, a double fork, a cleared environment; but never the launcher."""
    child, expected = tree
    assert pids(members(child, tag)) == set(expected.values())
    assert child.launcher not in members(child, tag)


def test_a_tag_behind_a_large_environment_is_found(tag: str) -> None:
    """Environments are read in pieces; one may be larger than a piece."""
    large = {"FILLER": "x" * (identities.ENVIRON_BYTES + 1), TAG_VARIABLE: tag}
    with subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"], **large}) as process:
        try:
            until(lambda: bool(ProcessTable.now().tagged(tag)))
            assert [row.identity.pid for row in ProcessTable.now().tagged(tag)] == [process.pid]
        finally:
            process.kill()


def test_of_a_run_are_all_but_what_a_person_works_with(tag: str) -> None:
    """An agent and a gate are found by their run; the session of who has taken over is theirs."""
    tags = [f"{tag}/A.1", f"{tag}/gate/unit-1", f"{tag}/A.1{HANDS}", f"{tag}0/A.1"]
    others = [
        subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"], TAG_VARIABLE: each})
        for each in tags
    ]
    try:
        until(lambda: all(ProcessTable.now().tagged(each) for each in tags))
        found = {row.identity.pid for row in ProcessTable.now().of_run(tag)}
        assert found == {other.pid for other in others[:2]}
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_the_fallback_without_proc_finds_the_same(
    tree: tuple[Child, dict[str, int]], tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, expected = tree
    with without_proc(monkeypatch):
        launcher, agent = identity_of(child.launcher.pid), identity_of(child.agent.pid)
        assert launcher is not None
        assert agent is not None
        other = Child(child.directory, launcher, agent)
        assert pids(members(other, tag)) == set(expected.values())
        assert usage(other, tag).processes == len(NAMES)
        assert not is_alive(child.agent), "identities of the two kinds do not mix"


def test_a_pid_file_without_start_times_is_completed(
    start: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no /proc the launcher writes pids alone; a later owner of one is refused."""
    from agentdeck.engine.processes import read_child

    child = start("sleep", "60")
    path = child.directory / "pid"
    written = path.stat().st_mtime
    path.write_text(f"launcher {child.launcher.pid} - -\nagent {child.agent.pid} - -\n")
    os.utime(path, (written, written))
    with without_proc(monkeypatch):
        read = read_child(child.directory)
        assert read is not None
        assert read.agent == identity_of(child.agent.pid)
        assert is_alive(read.launcher)
        os.utime(path, (written - 5, written - 5))
        stranger = read_child(child.directory)
        assert stranger is not None
        assert not is_alive(stranger.agent)


def test_freeze_stops_the_whole_tree_and_thaw_wakes_it(
    tree: tuple[Child, dict[str, int]], tag: str
) -> None:
    """Every process stands in state T and uses no CPU; afterwards every one runs again."""
    child, expected = tree
    assert pids(freeze(child, tag)) == set(expected.values())
    assert {state(pid) for pid in expected.values()} == {"T"}
    before = {pid: cpu_ticks(pid) for pid in expected.values()}
    # Own work as the clock: 0.3 s of CPU here is time in which the six would have burnt some too.
    begin = time.process_time()
    while time.process_time() - begin < 0.3:
        pass
    assert {pid: cpu_ticks(pid) for pid in expected.values()} == before
    assert freeze(child, tag), "freezing twice is fine"
    thaw(child, tag)
    for pid, ticks in before.items():
        until(lambda pid=pid, ticks=ticks: cpu_ticks(pid) > ticks)  # type: ignore[misc]


def test_a_tree_that_grows_while_it_is_frozen_is_frozen_whole(
    start: Callable[..., Child], tag: str
) -> None:
    """Processes born between two looks are met by the next look."""
    child = start("sh", "-c", "while :; do setsid sleep 100 & sleep 0.002; done")
    until(lambda: len(members(child, tag)) > 5)
    frozen = freeze(child, tag)
    assert {state(one.pid) for one in frozen} == {"T"}
    assert members(child, tag) == frozen


async def test_wait_goes_on_through_freeze_and_thaw(start: Callable[..., Child], tag: str) -> None:
    child = start("sh", "-c", "sleep 0.2; exit 4")
    freeze(child, tag)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(wait(child), 0.4)
    thaw(child, tag)
    outcome = await wait(child)
    assert isinstance(outcome, Finished)
    assert outcome.code == 4


@pytest.mark.parametrize(
    ("traps", "code"), [("", -2), ("trap '' INT;", -15), ("trap '' INT TERM;", -9)]
)
async def test_stop_escalates_as_far_as_it_must(
    start: Callable[..., Child], tag: str, traps: str, code: int
) -> None:
    # exec: a shell that forks at the very moment of the SIGINT may forget it
    child = start("sh", "-c", f"{traps} echo up; exec sleep 100")
    until(lambda: (child.directory / "raw.log").read_text() == "up\n")
    outcome = await stop(child, tag, grace_s=(0.5, 0.5))
    assert isinstance(outcome, Finished)
    assert outcome.code == code
    assert not members(child, tag)


async def test_stop_lets_the_agent_tidy_up(start: Callable[..., Child], tag: str) -> None:
    child = start("sh", "-c", "trap 'echo bye; exit 3' INT; echo up; while :; do sleep 0.01; done")
    until(lambda: (child.directory / "raw.log").read_text() == "up\n")
    outcome = await stop(child, tag)
    assert isinstance(outcome, Finished)
    assert outcome.code == 3
    assert (child.directory / "raw.log").read_text().endswith("bye\n")


async def test_stop_ends_a_frozen_tree_with_all_escapees(
    tree: tuple[Child, dict[str, int]], tag: str
) -> None:
    """Frozen processes are thawed to hear the signal, and nothing of the tree is left."""
    child, expected = tree
    freeze(child, tag)
    outcome = await stop(child, tag, grace_s=(10.0, 10.0))
    assert isinstance(outcome, Finished)
    assert outcome.code == -signal.SIGINT
    until(lambda: {state(pid) for pid in expected.values()} <= {"gone", "Z"})


async def test_kill_reaches_escapees_without_a_tag(
    tree: tuple[Child, dict[str, int]], tag: str
) -> None:
    child, expected = tree
    outcome = await stop(child, tag, grace_s=(0.0, 0.0))
    assert isinstance(outcome, Finished)
    until(lambda: {state(pid) for pid in expected.values()} <= {"gone", "Z"})


async def test_stop_of_what_has_ended_says_how_it_ended(
    start: Callable[..., Child], tag: str
) -> None:
    child = start("sh", "-c", "exit 6")
    assert await wait(child) == await stop(child, tag)


async def test_stop_without_a_launcher_ends_the_agent(
    start: Callable[..., Child], tag: str
) -> None:
    child = start("sleep", "100")
    assert send(child.launcher, signal.SIGKILL)
    assert await stop(child, tag) == Lost(child)
    assert not is_alive(child.agent)


async def test_sweep_ends_daemons_that_outlive_agent_and_launcher(
    start: Callable[..., Child], tag: str, tmp_path: Path
) -> None:
    """A server left behind is found by its tag, and only by that of its own attempt."""
    go, daemon = tmp_path / "go", tmp_path / "daemon"
    left = f"setsid sleep 100 & echo $! > {daemon}; (setsid sleep 100 &) "
    child = start("sh", "-c", f"{left}; until [ -e {go} ]; do sleep 0.02; done")
    until(lambda: len(members(child, tag)) >= 3 and bool(daemon.exists() and daemon.read_text()))
    assert send(child.launcher, signal.SIGKILL)
    go.touch()
    assert await wait(child) == Lost(child)
    until(lambda: len(members(child, tag)) == 2)
    assert sweep(tag + "0") == sweep(tag[:-1]) == set()
    killed = sweep(tag)
    assert int(daemon.read_text()) in pids(killed)
    assert len(killed) == 2
    assert sweep(tag) == set()
    with pytest.raises(ValueError, match="empty tag"):
        sweep("")


# A daemon such as nobody can see by looking: no tag, and neither group, session nor parent left.
DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        code = "import sys, time; open(sys.argv[1], 'w').write('there'); time.sleep(100)"
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code, sys.argv[1]], {})
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.01)  # it ends when the daemon is there
"""
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs a subreaper")


def begun_with(argument: str) -> list[int]:
    """Pids of processes that have this argument."""
    wanted, found = os.fsencode(argument), []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if wanted in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
        except OSError:
            continue
    return found


@LINUX
async def test_no_daemon_outlives_its_agent(start: Callable[..., Child], tmp_path: Path) -> None:
    """New session, two forks, no environment: it is gone before the agent is said to have ended."""
    mark = str(tmp_path / "daemon.is.there")
    child = start(sys.executable, "-I", "-S", "-c", DAEMON, mark)
    ended = await wait(child)
    assert isinstance(ended, Finished)
    assert ended.code == 0
    assert begun_with(mark) == []


@LINUX
async def test_a_daemon_of_a_living_agent_is_found(
    start: Callable[..., Child], tag: str, tmp_path: Path
) -> None:
    """It belongs to the tree that is frozen, measured and stopped, whatever it has left behind."""
    mark = str(tmp_path / "daemon.is.there")
    child = start(sys.executable, "-I", "-S", "-c", DAEMON + "time.sleep(100)", mark)
    until(lambda: Path(mark).exists() and len(begun_with(mark)) == 2)
    (daemon,) = {pid for pid in begun_with(mark) if pid != child.agent.pid}
    assert daemon in pids(members(child, tag))
    await stop(child, tag, grace_s=(0.0, 0.0))
    assert begun_with(mark) == []


async def test_an_agent_cannot_hide_its_end_behind_a_stopped_launcher(
    start: Callable[..., Child], tag: str
) -> None:
    """Whoever stops the launcher has it go on by the stop of the attempt."""
    child = start("sh", "-c", "kill -STOP $PPID; exit 3")
    until(lambda: state(child.launcher.pid) == "T" and state(child.agent.pid) == "Z")
    assert await stop(child, tag, grace_s=(10.0, 10.0)) == await wait(child)


async def test_who_prints_without_end_is_ended(
    start: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log has a bound that needs no engine, also where the printer has left its group."""
    monkeypatch.setattr(processes, "MAX_LOG_BYTES", 100_000)
    much = "head -c 200000 /dev/zero"
    child = start("sh", "-c", f"setsid sh -c '{much}; exec sleep 99.5' & {much}; exec sleep 99.5")
    ended = await wait(child)
    assert isinstance(ended, Finished)
    assert (ended.code, ended.too_long) == (-signal.SIGKILL, True)
    assert b"printed more than a log may hold" in (child.directory / "raw.log").read_bytes()
    assert begun_with("99.5") == []


def test_a_process_of_another_identity_is_never_signalled(tag: str) -> None:
    """The same pid with another start time or boot is somebody else."""
    with subprocess.Popen(["sleep", "100"]) as bystander:
        real = identity_of(bystander.pid)
        assert real is not None
        later = ProcessIdentity(real.pid, real.start_ticks + 1, real.boot_id)
        rebooted = ProcessIdentity(real.pid, real.start_ticks, "another boot")
        for wrong in (later, rebooted):
            assert not is_alive(wrong)
            assert not send(wrong, signal.SIGKILL)
            assert sweep(tag, seen=[wrong]) == set()
        assert bystander.poll() is None
        assert send(real, signal.SIGTERM)
        assert bystander.wait() == -signal.SIGTERM
        assert identity_of(real.pid) is None
        assert not send(real, signal.SIGKILL)


async def test_reused_numbers_of_group_and_session_are_not_taken_for_the_tree(
    tmp_path: Path, tag: str
) -> None:
    """A stranger that leads a group with the agent's old number is neither found nor stopped."""
    with subprocess.Popen(["sleep", "100"], start_new_session=True) as stranger:  # noqa: ASYNC220
        real = identity_of(stranger.pid)
        assert real is not None
        old = ProcessIdentity(real.pid, real.start_ticks - 1, real.boot_id)
        child = Child(tmp_path, old, old)
        assert members(child, tag) == set()
        assert freeze(child, tag) == frozenset()
        assert await stop(child, tag) == Lost(child)
        assert stranger.poll() is None
        stranger.kill()


def test_a_zombie_has_ended() -> None:
    with subprocess.Popen(["true"]) as process:
        until(lambda: state(process.pid) == "Z")
        assert identity_of(process.pid) is None


async def test_waiting_again_and_again_leaks_nothing(start: Callable[..., Child]) -> None:
    """Cancelled and finished waits close their descriptors."""
    child = start("sleep", "100")
    before = open_descriptors()
    waits = [asyncio.create_task(wait(child)) for _ in range(20)]
    await asyncio.sleep(0)
    assert open_descriptors() >= before + 20
    for one in waits:
        one.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    send(child.agent, signal.SIGKILL)
    assert isinstance(await wait(child), Finished)
    assert open_descriptors() == before
    assert state(child.launcher.pid) == "gone", "the launcher is no zombie of ours"


async def test_ends_are_seen_without_pidfds(
    start: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    child = start("sleep", "100")
    waiter = asyncio.create_task(wait(child))
    await asyncio.sleep(2 * waiting.POLL_S)
    assert not waiter.done()
    assert send(child.agent, signal.SIGTERM)
    outcome = await waiter
    assert isinstance(outcome, Finished)
    assert outcome.code == -signal.SIGTERM
    await ended(child.agent)


def test_usage_adds_up_the_tree(tree: tuple[Child, dict[str, int]], tag: str) -> None:
    child, expected = tree
    first = usage(child, tag)
    assert first.processes == len(NAMES)
    assert (
        first.rss_bytes >= sum(psutil.Process(p).memory_info().rss for p in expected.values()) / 2
    )
    until(lambda: usage(child, tag).cpu_s >= first.cpu_s + 0.2)
    table = ProcessTable.now()
    assert usage(child, tag, table) == usage(child, tag, table)


def test_usage_of_what_has_ended_is_nothing(tmp_path: Path, tag: str) -> None:
    gone = ProcessIdentity(2**22, 1, identities.boot_id())
    assert usage(Child(tmp_path, gone, gone), tag) == process_tree.Usage(0.0, 0, 0)


def test_a_tree_that_cannot_settle_is_an_error_with_pids(
    start: Callable[..., Child], tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded: when signals do not work the caller learns which processes are left."""
    child = start("sleep", "100")
    monkeypatch.setattr("agentdeck.engine.stop.SETTLE_S", 0.05)
    monkeypatch.setattr("agentdeck.engine.stop.send", lambda *_: True)
    for act in (lambda: freeze(child, tag), lambda: sweep(tag)):
        with pytest.raises(TreeFault, match=f"1 process of an attempt: {child.agent.pid}"):
            act()
