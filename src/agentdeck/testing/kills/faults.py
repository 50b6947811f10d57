"""What must hold of a run that has ended, however often its processes were killed."""

from __future__ import annotations

import fcntl
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from agentdeck.control.vitals import vitals_of
from agentdeck.core import events as e
from agentdeck.core.events import Outcome
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.testing.after_kills import locks_left, lost_commits
from agentdeck.testing.crash import told_in

LEAVES_S: Final = 20.0  # for what ends by itself, such as the index of a control room that is gone
LOOK_S: Final = 0.2


def faults(checkout: Path, folder: RunFolder, state: RunState, place: Path) -> list[str]:
    """What is not as it would be had nobody been killed; a sentence each.

    Args:
        checkout: of the person.
        folder: of the run, whose engine has gone.
        state: the fold of its journal.
        place: a folder below which everything of this run and of nothing else is.
    """
    return [
        *_landings(folder, state),
        *lost_commits(checkout, state),
        *locks_left(checkout),
        *(f"{file} is still locked" for file in _held(checkout, folder)),
        *_leftovers(folder, state),
        *(f"{what} still runs" for what in outliving(place)),
    ]


def _landings(folder: RunFolder, state: RunState) -> Iterator[str]:
    if state.outcome is not Outcome.COMPLETE:
        yield f"the run is {state.outcome or 'not finished'}"
    for task in state.tasks.values():
        if task.state is not TaskState.LANDED:
            yield f"{task.id} is {task.state}: {task.reason}"
    told = told_in(folder)
    times = Counter(event.task for event in told if isinstance(event, e.EntryLanded))
    yield from (f"{task} landed {count} times" for task, count in times.items() if count > 1)
    # Every agent does good work and every commit is good: nobody's death is held against either.
    for event in told:
        if isinstance(event, e.EntryEjected):
            yield f"{event.entry} was sent back, and was good: {event.detail}"
        elif isinstance(event, e.RetryScheduled) and event.cause not in _OF_A_KILL:
            yield f"{event.task} was tried again because of {event.cause}: {event.detail}"


_OF_A_KILL = frozenset({e.FailureClass.CRASH, e.FailureClass.LOST})


def _held(checkout: Path, folder: RunFolder) -> Iterator[Path]:
    """Files for `flock` that somebody still has."""
    git_dir = checkout / ".git"
    found = [folder.lock, git_dir / "agentdeck.lock"]
    found += git_dir.glob("worktrees/*/agentdeck.lock")
    found += folder.path.glob("*/*/claim")
    for file in found:
        with suppress(FileNotFoundError), file.open("rb") as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield file


def _leftovers(folder: RunFolder, state: RunState) -> Iterator[str]:
    if folder.socket.exists():
        yield f"{folder.socket} is left"
    if (vitals := vitals_of(folder, state)).sick:
        yield f"the run is called sick: {vitals.words}"
    for file in folder.path.rglob("*"):
        if file.suffix in (".tmp", ".new") and "worktrees" not in file.parts:
            yield f"{file} is left"


def outliving(place: Path) -> list[str]:
    """What is not gone by itself soon after all that started it has ended."""
    deadline = time.monotonic() + LEAVES_S
    while (found := list(_alive(place))) and time.monotonic() < deadline:
        time.sleep(LOOK_S)
    return found


def _alive(place: Path) -> Iterator[str]:
    """Processes that were started for this run: by their environment, arguments or folder."""
    wanted = os.fsencode(place)
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        with suppress(psutil.Error, OSError):
            about = [Path(f"/proc/{process.pid}/{name}") for name in ("environ", "cmdline")]
            where = os.fsencode(Path(f"/proc/{process.pid}/cwd").readlink())
            if any(wanted in file.read_bytes() for file in about) or where.startswith(wanted):
                yield f"{' '.join(process.cmdline())} (pid {process.pid})"


__all__ = ["faults", "outliving"]
