"""Commands of the plan (gates, setup): run through the launcher to their end, and found again.

Rules: a command is known by its folder. If the folder says it runs or has ended, it is not started
again. One that we ended ourselves leaves no verdict: its folder is moved aside.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.engine import processes
from agentdeck.engine.plain_files import open_plain
from agentdeck.engine.private_files import make_private
from agentdeck.engine.setting import Setting
from agentdeck.engine.stop import stop, sweep
from agentdeck.engine.waiting import wait

TAIL_BYTES: Final = 4_096  # of a log, for feedback to an agent and for the screen
STOP_GRACE_S: Final = (2.0, 2.0)
SLICE_S: Final = 5.0  # a wait that took twice as long was one of a process that slept
NICE: Final = 5  # gates give way to the deck and the agents


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int | None  # exit status, negative = signal, None = not known
    timed_out: bool
    seconds: float
    tail: str

    @property
    def words(self) -> str:
        """`exit 1`, `signal 9`, `timed out`."""
        if self.timed_out:
            return f"timed out after {self.seconds:.0f} s"
        if self.code is None:
            return "lost"
        return f"exit {self.code}" if self.code >= 0 else f"signal {-self.code}"

    @property
    def last_line(self) -> str:
        """The last line it printed."""
        lines = self.tail.strip().splitlines()
        return lines[-1] if lines else "it printed nothing"


async def run_to_end(
    at: Setting,
    folder: Path,
    argv: Sequence[str],
    cwd: Path,
    tag: str,
    timeout_s: float,
    extra: dict[str, str],
) -> Ended:
    """Run a command, or go on with one that runs already, until it ends or its time is up.

    Raises:
        LaunchError: it could not be started.
    """
    found = await at.in_thread(
        lambda: _start(folder, argv, cwd, lambda: at.environment(tag, extra, cwd))
    )
    timed_out = False
    if isinstance(found, processes.Running):
        left = max(1.0, timeout_s - (time.time() - _started_at(folder)))
        try:
            timed_out = not await _ends_within(found.child, left)
            if timed_out:
                await stop(found.child, tag, grace_s=STOP_GRACE_S)
        except asyncio.CancelledError:
            if not at.engine.stopping:  # not wanted any more; else the next engine finds it
                await stop(found.child, tag, grace_s=STOP_GRACE_S)
                _put_aside(folder)
            raise
        await at.in_thread(lambda: sweep(tag))
    ended = processes.look(folder)
    code = ended.code if isinstance(ended, processes.Finished) else None
    until = ended.ended_at if isinstance(ended, processes.Finished) else time.time()
    seconds = max(0.0, until - _started_at(folder))
    return Ended(code, timed_out, seconds, tail_of(folder / "raw.log"))


async def _ends_within(child: processes.Child, left: float) -> bool:
    """Wait for the end; time in which this process did not run is not counted."""
    while left > 0:
        begun = time.monotonic()
        try:
            async with asyncio.timeout(min(left, SLICE_S)):
                await wait(child)
        except TimeoutError:
            left -= min(time.monotonic() - begun, 2 * SLICE_S)
        else:
            return True
    return False


def _start(
    folder: Path, argv: Sequence[str], cwd: Path, environment: Callable[[], dict[str, str]]
) -> processes.Found:
    found = processes.look(folder)
    if not isinstance(found, processes.NeverStarted):
        return found
    make_private(folder.parent)
    child = processes.launch(folder, argv, cwd, environment(), nice=NICE)
    return processes.Running(child, launcher_alive=True)


def _started_at(folder: Path) -> float:
    try:
        return (folder / "pid").stat().st_mtime
    except OSError:
        return time.time()


def _put_aside(folder: Path) -> None:
    for number in range(1, 1_000):
        aside = folder.with_name(f"{folder.name}.cancelled-{number}")
        if not aside.exists():
            folder.rename(aside)
            return


def tail_of(path: Path) -> str:
    """The last lines of a log, at most `TAIL_BYTES`, from a line's start, without control signs."""
    try:
        with os.fdopen(open_plain(path), "rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - TAIL_BYTES))
            data = log.read(TAIL_BYTES)
    except OSError:
        return ""
    if size > TAIL_BYTES:
        data = data[data.find(b"\n") + 1 :]
    text = data.decode(errors="replace")
    return "".join(c for c in text if c in "\n\t" or c.isprintable()).strip()
