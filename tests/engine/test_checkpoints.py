"""Checkpoints are written by the engine, believed only where all fits, and never its own truth."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sqlite3
import stat
from functools import cache
from pathlib import Path

import msgspec
import pytest

from agentdeck import core
from agentdeck.control.runs import fold_run
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.checkpoint import opened, packed, sealed
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.fold import fold
from agentdeck.core.ids import RunId
from agentdeck.core.state import RunState
from agentdeck.core.steps import IOStep
from agentdeck.engine import checkpoint_file, checkpoints
from agentdeck.engine.checkpoint_file import code_mark, latest, write
from agentdeck.engine.checkpoints import Checkpoints
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.identity import identity_of
from agentdeck.engine.journal import Journal, JournalError
from agentdeck.engine.loop import Engine
from agentdeck.testing.simulation import seeded

PATIENCE_S = 60.0


@cache
def history() -> list[Recorded]:
    """The first hundred events of a run."""
    played = seeded(3)  # it has more than a hundred
    played.run()
    return played.history[:100]


def stored(folder: RunFolder, events: list[Recorded]) -> RunFolder:
    """A run's folder with a journal of these events, each with its own time."""
    folder.create()
    journal = Journal(folder.journal, writable=True)
    for recorded in events:
        journal.append([recorded.event], recorded.at, after=recorded.seq - 1, durable=False)
    journal.close()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return stored(RunFolder(tmp_path / "runs" / "r-1"), history())


def read(folder: RunFolder, until: int | None = None) -> RunState | None:
    journal = Journal(folder.journal)
    try:
        return latest(folder, journal, until=until)
    finally:
        journal.close()


def keep(folder: RunFolder, cut: int, *, code: str = "") -> RunState:
    """A checkpoint after so many events of the journal; its state."""
    state = fold_run(folder, at=cut, whole=True)
    write(folder, code or code_mark(), cut, packed(state))
    return state


def test_what_is_read_is_what_was_folded(folder: RunFolder) -> None:
    """The latest one is found, with the state after its event; only its owner may read it."""
    keep(folder, 50)
    state = keep(folder, 80)
    assert read(folder) == state
    assert stat.S_IMODE(folder.checkpoint.stat().st_mode) == 0o600
    assert not folder.checkpoint.with_suffix(".new").exists()


def test_a_face_folds_the_rest_onto_it(folder: RunFolder) -> None:
    """From a checkpoint at any event a run looks the same, and at any moment of it too."""
    whole = fold_run(folder, whole=True)
    for cut in range(1, whole.seq + 1, 37):
        keep(folder, cut)
        assert fold_run(folder) == whole
        assert fold_run(folder, at=40) == fold_run(folder, at=40, whole=True)
        assert fold_run(folder, at=cut) == fold_run(folder, at=cut, whole=True)


def test_one_that_knows_later_events_is_of_no_use(folder: RunFolder) -> None:
    keep(folder, 50)
    assert read(folder, until=49) is None
    assert read(folder, until=50) is not None


def test_another_version_is_not_believed(folder: RunFolder) -> None:
    """The code that folded it must be the code that would fold it, be it older or newer."""
    for code in ("0.0.1 " + code_mark().split()[1], code_mark() + "0", "?"):
        keep(folder, 50, code=code)
        assert read(folder) is None
        assert fold_run(folder) == fold_run(folder, whole=True)


