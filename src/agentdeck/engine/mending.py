"""Mending a damaged journal: what is sound goes on, and what the world knows is put behind it.

Rules:
- What was damaged is copied into `damaged-N/` of the run's folder before anything is written, and
  is never changed. A mending that was killed half-way finds it there and begins anew.
- The new journal is the longest run of events from the first one on that the chain bears out, byte
  for byte. What is behind it is lost, and counted; what of it can still be read is kept as text.
- Then reality is asked. Landings that stand in the target are told as such, so nothing lands twice.
  The folder of an attempt that the journal does not know is adopted by the engine when it is the
  next one of its task; others are put aside whole, and what still runs of them is ended. Their
  files stay in the worktree, which is secured before anybody else has it.
- An engine has the run, or a mending, never both.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.codec import JournalFormatError, decode_event
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import lanes, where_of
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine import processes
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.found_landings import found_landings
from agentdeck.engine.git import Git
from agentdeck.engine.journal import SCHEMA_VERSION, Journal, JournalDamaged
from agentdeck.engine.journal_mark import Mark, MarkWriter, mark_file, read_mark
from agentdeck.engine.journal_salvage import Row, longest, rows_in
from agentdeck.engine.lock import EngineLock
from agentdeck.engine.private_files import PRIVATE_DIR
from agentdeck.engine.setting import attempt_tag
from agentdeck.engine.stop import stop

MAX_MENDINGS: Final = 1_000  # of one run
STOP_GRACE_S: Final = (2.0, 2.0)  # nobody will take what they still do
UNPROVEN: Final = "unproven.jsonl"  # rows behind the sound ones, as far as they can be read
_CACHES: Final = ("search.db", "search.db-wal", "search.db-shm")  # made of what was damaged
# The next attempt of a task in one of these has not begun, as far as its journal knows.
_BEFORE_AN_ATTEMPT: Final = (TaskState.READY, TaskState.RETRYING)


class Mended(msgspec.Struct, frozen=True, kw_only=True):
    """What a mending has saved, and what is lost."""

    run: str
    sound: int  # events
    lost: int  # events behind them that are known to have been
    unproven: int  # of these, how many can still be read
    kept: str  # the folder with what was damaged
    landings: tuple[str, ...] = ()  # tasks that were found landed (or taken back) in git
    adopted: tuple[str, ...] = ()  # attempts that the engine will find and go on with
    set_aside: tuple[str, ...] = ()  # attempts that are kept beside
    remarks: tuple[str, ...] = ()


def fault_of(folder: RunFolder) -> DeckError | None:
    """What is wrong with the journal of a run; None when every event of it is sound.

    Reads all of it: 100,000 events in about a second.
    """
    try:
        journal = Journal(folder.journal)
    except DeckError as fault:
        return fault
    try:
        for _ in journal.history():
            pass
    except DeckError as fault:
        return fault
    finally:
        journal.close()
    return None


def mend(folder: RunFolder) -> Mended | None:
    """Mend the journal of a run; None where nothing is wrong with it.

    Raises:
        EnvironmentFault: an engine has the run, the disk refuses, or nothing can be saved.
        JournalFormatError: it is not damaged, but of a newer agentdeck.
    """
    lock = EngineLock(folder.lock)
    try:
        fault = fault_of(folder)
        if fault is None:
            return None
        if not isinstance(fault, JournalDamaged | JournalFormatError):
            raise fault
        return _mend(folder, fault)
    finally:
        lock.release()


def _mend(folder: RunFolder, fault: DeckError) -> Mended:
    try:
        rows, rest = longest(_everything(folder))
        state, sound = _folded(rows)
    except OSError as error:
        raise EnvironmentFault(f"{folder.journal} cannot be read: {error.strerror}") from error
    if isinstance(fault, JournalFormatError) and len(sound) == len(rows):
        raise fault  # all of it is as somebody wrote it, and newer than this
    if not sound:
        raise EnvironmentFault(
            f"nothing of the journal {folder.journal} can be saved: its first event is gone",
            hint="what landed is in git; `git branch --list 'deck/*'` shows its branches",
        )
    mark = read_mark(folder.journal)
    known = max([mark.seq if mark else 0, len(rows), *(row.seq for row in rest)])
    rest = [*rows[len(sound) :], *rest]
    try:
        beside = _keep(folder)
        _write_unproven(beside / UNPROVEN, rest)
        lost = max(0, known - len(sound))
        told = e.JournalMended(len(sound), lost, beside.name)
        landings, remarks = _landings(folder, state)
        adopted, aside = _attempts(folder, beside, _after(state, landings))
        _replace(folder, sound, [told, *landings])
    except OSError as error:
        raise EnvironmentFault(
            f"the journal of run {folder.run} cannot be mended: {error}",
            hint="what is damaged is as it was; free some space, then mend it again",
        ) from error
    return Mended(
        run=folder.run,
        sound=len(sound),
        lost=lost,
        unproven=len({row.seq for row in rest}),
        kept=str(beside),
        landings=tuple(_named(one) for one in landings),
        adopted=adopted,
        set_aside=aside,
        remarks=remarks,
    )


def _everything(folder: RunFolder) -> Iterator[Row]:
    """All that looks like an event, in the journal and in what was kept of it before."""
    for place in (folder.path, *_kept_before(folder)):
        database = place / folder.journal.name
        if database.is_file():
            log = database.with_name(database.name + "-wal")
            yield from rows_in(database.read_bytes(), log.read_bytes() if log.is_file() else b"")


def _kept_before(folder: RunFolder) -> list[Path]:
    """Folders of mendings that were begun; only of those that were not finished."""
    found = sorted(folder.path.glob("damaged-*"))
    return [place for place in found if not (place / "mended").exists()]


def _folded(rows: Sequence[Row]) -> tuple[RunState, list[Row]]:
    """The state after the rows that follow from each other, and these rows.

    Raises:
        JournalFormatError: one is as it was written, by an agentdeck that is newer.
    """
    state, sound = RunState(), []
    for row in rows:
        try:
            event = decode_event(row.event, version=row.version, seq=row.seq)
            apply(state, Recorded(row.seq, row.at, event, row.version))
        except JournalFormatError:
            if row.link is not None:
                raise
            break  # of before links: nothing bears it out
        except (StaleEvent, LookupError):
            break
        sound.append(row)
    return state, sound


def _keep(folder: RunFolder) -> Path:
    """Copy what is damaged beside."""
    for number in range(1, MAX_MENDINGS):
        beside = folder.path / f"damaged-{number}"
        if not beside.exists():
            break
    beside.mkdir(mode=PRIVATE_DIR)
    for file in _files(folder):
        copied = beside / file.name
        shutil.copy2(file, copied)
        with copied.open("rb") as data:
            os.fsync(data.fileno())
    return beside


def _files(folder: RunFolder) -> list[Path]:
    names = (folder.journal.name, f"{folder.journal.name}-wal", mark_file(folder.journal).name)
    return [folder.path / name for name in names if (folder.path / name).is_file()]


def _write_unproven(file: Path, rest: Sequence[Row]) -> None:
    if not rest:
        return
    lines = [
        msgspec.json.encode(
            {
                "seq": row.seq,
                "at": row.at,
                "v": row.version,
                "event": row.event.decode("utf-8", errors="replace"),
            }
        )
        for row in rest
    ]
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(b"\n".join(lines) + b"\n")


def _landings(folder: RunFolder, state: RunState) -> tuple[list[e.LandingFound], tuple[str, ...]]:
    found: list[e.LandingFound] = []
    words: list[str] = []
    for lane in lanes(state):
        try:
            git = Git.discover(Path(lane.checkout or lane.repo).resolve())
            found += found_landings(git, lane)
        except DeckError as fault:
            words.append(f"git could not be asked what has landed: {fault.message}")
            words.append(f"look at {where_of(lane)} before run {folder.run} goes on")
    return found, tuple(words)


def _after(state: RunState, landings: Sequence[AnyEvent]) -> RunState:
    for event in landings:
        apply(state, Recorded(state.seq + 1, state.at, event))
    return state


def _attempts(
    folder: RunFolder, beside: Path, state: RunState
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Of attempts that the journal does not know: which are adopted, and which put aside."""
    adopted, aside = [], []
    for task_id, numbers in sorted(_attempts_on_disk(folder).items()):
        task = state.tasks.get(task_id)
        known = len(task.attempts) if task is not None else 0
        lost = sorted(number for number in numbers if number > known)
        for number in lost:
            begins = task is not None and task.state in _BEFORE_AN_ATTEMPT
            if begins and lost == [known + 1]:
                adopted.append(f"{task_id}#{number}")
                continue
            _end(folder, state.run, task_id, number)
            (beside / "attempts").mkdir(mode=PRIVATE_DIR, exist_ok=True)
            place = folder.attempt(task_id, number)
            place.rename(beside / "attempts" / place.name)
            aside.append(f"{task_id}#{number}")
    return tuple(adopted), tuple(aside)


