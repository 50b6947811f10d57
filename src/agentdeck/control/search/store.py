"""The index: one SQLite file beside a run's journal, which can be deleted at any time.

Rules:
- It is a cache. One that is damaged, or of another version, is thrown away and made anew.
- One process writes at a time: it holds a lock. Others read what is there already.
- Documents belong to a source (a log, a diff, …); a source knows how far it was read and of what,
  so that only what is new is read again.
- For its owner alone (0600), as logs are.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from agentdeck.control.search.wanted import Kind
from agentdeck.core.errors import EnvironmentFault

VERSION: Final = 2  # of what is in the file; another number: it is made anew
FILE: Final = "search.db"
LOCK: Final = "search.lock"
BUSY_S: Final = 5.0  # how long a reader waits for a writer
SLACK: Final = 1.25  # times as much is kept before the oldest go: not with every few lines
TEXT_CHARS: Final = 4_000  # of one document; a few screens, so that what is found is near

_SCHEMA: Final = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE, kind TEXT, task TEXT, attempt INTEGER,
    mark TEXT DEFAULT '', read INTEGER DEFAULT 0
);
CREATE TABLE docs (
    id INTEGER PRIMARY KEY, source INTEGER, place INTEGER, file TEXT, line INTEGER, at REAL,
    size INTEGER
);
CREATE INDEX docs_of ON docs (source, place, size);
CREATE TABLE repos (task TEXT PRIMARY KEY, repo TEXT);
CREATE VIRTUAL TABLE words USING fts5(text, tokenize = "unicode61 remove_diacritics 2");
"""


class Doc(NamedTuple):
    """A piece of text that is found as one."""

    text: str  # clean; at most `TEXT_CHARS` are kept
    place: int = 0  # grows within a source: the offset in a log, the number of an event
    file: str = ""
    line: int = 0  # of the file
    at: float | None = None  # seconds since the epoch


class Source(NamedTuple):
    """Where documents come from."""

    name: str  # unique in the index
    kind: Kind
    task: str = ""
    attempt: int = 0


def no_fts5(error: sqlite3.Error) -> EnvironmentFault | None:
    """The fault to tell where SQLite was built without full-text search."""
    if "fts5" not in str(error).lower():
        return None
    return EnvironmentFault(
        "the SQLite of this Python has no full-text search (FTS5)",
        hint="a Python from python.org, Homebrew, conda or your distribution has it",
    )


