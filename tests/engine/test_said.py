"""Words to an agent go through once, whole, whoever dies in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentdeck.engine import agent_stdin, said
from agentdeck.engine.agent_stdin import NotHeard, unread_bytes
from agentdeck.engine.said import InputIsClosed, note_closed, say

LINE = b"x" * 70_000 + b"\n"  # more than a pipe holds by itself


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "stdin")
    return tmp_path


@pytest.fixture
def agent(folder: Path) -> Iterator[Callable[[], bytes]]:
    """`agent()`: what has come on the input since the last look."""
    reader = os.open(folder / "stdin", os.O_RDONLY | os.O_NONBLOCK)
    holder = os.open(folder / "stdin", os.O_WRONLY)  # as the launcher keeps it open

    def read() -> bytes:
        found = b""
        try:
            while piece := os.read(reader, 1 << 20):
                found += piece
        except BlockingIOError:
            pass
        return found

    yield read
    os.close(holder)
    os.close(reader)


def begun(folder: Path, done: int = 0) -> None:
    """What an engine leaves that died while it wrote."""
    said._write(folder, said._Said("m1", len(LINE), done))


def test_words_are_written_once(folder: Path, agent: Callable[[], bytes]) -> None:
    """A step that is done again finds it done."""
    say(folder, "m1", LINE)
    assert agent() == LINE
    say(folder, "m1", LINE)
    assert agent() == b""
    say(folder, "m2", b"more\n")
    assert agent() == b"more\n"


def test_a_line_longer_than_a_pipe_goes_in_at_once(
    folder: Path, agent: Callable[[], bytes]
) -> None:
    """Nobody has to read meanwhile, so no half line can be left behind by a crash."""
    if agent_stdin.SET_PIPE_SIZE is None:
        pytest.skip("pipes cannot grow here")
    say(folder, "m1", LINE)
    assert unread_bytes(folder) == len(LINE)


def test_words_that_were_begun_are_said_again(folder: Path, agent: Callable[[], bytes]) -> None:
    """Twice is better than never."""
    begun(folder)
    say(folder, "m1", LINE)
    assert agent() == LINE


def test_a_prompt_that_shows_is_not_said_again(folder: Path, agent: Callable[[], bytes]) -> None:
    """The agent has printed something, which it does only after its prompt."""
    begun(folder)
    say(folder, "m1", LINE, seen=lambda: True)
    assert agent() == b""


def test_a_prompt_that_waits_to_be_read_is_not_said_again(
    folder: Path, agent: Callable[[], bytes]
) -> None:
    say(folder, "m1", LINE)
    begun(folder)
    say(folder, "m1", LINE, seen=lambda: False)
    assert agent() == LINE


def test_a_prompt_that_never_shows_is_said_again(
    folder: Path, agent: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(said, "SEEN_S", 0.05)
    begun(folder)
    say(folder, "m1", LINE, seen=lambda: False)
    assert agent() == LINE


def test_half_a_line_is_continued(
    folder: Path, agent: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the pipe cannot grow and the agent does not read, the rest comes later."""
    monkeypatch.setattr(agent_stdin, "SET_PIPE_SIZE", None)
    monkeypatch.setattr(agent_stdin, "WRITE_TIMEOUT_S", 0.05)
    with pytest.raises(NotHeard, match="read only 65536 of 70001 bytes"):
        say(folder, "m1", LINE)
    first = agent()
    say(folder, "m1", LINE)
    assert first + agent() == LINE


def test_nothing_is_said_once_the_input_was_closed(
    folder: Path, agent: Callable[[], bytes]
) -> None:
    """Also not by an engine that knows of it only from the folder."""
    say(folder, "m1", b"one\n")
    note_closed(folder)
    with pytest.raises(InputIsClosed):
        say(folder, "m2", b"two\n")
    assert agent() == b"one\n"


def test_a_mark_that_cannot_be_read_is_no_mark(folder: Path, agent: Callable[[], bytes]) -> None:
    (folder / "said").write_bytes(b"\0\0\0")
    say(folder, "m1", b"one\n")
    assert agent() == b"one\n"
