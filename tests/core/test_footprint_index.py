"""The index answers as a look at every pattern would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core import footprint_index
from agentdeck.core.footprint import overlap, patterns_overlap
from agentdeck.core.footprint_index import FootprintIndex, Pair, Ranked, pairs
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Task
from agentdeck.testing.builders import task

PIECES = st.sampled_from(["a", "b", "*", "?", "[ab]", "[", "]", ".", "ab", "é"])
SEGMENTS = st.one_of(
    st.sampled_from(["**", "", ".", "src", "lib"]),
    st.lists(PIECES, min_size=1, max_size=3).map("".join),
)
PATTERNS = st.builds(
    lambda parts, folder: "/".join(parts) + ("/" if folder else ""),
    st.lists(SEGMENTS, min_size=1, max_size=3),
    st.booleans(),
)
FOOTPRINTS = st.lists(st.lists(PATTERNS, max_size=3).map(tuple), max_size=12)


def slow_pairs(tasks: list[Task]) -> list[Pair]:
    """Every pair, looked at one by one."""
    found = []
    for at, one in enumerate(tasks):
        for two in tasks[at + 1 :]:
            pattern = overlap(one.files, two.files)
            if pattern is not None:
                found.append(Pair(one.id, two.id, pattern))
    return found


def tasks_of(footprints: list[tuple[str, ...]]) -> list[Task]:
    return [task(f"T{number}", files=files) for number, files in enumerate(footprints)]


@given(st.lists(PATTERNS, unique=True, max_size=15), st.lists(st.integers(0, 14)), PATTERNS)
def test_what_meets_a_pattern_is_found_after_any_changes(
    patterns: list[str], dropped: list[int], asked: str
) -> None:
    index = FootprintIndex(patterns[:7])
    set(index.meeting("**"))  # from here on the heads are kept sorted
    for pattern in patterns[7:]:
        index.add(pattern)
    left = list(patterns)
    for number in dropped:
        if number < len(patterns) and patterns[number] in left:
            left.remove(patterns[number])
            index.discard(patterns[number])
    found = list(index.meeting(asked))
    assert sorted(found) == sorted(p for p in left if patterns_overlap(asked, p))


@given(FOOTPRINTS, st.sampled_from((0, 1, 64)))
def test_pairs_are_those_of_the_slow_way(footprints: list[tuple[str, ...]], few: int) -> None:
    """Whether the tasks of a pattern are kept one by one or as bits makes no difference."""
    tasks = tasks_of(footprints)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(footprint_index, "FEW", few)
        found = pairs(tasks, limit=1000)
        short = pairs(tasks, limit=3)
    expected = slow_pairs(tasks)
    assert list(found.listed) == expected
    assert found.total == short.total == len(expected)
    assert list(short.listed) == expected[:3]


def test_a_file_that_everybody_touches_is_counted_without_a_look_at_each_pair() -> None:
    """50,000 tasks on one file are 1.25 billion pairs; it takes a moment."""
    count = 50_000
    tasks = [task(f"T{n}", files=("CHANGELOG.md", f"src/m{n}.py")) for n in range(count)]
    found = pairs(tasks, limit=2)
    assert found.total == count * (count - 1) // 2
    assert found.listed == (
        Pair(TaskId("T0"), TaskId("T1"), "CHANGELOG.md"),
        Pair(TaskId("T0"), TaskId("T2"), "CHANGELOG.md"),
    )


@given(FOOTPRINTS, st.lists(st.integers(0, 11)), st.lists(PATTERNS, max_size=3), st.integers(0, 12))
def test_ranks_decide_who_is_named(
    footprints: list[tuple[str, ...]], dropped: list[int], asked: list[str], below: int
) -> None:
    ranked = Ranked()
    on: dict[TaskId, int] = {}
    for number, each in enumerate(tasks_of(footprints)):
        ranked.put(each.id, 50, each.files)
        ranked.put(each.id, number, each.files)  # its rank has changed
        on[each.id] = number
    for number in dropped:
        ranked.drop(TaskId(f"T{number}"))
        on.pop(TaskId(f"T{number}"), None)
    expected = [
        name
        for name, number in on.items()
        if number < below and overlap(footprints[number], asked) is not None
    ]
    assert ranked.every(asked, below) == expected
    first, some = ranked.first(asked, below), ranked.any(asked, below)
    assert (first[1] if first else None) == (expected[0] if expected else None)
    assert (some is None) == (not expected)
    for found, pattern in [(first[1], first[2])] if first else []:
        assert overlap([pattern], footprints[on[found]]) == pattern
