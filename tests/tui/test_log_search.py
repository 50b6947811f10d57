"""A whole log is looked through by a process: all of it, from where one stands, in pieces."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.control.log_pieces import PIECE_BYTES
from agentdeck.tui import log_search
from agentdeck.tui.presentation.log_found import Found, Hits, Query
from agentdeck.tui.presentation.log_rows import LogLook
from agentdeck.tui.searching import LogSearch

RAW = LogLook("plain", 80, raw=True, wrap=False)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Some pieces long, with one line longer than a piece; each hundredth line has an ant."""
    path = tmp_path / "raw.log"
    lines = [b"line %d%s" % (n, b" Ant" if n % 100 == 0 else b"") for n in range(60_000)]
    lines[30_050] = b"x" * (2 * PIECE_BYTES)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def searched(path: Path, find: str, at: int | None = None) -> tuple[Hits, list[Found]]:
    search, told = LogSearch(Query(str(path), RAW, find, at=at)), list[Found]()

    def take(found: Found) -> None:
        told.append(found)
        search.hits.take(found)

    search.listen(take)
    search.end()
    return search.hits, told


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("find", ["ant", "an[t]"])
def test_every_line_is_found_once_and_in_order(log: Path, share: float, find: str) -> None:
    """From any place, as plain text and as an expression; offsets are those of the lines."""
    data = log.read_bytes()
    hits, told = searched(log, find, int(share * len(data)))
    assert len(hits) == 600
    offsets = [hits.hit(number).offset for number in range(600)]
    assert offsets == sorted(set(offsets))
    assert all(b" Ant" in data[at : data.index(b"\n", at)] for at in offsets)
    assert hits.whole
    assert all(len(found.hits) <= log_search.BATCH_HITS for found in told)


def test_what_was_written_since_is_found_when_it_is_asked_for(log: Path) -> None:
    """The last line is told anew, not twice."""
    search = LogSearch(Query(str(log), RAW, "ant"))
    search.listen(search.hits.take)
    with log.open("ab") as file:
        file.write(b"a late ant\n")
    assert search.more()
    search.listen(search.hits.take)
    search.end()
    assert len(search.hits) == 601


def test_more_hits_than_anybody_steps_through_are_not_kept(tmp_path: Path) -> None:
    """It stops, and says that there may be more."""
    path = tmp_path / "raw.log"
    path.write_bytes(b"ant\n" * (3 * log_search.MOST_HITS + PIECE_BYTES))
    hits, _ = searched(path, "ant", 0)
    assert log_search.MOST_HITS <= len(hits) < 2 * log_search.MOST_HITS
    assert hits.cut_ahead
    assert not hits.whole
    back, _ = searched(path, "ant")
    assert back.cut_behind
    assert back.hit(len(back) - 1).end == path.stat().st_size, "the nearest are kept"


def test_a_search_can_be_called_off(log: Path) -> None:
    """Its process is gone; asking it for more is refused, ending it again does no harm."""
    search = LogSearch(Query(str(log), RAW, "ant"))
    search.end()
    search.end()
    assert not search._process.alive
    assert not search.more()


def test_a_log_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    """No error: it may come."""
    hits, _ = searched(tmp_path / "none", "ant")
    assert len(hits) == 0
    assert hits.done
