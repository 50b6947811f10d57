"""Lines out of pieces, and what control lines mean."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.engine.acp.control_input import heard
from agentdeck.engine.acp.control_lines import (
    MAX_LINE_BYTES,
    Cancel,
    Control,
    End,
    Mistake,
    Permission,
    Prompt,
    read_control,
)
from agentdeck.engine.acp.lines import LineSplitter

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(st.binary(max_size=200), st.lists(st.integers(1, 50), max_size=20))
def test_lines_do_not_depend_on_the_pieces(data: bytes, cuts: list[int]) -> None:
    """A pipe hands over whatever it likes."""
    splitter, found, rest = LineSplitter(1000), [], data
    for size in cuts:
        found += splitter.feed(rest[:size])
        rest = rest[size:]
    found += splitter.feed(rest) + splitter.finish()
    whole = data.split(b"\n")
    assert found == (whole if whole[-1] else whole[:-1])


def test_a_line_above_the_limit_is_cut_and_counted_and_the_next_is_whole() -> None:
    splitter = LineSplitter(4)
    assert splitter.feed(b"12") == []
    assert splitter.feed(b"3456789") == []
    assert splitter.cut == 0
    assert splitter.feed(b"\nab\n1234\n") == [b"1234", b"ab", b"1234"]
    assert splitter.cut == 1


def test_megabytes_without_a_line_break_do_not_pile_up() -> None:
    splitter = LineSplitter(100)
    for _ in range(1000):
        splitter.feed(b"x" * 10_000)
    assert splitter.finish() == [b"x" * 100]
    assert splitter.cut == 1


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ({"type": "prompt", "id": "p", "text": "go on"}, Prompt("p", "go on")),
        ({"type": "prompt", "id": 7, "text": "go on", "more": 1}, Prompt("7", "go on")),
        ({"type": "prompt", "text": "go on"}, Prompt("", "go on")),
        ({"type": "permission", "id": 0, "option": "x"}, Permission("0", "x")),
        ({"type": "permission", "id": "0", "option": None}, Permission("0", None)),
        ({"type": "cancel"}, Cancel()),
        ({"type": "end"}, End()),
    ],
)
def test_each_control_line_has_one_meaning(line: dict[str, Any], meant: Control) -> None:
    assert read_control(json.dumps(line).encode()) == meant


@pytest.mark.parametrize(
    "line",
    [
        {"type": "permission", "id": "0"},
        {"type": "permission", "option": "x"},
        {"type": "permission", "id": True, "option": "x"},
        {"type": "permission", "id": "0", "option": 1},
        {"type": "prompt", "text": "  "},
        {"type": "prompt", "text": 7},
        {"type": ["cancel"]},
        {"kind": "cancel"},
    ],
)
def test_a_line_that_forgets_something_does_nothing(line: dict[str, Any]) -> None:
    """A permission without a decision in particular is neither given nor refused."""
    assert isinstance(read_control(json.dumps(line).encode()), Mistake)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise(line: bytes) -> None:
    found = read_control(line.replace(b"\n", b" "))
    assert found is None or isinstance(found, Control)


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_garbage_between_control_lines_hides_none(garbage: list[bytes]) -> None:
    splitter, said = LineSplitter(MAX_LINE_BYTES), list[Control]()
    for piece in garbage:
        said += heard(splitter, piece.replace(b"\n", b" ") + b'\n{"type":"cancel"}\n')
    assert said.count(Cancel()) >= len(garbage)


def test_a_line_of_megabytes_is_a_mistake_and_the_next_is_heard() -> None:
    splitter = LineSplitter(MAX_LINE_BYTES)
    line = json.dumps({"type": "prompt", "text": "x" * (MAX_LINE_BYTES + 5)}).encode()
    said = heard(splitter, line) + heard(splitter, b'\n{"type":"end"}\n')
    assert [type(one) for one in said] == [Mistake, End, Mistake]


def test_the_end_of_the_input_says_end_after_a_last_line_without_a_break() -> None:
    splitter = LineSplitter(MAX_LINE_BYTES)
    assert heard(splitter, b'{"type":"cancel"}') == []
    assert heard(splitter, b"") == [Cancel(), End()]