def _attempts_on_disk(folder: RunFolder) -> dict[TaskId, list[int]]:
    found: dict[TaskId, list[int]] = {}
    for place in (folder.path / "attempts").glob("*.*"):
        task, _, number = place.name.rpartition(".")
        if task and number.isdecimal() and place.is_dir():
            found.setdefault(TaskId(task), []).append(int(number))
    return found


def _end(folder: RunFolder, run: str, task: TaskId, number: int) -> None:
    found = processes.look(folder.attempt(task, number))
    if isinstance(found, processes.Running):
        tag = attempt_tag(run, task, number)
        asyncio.run(stop(found.child, tag, grace_s=STOP_GRACE_S))


def _replace(folder: RunFolder, sound: Sequence[Row], told: Sequence[AnyEvent]) -> None:
    """Put a new journal in the place of the damaged one. The order is what a crash may meet."""
    aside = folder.journal.with_name("mended.db")
    for old in folder.path.glob("mended.*"):
        old.unlink()
    journal = Journal(aside, writable=True)
    try:
        journal.restore((row.seq, row.at, row.version, row.event) for row in sound)
        last = journal.append(told, time.time(), after=len(sound))[-1].seq
    finally:
        journal.close()  # the last connection: what is in the log goes into the file
    made = read_mark(aside)
    assert made is not None
    mark_file(aside).unlink()
    for name in (f"{folder.journal.name}-wal", f"{folder.journal.name}-shm", *_CACHES):
        (folder.path / name).unlink(missing_ok=True)  # a log of the old file is not the new one's
    aside.replace(folder.journal)
    writer = MarkWriter(folder.journal)
    writer.write(Mark(SCHEMA_VERSION, last, made.link))
    writer.close()
    _sync(folder.path)
    for place in _kept_before(folder):
        (place / "mended").touch(mode=0o600)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _named(landing: e.LandingFound) -> str:
    if landing.task is None:
        return landing.commit[:10]
    return f"{landing.task} ({'taken back, ' if landing.undone else ''}{landing.commit[:10]})"


__all__ = ["Mended", "fault_of", "mend"]
