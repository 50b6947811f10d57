"""Whom a reference means: the surest way wins, and nobody is better than a wrong one."""

from __future__ import annotations

import pytest

from agentdeck.plans.imports.draft import DraftPhase, DraftTask
from agentdeck.plans.imports.names import Resolver
from agentdeck.plans.imports.naming import Naming
from agentdeck.testing.counted_calls import calls_of

TASKS = [
    DraftTask("Session CLI Tool", 1, aliases=["Stream 1"], phase="p2"),
    DraftTask("LLM API Guide", 2, aliases=["Stream 2"], phase="p2"),
    DraftTask("Webhook Examples", 3, phase="p2"),
    DraftTask("Agent Heartbeat", 4, aliases=["Stream 1"], phase="p4"),
    DraftTask("Base", 5, id="INFRA-001", phase="p5"),
    DraftTask("Network", 6, id="INFRA-002", phase="p5"),
    DraftTask("Agent Logs", 7, id="3"),
]
PHASES = [DraftPhase("p5", "Phase 5: Servers", 1), DraftPhase("p6", "Phase 6: none", 2)]


@pytest.fixture
def resolver() -> Resolver:
    return Resolver(TASKS, PHASES)


@pytest.mark.parametrize(
    ("text", "index", "rule"),
    [
        ("INFRA-001", 4, "id"),
        ("`infra-001`", 4, "id-case"),
        ("Task 3", 6, "id"),
        ("#3", 6, "id"),
        ("stream 2", 1, "alias"),
        ("**llm api guide**", 1, "title"),
        ("CLI Tool", 0, "words"),
        ("Examples", 2, "words"),
        ("Stream 2 outputs", 1, "words"),
        ("heartbeat", 3, "words"),
    ],
)
def test_a_name_finds_its_task(resolver: Resolver, text: str, index: int, rule: str) -> None:
    """By id, alias, title or some of its words."""
    match = resolver.find(text)
    assert match is not None
    assert (match.index, match.rule, match.sure) == (index, rule, rule != "words")


@pytest.mark.parametrize("text", ["Agent", "Stream 1", "nobody", "", "the", "x" * 10_000])
def test_nobody_is_better_than_a_wrong_one(resolver: Resolver, text: str) -> None:
    """Several that could be meant are none."""
    assert resolver.find(text) is None


def test_the_phase_tells_two_apart(resolver: Resolver) -> None:
    """The one in the same phase is meant."""
    found = [resolver.find("Stream 1", phase=phase) for phase in ("p2", "p4", "p5")]
    assert [match and match.index for match in found] == [0, 3, None]
    assert resolver.candidates("Stream 1") == [0, 3]
    assert resolver.candidates("Agent") == [3, 6]


@pytest.mark.parametrize(
    ("text", "indices", "unknown"),
    [
        ("INFRA-*", [4, 5], []),
        ("INFRA-001 through -002", [4, 5], []),
        ("INFRA-001, CLI Tool and someone", [4, 0], ["someone"]),
        ("Phase 5", [4, 5], []),
        ("p5", [4, 5], []),
        ("None", [], []),
        ("*", [], ["*"]),
        ("Phase 6", [], ["Phase 6"]),
        ("INFRA-001–INFRA-003", [4, 5], ["INFRA-003"]),
    ],
)
def test_lists_ranges_globs_and_phases(
    resolver: Resolver, text: str, indices: list[int], unknown: list[str]
) -> None:
    """Everybody who is meant, and the names of nobody."""
    matches, lost = resolver.resolve(text)
    assert [match.index for match in matches] == indices
    assert lost == unknown
    assert resolver.find_all(text) == matches


def test_globs_have_a_bound() -> None:
    """A thousand is enough; and the prefix is looked up, not searched for."""
    tasks = [DraftTask("t", 1, id=f"A-{i}") for i in range(2_000)]
    resolver = Resolver([*tasks, DraftTask("z", 1, id="B-1")])
    assert resolver.find_all("A-*") == []
    assert len(resolver.find_all("A-19*")) == 111
    assert len(resolver.find_all("A-1*0")) == 111
    assert [match.index for match in resolver.find_all("B-*")] == [2_000]


def test_the_work_of_resolving_grows_with_the_references() -> None:
    """The same words in all titles, each looked for: no search over all of them for each."""

    def calls(count: int) -> int:
        tasks = [DraftTask(f"make the same thing {i % 7}", 1, id=f"T{i}") for i in range(count)]

        def resolve() -> None:
            resolver = Resolver(tasks)
            for i in range(count):
                resolver.resolve(f"same thing, T{i}*, make {i}")

        return calls_of(resolve)

    calls(10)  # what is made once for all
    assert calls(800) < 12 * calls(100)


def test_names_are_unique_in_any_case() -> None:
    """Also cut ones; a million takers of one name would take no longer each."""
    naming = Naming("task")
    assert [naming.take("A"), naming.take("a"), naming.take("a"), naming.take("a-2")] == [
        "A",
        "a-2",
        "a-3",
        "a-2-2",
    ]
    long = "x" * 64
    assert naming.take(long) == long
    assert naming.take(long) == "x" * 62 + "-2"
    assert [naming.take("../.."), naming.take("a..b.lock")] == ["task", "a.b"]
    assert naming.find("A") == "A"
    assert naming.find(" ../..") == "task"
    assert naming.find("none") is None
