"""YAML with lines: only plain values, and hostile texts are one clear error."""

from __future__ import annotations

import contextlib

import pytest

from agentdeck.plans.imports.yaml_places import read_yaml
from agentdeck.plans.problems import PlanProblems


def refused(text: str) -> tuple[int, str]:
    with pytest.raises(PlanProblems) as caught:
        read_yaml(text, file="x.yaml")
    (problem,) = caught.value.problems
    return problem.line, problem.message


def test_tables_know_their_line_and_values_are_plain() -> None:
    found = read_yaml("a: 1\nb:\n  - x: yes\n    y: 2.5\n  - {z: null}\n", file="x")
    assert found == {"a": 1, "b": [{"x": True, "y": 2.5}, {"z": None}]}
    assert (found.line, found["b"][0].line, found["b"][1].line) == (1, 3, 5)


def test_what_looks_like_a_value_and_is_none_stays_text() -> None:
    """Dates stay as they are written too: a plan has no use for date objects."""
    text = "a: 2026-13-45\nb: 2026-01-02\nc: !!int nine\nd: !mine x\ne: !!binary aGk=\n1: f\n"
    assert read_yaml(text, file="x") == {
        "a": "2026-13-45",
        "b": "2026-01-02",
        "c": "nine",
        "d": "x",
        "e": "aGk=",
        "1": "f",
    }


def test_no_tag_makes_an_object() -> None:
    found = read_yaml("a: !!python/object/apply:os.system ['true']\n", file="x")
    assert found == {"a": ["true"]}


def test_merged_tables_give_what_is_not_said_and_the_first_of_several_holds() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\n"
    assert read_yaml(text, file="x")["c"] == {"x": 0, "y": 1, "z": 2}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: [1", 1, "no YAML"),
        ("a: b\n  c: d", 2, "no YAML"),
        ("a: 1\na: 2", 2, 'the field "a" stands here twice'),
        ("? [a]\n: b", 1, "name of a field"),
        ("a: *nobody", 1, "no YAML"),
        ("a: 1\n---\nb: 2", 2, "no YAML"),
        ("[" * 3000, 1, "nest"),  # the parser in C has a limit of its own
        ("a:\n" + "".join("  " * n + "- a:\n" for n in range(1, 150)), 50, "nest"),
        ("a: &a\n  b: *a", 2, "contain itself"),
        ("<<: 3", 1, "`<<`"),
        ("a: \x07", 1, "no YAML"),
        ("x" * 2_000_001, 1, "characters"),
    ],
)
def test_hostile_texts_are_one_error_with_a_line(text: str, line: int, words: str) -> None:
    found, message = refused(text)
    assert words in message
    assert abs(found - line) <= 1  # of two parsers, one names the line of the key
    assert len(message) < 200


@pytest.mark.timeout(20)
@pytest.mark.parametrize("part", ["a" * 100, "[x, x, x, x, x, x, x, x, x]"])
def test_aliases_cannot_stand_for_billions_of_values(part: str) -> None:
    text = f"l0: &l0 [{part}]\n"
    for level in range(1, 40):
        text += f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]\n"
    assert "too much" in refused(text)[1]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a: 1" + ":59" * 300_000, "a: 0x" + "f" * 500_000, "- " * 90])
def test_long_numbers_take_no_time(text: str) -> None:
    """Numbers in base 60 are quadratic for the loader; here they stay text."""
    with contextlib.suppress(PlanProblems):
        read_yaml(text, file="x")


def test_nothing_is_nothing() -> None:
    assert read_yaml("", file="x") is None
    assert read_yaml("# only a remark\n", file="x") is None
