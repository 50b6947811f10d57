"""What stands in the place of a file: only plain ones are read, never longer than they may be."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from agentdeck.control.logtail import LogTail, open_log
from agentdeck.engine.git import first_line
from agentdeck.engine.growing_log import GrowingLog
from agentdeck.engine.heartbeat import read_beat
from agentdeck.engine.plain_files import NotPlainError, copy_plain, open_plain, read_plain
from agentdeck.engine.processes import LaunchError, read_child, read_exit
from agentdeck.engine.trace_file import TraceFile

SECRET = "-----a key of the person-----\n"


def _link(place: Path) -> None:
    outside = place.parent / "outside"
    outside.write_text(SECRET)
    place.symlink_to(outside)


def _endless(place: Path) -> None:
    place.symlink_to("/dev/zero")


def _nowhere(place: Path) -> None:
    place.symlink_to(place.parent / "not-there")


def _pipe(place: Path) -> None:
    os.mkfifo(place)


def _folder(place: Path) -> None:
    place.mkdir()


def _socket(place: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        made.bind(str(place))


TRICKS = (_link, _endless, _nowhere, _pipe, _folder, _socket)
Trick = Callable[[Path], None]


@pytest.fixture(params=TRICKS)
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A path at which something else than a plain file is."""
    found = tmp_path / "place"
    request.param(found)
    return found


def test_nothing_but_a_plain_file_is_opened(place: Path) -> None:
    """No link is followed, and nobody waits for somebody to write into a pipe."""
    with pytest.raises(NotPlainError):
        open_plain(place)
    with pytest.raises(NotPlainError):
        read_plain(place, 100)
    with pytest.raises(NotPlainError):
        copy_plain(place, place.with_name("copy"), 100)
    assert not place.with_name("copy").exists()


def test_what_agents_may_replace_is_read_as_nothing(place: Path) -> None:
    """Logs, traces, small files of git, the heartbeat: the reader goes on without them."""
    assert first_line(place) == ""
    assert GrowingLog(place).read() == b""
    assert TraceFile(place, "claude").read(0.0) == []
    assert read_beat(place) is None
    tail = LogTail(place)
    tail.poll()
    assert list(tail.lines) == []
    with pytest.raises(FileNotFoundError):
        open_log(place)


@pytest.mark.parametrize("name", ["exit", "pid"])
@pytest.mark.parametrize("trick", TRICKS)
def test_notes_of_a_launcher_are_plain_files(tmp_path: Path, name: str, trick: Trick) -> None:
    """Anything else is a fault that names the file, and no wait."""
    trick(tmp_path / name)
    with pytest.raises(LaunchError, match=name):
        (read_exit if name == "exit" else read_child)(tmp_path)


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    """One byte more is a fault, whatever the file says of its size."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * 100)
    assert read_plain(file, 100) == b"x" * 100
    with pytest.raises(OSError, match="more than 99"):
        read_plain(file, 99)
    copy_plain(file, tmp_path / "copy", 100)
    assert (tmp_path / "copy").read_bytes() == b"x" * 100
    assert (tmp_path / "copy").stat().st_mtime_ns == file.stat().st_mtime_ns
    with pytest.raises(OSError, match="more than 99"):
        copy_plain(file, tmp_path / "other", 99)


def test_the_first_line_of_an_endless_file_is_cut(tmp_path: Path) -> None:
    """A gigabyte of zeros takes no memory."""
    file = tmp_path / ".git"
    with file.open("wb") as out:
        out.truncate(1024**3)
    assert len(first_line(file)) < 100_000
