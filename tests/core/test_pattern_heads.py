"""What is left out of a footprint meets nobody else, and most of a large plan is left out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.footprint import overlap
from agentdeck.core.ids import TaskId
from agentdeck.core.pattern_heads import head_of, shared, shared_files
from agentdeck.testing.builders import plan

SEGMENTS = st.sampled_from(
    ["src", "a", "ab", "a.py", "b.py", "*", "**", "?b", "[ab]", "[", ".", "..", "", "a."]
)
PATTERNS = st.builds(
    lambda parts, end: "/".join(parts) + end,
    st.lists(SEGMENTS, min_size=1, max_size=4),
    st.sampled_from(["", "", "/"]),
)
FOOTPRINTS = st.lists(st.lists(PATTERNS, max_size=3).map(tuple), max_size=7)


@given(FOOTPRINTS)
def test_what_is_left_out_meets_nobody_else(footprints: list[tuple[str, ...]]) -> None:
    """Whatever can meet a pattern of another footprint is kept, once and in its order."""
    for at, kept in enumerate(shared(footprints)):
        own = footprints[at]
        others = [pattern for n, files in enumerate(footprints) if n != at for pattern in files]
        left_out = [pattern for pattern in own if pattern not in kept]
        assert overlap(left_out, others) is None
        assert kept == tuple(dict.fromkeys(pattern for pattern in own if pattern in kept))


def test_files_and_folders_of_ones_own_are_left_out() -> None:
    """Also beside patterns that begin alike, and where others share files among themselves."""
    own = [("src/a.py", "tests/a/"), ("src/ab.py", "tests/ab/"), ("docs/*.md",)]
    assert shared(own) == [(), (), ()]
    assert shared([*own, ("src/a.py",), ("docs/x.md", "lib/x.py")]) == [
        ("src/a.py",),
        (),
        ("docs/*.md",),
        ("src/a.py",),
        ("docs/x.md",),
    ]
    assert shared([*own, ("**/*.py",)]) == [*own, ("**/*.py",)], "it may meet any of them"


def test_a_file_that_two_write_differently_is_shared() -> None:
    assert shared([("src/a.py",), ("./src//a.py",)]) == [("src/a.py",), ("./src//a.py",)]


def test_the_shared_files_of_a_plan_are_those_of_its_tasks() -> None:
    of = plan("A src/a.py x", "B src/b.py", "C x")
    assert shared_files(of) == {TaskId("A"): ("x",), TaskId("C"): ("x",)}


def test_a_head_ends_where_anything_may_follow() -> None:
    heads = {
        "src/a.py": ("src/a.py/", False),
        "src//a.py": ("src/a.py/", False),
        "src/./a.py": ("src/a.py/", False),
        "./src": ("src/", False),
        "src/.": ("src/", False),
        "/src": ("src/", False),
        "src/": ("src/", True),
        "src/a*.py": ("src/a", True),
        "src/*/b": ("src/", True),
        "**": ("", True),
        ".": ("", True),
        "": ("", True),
    }
    assert {pattern: head_of(pattern) for pattern in heads} == heads
