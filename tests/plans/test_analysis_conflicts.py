"""Which tasks may touch the same files: by globs, by what is in the repository, by history."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.footprint import covers, overlap
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase, Plan
from agentdeck.plans.analysis.conflicts import Conflict, Conflicts, conflicts_of
from agentdeck.plans.analysis.history import MAX_FILES, Coupling, coupled_tasks, couplings
from agentdeck.plans.analysis.network import network_of, with_barriers
from agentdeck.plans.analysis.prices import read_prices
from agentdeck.plans.analysis.report import Analysis, Asked, analyse
from agentdeck.plans.analysis.tree import Tree, literal_prefix
from agentdeck.shipped import price_table
from agentdeck.testing.builders import plan as plan_of
from agentdeck.testing.builders import task

PATTERNS = (
    "src/",
    "src/a.py",
    "src/*.py",
    "src/**",
    "./src//a.py",
    "*",
    "**/*.py",
    "docs/x[ab].md",
    "s?c/b.py",
    ".github/",
    "docs",
    "src/.",
    "lib/**",
)
PATHS = (
    "src/a.py",
    "src/b.py",
    "src/deep/c.py",
    "docs/xa.md",
    "docs/xc.md",
    "top",
    ".github/w",
    "lib",
)
PRICES = read_prices(price_table(), file="shipped")


def found_in(plan: Plan, tree: Tree | None = None) -> Conflicts:
    network = network_of(plan)
    return conflicts_of(plan, network, with_barriers(network, plan), tree=tree)


def only(plan: Plan, tree: Tree | None = None) -> Conflict:
    (found,) = found_in(plan, tree).listed
    return found


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PATTERNS), max_size=3), min_size=2, max_size=6))
def test_the_pairs_are_those_whose_patterns_overlap(files: list[list[str]]) -> None:
    """The same answer as asking every pair; and each names patterns of the two."""
    tasks = [task(f"T{i} {' '.join(each)}") for i, each in enumerate(files)]
    found = found_in(plan_of(*tasks))
    expected = {(a.id, b.id) for a, b in combinations(tasks, 2) if overlap(a.files, b.files)}
    assert {(each.a, each.b) for each in found.listed} == expected
    assert found.total == len(expected)
    by_id = {each.id: each for each in tasks}
    for each in found.listed:
        assert each.files
        assert set(each.files) <= {*by_id[each.a].files, *by_id[each.b].files}


def test_a_pair_names_the_narrower_pattern() -> None:
    """A file inside a folder, a folder in a folder; both where neither is inside the other."""
    assert only(plan_of("A src/", "B src/api/user.py")).files == ("src/api/user.py",)
    assert only(plan_of("A src/api/", "B src/")).files == ("src/api/",)
    assert only(plan_of("A src/*.py", "B src/main.py")).files == ("src/main.py",)
    assert only(plan_of("A src/*.py", "B **/test_*")).files == ("src/*.py", "**/test_*")


def test_what_is_done_follows_from_what_orders_a_pair() -> None:
    """Dependencies, a barrier, working alone, else the second one waits."""
    after = only(plan_of("A x", "M<A", "B<M x"))
    assert (after.ordered, after.by, after.does) == (True, "dependencies", "follow")
    one, two = PhaseId("one"), PhaseId("two")
    apart = plan_of(
        task("A x", phase=one),
        task("B x", phase=two),
        phases=(Phase(one, sync=True), Phase(two)),
    )
    assert (only(apart).ordered, only(apart).by) == (True, "barrier")
    loose = only(plan_of("A x", "B x"))
    assert (loose.ordered, loose.by, loose.does) == (False, "", "serialise")
    assert only(plan_of(task("A x", exclusive=True), "B x")).does == "alone"


def test_deferred_tasks_are_in_nobodys_way() -> None:
    assert found_in(plan_of("A x", task("B x", defer="later"))).total == 0


@given(st.sampled_from(PATTERNS))
def test_a_pattern_means_the_same_files_in_a_tree_as_alone(pattern: str) -> None:
    """The short cut through the sorted list loses nothing."""
    assert Tree(PATHS).matching(pattern) == {path for path in PATHS if covers((pattern,), path)}
    for path in Tree(PATHS).matching(pattern):
        assert path.startswith(literal_prefix(pattern))


def test_real_files_that_both_mean_are_named() -> None:
    pair = only(plan_of("A src/**", "B src/*.py"), Tree(PATHS))
    assert pair.existing == ("src/a.py", "src/b.py")
    assert pair.files == ("src/**", "src/*.py")


def test_a_tree_stops_looking_after_counted_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A huge repository and a plan of many wide globs: it says so and goes on."""
    monkeypatch.setattr("agentdeck.plans.analysis.tree.MAX_LOOKED", 20)
    tree = Tree(PATHS)
    assert tree.matching("**/*.py")
    assert not tree.exhausted
    assert tree.matching("**/*.md")
    assert tree.matching("*") == frozenset()
    assert tree.exhausted


# --- history


def test_files_that_mostly_change_together_are_coupled() -> None:
    """Three commits of both; the schema never changes without the model."""
    commits = [("model.py", "schema.sql")] * 3 + [("model.py",)] * 5 + [("a", "b"), ("a", "b")]
    (found,) = couplings(commits)
    assert found == Coupling("model.py", "schema.sql", 3, 1.0)


def test_chance_and_mass_changes_do_not_couple() -> None:
    """Two files that are often changed apart; a commit that touches everything."""
    apart = [("a", "b")] * 3 + [("a",)] * 4 + [("b",)] * 4
    mass = [tuple(f"f{i}" for i in range(MAX_FILES + 1))] * 5
    assert couplings([*apart, *mass]) == []


def analysed(plan: Plan, commits: Sequence[tuple[str, ...]]) -> Analysis:
    return analyse(plan, Asked(4, plan.strategy, PRICES, commits=commits))


def test_tasks_on_coupled_files_are_warned_about_unless_something_keeps_them_apart() -> None:
    """Of the pairs that touch one of the two files each, only those that could meet unnoticed."""
    commits = [("src/model.py", "db/schema.sql")] * 4
    (warned,) = analysed(plan_of("A src/*.py", "B db/"), commits).coupled
    assert (warned.a, warned.b, warned.total) == ("A", "B", 1)
    assert warned.couplings[0].together == 4
    assert analysed(plan_of("A src/*.py", "B<A db/"), commits).coupled == ()
    assert analysed(plan_of("A src/*.py x", "B db/ x"), commits).coupled == ()
    assert analysed(plan_of("A src/*.py db/"), commits).coupled == ()


def test_a_file_that_everybody_touches_does_not_explode() -> None:
    """3,000 tasks on each of two coupled files are 9 million pairs; few are looked at."""
    tasks = [task(f"{side}{i} {side}") for side in ("a", "b") for i in range(3_000)]
    asked: list[int] = []

    def may_meet(pairs: object) -> list[bool]:
        assert isinstance(pairs, list)
        asked.append(len(pairs))
        return [True] * len(pairs)

    found = coupled_tasks(tasks, [Coupling("a", "b", 5, 1.0)], may_meet)
    assert len(found) == 100
    assert asked == [20_000]


def test_footprints_without_a_file_are_counted() -> None:
    plan = plan_of("A src/a.py new/", "B docs/")
    found = analyse(plan, Asked(4, plan.strategy, PRICES, files=PATHS)).unmatched
    assert found is not None
    assert (found.named, found.total, found.patterns) == (((TaskId("A"), "new/"),), 1, 3)
