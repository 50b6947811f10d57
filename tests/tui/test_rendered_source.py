"""The log as the deck shows it, from a file that grows and from any part of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.text import Text

from agentdeck.agents.passages import PASSAGE_LINES, Passages
from agentdeck.control.logtail import LogLine, LogTail
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.log_lines import log_lines
from agentdeck.tui.presentation.log_source import PAGE_LINES
from agentdeck.tui.presentation.rendered_source import DrawnRow, RenderedSource

WIDTH = 40


def said(text: str) -> bytes:
    line = {"type": "message", "role": "assistant", "content": text, "delta": True}
    return json.dumps(line).encode() + b"\n"


def used(tool: str) -> bytes:
    line = {"type": "tool_use", "tool_name": tool, "tool_id": tool, "parameters": {}}
    return json.dumps(line).encode() + b"\n"


QUIET = b'{"type":"unheard of"}\n'


def source(log: Path) -> RenderedSource:
    def draw(passage: Sequence[LogLine]) -> list[DrawnRow]:
        data = [line.data for line in passage]
        lines = log_lines("gemini", data, WIDTH, root="", utc=True)
        return [DrawnRow(Text(text_of(line))) for line in lines]

    return RenderedSource(LogTail(log), lambda: Passages("gemini"), draw)


def rows(of: RenderedSource) -> list[str]:
    return [str(line) for line in of.lines(of.first, of.first + of.count())]


def append(log: Path, *lines: bytes) -> None:
    with log.open("ab") as file:
        file.write(b"".join(lines))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "raw.log"
    path.touch()
    return path


def test_a_message_grows_in_its_place_while_its_pieces_come(log: Path) -> None:
    """You should see one text that gets longer, not a line for each piece."""
    append(log, used("ls"), said("I will "))
    shown = source(log)
    assert rows(shown) == ["▸ ls  ", "  I will"]
    numbers = []
    for piece in ("write ", "the fi", "le in a moment, and then comm", "it it."):
        append(log, said(piece))
        shown.poll()
        numbers.append((shown.first, shown.count()))
    assert rows(shown) == [
        "▸ ls  ",
        "  I will write the file in a moment, and",
        "  then commit it.",
    ]
    assert numbers == [(0, 2), (0, 2), (0, 3), (0, 3)]
    append(log, QUIET, used("cat"), said("Done."))
    shown.poll()
    assert rows(shown)[3:] == ["▸ cat  ", "  Done."]


def test_what_stands_is_not_drawn_again(log: Path) -> None:
    append(log, said("One."), used("ls"))
    shown = source(log)
    before = shown.lines(0, shown.count())
    append(log, said("Two."))
    shown.poll()
    assert all(new is old for new, old in zip(shown.lines(0, 2), before, strict=True))


line = st.sampled_from([used("ls"), QUIET, b"stderr\n"]) | st.sampled_from(
    ["a", "word ", "in two\nlines", "long " * 12]
).map(said)


@settings(deadline=None)
@given(batches=st.lists(st.lists(line, max_size=6), max_size=8))
def test_a_log_that_was_followed_looks_like_one_opened_later(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]]
) -> None:
    log = tmp_path_factory.mktemp("log") / "raw.log"
    log.touch()
    followed = source(log)
    for batch in batches:
        append(log, *batch)
        followed.poll()
    assert rows(followed) == rows(source(log))


@pytest.mark.parametrize("times", [1, 7, PASSAGE_LINES - 1])
def test_a_message_at_an_edge_of_the_window_is_whole(log: Path, times: int) -> None:
    """Back to the first line and on to the last: the text is that of the whole log."""
    total = 6 * PAGE_LINES
    for at in range(0, total, times + 1):
        append(log, used(f"t{at}"), *[said(f"{at}-{n} ") for n in range(times)])
    shown = source(log)
    newest = rows(shown)[-1]
    shown.hold(True)
    while shown.earlier():
        pass
    back = rows(shown)
    assert back[0].startswith("▸ t0")
    expected = " ".join(
        word
        for at in range(0, total, times + 1)
        for word in (f"▸ t{at}", *(f"{at}-{n}" for n in range(times)))
    )
    assert expected.startswith(" ".join(" ".join(back[:-40]).split()))
    shown.rewind()
    while shown.later():
        pass
    assert rows(shown)[-1] == newest
    assert " ".join(" ".join(rows(shown)[40:]).split()) in expected
