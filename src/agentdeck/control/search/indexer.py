"""Brings the index of a run up to what there is, a piece at a time, and says how far it is.

Rules:
- First what is small (tasks, briefs, the journal), then diffs, then logs, the newest work first: a
  search has something to find after a moment.
- Only what is new is read: events by their number, logs from where they ended, a diff when the
  work has changed.
- Of a log longer than `MOST_READ` only that much at its end is read, and the newest `MOST_KEPT`
  characters of what it shows are kept: a run of a week has an index of megabytes.
- Whoever does not get the lock lets the other one index, and reads.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from agentdeck.agents.passages import Passages, render_passage
from agentdeck.control.log_pieces import line_start, pieces_after
from agentdeck.control.logtail import LogLine
from agentdeck.control.runs import RunFolder, runs_of
from agentdeck.control.search.store import TEXT_CHARS, Doc, Source, Store
from agentdeck.control.search.texts import (
    brief_docs,
    diff_docs,
    event_doc,
    plain_lines,
    spec_mark,
    task_doc,
)
from agentdeck.control.search.wanted import Kind
from agentdeck.core.errors import DeckError, EnvironmentFault
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import OWN_REPO_WORD
from agentdeck.core.state import Attempt, RunState
from agentdeck.engine.journal import Journal
from agentdeck.engine.plain_files import open_plain

MOST_READ: Final = 16 * 1024 * 1024  # bytes of one log; some ten seconds
MOST_KEPT: Final = 4 * 1024 * 1024  # characters of one log, as it is shown
PIECE_EVENTS: Final = 2_000  # of the journal in one transaction
MAX_RUNS: Final = 20  # past runs of this repository that are looked through, the newest first


class Progress(msgspec.Struct, frozen=True):
    """How far the index is."""

    what: str  # a kind, or `runs` for past runs
    done: int = 0  # bytes of logs, else things
    of: int = 0
    ready: bool = False  # all was looked at
    waits: bool = False  # another process indexes just now
    fault: str = ""  # why there is no index

    @property
    def words(self) -> str:
        """`logs 40 %`."""
        if not self.of:
            return self.what
        return f"{self.what} {100 * min(self.done, self.of) // self.of} %"


class _Log(NamedTuple):
    source: Source
    path: Path
    stream_format: str
    root: str


class RunIndex:
    """Keeps the index of one run; remembers what of the journal it knows."""

    def __init__(self, folder: RunFolder) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._state = RunState()

    def update(self) -> Iterator[Progress]:
        """Read what is new. Blocking; each step is bounded.

        Raises:
            DeckError: the journal cannot be read, the folder not be written, or there is no FTS5.
        """
        for again in (False, True):
            with Store(self._folder.path) as store:
                if not store.held:
                    yield Progress("index", waits=True)
                    return
                try:
                    yield from self._all(store)
                    return
                except sqlite3.DatabaseError as error:
                    if again or isinstance(error, sqlite3.OperationalError):
                        said = f"the index of the search cannot be written: {error}"
                        raise EnvironmentFault(said, hint="is the disk full?") from error
                    store.throw_away()  # it is damaged

    def _all(self, store: Store) -> Iterator[Progress]:
        yield from self._events(store)
        self._tasks(store)
        yield Progress(Kind.TASKS)
        attempts = [
            (task.id, attempt)
            for task in self._state.tasks.values()
            for attempt in reversed(task.attempts)
        ]
        attempts.sort(key=lambda pair: pair[1].launched_at or 0.0, reverse=True)
        for number, (task, attempt) in enumerate(attempts):
            self._diff(store, task, attempt)
            yield Progress(Kind.DIFFS, number + 1, len(attempts))
        yield from self._logs(store, attempts)

    def _events(self, store: Store) -> Iterator[Progress]:
        """The journal: folded for what follows, and its words by task."""
        journal = Journal(self._folder.journal)
        try:
            last = journal.last_seq()
            source = Source("events", Kind.EVENTS)
            known = store.state_of(source)[1]
            while batch := journal.read(self._state.seq, PIECE_EVENTS):
                told: dict[str, list[Doc]] = {}
                for recorded in batch:
                    apply(self._state, recorded)
                    found = event_doc(recorded) if recorded.seq > known else None
                    if found is not None:
                        told.setdefault(found[0], []).append(found[1])
                for task, docs in told.items():
                    of_task = Source(f"events {task}", Kind.EVENTS, task)
                    store.put(of_task, docs, mark="", since=docs[0].place)
                if batch[-1].seq > known:
                    store.put(source, (), mark="", read=batch[-1].seq, since=0)
                yield Progress(Kind.EVENTS, batch[-1].seq, last)
        finally:
            journal.close()

    def _tasks(self, store: Store) -> None:
        names = []
        for task in self._state.plan.tasks:
            mark = spec_mark(task)
            for kind in (Kind.TASKS, Kind.BRIEFS):
                source = Source(f"{kind} {task.id}", kind, task.id)
                names.append(source.name)
                if store.state_of(source)[0] != mark:
                    docs = [task_doc(task)] if kind is Kind.TASKS else list(brief_docs(task))
                    store.put(source, docs, mark=mark)
        for kind in (Kind.TASKS, Kind.BRIEFS):
            store.keep_only(names, kind)
        plan = self._state.plan
        store.place({task.id: task.repo or OWN_REPO_WORD for task in plan.tasks})

    def _diff(self, store: Store, task: TaskId, attempt: Attempt) -> None:
        if attempt.base is None or attempt.path is None:
            return
        from agentdeck.control.repo import diff_of

        collected = attempt.collected
        mark = collected.head if collected is not None else f"{attempt.base} {attempt.tools}"
        source = Source(f"diff {task}.{attempt.number}", Kind.DIFFS, task, attempt.number)
        if store.state_of(source)[0] == mark:
            return
        with suppress(DeckError):  # the worktree may be gone: what was read of it stays
            text = diff_of(self._state, task, attempt.number)
            store.put(source, diff_docs(text.split("\n")), mark=mark)

    # --- logs

    def _logs(self, store: Store, attempts: Sequence[tuple[TaskId, Attempt]]) -> Iterator[Progress]:
        logs = [self._log(task, attempt) for task, attempt in attempts]
        sizes = [_size(log.path) for log in logs]
        total, before = sum(min(size, MOST_READ) for size in sizes), 0
        for log, size in zip(logs, sizes, strict=True):
            for at in self._read(store, log):
                yield Progress(Kind.LOGS, before + min(at, MOST_READ, size), total)
            before += min(size, MOST_READ)
        yield Progress(Kind.LOGS, total, total)

    def _log(self, task: TaskId, attempt: Attempt) -> _Log:
        agent = self._state.plan.agent_by_name.get(attempt.agent)
        source = Source(f"log {task}.{attempt.number}", Kind.LOGS, task, attempt.number)
        path = self._folder.attempt(task, attempt.number) / "raw.log"
        return _Log(source, path, agent.stream if agent else "plain", attempt.path or "")

    def _read(self, store: Store, log: _Log) -> Iterator[int]:
        """Index what a log has behind where it was read last; how many bytes are done."""
        try:
            fd = open_plain(log.path)
        except OSError:
            return
        try:
            status = os.fstat(fd)
            mark, at = store.state_of(log.source)
            now = f"{status.st_dev}:{status.st_ino}"
            if mark != now or status.st_size < at:  # another file, or cut
                at = line_start(fd, max(0, status.st_size - MOST_READ))
                store.put(log.source, (), mark=now, read=at)
            start, last = at, list[LogLine]()
            passages = Passages(log.stream_format, log.root)
            for lines in pieces_after(fd, at, status.st_size):
                if not lines:
                    continue
                found, since = [], last[0].offset if last else lines[0].offset
                for line in lines:
                    if last and not passages.goes_on(line.data):
                        found.append(last)
                        last = []
                    elif not last:
                        passages.goes_on(line.data)
                    last.append(line)
                docs = [doc for part in [*found, last] if (doc := _doc(log, part)) is not None]
                # The last passage may go on: next time it is read again from its first line.
                read = last[0].offset
                store.put(log.source, docs, mark=now, read=read, since=since, most=MOST_KEPT)
                yield lines[-1].end - start + at
        except OSError:
            return
        finally:
            os.close(fd)


def _doc(log: _Log, passage: Sequence[LogLine]) -> Doc | None:
    """What the log view shows of a passage; None where that is nothing."""
    shown = render_passage(log.stream_format, [line.data for line in passage], root=log.root)
    parts = [f"{line.text}  {line.detail}".rstrip() for line in shown]
    if not any(parts):
        return None
    at = next((line.time for line in shown if line.time is not None), None)
    text = plain_lines("\n".join(parts), chars=2 * TEXT_CHARS)
    return Doc(text, passage[0].offset, at=at)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


class Indexer:
    """Keeps the indexes of a run, and of past runs of its repository."""

    def __init__(self, folder: RunFolder, *, others: Sequence[RunFolder] = ()) -> None:
        """`others` are looked at after it; see `others_of`."""
        self._runs = [RunIndex(each) for each in (folder, *others)]

    def update(self) -> Iterator[Progress]:
        """Bring all up to what there is; a run that cannot be read hides no other."""
        for number, run in enumerate(self._runs):
            try:
                for step in run.update():
                    past = Progress("runs", number, len(self._runs) - 1, waits=step.waits)
                    yield step if not number else past
            except DeckError as error:
                if not number:
                    yield Progress("index", fault=f"{error.message}. {error.hint}".rstrip(". "))
        yield Progress("index", ready=True)


def others_of(folder: RunFolder, repo: Path) -> list[RunFolder]:
    """Past runs of the repository around `repo`, the newest first; at most `MAX_RUNS`."""
    return [found for found, _ in runs_of(repo) if found.run != folder.run][:MAX_RUNS]