class Store:
    """A writer. Use it as a context; `held` says whether the lock was to be had."""

    def __init__(self, folder: Path) -> None:
        """Of the run with this folder; nothing is opened yet."""
        self._path, self._lock = folder / FILE, folder / LOCK
        self._fd: int | None = None
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        """Take the lock and open the index, made anew where it cannot be used.

        Raises:
            EnvironmentFault: the folder cannot be written, or SQLite has no FTS5.
        """
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._fd = os.open(self._lock, flags, 0o600)
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            return self
        except OSError as error:
            self.close()
            message = f"{self._path} cannot be written: {error.strerror}"
            raise EnvironmentFault(message, hint="the index of the search is kept there") from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def held(self) -> bool:
        """Is this the one that writes?"""
        return self._db is not None

    def close(self) -> None:
        """Let go of the index and its lock."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> None:
        try:
            self._db = self._usable()
        except sqlite3.Error as error:
            if (fault := no_fts5(error)) is not None:
                raise fault from error
            self.throw_away()
            try:
                self._db = self._usable()
            except sqlite3.Error as again:
                said = no_fts5(again) or EnvironmentFault(
                    f"{self._path} cannot be written: {again}",
                    hint="the index of the search is kept there; is the disk full?",
                )
                raise said from again

    def _usable(self) -> sqlite3.Connection:
        """A connection to an index of this version. Raises sqlite3.Error."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
        try:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if version != VERSION and tables:
                raise sqlite3.DatabaseError("of another version")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")  # what is lost is read again
            if not tables:
                db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            db.execute("SELECT count(*) FROM sources").fetchone()
            db.execute("SELECT rowid FROM words WHERE words MATCH 'x' LIMIT 1").fetchone()
        except BaseException:
            db.close()
            raise
        return db

    def throw_away(self) -> None:
        """Delete the file; who reads it just now goes on with what it has."""
        if self._db is not None:
            self._db.close()
            self._db = None
        for path in (self._path, *(Path(f"{self._path}-{part}") for part in ("wal", "shm"))):
            with suppress(FileNotFoundError):
                path.unlink()

    @property
    def _writable(self) -> sqlite3.Connection:
        assert self._db is not None
        return self._db

    # --- sources

    def state_of(self, source: Source) -> tuple[str, int]:
        """The mark of a source and how far it was read; empty and 0 where it is new."""
        row = self._writable.execute(
            "SELECT mark, read FROM sources WHERE name = ?", (source.name,)
        ).fetchone()
        return (str(row[0]), int(row[1])) if row else ("", 0)

    def put(
        self,
        source: Source,
        docs: Iterable[Doc],
        *,
        mark: str,
        read: int = 0,
        since: int | None = None,
        most: int | None = None,
    ) -> None:
        """Add documents to a source, in one transaction.

        Args:
            mark: what was read, to be compared next time.
            read: up to where.
            since: documents from this place on are replaced; None = all of them.
            most: characters that are kept of the source, or `SLACK` as much; the oldest go first.
        """
        db = self._writable
        db.execute("BEGIN IMMEDIATE")
        try:
            number = self._number(source)
            self._forget(number, since)
            for doc in docs:
                text = doc.text[:TEXT_CHARS]
                row = db.execute(
                    "INSERT INTO docs (source, place, file, line, at, size)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (number, doc.place, doc.file, doc.line, doc.at, len(text)),
                )
                db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (row.lastrowid, text))
            if most is not None:
                self._cut(number, most)
            done = (mark, read, number)
            db.execute("UPDATE sources SET mark = ?, read = ? WHERE id = ?", done)
            db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            raise

    def place(self, repos: Mapping[str, str]) -> None:
        """Say in which repository each task works."""
        db = self._writable
        known = dict(db.execute("SELECT task, repo FROM repos").fetchall())
        for task, repo in repos.items():
            if known.get(task) != repo:
                db.execute("INSERT OR REPLACE INTO repos (task, repo) VALUES (?, ?)", (task, repo))

    def keep_only(self, names: Iterable[str], kind: Kind) -> None:
        """Forget the sources of a kind that are no more."""
        kept = set(names)
        rows = self._writable.execute("SELECT id, name FROM sources WHERE kind = ?", (kind,))
        for number, name in rows.fetchall():
            if name not in kept:
                self._forget(number, None)
                self._writable.execute("DELETE FROM sources WHERE id = ?", (number,))

    def _number(self, source: Source) -> int:
        self._writable.execute(
            "INSERT OR IGNORE INTO sources (name, kind, task, attempt) VALUES (?, ?, ?, ?)",
            (source.name, source.kind, source.task, source.attempt),
        )
        found = self._writable.execute("SELECT id FROM sources WHERE name = ?", (source.name,))
        return int(found.fetchone()[0])

    def _forget(self, number: int, since: int | None) -> None:
        which, values = "source = ?", [number]
        if since is not None:
            which, values = "source = ? AND place >= ?", [number, since]
        ids = f"SELECT id FROM docs WHERE {which}"  # noqa: S608 - constants of this file
        self._writable.execute(f"DELETE FROM words WHERE rowid IN ({ids})", values)  # noqa: S608
        self._writable.execute(f"DELETE FROM docs WHERE {which}", values)  # noqa: S608

    def _cut(self, number: int, most: int) -> None:
        """Keep the newest documents of a source."""
        asked = "SELECT sum(size) FROM docs WHERE source = ?"
        total = self._writable.execute(asked, (number,)).fetchone()[0] or 0
        if total <= most * SLACK:
            return
        rows = self._writable.execute(
            "SELECT place, size FROM docs WHERE source = ? ORDER BY place DESC", (number,)
        )
        kept = 0
        for place, size in rows:
            kept += size
            if kept > most:
                ids = "SELECT id FROM docs WHERE source = ? AND place <= ?"
                gone = (number, place)
                self._writable.execute(f"DELETE FROM words WHERE rowid IN ({ids})", gone)  # noqa: S608
                self._writable.execute("DELETE FROM docs WHERE source = ? AND place <= ?", gone)
                return
