"""The runs on this machine: which there are, how each stands, and which one is meant.

Rules:
- Everything is read from the journals; whether an engine answers is asked at its socket.
- A run that cannot be read is listed with its fault; it never hides the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from agentdeck.control.discovery import common_dir
from agentdeck.control.socketfile import answers
from agentdeck.control.words import RunWord, state_word
from agentdeck.core.errors import DeckError, NotFoundError
from agentdeck.core.events import Recorded, RunFinished, RunStarted
from agentdeck.core.fold import apply
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.checkpoint_file import latest
from agentdeck.engine.folders import RunFolder, all_runs, find_run, runs_root
from agentdeck.engine.journal import Journal

AT_ONCE: Final = 5_000  # events before a first picture; a tenth of a second of reading and folding
BEHIND_THE_END: Final = 5_000  # events; worktrees are let go, engines say that they come and go


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A run in one line."""

    id: str
    plan: str = ""
    state: str  # a `RunWord`, or "unreadable"
    landed: int = 0
    tasks: int = 0
    started: float = 0.0  # seconds since the epoch
    repo: str = ""  # the common git directory
    checkout: str = ""
    target: str = ""
    engine: bool = False  # does one answer?
    problem: str = ""  # why it cannot be read, or not to its end


def list_runs() -> list[RunSummary]:
    """Every run, the one that was started last at the front."""
    found = [summary_of(folder) for folder in all_runs()]
    return sorted(found, key=lambda run: run.started, reverse=True)


def summary_of(
    folder: RunFolder, state: RunState | None = None, *, alive: bool | None = None
) -> RunSummary:
    """One run in one line; never raises for what is wrong with its journal.

    Args:
        state: the fold of its journal, where somebody has it already.
        alive: had it an engine at that moment? None = ask now.
    """
    fault: DeckError | None = None
    try:
        state, fault = fold_sound(folder) if state is None else (state, None)
    except DeckError as error:
        return RunSummary(id=folder.run, state="unreadable", problem=error.message)
    alive = answers(folder.socket) if alive is None else alive
    return RunSummary(
        id=folder.run,
        plan=state.plan.name,
        state=RunWord.DAMAGED if fault is not None else state_word(state, alive=alive),
        problem=fault.message if fault is not None else "",
        landed=sum(1 for _ in state.in_state(TaskState.LANDED)),
        tasks=len(state.tasks),
        started=state.started_at,
        repo=state.repo,
        checkout=state.checkout,
        target=state.target,
        engine=alive,
    )


def fold_run(folder: RunFolder, *, at: int | None = None, whole: bool = False) -> RunState:
    """The state of a run as its journal tells it, after event `at` or after the last one.

    Args:
        folder: of the run.
        at: the number of an event; None = the last one.
        whole: fold all of the journal, also where a checkpoint spares the beginning of it: for
            who deletes something by it, or looks whether all is right.

    Raises:
        JournalError, JournalFormatError: it cannot be read.
        NotFoundError: it has no event yet, or none numbered `at`.
    """
    journal = Journal(folder.journal)
    try:
        state = (None if whole else latest(folder, journal, until=at)) or RunState()
        for recorded in journal.history(state.seq):
            if at is not None and recorded.seq > at:
                break
            apply(state, recorded)
    finally:
        journal.close()
    if not state.seq or (at is not None and state.seq != at):
        what = "no event" if at is None else f"no event {at} (the last is {state.seq})"
        raise NotFoundError(f"the journal of run {folder.run} has {what}")
    return state


class Beginning(NamedTuple):
    """Where somebody begins who is going to follow a run."""

    state: RunState | None  # of a checkpoint
    rest: list[Recorded]  # the first events behind it, at most `AT_ONCE`
    last: int  # the number of the latest event there is


def beginning(folder: RunFolder) -> Beginning:
    """A state to begin with, and what is to be folded onto it first.

    Raises:
        JournalError, JournalFormatError: it cannot be read.
    """
    journal = Journal(folder.journal)
    try:
        state = latest(folder, journal)
        rest = journal.read(state.seq if state is not None else 0, AT_ONCE)
        return Beginning(state, rest, journal.last_seq())
    finally:
        journal.close()


