"""A log that grows: every byte is read once, and a flood is looked at less often."""

from __future__ import annotations

from pathlib import Path

from agentdeck.engine.growing_log import (
    CHUNK,
    FIRST_CHUNK,
    FLOOD_BYTES,
    FLOOD_POLL_S,
    LEAST_CHUNK,
    POLL_S,
    QUICK_S,
    SLOW_S,
    GrowingLog,
)


def test_a_log_is_read_from_a_position_on_as_it_grows(tmp_path: Path) -> None:
    """What was known is not read again, nothing is left out, and a missing file has no bytes."""
    path = tmp_path / "raw.log"
    log = GrowingLog(path, 3)
    assert log.read() == b""
    path.write_bytes(b"oldnew")
    assert log.read() == b"new"
    assert log.read() == b""
    with path.open("ab") as file:
        file.write(b" and more")
    assert log.read() == b" and more"


def test_a_look_reads_one_chunk_at_most(tmp_path: Path) -> None:
    """A log that has grown by more is read in several looks, in order."""
    path, data = tmp_path / "raw.log", bytes(range(256)) * (FIRST_CHUNK // 256) + b"rest"
    path.write_bytes(data)
    log = GrowingLog(path)
    assert log.read() == data[:FIRST_CHUNK]
    assert log.is_behind
    assert log.read() == b"rest"
    assert not log.is_behind


def test_a_chunk_is_as_large_as_reading_it_is_cheap(tmp_path: Path) -> None:
    """It halves while it takes too long and doubles while it is cheap, both within bounds."""
    path = tmp_path / "raw.log"
    path.write_bytes(bytes(5 * CHUNK))
    log = GrowingLog(path)
    read = []
    for cpu_s in (0.0, 0.0, 0.0, 0.0, QUICK_S * 2, SLOW_S * 2):
        read.append(len(log.read()))
        log.took(cpu_s)
    doubled = [FIRST_CHUNK, FIRST_CHUNK * 2, FIRST_CHUNK * 4]
    assert read == [*doubled, CHUNK, CHUNK, CHUNK]
    other = GrowingLog(path)
    for _ in range(20):
        other.took(SLOW_S * 2)
    assert len(other.read()) == LEAST_CHUNK


def test_a_flood_is_looked_at_less_often_until_it_is_over(tmp_path: Path) -> None:
    """All that came since the last pause counts, however many looks it took."""
    path = tmp_path / "raw.log"
    path.write_bytes(bytes(FIRST_CHUNK + 1))
    log = GrowingLog(path)
    assert log.pause_s() == POLL_S
    log.read()
    log.read()
    assert log.pause_s() == FLOOD_POLL_S
    with path.open("ab") as file:
        file.write(bytes(FLOOD_BYTES))
    log.read()
    assert log.pause_s() == POLL_S