def test_any_change_of_the_core_is_another_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line in one file of the core, or the same line in another one."""
    assert core.__file__
    copy = shutil.copytree(Path(core.__file__).parent, tmp_path / "core")
    monkeypatch.setattr(core, "__file__", str(copy / "__init__.py"))
    seen = {code_mark.__wrapped__(), code_mark()}
    assert len(seen) == 1
    for name in ("fold.py", "state.py"):
        text = (copy / name).read_bytes()
        (copy / name).write_bytes(text + b"#")
        seen.add(code_mark.__wrapped__())
        (copy / name).write_bytes(text)
    assert len(seen) == 3


def test_another_run_is_not_believed(folder: RunFolder, tmp_path: Path) -> None:
    """Not one that was copied here, nor one of a journal that has the same name."""
    keep(folder, 50)
    other = stored(RunFolder(tmp_path / "runs" / "r-2"), history())
    shutil.copy(folder.checkpoint, other.checkpoint)
    assert read(other) is None
    again = stored(RunFolder(tmp_path / "elsewhere" / "r-1"), later(history()))
    shutil.copy(folder.checkpoint, again.checkpoint)
    assert read(again) is None


def later(events: list[Recorded]) -> list[Recorded]:
    """The same run, a second later."""
    return [msgspec.structs.replace(one, at=one.at + 1.0) for one in events]


@pytest.mark.parametrize("number", [1, 50])
def test_a_journal_that_says_something_else_is_believed_in_its_place(
    folder: RunFolder, number: int
) -> None:
    """The first event and the one at the cut stand for the rest of the journal."""
    keep(folder, 50)
    with sqlite3.connect(folder.journal) as db:
        db.execute("update events set at = at + 0.001 where seq = ?", (number,))
    assert read(folder) is None


def test_a_journal_that_has_lost_its_end_is_believed(folder: RunFolder) -> None:
    """After a power cut telemetry may be gone that a checkpoint still knew."""
    keep(folder, 80)
    with sqlite3.connect(folder.journal) as db:
        db.execute("delete from events where seq > 60")
    assert read(folder) is None
    assert fold_run(folder).seq == 60


def test_any_damaged_file_is_survived(folder: RunFolder) -> None:
    """Whatever stands in the file, or in its place, the run is seen as its journal tells it."""
    keep(folder, 80)
    whole, state = folder.checkpoint.read_bytes(), fold_run(folder, whole=True)
    for at in range(0, len(whole), 97):
        folder.checkpoint.write_bytes(whole[:at])
        assert read(folder) is None
        folder.checkpoint.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        assert read(folder) is None
    assert fold_run(folder) == state
    folder.checkpoint.unlink()
    folder.checkpoint.mkdir()
    assert fold_run(folder) == state


def test_no_state_but_that_of_its_event_counts(folder: RunFolder) -> None:
    """Sealed in good order, but with another state in it, or with none."""
    keep(folder, 50)
    found = opened(folder.checkpoint.read_bytes())
    assert found is not None
    for state in (packed(fold_run(folder, at=49, whole=True)), b"\x01", b""):
        folder.checkpoint.write_bytes(sealed(found.origin, state or b"\xc0"))
        assert read(folder) is None


# --- when one is written --------------------------------------------------------------------------


def test_one_is_written_each_time_that_enough_has_happened(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn that passes the mark writes the state as it is then; the last one comes at the end."""
    monkeypatch.setattr(checkpoints, "EVERY", 40)
    monkeypatch.setattr(checkpoints, "BYTES_AN_EVENT", 1_000_000)
    keeper, seen = Checkpoints(folder), []
    for seq in (10, 39, 41, 60, 80, 81, 90):
        keeper.stored(fold_run(folder, at=seq, whole=True))
        if keeper._writing is not None:
            keeper._writing.result()
        found = read(folder)
        seen.append(found.seq if found is not None else 0)
    keeper.close(fold_run(folder, at=91, whole=True))
    assert seen == [0, 0, 41, 41, 41, 81, 81]
    assert read(folder) == fold_run(folder, at=91, whole=True)


def test_a_large_state_is_written_less_often(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "EVERY", 10)
    monkeypatch.setattr(checkpoints, "BYTES_AN_EVENT", len(packed(fold_run(folder, at=10))) // 50)
    keeper = Checkpoints(folder)
    for seq in (10, 20, 59):
        keeper.stored(fold_run(folder, at=seq, whole=True))
    keeper.close(None)
    found = read(folder)
    assert found is not None
    assert found.seq == 10


def test_a_short_run_has_none(folder: RunFolder) -> None:
    """What is folded in a moment needs no file."""
    state = fold_run(folder)
    assert state.seq < checkpoints.EVERY
    keeper = Checkpoints(folder)
    keeper.stored(state)
    keeper.close(state)
    assert not folder.checkpoint.exists()


def nearly_full(monkeypatch: pytest.MonkeyPatch, _: RunFolder) -> None:
    usage = type(shutil.disk_usage("/"))(10**12, 10**12, checkpoint_file.ROOM)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)


def in_the_way(_: pytest.MonkeyPatch, folder: RunFolder) -> None:
    (folder.checkpoint / "of somebody").mkdir(parents=True)


def no_journal(_: pytest.MonkeyPatch, folder: RunFolder) -> None:
    folder.journal.unlink()


def not_packed(monkeypatch: pytest.MonkeyPatch, _: RunFolder) -> None:
    def refuse(_: RunState) -> bytes:
        raise OverflowError("too large")

    monkeypatch.setattr(checkpoints, "packed", refuse)


