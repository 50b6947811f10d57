"""The journal keeps its word on real SQLite files: what it acknowledged is there, in order."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentdeck.core.codec import JournalFormatError
from agentdeck.core.errors import EXIT_DAMAGED, DeckError
from agentdeck.core.events import (
    VERSION,
    AgentsLimitSet,
    AnyEvent,
    Recorded,
    RunPaused,
    RunResumed,
    TaskHeld,
)
from agentdeck.core.ids import TaskId
from agentdeck.engine import journal as journal_module
from agentdeck.engine.journal import SCHEMA_VERSION, Journal, JournalDamaged, JournalError

EVENTS: list[AnyEvent] = [
    RunPaused("ann"),
    RunResumed("ann"),
    AgentsLimitSet(3, "bob"),
    TaskHeld(TaskId("T-1"), "Zoë ✓"),
]
KILLS = 10
LIVES_S = 0.25  # of a writer at most; each appends every millisecond or so

# Appends for ever, and says each number once `append` has returned.
WRITER = """
import os, sys
from pathlib import Path
from agentdeck.core.events import AgentsLimitSet
from agentdeck.engine.journal import Journal

journal = Journal(Path(sys.argv[1]), writable=True)
last = journal.last_seq()
os.write(1, b"open\\n")
while True:
    batch = [AgentsLimitSet(last + 1 + i, "writer") for i in range(1 + last % 3)]
    last = journal.append(batch, 1.0, after=last)[-1].seq
    os.write(1, b"%d\\n" % last)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Journal:
    return Journal(path, writable=True)


def test_what_was_appended_is_read_back_by_another_connection(journal: Journal, path: Path) -> None:
    """Events, times, numbers and format, as `append` returned them."""
    recorded = journal.append(EVENTS[:2], 1.5, after=0) + journal.append(EVENTS[2:], 2.5, after=2)
    reader = Journal(path)
    read = reader.read()
    assert read == recorded
    assert [(r.seq, r.at, r.v) for r in read] == [
        (1, 1.5, VERSION),
        (2, 1.5, VERSION),
        (3, 2.5, VERSION),
        (4, 2.5, VERSION),
    ]
    assert [r.event for r in read] == EVENTS
    assert reader.last_seq() == 4


