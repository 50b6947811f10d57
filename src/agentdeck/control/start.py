"""Starting an engine in a process of its own, and waiting until it answers.

Rules:
- It is detached: its own session, no terminal, nothing inherited but the environment.
- One that a hook starts is no part of that hook, and lives on when its command has ended. One that
  an agent starts is: it ends with the attempt.
- What it says before it can log goes to `engine.out`; a failed start quotes the end of it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from agentdeck.control.blocking import EngineGone, connect
from agentdeck.control.damage import fault_of
from agentdeck.control.runs import has_ended
from agentdeck.core.errors import EXIT_DAMAGED, EXIT_ENVIRONMENT, EnvironmentFault
from agentdeck.engine.environment import TAG_VARIABLE, is_of_hook
from agentdeck.engine.folders import RunFolder

START_S: Final = 30.0  # until it answers; a cold start on a busy machine takes seconds
OTHER_S: Final = 5.0  # for another engine that was started in the same moment to answer
POLL_S: Final = 0.02
DOUBT_S: Final = 15.0  # since a heartbeat: most engines are well, and looking closer takes time
QUOTED_LINES: Final = 8  # of engine.out, in an error
ROOM: Final = 64 * 1024  # bytes on the disk, without which nothing can be written down
MAX_OUT: Final = 1024 * 1024  # bytes of engine.out before it is begun anew


def engine_out(folder: RunFolder) -> Path:
    """What the engine's process wrote to its standard output and error."""
    return folder.path / "engine.out"


def ensure_engine(folder: RunFolder) -> bool:
    """Start an engine unless one answers. True when it was started.

    Raises:
        EnvironmentFault: it did not start.
    """
    _refuse_a_stopped_one(folder)
    if responds(folder):
        return False
    start_engine(folder)
    return True


def _refuse_a_stopped_one(folder: RunFolder) -> None:
    """An engine that was stopped by a signal holds the run and answers nobody: say so at once."""
    try:
        silent = time.time() - folder.heartbeat.stat().st_mtime
    except OSError:
        return
    if silent < DOUBT_S or not _is_locked(folder):
        return
    from agentdeck.control.vitals import STALE_S, Health, Vitals, process_health
    from agentdeck.engine.heartbeat import read_beat

    beat = read_beat(folder.heartbeat)
    if beat is None:
        return
    silent = time.time() - beat.at
    health = process_health(beat.pid) if silent > STALE_S else Health.WELL
    if health is Health.STOPPED:
        vitals = Vitals(health, beat.pid, silent)
        raise EnvironmentFault(
            f"run {folder.run} has an engine that does not answer: {vitals.words}",
            hint=f"`{vitals.todo(folder.run)}` lets it go on",
        )


def wake(folder: RunFolder) -> None:
    """Start an engine unless one answers, or the run has ended.

    Raises:
        EnvironmentFault: it did not start.
    """
    if not has_ended(folder):
        ensure_engine(folder)


def responds(folder: RunFolder) -> bool:
    """Does an engine answer a call? A socket alone can outlive a killed engine for a moment.

    Raises:
        EnvironmentFault: one does, but this side cannot talk to it.
    """
    try:
        connect(folder).close()
    except EngineGone:
        return False
    return True


def start_engine(folder: RunFolder) -> None:
    """Start an engine, detached; returns when it answers.

    Raises:
        EnvironmentFault: it ended, or did not answer in time; quotes what it said.
    """
    out = engine_out(folder)
    begun_at = _begin(out)
    with out.open("ab") as output:
        process = subprocess.Popen(
            # -P: no module of the folder it is started in
            [sys.executable, "-P", "-m", "agentdeck.control.host", str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder.path,
            env=_environment(),
            start_new_session=True,
            close_fds=True,
        )
    deadline = time.monotonic() + START_S
    while not responds(folder):
        code = process.poll()
        if code is not None:
            if code == EXIT_ENVIRONMENT and _answers_soon(folder):
                return
            fault = fault_of(folder) if code == EXIT_DAMAGED else None
            if fault is not None:
                raise fault  # that is all there is to say
            raise _failed(folder, f"ended with {_how(code)}", begun_at)
        if time.monotonic() > deadline:
            raise _failed(folder, f"does not answer after {START_S:.0f} s", begun_at)
        time.sleep(POLL_S)


def _environment() -> dict[str, str]:
    """Ours, without the mark of a hook, by which what its command leaves behind is ended."""
    found = dict(os.environ)
    if is_of_hook(found.get(TAG_VARIABLE, "")):
        del found[TAG_VARIABLE]
    return found


def _begin(out: Path) -> int:
    """Make `engine.out`, or begin it anew when it is long; where this start's part begins."""
    try:
        fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(fd).st_size
            if size > MAX_OUT:
                os.ftruncate(fd, 0)
                size = 0
            return size
        finally:
            os.close(fd)
    except OSError as error:
        raise EnvironmentFault(
            f"{out} cannot be written: {error.strerror}",
            hint="make the run's folder writable; `agentdeck status` and `logs` only read",
        ) from error


def _answers_soon(folder: RunFolder) -> bool:
    deadline = time.monotonic() + OTHER_S
    while time.monotonic() < deadline and _is_locked(folder):
        if responds(folder):
            return True
        time.sleep(POLL_S)
    return False


def _is_locked(folder: RunFolder) -> bool:
    """Does an engine hold the run's lock just now?"""
    try:
        with folder.lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # closing lets go of it
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _failed(folder: RunFolder, how: str, begun_at: int) -> EnvironmentFault:
    out = engine_out(folder)
    with out.open("rb") as file:
        file.seek(begun_at)
        said = file.read(MAX_OUT).decode(errors="replace").splitlines()[-QUOTED_LINES:]
    full = shutil.disk_usage(folder.path).free < ROOM
    silence = " the disk is full" if full else " (it said nothing)"
    quoted = "".join(f"\n  {line}" for line in said) or silence
    return EnvironmentFault(
        f"the engine of run {folder.run} {how}:{quoted}",
        hint=f"{out} and {folder.engine_log} have the rest",
    )


def _how(code: int) -> str:
    return f"exit {code}" if code >= 0 else f"signal {-code}"


__all__ = ["engine_out", "ensure_engine", "responds", "start_engine"]
