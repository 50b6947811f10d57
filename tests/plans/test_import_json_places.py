"""JSON with lines: every table knows where it begins, and hostile texts are one clear error."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.plans.imports.json_places import read_json
from agentdeck.plans.imports.tables import MAX_DEPTH, Table
from agentdeck.plans.problems import PlanProblems

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


def lines(value: Any) -> list[int]:
    """Lines of all tables, outer ones first, in the order of the text."""
    found = [value.line] if isinstance(value, Table) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return found + [line for item in inner for line in lines(item)]


def refused(text: str) -> tuple[int, str]:
    with pytest.raises(PlanProblems) as caught:
        read_json(text, file="x.json")
    (problem,) = caught.value.problems
    return problem.line, problem.message


@given(VALUES)
def test_the_values_are_those_of_the_standard_library(value: Any) -> None:
    """Except for halves of surrogate pairs and NUL, which no plan can hold."""
    text = json.dumps(value)
    if "\\ud" not in text and "\\u0000" not in text:
        assert read_json(text, file="x").value == json.loads(text)
        assert read_json(json.dumps(value, ensure_ascii=False, indent=1), file="x").value == value


@given(VALUES, st.integers(0, 4))
def test_each_table_stands_where_its_brace_stands(value: Any, indent: int) -> None:
    """Counted with braces in texts out of the way, which must not be taken for tables."""
    text = json.dumps(value, indent=indent)
    bare, depth, expected = text, False, []
    skip = False
    line = 1
    for char in bare:
        if skip:
            skip = False
        elif depth and char == "\\":
            skip = True
        elif char == '"':
            depth = not depth
        elif char == "{" and not depth:
            expected.append(line)
        line += char == "\n"
    assert lines(read_json(text, file="x").value) == expected


def test_lines_count_on_from_the_first_one_and_through_a_byte_order_mark() -> None:
    assert lines(read_json('\ufeff{\n "a": {}}', file="x", first_line=7).value) == [7, 8]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "no JSON"),
        ('{"a": 1', 1, "no JSON"),
        ('{\n"a": 1,\n}', 3, "no JSON"),
        ('{"a": NaN}', 1, "NaN is no number"),
        ("[-Infinity]", 1, "no number"),
        ("[" * 5000, 1, f"more than {MAX_DEPTH} deep"),
        ("\n" * 4 + '{"a":' * 100_000, 5, "deep"),
        ("[" + "9" * 5000 + "]", 1, "5000 digits"),
        ("[1." + "9" * 5000 + "]", 1, "digits"),
        ('"' * 3, 1, "no JSON"),
    ],
)
def test_hostile_texts_are_one_error_with_a_line(text: str, line: int, words: str) -> None:
    found, message = refused(text)
    assert found == line
    assert words in message


def test_a_name_that_stands_twice_is_reported_and_the_last_one_holds() -> None:
    document = read_json('{\n"a": {"b": 1,\n"b": 2}}', file="x")
    assert document.value == {"a": {"b": 2}}
    assert document.doubled == [(2, "b")]


def test_half_a_surrogate_pair_and_nul_are_replaced_and_a_whole_pair_is_not() -> None:
    found = read_json(r'["\ud83d", "\ud83d\ude00", {"\u0000": "\udc00x"}]', file="x").value
    assert found == ["\ufffd", "\U0001f600", {"\ufffd": "\ufffdx"}]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        '"' + "\\" * 2_000_000,
        '"' + '\\"' * 1_000_000,
        '"a' * 1_000_000,
        '{"a":1}' * 300_000,
        "[" + '{"a": "}{"},\n' * 150_000 + "1]",
        "}" * 2_000_000,
    ],
)
def test_large_texts_take_linear_time(text: str) -> None:
    """Two megabytes each; anything quadratic would take hours."""
    with contextlib.suppress(PlanProblems):
        read_json(text, file="x")