def test_reading_starts_behind_a_number_and_ends_at_a_limit(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long journal is read in chunks of bounded size, and nothing between them is missed."""
    journal.append([AgentsLimitSet(n, "x") for n in range(1, 26)], 1.0, after=0)
    assert [r.seq for r in journal.read(after=20, limit=3)] == [21, 22, 23]
    assert journal.read(after=25) == []
    asked: list[int] = []
    read = journal.sound

    def noted(after: int, limit: int) -> tuple[list[Recorded], DeckError | None]:
        asked.append(after)
        return read(after, limit)

    monkeypatch.setattr(journal_module, "READ_CHUNK", 10)
    monkeypatch.setattr(journal, "sound", noted)
    assert [r.seq for r in journal.history(after=2)] == list(range(3, 26))
    assert asked == [2, 12, 22, 25]


def test_an_empty_journal_is_empty(journal: Journal) -> None:
    """And appending nothing changes nothing."""
    assert (journal.last_seq(), journal.read(), list(journal.history())) == (0, [], [])
    assert journal.append([], 1.0, after=0) == []
    assert journal.last_seq() == 0


@pytest.mark.parametrize("after", [0, 1, 2, 4, 9])
def test_an_append_behind_a_wrong_number_is_refused_and_stores_nothing(
    journal: Journal, path: Path, after: int
) -> None:
    """Three are stored: neither a number that is taken nor a gap is accepted."""
    journal.append(EVENTS[:3], 1.0, after=0)
    with pytest.raises(JournalError):
        journal.append(EVENTS, 2.0, after=after)
    assert [r.event for r in Journal(path).read()] == EVENTS[:3]
    assert journal.append(EVENTS[3:], 3.0, after=3)[0].seq == 4  # and it can go on


def test_of_two_writers_the_one_that_did_not_see_the_other_is_refused(
    journal: Journal, path: Path
) -> None:
    """The error says what has happened, and stops the run's second engine."""
    other = Journal(path, writable=True)
    other.append(EVENTS[:1], 1.0, after=0)
    with pytest.raises(JournalError, match="somebody else has written") as caught:
        journal.append(EVENTS[1:3], 1.0, after=0)
    assert caught.value.hint
    assert [r.event for r in journal.read()] == EVENTS[:1]


def test_a_newer_table_is_refused_with_both_numbers(journal: Journal, path: Path) -> None:
    """An older agentdeck neither reads nor writes what it does not understand."""
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute(f"pragma user_version={SCHEMA_VERSION + 1}")
        db.execute("alter table events rename to facts")
    db.close()
    for writable in (False, True):
        with pytest.raises(JournalFormatError) as caught:
            Journal(path, writable=writable)
        found = f"journal format {SCHEMA_VERSION + 1}, this agentdeck reads {SCHEMA_VERSION}"
        assert found in caught.value.message
        assert "newer" in caught.value.hint
    with sqlite3.connect(path) as db:
        assert db.execute("select name from sqlite_master").fetchall() == [("facts",)]
    db.close()


def test_a_newer_event_is_refused_by_its_number(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The events before it are still read."""
    journal.append(EVENTS[:2], 1.0, after=0)
    monkeypatch.setattr(journal_module, "VERSION", VERSION + 1)
    journal.append(EVENTS[2:3], 1.0, after=2)
    with pytest.raises(JournalFormatError, match=f"event 3 has format {VERSION + 1}"):
        journal.read()
    assert [r.event for r in journal.read(limit=2)] == EVENTS[:2]


@pytest.mark.parametrize("damage", [b"", b"{", b'{"kind":"no.such.event"}', b"\xff\x00\xfe"])
def test_a_damaged_event_is_named_and_those_before_it_are_read(
    journal: Journal, path: Path, damage: bytes
) -> None:
    """`read` up to it, and `history` until it, give what is whole."""
    journal.append(EVENTS, 1.0, after=0)
    with sqlite3.connect(path) as db:
        db.execute("update events set event = ? where seq = 3", (damage,))
    db.close()
    with pytest.raises(JournalDamaged, match="event 3 of the journal cannot be read") as caught:
        journal.read()
    assert "events 1 to 2 are sound" in caught.value.message
    assert "agentdeck runs repair" in caught.value.hint
    assert caught.value.exit_code == EXIT_DAMAGED
    assert [r.event for r in journal.read(limit=2)] == EVENTS[:2]
    assert [r.event for r in journal.read(after=3)] == EVENTS[3:]


def test_a_file_that_is_no_journal_is_an_error_for_a_person(path: Path) -> None:
    """Not SQLite, or SQLite that somebody else made."""
    path.write_bytes(b"once upon a time" * 400)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(path)
    with pytest.raises(JournalError, match="cannot be opened"):
        Journal(path, writable=True)


def test_a_journal_that_was_never_made_ready_is_an_error_for_a_person(path: Path) -> None:
    """A reader may come between the file and its table."""
    path.touch()
    reader = Journal(path)
    with pytest.raises(JournalError, match="cannot be read"):
        reader.last_seq()
    with pytest.raises(JournalError, match="cannot be read"):
        reader.read()
    assert reader.data_version() > 0


def test_a_reader_makes_no_file(path: Path) -> None:
    """Looking at a run that is not there leaves nothing behind."""
    with pytest.raises(JournalError, match="cannot be opened") as caught:
        Journal(path)
    assert "agentdeck runs" in caught.value.hint
    assert list(path.parent.iterdir()) == []


def test_a_reader_cannot_write(journal: Journal, path: Path) -> None:
    """Whatever a face does, the truth is the engine's alone."""
    journal.append(EVENTS[:1], 1.0, after=0)
    reader = Journal(path)
    with pytest.raises(JournalError, match="cannot be written"):
        reader.append(EVENTS[1:], 2.0, after=1)
    assert journal.last_seq() == 1


def test_the_data_version_changes_when_another_connection_has_written(
    journal: Journal, path: Path
) -> None:
    """A face polls this and reads only when there is something."""
    reader = Journal(path)
    before = reader.data_version()
    assert reader.data_version() == before
    journal.append(EVENTS[:1], 1.0, after=0)
    changed = reader.data_version()
    assert changed != before
    assert reader.data_version() == changed
    journal.append(EVENTS[1:2], 1.0, after=1, durable=False)
    assert reader.data_version() != changed


def test_events_without_the_wait_for_the_disk_are_seen_and_the_wait_comes_back(
    journal: Journal, path: Path
) -> None:
    """`durable=False` holds for one append only."""
    journal.append(EVENTS[:1], 1.0, after=0, durable=False)
    assert synchronous(journal) == 1  # normal
    journal.append(EVENTS[1:2], 1.0, after=1)
    assert synchronous(journal) == 2  # full
    assert Journal(path).last_seq() == 2


def synchronous(journal: Journal) -> int:
    value: int = journal._db.execute("pragma synchronous").fetchone()[0]
    return value


def test_the_file_is_for_its_owner_alone(path: Path) -> None:
    """Also under an open umask, and with the files that SQLite puts beside it."""
    before = os.umask(0)
    try:
        journal = Journal(path, writable=True)
        journal.append(EVENTS, 1.0, after=0)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert modes.keys() == {"journal.db", "journal.db-wal", "journal.db-shm", "journal.mark"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("name", ["my runs", "what?mode=memory", "a#b", "100%41", "Zoë", "a&b=c"])
def test_a_path_may_hold_what_means_something_in_a_uri(tmp_path: Path, name: str) -> None:
    """The journal is at that path and nowhere else."""
    folder = tmp_path / name
    folder.mkdir()
    journal = Journal(folder / "journal.db", writable=True)
    journal.append(EVENTS, 1.0, after=0)
    assert Journal(folder / "journal.db").last_seq() == len(EVENTS)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]
    assert (folder / "journal.db").is_file()


def test_no_acknowledged_event_is_lost_when_the_writer_is_killed(path: Path) -> None:
    """By kill -9 at ten random moments, each writer going on where the one before stood."""
    chance = random.Random(7)
    known = 0
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0, LIVES_S))  # the moment itself is the input of this test
        writer.send_signal(signal.SIGKILL)
        said = writer.stdout.read().splitlines(keepends=True)
        assert writer.wait() == -signal.SIGKILL
        writer.stdout.close()
        acknowledged = [int(line) for line in said if line.endswith("\n")]
        known = max([known, *acknowledged])
        reader = Journal(path)
        history = list(reader.history())
        reader.close()
        assert [r.seq for r in history] == list(range(1, len(history) + 1))
        assert len(history) >= known
        assert [r.event for r in history] == [AgentsLimitSet(r.seq, "writer") for r in history]
    assert known > KILLS, "the writers must have got somewhere"