def fold_sound(folder: RunFolder) -> tuple[RunState, DeckError | None]:
    """The state of a run as far as its journal can be read, and what is wrong with the rest.

    Raises:
        JournalError, JournalFormatError: not even its first event can be read.
        NotFoundError: it has no event yet.
    """
    state = RunState()
    try:
        journal = Journal(folder.journal)
        try:
            for recorded in journal.history():
                apply(state, recorded)
        finally:
            journal.close()
    except DeckError as fault:
        if not state.seq:
            raise
        return state, fault
    if not state.seq:
        raise NotFoundError(f"the journal of run {folder.run} has no event")
    return state, None


def has_ended(folder: RunFolder) -> bool:
    """Has the run an outcome, by its last events? An outcome is never taken back.

    The whole journal need not be folded for it: behind the end comes little.

    Raises:
        JournalError, JournalFormatError: it cannot be read.
    """
    journal = Journal(folder.journal)
    try:
        known = latest(folder, journal)
        if known is not None and known.outcome is not None:
            return True
        after = max(known.seq if known is not None else 0, journal.last_seq() - BEHIND_THE_END)
        events = journal.read(after)
    finally:
        journal.close()
    return any(isinstance(recorded.event, RunFinished) for recorded in events)


def last_event(folder: RunFolder) -> int:
    """The number of the latest event; 0 where there is none.

    Raises:
        JournalDamaged: there should be later ones.
        JournalError: it cannot be read.
    """
    journal = Journal(folder.journal)
    try:
        return journal.last_seq()
    finally:
        journal.close()


def first_event(folder: RunFolder) -> tuple[Recorded, RunStarted] | None:
    """How a run began; None when its journal cannot be read."""
    try:
        journal = Journal(folder.journal)
        try:
            events = journal.read(0, 1)
        finally:
            journal.close()
    except DeckError:
        return None
    if not events or not isinstance(events[0].event, RunStarted):
        return None
    return events[0], events[0].event


def runs_of(repo: Path) -> list[tuple[RunFolder, RunStarted]]:
    """The runs of the repository around `repo`, the one that was started last at the front."""
    common = common_dir(repo)
    begun = [(folder, first_event(folder)) for folder in all_runs()]
    found = [(first[0].at, folder, first[1]) for folder, first in begun if first is not None]
    mine = [(at, f, first) for at, f, first in found if is_of(first, common)]
    return [(f, first) for _, f, first in sorted(mine, key=lambda row: row[0], reverse=True)]


def is_of(first: RunStarted, common: Path | None) -> bool:
    """Did a run begin in the repository with this git directory?"""
    return _same(Path(first.repo), common)


def newest_run(repo: Path) -> RunFolder:
    """The run of this repository that was started last.

    Raises:
        NotFoundError: it has none.
    """
    found = runs_of(repo)
    if found:
        return found[0][0]
    where = f"this repository ({repo})" if common_dir(repo) else f"{repo}, which is no repository"
    raise NotFoundError(
        f"there is no run of {where}",
        hint="`agentdeck run PLAN` starts one; `agentdeck runs` lists those of other repositories",
    )


def resolve_run(name: str | None, repo: Path) -> RunFolder:
    """The run that is named (by its id, or how that begins), or the newest of this repository.

    Raises:
        NotFoundError: none, or more than one, fits.
    """
    return newest_run(repo) if name is None else find_run(name)


def run_in(path: Path) -> RunFolder:
    """The run whose folder this is, wherever that lies.

    Raises:
        NotFoundError: there is no journal in it.
    """
    folder = RunFolder(path.expanduser().absolute())
    if not folder.journal.is_file():
        raise NotFoundError(
            f"{path} is not the folder of a run: there is no journal in it",
            hint="`agentdeck runs` lists the runs of this machine",
        )
    return folder


def _same(repo: Path, common: Path | None) -> bool:
    return common is not None and (repo == common or repo.resolve() == common)


__all__ = [
    "Beginning",
    "RunFolder",
    "RunSummary",
    "beginning",
    "first_event",
    "fold_run",
    "fold_sound",
    "has_ended",
    "is_of",
    "last_event",
    "list_runs",
    "newest_run",
    "resolve_run",
    "run_in",
    "runs_of",
    "runs_root",
    "summary_of",
]
