"""Two footprints that can meet are never called apart."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentdeck.core.footprint import covers, overlap, patterns_overlap

PIECES = st.sampled_from(["a", "b", "*", "?", "[ab]", "[!a]", "[", "]", ".", "-", "ab"])
SEGMENTS = st.one_of(st.just("**"), st.lists(PIECES, min_size=1, max_size=4).map("".join))
PATTERNS = st.builds(
    lambda parts, folder: "/".join(parts) + ("/" if folder else ""),
    st.lists(SEGMENTS, min_size=1, max_size=3),
    st.booleans(),
)
PATHS = st.lists(
    st.text("ab.-[]", min_size=1, max_size=3).filter(lambda part: part not in {".", ".."}),
    min_size=1,
    max_size=3,
).map("/".join)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("src/", "src/a/b.py", True),
        ("src", "src/a.py", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("src/**/b.py", "src/b.py", True),
        ("src/**/b.py", "src/x/y/b.py", True),
        ("**/test_*.py", "test_a.py", True),
        ("**/test_*.py", "deep/er/test_a.py", True),
        ("**", "anything/at.all", True),
        ("a?b", "a/b", False),
        ("a[!x]b", "a/b", False),
        ("a*b*c", "axxbxc", True),
        ("README.md", "READMEXmd", False),
        ("./src/a.py", "src/a.py", True),
        ("a*b*c", "abxcbxc", True),
        ("a*b*bc", "abbc", True),
        ("*ab*ab", "ab", False),
        ("a/**/b*/c/**/d", "a/b/x/b1/c/y/d", True),
        ("a/**/b/**", "a/x/b", True),
        ("a/**/b/**", "a/x/bc/d", False),
    ],
)
def test_a_pattern_covers_these_paths(pattern: str, path: str, expected: bool) -> None:
    assert covers([pattern], path) is expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("*a" * 60 + "b", "a" * 250), ("**/a/" * 60 + "b", "a/" * 250 + "c"), ("**/*a*/" * 40, "b")],
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    """Agents name patterns and files: with every place tried this took longer than the universe."""
    began = time.process_time()
    assert not covers([pattern], path)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("src/", "src/a.py", True),
        ("src/a/", "src/b/", False),
        ("src/*.py", "src/a.*", True),
        ("src/*.py", "src/*.md", False),
        ("**/b.py", "src/x/b.py", True),
        ("src/**", "docs/**", False),
        ("a[xy]", "ax", True),
        ("[]a]", "a", True),
    ],
)
def test_two_patterns_can_meet(one: str, two: str, expected: bool) -> None:
    assert patterns_overlap(one, two) is expected


def test_the_pattern_that_meets_is_named() -> None:
    """The reason a task waits shows the pattern of the task itself."""
    assert overlap(["docs/", "src/*.py"], ["src/a.py"]) == "src/*.py"
    assert overlap(["docs/"], ["src/a.py"]) is None


def test_a_task_without_a_footprint_meets_nobody() -> None:
    """No footprint means "not said", and that must not serialise a whole plan."""
    assert overlap([], ["**"]) is None


@given(PATTERNS, PATTERNS)
def test_overlap_is_symmetric(one: str, two: str) -> None:
    assert patterns_overlap(one, two) is patterns_overlap(two, one)


@given(PATTERNS, PATTERNS, PATHS)
@example("[]a]", "a", "a")
@example("a?b", "a/b", "a/b")
def test_patterns_that_cover_one_path_overlap(one: str, two: str, path: str) -> None:
    """The other way round would let two agents into one file."""
    if covers([one], path) and covers([two], path):
        assert patterns_overlap(one, two)


@given(PATHS)
def test_a_plain_path_covers_itself_or_is_a_pattern(path: str) -> None:
    if not set(path) & set("*?["):
        assert covers([path], path)
        assert patterns_overlap(path, path)
