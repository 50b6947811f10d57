"""The tail of a log: real files, written, cut and replaced while they are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentdeck.control.logtail import LAG_BYTES, LINE_BYTES, READ_BYTES, RING_LINES, LogTail


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "raw.log"


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def texts(tail: LogTail) -> list[bytes]:
    return [line.data for line in tail.lines]


def drain(tail: LogTail) -> None:
    while tail.poll():
        pass


def test_a_file_that_is_not_there_yet_is_picked_up(log: Path) -> None:
    tail = LogTail(log)
    assert tail.poll() == 0
    add(log, b"one\ntwo\n")
    assert tail.poll() == 2
    assert texts(tail) == [b"one", b"two"]


def test_a_line_waits_for_its_newline(log: Path) -> None:
    add(log, b"one\ntw")
    tail = LogTail(log)
    assert tail.poll() == 1
    add(log, b"o\n")
    assert tail.poll() == 1
    assert texts(tail) == [b"one", b"two"]
    assert [(line.offset, line.end) for line in tail.lines] == [(0, 4), (4, 8)]


def test_a_huge_file_opens_at_its_end_at_once(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse gigabyte: only the last block is read."""
    with log.open("wb") as file:
        file.truncate(1024**3)
        file.seek(0, 2)
        file.write(b"\nnew\nest\n")
    read = list[int]()
    pread = os.pread

    def counted(fd: int, count: int, offset: int) -> bytes:
        read.append(count)
        return pread(fd, count, offset)

    monkeypatch.setattr(os, "pread", counted)
    tail = LogTail(log)
    tail.poll()
    assert sum(read) <= READ_BYTES
    assert texts(tail) == [b"new", b"est"]
    assert tail.skipped_bytes == 0


def test_a_writer_that_is_too_fast_is_skipped_and_the_log_says_so(log: Path) -> None:
    add(log, b"first\n")
    tail = LogTail(log)
    tail.poll()
    add(log, b"x" * 99 + b"\n" + b"y" * 49 + b"\n")
    add(log, (b"z" * 99 + b"\n") * (LAG_BYTES // 50))
    tail.poll()
    assert tail.skipped_bytes > LAG_BYTES
    assert texts(tail)[1] == f"… skipped {tail.skipped_bytes // 1024} KiB".encode()
    assert set(texts(tail)[2:]) == {b"z" * 99}  # never half a line
    assert len(tail.lines) > READ_BYTES // 100 - 2


def test_one_poll_reads_at_most_one_block(log: Path) -> None:
    tail = LogTail(log)
    log.touch()
    tail.poll()
    add(log, b"0123456\n" * (2 * READ_BYTES // 8))
    assert tail.poll() == READ_BYTES // 8
    assert tail.poll() == READ_BYTES // 8


def test_the_ring_is_bounded_and_lines_keep_their_numbers(log: Path) -> None:
    add(log, b"".join(b"%d\n" % n for n in range(RING_LINES + 500)))
    tail = LogTail(log)
    drain(tail)
    assert len(tail.lines) == RING_LINES
    assert tail.first == 500
    assert tail.lines[0].data == b"500"


def test_a_cut_log_starts_again(log: Path) -> None:
    add(log, b"old one\nold two\n")
    tail = LogTail(log)
    tail.poll()
    log.write_bytes(b"new\n")
    tail.poll()
    assert texts(tail)[-1] == b"new"
    assert "was cut" in texts(tail)[-2].decode()


def test_a_replaced_log_is_opened_again(log: Path) -> None:
    add(log, b"old\n")
    tail = LogTail(log)
    tail.poll()
    other = log.with_name("other")
    other.write_bytes(b"new\n")
    other.replace(log)
    tail.poll()
    tail.poll()
    assert texts(tail)[-1] == b"new"


def test_a_line_of_megabytes_breaks_nothing(log: Path) -> None:
    """Its start is kept, and the lines round it are whole."""
    log.touch()
    tail = LogTail(log)
    tail.poll()
    add(log, b"before\n")
    for _ in range(40):
        add(log, b"m" * 60_000)
        tail.poll()
    add(log, b"\nafter\n")
    drain(tail)
    assert [len(text) for text in texts(tail)] == [6, LINE_BYTES, 5]


def test_a_folder_or_a_pipe_is_no_log(tmp_path: Path) -> None:
    assert LogTail(tmp_path).poll() == 0


def test_closing_releases_the_file_and_the_next_poll_goes_on(log: Path) -> None:
    add(log, b"one\n")
    tail = LogTail(log)
    tail.poll()
    tail.close()
    tail.close()
    add(log, b"two\n")
    assert tail.poll() == 1
    assert texts(tail) == [b"one", b"two"]
    tail.close()


def test_lines_before_and_after_any_line_can_be_read(log: Path) -> None:
    """Backwards in pages to the very first line, and forwards again, nothing lost or twice."""
    want = [f"line {n} ".encode() + b"x" * (n % 300) for n in range(3000)]
    add(log, b"".join(line + b"\n" for line in want))
    tail = LogTail(log)
    drain(tail)
    got = [line.data for line in tail.lines]
    offset = tail.lines[0].offset
    while page := tail.lines_before(offset, 70):
        got = [line.data for line in page] + got
        offset = page[0].offset
    assert got == want
    forward: list[bytes] = []
    offset = 0
    while page := tail.lines_after(offset, 70):
        forward += [line.data for line in page]
        offset = page[-1].end
    assert forward == want


def test_a_huge_line_can_be_passed_backwards(log: Path) -> None:
    add(log, b"first\n" + b"m" * 3_000_000 + b"\nlast\n")
    tail = LogTail(log)
    drain(tail)
    page = tail.lines_before(tail.lines[-1].offset, 5)
    assert [(line.data[:5], len(line.data)) for line in page] == [
        (b"first", 5),
        (b"mmmmm", LINE_BYTES),
    ]