@pytest.mark.parametrize("fault", [nearly_full, in_the_way, no_journal, not_packed])
def test_what_cannot_be_written_is_left_out(
    folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: object,
) -> None:
    """The engine goes on, is told of once, and nothing is left on the disk."""
    assert callable(fault)
    state = fold_run(folder)
    monkeypatch.setattr(checkpoints, "EVERY", 10)
    monkeypatch.setattr(logging.getLogger("agentdeck.engine"), "propagate", True)
    fault(monkeypatch, folder)
    keeper = Checkpoints(folder)
    for _ in range(3):
        keeper._due = 0
        keeper.stored(state)
        if keeper._writing is not None:
            keeper._writing.result()
    keeper.close(state)
    assert [record.getMessage()[:26] for record in caplog.records] == ["no checkpoint was written:"]
    assert not folder.checkpoint.with_suffix(".new").exists()


def test_what_a_killed_write_has_left_is_written_over(folder: RunFolder) -> None:
    folder.checkpoint.with_suffix(".new").write_bytes(b"half of it")
    state = keep(folder, 50)
    assert read(folder) == state
    assert not folder.checkpoint.with_suffix(".new").exists()


# --- the engine -----------------------------------------------------------------------------------


class Idle:
    """Does no step."""

    async def perform(self, step: IOStep) -> None:
        await asyncio.Event().wait()

    def close(self) -> None:
        """Nothing is held."""


def opened_engine(folder: RunFolder) -> Engine:
    identity = identity_of(os.getpid())
    assert identity is not None
    return Engine(folder, Journal(folder.journal, writable=True), identity)


@pytest.fixture
def begun(tmp_path: Path) -> RunFolder:
    """A run of which only the first event is there."""
    first = history()[0]
    assert isinstance(first.event, e.RunStarted)
    event = msgspec.structs.replace(first.event, run=RunId("r-1"))
    return stored(RunFolder(tmp_path / "runs" / "r-1"), [Recorded(1, first.at, event)])


async def test_an_engine_leaves_checkpoints_on_its_way(
    begun: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it turns there is one of a moment that was, and at its end one of the very end."""
    monkeypatch.setattr(checkpoints, "EVERY", 5)
    engine = opened_engine(begun)
    turning = asyncio.create_task(engine.run(Idle()))
    async with asyncio.timeout(PATIENCE_S):
        while not begun.checkpoint.exists():
            await engine.submit(c.SetAgents(1 + engine.state.seq % 3))
        on_the_way = read(begun)
        assert on_the_way is not None
        assert on_the_way == fold_run(begun, at=on_the_way.seq, whole=True)
        engine.stop("test")
        await turning
    assert read(begun) == engine.state == fold_run(begun, whole=True)


async def test_an_engine_believes_its_journal_alone(begun: RunFolder) -> None:
    """A checkpoint that a face would believe is nothing to an engine that starts again."""
    state = fold_run(begun)
    state.agents_limit = 99
    write(begun, code_mark(), state.seq, packed(state))
    assert fold_run(begun).agents_limit == 99
    engine = opened_engine(begun)
    assert engine.state == fold_run(begun, whole=True)
    assert engine.state.agents_limit != 99
    engine._journal.close()
    engine._reader.close()


async def test_a_journal_that_broke_leaves_no_checkpoint(
    begun: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state of an engine that could not store what it had folded is not what was stored."""
    monkeypatch.setattr(checkpoints, "EVERY", 1)
    engine = opened_engine(begun)

    def broken(*_: object, **__: object) -> None:
        raise JournalError("the disk is gone")

    monkeypatch.setattr(engine._journal, "append", broken)
    with pytest.raises(JournalError):
        await asyncio.wait_for(engine.run(Idle()), PATIENCE_S)
    assert engine.state.seq > 1
    assert not begun.checkpoint.exists()


def events_of(folder: RunFolder) -> list[AnyEvent]:
    journal = Journal(folder.journal)
    try:
        return [recorded.event for recorded in journal.history()]
    finally:
        journal.close()


def test_a_checkpoint_is_nothing_that_a_journal_knows(begun: RunFolder) -> None:
    """Writing one adds no event: who reads the journal sees no difference."""
    before = events_of(begun)
    keep(begun, 1)
    assert events_of(begun) == before
    assert fold_run(begun) == fold([Recorded(1, fold_run(begun).at, before[0])])
