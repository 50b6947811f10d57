"""The journal: events in SQLite, acknowledged means durable.

Rules:
- One connection writes (the engine that holds the run's lock); any number reads.
- `append` returns when the events are on the disk (WAL, `synchronous=FULL`). Telemetry may pass
  `durable=False`: it survives a killed process, but not a power cut.
- Sequence numbers count from 1 without a gap; the writer refuses to leave one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agentdeck.core.checkpoint import digest
from agentdeck.core.codec import JournalFormatError, decode_event, encode_event
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import VERSION, AnyEvent, Recorded
from agentdeck.engine.failpoints import Place, reached

SCHEMA_VERSION: Final = 1  # of the table; `pragma user_version`
BUSY_TIMEOUT_MS: Final = 5_000  # a reader's checkpoint never takes longer than milliseconds
READ_CHUNK: Final = 10_000  # events fetched at once; bounds memory of a long replay
# A checkpoint every this many pages keeps the WAL near 4 MB.
AUTOCHECKPOINT_PAGES: Final = 1_000


# A write that a full disk has cut, a sync, the growth of the index of the WAL, or of the WAL.
_REFUSED: Final = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)


class JournalError(EnvironmentFault):
    """The journal cannot be opened, read or written."""


class JournalFull(JournalError):
    """The disk has no room for an event. Once it has, the same can be stored."""


class Journal:
    """The events of one run, in order."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Open a journal; a writable one is made when it is not there.

        Raises:
            JournalError: no journal there, no right to it, or a newer table format.
        """
        self.path = path
        self.writable = writable
        mode = "rwc" if writable else "ro"
        try:
            # A journal may move between threads (an executor writes), but never be used by two.
            self._db = sqlite3.connect(
                f"file:{_quoted(path)}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            self._db.execute(f"pragma busy_timeout={BUSY_TIMEOUT_MS}")
            self._check_format()  # first: what is newer is not touched
            if writable:
                path.chmod(0o600)
                self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                f"the journal {path} cannot be opened: {error}",
                hint="`agentdeck runs` lists the runs that can be read",
            ) from error

    def _prepare(self) -> None:
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.execute(f"pragma wal_autocheckpoint={AUTOCHECKPOINT_PAGES}")
        self._db.execute(
            "create table if not exists events ("
            "seq integer primary key, at real not null, v integer not null, event blob not null)"
        )
        if self._db.execute("pragma user_version").fetchone()[0] == 0:
            self._db.execute(f"pragma user_version={SCHEMA_VERSION}")

    def _check_format(self) -> None:
        found = self._db.execute("pragma user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise JournalFormatError(
                f"{self.path} has journal format {found}, this agentdeck reads {SCHEMA_VERSION}",
                hint="open the run with the agentdeck that made it, or a newer one",
            )

    def append(
        self, events: Sequence[AnyEvent], at: float, *, after: int, durable: bool = True
    ) -> list[Recorded]:
        """Store events behind number `after`; durable when this returns.

        Args:
            events: what happened, oldest first.
            at: seconds since the epoch.
            after: the last number that is stored already.
            durable: False leaves out the wait for the disk.

        Raises:
            JournalError: the disk is full or broken, or somebody else has written; nothing of
                `events` is stored then.
        """
        recorded = [Recorded(seq, at, event) for seq, event in enumerate(events, start=after + 1)]
        rows = [(r.seq, r.at, VERSION, encode_event(r.event)) for r in recorded]
        reached(Place.JOURNAL_BEGUN)
        try:
            self._db.execute(f"pragma synchronous={'full' if durable else 'normal'}")
            self._db.execute("begin immediate")
            try:
                self._check_number(after)
                self._db.executemany("insert into events values (?, ?, ?, ?)", rows)
                reached(Place.JOURNAL_WRITTEN)
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
        except sqlite3.Error as error:
            kind = JournalFull if _is_full(error) else JournalError
            raise kind(
                f"the journal {self.path} cannot be written: {error}",
                hint="free some disk space, then `agentdeck run --resume`",
            ) from error
        reached(Place.JOURNAL_COMMITTED)
        return recorded

    def _check_number(self, after: int) -> None:
        last = self.last_seq()
        if after != last:
            raise JournalError(
                f"somebody else has written to {self.path}: its last event is {last}, not {after}",
                hint="stop the other engine",
            )

    def last_seq(self) -> int:
        """The number of the latest event, 0 when there is none. Raises `JournalError`."""
        return self._number("select max(seq) from events")

    def read(self, after: int = 0, limit: int = READ_CHUNK) -> list[Recorded]:
        """Up to `limit` events behind number `after`.

        Raises:
            JournalFormatError: an event is newer than this version, or damaged.
        """
        try:
            rows = self._db.execute(
                "select seq, at, v, event from events where seq > ? order by seq limit ?",
                (after, limit),
            ).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error}") from error
        return [
            Recorded(seq, at, decode_event(event, version=v, seq=seq), v)
            for seq, at, v, event in rows
        ]

    def history(self, after: int = 0) -> Iterator[Recorded]:
        """All events behind number `after`, read in chunks."""
        while chunk := self.read(after):
            yield from chunk
            after = chunk[-1].seq

    def mark(self, seq: int) -> bytes | None:
        """What stands for the stored bytes of an event; None = there is no such event.

        Raises:
            JournalError: the journal cannot be read.
        """
        try:
            row = self._db.execute(
                "select at, v, event from events where seq = ?", (seq,)
            ).fetchone()
        except sqlite3.Error as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error}") from error
        return digest(b"%r %d " % (row[0], row[1]) + row[2]) if row is not None else None

    def data_version(self) -> int:
        """A number that changes when another connection has written; cheap to poll.

        Raises:
            JournalError: the journal cannot be read.
        """
        return self._number("pragma data_version")

    def _number(self, query: str) -> int:
        try:
            return self._db.execute(query).fetchone()[0] or 0
        except sqlite3.Error as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def _is_full(error: sqlite3.Error) -> bool:
    """Was there no room? SQLite says so, or tells of a write or sync that the system refused."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code == sqlite3.SQLITE_FULL or code in _REFUSED


def _quoted(path: Path) -> str:
    """`path` for a SQLite URI."""
    from urllib.parse import quote

    return quote(str(path))
