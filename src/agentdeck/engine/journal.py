"""The journal: events in SQLite, acknowledged means durable.

Rules:
- One connection writes (the engine that holds the run's lock); any number reads.
- `append` returns when the events are on the disk (WAL, `synchronous=FULL`). Telemetry may pass
  `durable=False`: it survives a killed process, but not a power cut.
- Sequence numbers count from 1 without a gap; the writer refuses to leave one.
- Each event is proven by its link of the chain, and the end by the mark beside the file. What does
  not fit is damage: it is never read over, and `history` gives what is sound before it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from agentdeck.core.chain import START, link
from agentdeck.core.checkpoint import digest
from agentdeck.core.codec import JournalFormatError, decode_event, encode_event
from agentdeck.core.errors import EXIT_DAMAGED, DeckError, EnvironmentFault
from agentdeck.core.events import VERSION, AnyEvent, Recorded
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.journal_mark import Mark, MarkWriter, mark_file, read_mark

# Of the table; `pragma user_version`. 2: each row has its link of the chain.
SCHEMA_VERSION: Final = 2
BUSY_TIMEOUT_MS: Final = 5_000  # a reader's checkpoint never takes longer than milliseconds
_FREE_SPACE: Final = "free some disk space, then `agentdeck run --resume`"
READ_CHUNK: Final = 10_000  # events fetched at once; bounds memory of a long replay
# A checkpoint every this many pages keeps the WAL near 4 MB.
AUTOCHECKPOINT_PAGES: Final = 1_000
_ROWS: Final = "select seq, at, v, event, link from events where seq > ? order by seq limit ?"
_OLD_ROWS: Final = _ROWS.replace("link from", "null from")  # of before links
# What the machine, and not the file, is to be blamed for.
_OF_THE_MACHINE: Final = frozenset({
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_AUTH,
})  # fmt: skip
_SHORT_READ: Final = sqlite3.SQLITE_IOERR_SHORT_READ  # the file ends before it should


class _Proven(NamedTuple):
    """An event up to which all has been looked at."""

    seq: int
    link: bytes | None  # None: nobody has reckoned it
    linked: bool = False  # its row has a link, so all behind it have one


_BEGINNING: Final = _Proven(0, START)


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


class JournalDamaged(JournalError):
    """What is in the file is not what was written, or not all of it."""

    exit_code = EXIT_DAMAGED

    def __init__(self, path: Path, message: str) -> None:
        run = path.parent.name
        hint = f"`agentdeck runs repair {run}` keeps it beside and saves what can be saved"
        super().__init__(message, hint=hint)


class Journal:
    """The events of one run, in order."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        """Open a journal; a writable one is made when it is not there.

        Raises:
            JournalError: no journal there, or no right to it.
            JournalDamaged: it is no journal any more.
            JournalFormatError: a newer table format.
        """
        self.path = path
        self.writable = writable
        self._mark = read_mark(path)  # before the file: a writer writes it after the file
        self._known = _BEGINNING  # the event that was proven last
        self._marker = MarkWriter(path) if writable else None
        mode = "rwc" if writable else "ro&immutable=1" if _cannot_change(path) else "ro"
        try:
            # A journal may move between threads (an executor writes), but never be used by two.
            self._db = sqlite3.connect(
                f"file:{_quoted(path)}?mode={mode}",
                uri=True,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                self._db.execute(f"pragma busy_timeout={BUSY_TIMEOUT_MS}")
                found = self._check_format()  # first: what is newer is not touched
                if writable:
                    path.chmod(0o600)
                    found = self._prepare(found)
                self._has_links = found >= SCHEMA_VERSION
            except BaseException:
                self._db.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._fault("opened", error) from error

    def _prepare(self, found: int) -> int:
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=full")
        self._db.execute(f"pragma wal_autocheckpoint={AUTOCHECKPOINT_PAGES}")
        if found == SCHEMA_VERSION:
            return found
        self._db.execute("begin immediate")
        self._db.execute(
            "create table if not exists events ("
            "seq integer primary key, at real not null, v integer not null, event blob not null)"
        )
        columns = {row[1] for row in self._db.execute("pragma table_info(events)")}
        if "link" not in columns:  # rows of before have none: their proof is the first that has one
            self._db.execute("alter table events add column link blob")
        self._db.execute(f"pragma user_version={SCHEMA_VERSION}")
        self._db.execute("commit")
        return SCHEMA_VERSION

    def _check_format(self) -> int:
        found: int = self._db.execute("pragma user_version").fetchone()[0]
        if self._mark is not None and found != self._mark.format <= SCHEMA_VERSION:
            raise JournalDamaged(
                self.path,
                f"the journal {self.path} cannot be opened: it says it has format {found}, but it"
                f" was written in format {self._mark.format}",
            )
        if found > SCHEMA_VERSION:
            raise JournalFormatError(
                f"{self.path} has journal format {found}, this agentdeck reads {SCHEMA_VERSION}",
                hint="open the run with the agentdeck that made it, or a newer one",
            )
        return found

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
        reached(Place.JOURNAL_BEGUN)
        try:
            self._db.execute(f"pragma synchronous={'full' if durable else 'normal'}")
            self._db.execute("begin immediate")
            try:
                self._check_number(after)
                last = self._link_of(after)
                rows = []
                for one in recorded:
                    data = encode_event(one.event)
                    last = link(last, one.seq, float(at), VERSION, data)
                    rows.append((one.seq, at, VERSION, data, last))
                self._db.executemany("insert into events values (?, ?, ?, ?, ?)", rows)
                reached(Place.JOURNAL_WRITTEN)
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise
        except sqlite3.Error as error:
            if _is_full(error):
                raise JournalFull(
                    f"the journal {self.path} cannot be written: {error}", hint=_FREE_SPACE
                ) from error
            raise self._fault("written", error, hint=_FREE_SPACE) from error
        self._known = _Proven(after + len(rows), last, linked=True) if rows else self._known
        if durable and self._marker is not None and rows:
            self._mark = Mark(SCHEMA_VERSION, self._known.seq, last)
            self._marker.write(self._mark)
        reached(Place.JOURNAL_COMMITTED)
        return recorded

    def sync(self) -> None:
        """Have on the disk what is stored, telemetry too.

        Raises:
            JournalError: the disk is broken.
        """
        try:
            fd = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return  # all of it is in the file itself, where it was synced
        try:
            os.fsync(fd)
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be synced: {error}") from error
        finally:
            os.close(fd)

    def restore(self, rows: Iterable[tuple[int, float, int, bytes]]) -> None:
        """Store events as they stood in a journal before: number, time, format, bytes, from 1 on.

        Raises:
            JournalError: there are events already, or it cannot be written.
        """
        self._check_number(0)
        last, linked = START, []
        for row in rows:
            last = link(last, *row)
            linked.append((*row, last))
        try:
            self._db.execute("begin immediate")
            self._db.executemany("insert into events values (?, ?, ?, ?, ?)", linked)
            self._db.execute("commit")
        except sqlite3.Error as error:
            raise self._fault("written", error) from error
        self._known = _Proven(len(linked), last, linked=True)

    def _check_number(self, after: int) -> None:
        last = self.last_seq()
        if after != last:
            raise JournalError(
                f"somebody else has written to {self.path}: its last event is {last}, not {after}",
                hint="stop the other engine",
            )

    def last_seq(self) -> int:
        """The number of the latest event, 0 when there is none.

        Raises:
            JournalDamaged: there should be later ones.
        """
        last = self._number("select max(seq) from events")
        if self._mark is not None and last < self._mark.seq:
            raise self._cut_off(last)
        return last

    def read(self, after: int = 0, limit: int = READ_CHUNK) -> list[Recorded]:
        """Up to `limit` events behind number `after`.

        Raises:
            JournalFormatError: an event is newer than this version.
            JournalDamaged: one of them is not what was written, or is missing.
        """
        found, fault = self.sound(after, limit)
        if fault is not None:
            raise fault
        return found

    def history(self, after: int = 0) -> Iterator[Recorded]:
        """All events behind number `after`, read in chunks. Those before a fault come first.

        Raises: as `read`.
        """
        while True:
            chunk, fault = self.sound(after, READ_CHUNK)
            yield from chunk
            if fault is not None:
                raise fault
            if not chunk:
                return
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

    def sound(
        self, after: int = 0, limit: int = READ_CHUNK
    ) -> tuple[list[Recorded], DeckError | None]:
        """What is sound of up to `limit` events, and what is wrong with the next one."""
        found: list[Recorded] = []
        query = _ROWS if self._has_links else _OLD_ROWS
        at = after
        try:
            before = self._known_at(after)
            for row in self._db.execute(query, (after, limit)):
                at += 1
                before = self._prove(at, before, row)
                _, when, version, event, _ = row
                found.append(
                    Recorded(at, when, decode_event(event, version=version, seq=at), version)
                )
        except sqlite3.Error as error:
            return found, self._fault("read", error, sound=at)
        except DeckError as fault:
            return found, fault
        if not found and self._mark is not None and limit > 0 and after < self._mark.seq:
            return found, self._cut_off(after)
        return found, None

    def _prove(self, seq: int, before: _Proven, row: tuple[Any, ...]) -> _Proven:
        """See that a row stands where it should and is what was written."""
        number, at, version, event, stored = row
        if number != seq:
            raise self._bad(seq, f"it is missing, {number} comes next")
        if not (isinstance(at, float) and isinstance(version, int) and isinstance(event, bytes)):
            raise self._bad(seq, "it holds something else than an event")
        if before.link is None:  # among rows of before links, and not reached from the start
            return _Proven(seq, stored, linked=stored is not None)
        expected = link(before.link, seq, at, version, event)
        if stored is None and before.linked:
            raise self._bad(seq, "its link of the chain is missing")
        if stored is not None and stored != expected:
            raise self._bad(seq, "it is not what was written: its link does not fit")
        if self._mark is not None and seq == self._mark.seq and expected != self._mark.link:
            raise self._bad(seq, "it is not what was acknowledged: the mark beside does not fit")
        self._known = _Proven(seq, expected, linked=stored is not None)
        return self._known

    def _bad(self, seq: int, why: str) -> JournalDamaged:
        words = f"event {seq} of the journal cannot be read: {why} ({self.path})"
        return JournalDamaged(self.path, f"{words}; {_sound(seq - 1)}")

    def _cut_off(self, last: int) -> JournalDamaged:
        assert self._mark is not None
        return JournalDamaged(
            self.path,
            f"the journal {self.path} cannot be read behind event {last}: {self._mark.seq} were"
            f" acknowledged, so {self._mark.seq - last} are lost; {_sound(last)}",
        )

    def _known_at(self, seq: int) -> _Proven:
        """What is known of event `seq` without reading all before it."""
        if seq == 0:
            return _BEGINNING
        if self._known.seq == seq:
            return self._known
        stored = None
        if self._has_links:
            row = self._db.execute("select link from events where seq = ?", (seq,)).fetchone()
            stored = row[0] if row is not None and isinstance(row[0], bytes) else None
        return _Proven(seq, stored, linked=stored is not None)

    def _link_of(self, seq: int) -> bytes:
        """The link of the last event, reckoned where its row is of before links."""
        found = self._known_at(seq).link
        if found is None:
            found = START  # no row has one: links begin with the first row that is appended
            for row in self._db.execute("select seq, at, v, event from events order by seq"):
                found = link(found, *row)
        return found

    def data_version(self) -> int:
        """A number that changes when another connection has written; cheap to poll.

        Raises:
            JournalError: the journal cannot be read.
        """
        return self._number("pragma data_version")

    def _number(self, query: str) -> int:
        try:
            found = self._db.execute(query).fetchone()[0] or 0
        except sqlite3.Error as error:
            raise self._fault("read", error) from error
        if not isinstance(found, int):
            raise JournalDamaged(
                self.path, f"the journal {self.path} cannot be read: it counts up to {found!r}"
            )
        return found

    def _fault(
        self, done: str, error: Exception, *, hint: str = "", sound: int | None = None
    ) -> JournalError:
        """What a person is told of an error of SQLite: whose fault it is, and what to do."""
        words = f"the journal {self.path} cannot be {done}: {error}"
        words += f"; {_sound(sound)}" if sound else ""
        if self._is_damage(error):
            return JournalDamaged(self.path, words)
        hint = hint or "`agentdeck runs` lists the runs that can be read"
        return JournalError(words, hint=hint)

    def _is_damage(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF in _OF_THE_MACHINE:
            return bool(code == _SHORT_READ)
        if code & 0xFF == sqlite3.SQLITE_ERROR:  # such as a table that is not there: not yet?
            return mark_file(self.path).exists()
        return True

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
        if self._marker is not None:
            self._marker.close()


def _sound(last: int) -> str:
    if last < 1:
        return "nothing before it is left"
    return "the event before it is sound" if last == 1 else f"events 1 to {last} are sound"


def _is_full(error: sqlite3.Error) -> bool:
    """Was there no room? SQLite says so, or tells of a write or sync that the system refused."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code == sqlite3.SQLITE_FULL or code in _REFUSED


def _cannot_change(path: Path) -> bool:
    """Does it lie whole where nobody can write? SQLite wants to make files beside it otherwise."""
    log = path.with_name(path.name + "-wal")
    try:
        return not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)
    except OSError:
        return False


def _quoted(path: Path) -> str:
    """`path` for a SQLite URI."""
    from urllib.parse import quote

    return quote(str(path))
