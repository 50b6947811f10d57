"""Agents as processes: start one through the launcher, and find it again after a restart.

Rules:
- One directory is one attempt, and one attempt has at most one agent, ever. `claim` is locked
  (flock) before a launcher is started; the launcher inherits the lock and keeps it while it lives.
  No launcher starts an agent where DIR/pid exists, and none releases its agent before it does.
- So what happened can be read from the directory alone, whoever died and when:
  `exit` -> it ended; else `pid` -> alive or lost; else a held claim -> about to start;
  else it never started, and no process of an earlier try can still become an agent.
- Output goes straight into DIR/raw.log. Nobody has to read it for the agent to go on. The launcher
  ends who prints more than `MAX_LOG_BYTES`.
- These functions block for milliseconds: call them in a thread.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import ProcessIdentity
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.identity import boot_id, identity_of, is_alive
from agentdeck.engine.plain_files import open_plain, read_plain
from agentdeck.engine.private_files import make_private, write_private

LAUNCHER: Final = Path(__file__).with_name("launcher.py")
START_TIMEOUT_S: Final = 10.0  # a launcher takes about 0.02 s; a throttled disk may stall its fsync
POLL_S: Final = 0.002  # between looks for DIR/pid
FORK_BEFORE_PID_S: Final = 120.0  # how long before DIR/pid was written its processes may have begun
LOG_TAIL_BYTES: Final = 600  # of raw.log, where the reason stands when a launcher fails
MAX_NICE: Final = 19
NOTE_BYTES: Final = 4 * 1024  # of DIR/pid and DIR/exit; they have under 200
# Of raw.log, until whoever prints it is ended: ten times the 50 MB that a tool may print whose
# output an agent repeats, and what fifty agents fill does not surprise a disk. What is printed
# within a second more may follow.
MAX_LOG_BYTES: Final = 512 * 1024 * 1024
OUTPUT: Final = "output"  # in DIR/exit: ended because of that


class LaunchError(EnvironmentFault):
    """An agent could not be started, or what is known about its start cannot be read."""


@dataclass(frozen=True, slots=True)
class Child:
    """An agent that was started, and the launcher that waits for it."""

    directory: Path
    launcher: ProcessIdentity
    agent: ProcessIdentity


@dataclass(frozen=True, slots=True)
class NeverStarted:
    """No agent has run in this directory, and none is about to."""


@dataclass(frozen=True, slots=True)
class Running:
    """The agent is alive, or its launcher still has to write down how it ended."""

    child: Child
    launcher_alive: bool  # False: nobody will learn the exit status


@dataclass(frozen=True, slots=True)
class Finished:
    """The agent ended and its status is known."""

    code: int  # exit status 0..255, or minus the number of the signal that ended it
    ended_at: float  # seconds since the epoch
    too_long: bool = False  # the launcher ended it, because raw.log was full


@dataclass(frozen=True, slots=True)
class Lost:
    """Agent and launcher are gone and left no exit status."""

    child: Child
    why: str = ""  # where its machine is gone, and not only its processes


Found: TypeAlias = NeverStarted | Running | Finished | Lost


def launch(
    directory: Path,
    argv: Sequence[str],
    cwd: Path,
    env: Mapping[str, str],
    *,
    stdin: Literal["null", "fifo", "file"] = "null",
    nice: int = 0,
    timeout_s: float = START_TIMEOUT_S,
) -> Child:
    """Start `argv` in `cwd` with exactly `env`, or return what was started in `directory` before.

    A command or folder that does not exist is no error here: the agent ends with 127 and a line
    in raw.log, as with a shell.

    Args:
        directory: where pid, exit, raw.log and stdin of this attempt live; made if missing.
        argv: the command, looked up on PATH of `env`, and its arguments.
        cwd: the working folder of the agent.
        env: its environment, complete.
        stdin: "fifo" for an agent that is spoken to by `write_stdin`, "file" for one that reads
            DIR/prompt.md, which has to be there; else it reads /dev/null.
        nice: 0 to 19, added to the niceness of this process.
        timeout_s: how long the launcher may take to write down its pid.

    Raises:
        LaunchError: the launcher failed or took too long; no agent runs.
    """
    spec = _spec(argv, cwd, env, stdin, nice)
    deadline = time.monotonic() + timeout_s
    try:
        make_private(directory)
        while (child := read_child(directory)) is None:
            claim = _try_claim(directory)
            if claim is not None:
                return _launch_claimed(directory, spec, env, claim, deadline)
            if time.monotonic() > deadline:
                raise LaunchError(
                    f"another launch in {directory} has not finished within {timeout_s:g} s",
                    hint=f"see who holds it: fuser {directory / 'claim'}",
                )
            time.sleep(POLL_S)
    except OSError as fault:
        raise LaunchError(
            f"cannot start an agent in {directory}: {fault}",
            hint="check free space and permissions of the run's folder",
        ) from fault
    return child


def look(directory: Path, *, timeout_s: float = START_TIMEOUT_S) -> Found:
    """What became of the attempt in `directory`, from its files and the living processes.

    Waits up to `timeout_s` (usually milliseconds) if a launcher is just starting.

    Raises:
        LaunchError: a file there cannot be understood, or the start does not come to an end.
    """
    if (outcome := read_exit(directory)) is not None:
        return outcome
    child = read_child(directory) or _await_starting(directory, timeout_s)
    if child is None:
        return NeverStarted()
    if is_alive(child.launcher):
        return Running(child, launcher_alive=True)
    if (outcome := read_exit(directory)) is not None:  # written between the two looks
        return outcome
    return Running(child, launcher_alive=False) if is_alive(child.agent) else Lost(child)


def read_exit(directory: Path) -> Finished | None:
    """How the agent of `directory` ended, if that was written down."""
    path = directory / "exit"
    try:
        code, ended_at, *why = read_plain(path, NOTE_BYTES).decode("ascii").split()
        return Finished(int(code), float(ended_at), too_long=OUTPUT in why)
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as fault:
        raise _unreadable(path, fault) from fault


def read_child(directory: Path) -> Child | None:
    """The identities written in `directory` before its agent began, if any."""
    path = directory / "pid"
    try:
        lines = read_plain(path, NOTE_BYTES).decode("ascii").splitlines()
        written_at = path.stat().st_mtime
        found = {who: _identity(rest, written_at) for who, *rest in map(str.split, lines)}
        return Child(directory, found["launcher"], found["agent"])
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, OSError) as fault:
        raise _unreadable(path, fault) from fault


def reap(launcher: ProcessIdentity) -> None:
    """Collect a launcher of ours that has ended, so that it does not stay a zombie."""
    process = _started.get(launcher.pid)
    if process is not None and process.poll() is not None:
        del _started[launcher.pid]


_started: dict[int, subprocess.Popen[bytes]] = {}  # launchers of this process that nobody reaped


def _spec(argv: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: str, nice: int) -> bytes:
    if not argv or not argv[0]:
        raise LaunchError("an agent has an empty command", hint="set `command` of the agent")
    if not 0 <= nice <= MAX_NICE:
        raise LaunchError(f"nice is {nice}", hint=f"use 0 to {MAX_NICE}")
    # The tag is handed over apart, so that the launcher never looks like a process of the agent.
    variable = f"{TAG_VARIABLE}={env[TAG_VARIABLE]}" if TAG_VARIABLE in env else ""
    fields = [stdin, str(nice), str(MAX_LOG_BYTES), os.fspath(cwd), variable, *argv]
    for field in fields:
        if "\0" in field:
            raise LaunchError(
                f"an argument of {argv[0]!r} holds a NUL character: {field[:40]!r}",
                hint="remove it from the plan or the prompt",
            )
    return b"".join(os.fsencode(field) + b"\0" for field in fields)


def _try_claim(directory: Path) -> int | None:
    """The locked claim of `directory` as a file descriptor, or None if somebody holds it."""
    fd = os.open(directory / "claim", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    except BaseException:
        os.close(fd)
        raise
    return fd


def _launch_claimed(
    directory: Path, spec: bytes, env: Mapping[str, str], claim: int, deadline: float
) -> Child:
    """Start a launcher that takes over `claim`; closes our own hold on it."""
    try:
        if (child := read_child(directory)) is not None:  # by the one who held the claim before us
            return child
        reached(Place.LAUNCH_CLAIMED)
        write_private(directory / "spec", spec)
        log = os.open(directory / "raw.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", os.fspath(LAUNCHER), os.fspath(directory.absolute())],
                stdin=claim,
                stdout=log,
                stderr=log,
                cwd="/",
                env={name: value for name, value in env.items() if name != TAG_VARIABLE},
                start_new_session=True,
            )
        finally:
            os.close(log)
    finally:
        os.close(claim)
    reached(Place.LAUNCH_SPAWNED)
    return _await_pid(directory, process, deadline)


def _await_pid(directory: Path, process: subprocess.Popen[bytes], deadline: float) -> Child:
    while (child := read_child(directory)) is None:
        late = time.monotonic() > deadline
        if late:
            process.kill()  # without DIR/pid its child cannot pass the barrier
            process.wait()
        if process.poll() is None:
            time.sleep(POLL_S)
        elif (child := read_child(directory)) is not None:  # written just before the end
            break
        else:
            raise LaunchError(
                f"the launcher in {directory} "
                + ("took too long" if late else f"ended with {process.returncode}")
                + f": {_last_line(directory / 'raw.log')}",
                hint="check free space and permissions of the run's folder",
            )
    _started[process.pid] = process
    return child


def _await_starting(directory: Path, timeout_s: float) -> Child | None:
    """What a launcher that holds the claim writes; None if nobody holds it."""
    deadline = time.monotonic() + timeout_s
    try:
        fd = os.open(directory / "claim", os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                if (child := read_child(directory)) is not None:
                    return child
                time.sleep(POLL_S)
            else:
                return read_child(directory)
    finally:
        os.close(fd)
    raise LaunchError(
        f"a launcher in {directory} has held its claim for {timeout_s:g} s without a pid",
        hint=f"see who holds it: fuser {directory / 'claim'}",
    )


def _identity(fields: Sequence[str], written_at: float) -> ProcessIdentity:
    pid, ticks, boot = fields
    if ticks != "-":
        return ProcessIdentity(int(pid), int(ticks), boot)
    # No /proc. Both processes lived when the file was written, so whoever has the pid now and began
    # before that moment is the one that is meant; anybody else came later.
    found = identity_of(int(pid))
    began = found.start_ticks / 100 if found else 0.0
    if found and written_at - FORK_BEFORE_PID_S <= began <= written_at + 0.01:
        return found
    return ProcessIdentity(int(pid), -1, boot_id())


def _last_line(path: Path) -> str:
    try:
        with os.fdopen(open_plain(path), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_TAIL_BYTES))
            lines = file.read(LOG_TAIL_BYTES).decode(errors="replace").split("\n")
    except OSError:
        lines = []
    return next((line for line in reversed(lines) if line.strip()), "no output")


def _unreadable(path: Path, fault: Exception) -> LaunchError:
    return LaunchError(
        f"{path} cannot be read: {fault}",
        hint="look for its processes by hand, then remove the folder of the attempt",
    )
