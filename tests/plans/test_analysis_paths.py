"""Lengths and slack, held against what a slow and obvious computation gives."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase, Plan, Strategy, Task
from agentdeck.core.times import estimated
from agentdeck.core.timetable import timetable
from agentdeck.plans.analysis.network import network_of, with_barriers, with_duration, without_edge
from agentdeck.plans.analysis.ordered import ordered
from agentdeck.plans.analysis.slack import critical_path, length_s, reach, slacks

SOME = settings(deadline=None)
MANY = 1000  # agents


@st.composite
def graphs(draw: st.DrawFn, *, most: int = 7, phases: bool = True) -> Plan:
    """Plans of a few tasks without files, some of them in phases, no loop through a barrier."""
    count = draw(st.integers(1, most))
    names = [TaskId(f"T{number}") for number in range(count)]
    groups = draw(st.integers(0, 3)) if phases else 0
    syncs = draw(st.lists(st.booleans(), min_size=groups, max_size=groups))
    tasks = []
    phase_of: dict[TaskId, int] = {}
    for index, name in enumerate(names):
        group = draw(st.integers(0, groups - 1)) if groups else None
        # Only on tasks of no later phase: the reader refuses what would wait for itself.
        earlier = [o for o in names[:index] if group is None or phase_of[o] <= group]
        after = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        if group is not None:
            phase_of[name] = group
        tasks.append(
            Task(
                name,
                title="t",
                after=tuple(after),
                phase=None if group is None else PhaseId(f"p{group}"),
                estimate_s=float(draw(st.integers(1, 20)) * 60),
            )
        )
    return Plan(
        "g",
        tuple(tasks),
        phases=tuple(Phase(PhaseId(f"p{i}"), sync=s) for i, s in enumerate(syncs)),
    )


def chains(plan: Plan) -> list[list[TaskId]]:
    """Every chain of tasks in which each needs the one before, by trying all."""
    found = [[task.id] for task in plan.tasks]
    for chain in found:  # grows while it is walked
        found += [[*chain, task.id] for task in plan.tasks if chain[-1] in task.after]
    return found


def length(plan: Plan, chain: list[TaskId]) -> float:
    return sum(plan.settings(name).estimate_s for name in chain)


@SOME
@given(graphs(phases=False))
def test_the_critical_path_is_the_longest_of_all_chains(plan: Plan) -> None:
    network = network_of(plan)
    longest = max(length(plan, chain) for chain in chains(plan))
    assert reach(network).length_s == length_s(network) == longest
    path = critical_path(network)
    assert path in chains(plan)
    assert length(plan, path) == longest


@SOME
@given(graphs(phases=False))
def test_slack_is_what_is_left_beside_the_longest_chain_through_a_task(plan: Plan) -> None:
    """Total float = the whole less the longest chain through the task; free float = until the
    first follower could start; critical = none left.
    """
    longest = max(length(plan, chain) for chain in chains(plan))
    for row in slacks(network_of(plan)):
        through = max(length(plan, chain) for chain in chains(plan) if row.task in chain)
        before = max(
            length(plan, chain) - row.duration_s for chain in chains(plan) if chain[-1] == row.task
        )
        starts = [
            max(length(plan, c) - plan.settings(o).estimate_s for c in chains(plan) if c[-1] == o)
            for o in plan.dependents[row.task]
        ]
        assert row.total_s == longest - through
        assert row.earliest_s == before
        assert row.latest_s == before + row.total_s
        assert row.free_s == min(starts, default=longest) - before - row.duration_s
        assert row.critical == (row.total_s == 0)


@SOME
@given(graphs(), st.sampled_from(Strategy))
def test_with_agents_enough_a_run_takes_the_critical_path_with_its_barriers(
    plan: Plan, strategy: Strategy
) -> None:
    """No files, no pools, no limit: nothing but dependencies and barriers holds anybody up."""
    found = timetable(plan, estimated(plan), agents_limit=MANY, strategy=strategy)
    gated = with_barriers(network_of(plan), plan, strategy)
    assert reach(gated).length_s == found.makespan_s
    starts = reach(gated).earliest_s
    assert {name: starts[n] for n, name in enumerate(gated.ids)} == {
        name: span.started_s for name, span in found.spans.items()
    }


@SOME
@given(graphs(), st.sampled_from(Strategy))
def test_two_tasks_are_ordered_when_dependencies_or_barriers_lead_from_one_to_the_other(
    plan: Plan, strategy: Strategy
) -> None:
    """Compared with the closure of "needs" and "is in a later phase than this barrier's"."""
    barrier = {p.id for p in plan.phases if p.sync or strategy is Strategy.WAVES}
    later = {(a, b.id) for b in plan.tasks for a in b.after} | {
        (a.id, b.id)
        for a in plan.tasks
        for b in plan.tasks
        if a.phase is not None
        and b.phase is not None
        and a.phase in barrier
        and plan.phase_index[a.phase] < plan.phase_index[b.phase]
    }
    names = [task.id for task in plan.tasks]
    for through in names:
        later |= {
            (a, b) for a in names for b in names if (a, through) in later and (through, b) in later
        }
    pairs = list(combinations(range(len(names)), 2))
    gated = with_barriers(network_of(plan), plan, strategy)
    expected = [(names[a], names[b]) in later or (names[b], names[a]) in later for a, b in pairs]
    assert ordered(gated, pairs) == expected
    assert ordered(gated, [(b, a) for a, b in pairs]) == expected


def test_many_sources_are_walked_in_portions() -> None:
    """A chain and as many loose tasks: each pair of the chain is ordered, no other is."""
    count = 2_100  # more than one portion
    chain = [
        Task(TaskId(f"c{i}"), title="t", after=(TaskId(f"c{i - 1}"),) if i else ())
        for i in range(count)
    ]
    loose = [Task(TaskId(f"l{i}"), title="t") for i in range(count)]
    network = network_of(Plan("p", (*chain, *loose)))
    asked = [(i, count - 1) for i in range(count - 1)] + [(i, count + i) for i in range(count)]
    assert ordered(network, asked) == [True] * (count - 1) + [False] * count


def test_deferred_tasks_take_no_part_and_hold_nobody_up() -> None:
    plan = Plan(
        "p",
        (
            Task(TaskId("A"), title="t", estimate_s=60.0, defer="later"),
            Task(TaskId("B"), title="t", estimate_s=30.0),
        ),
    )
    network = network_of(plan)
    assert network.ids == ["B"]
    assert reach(network).length_s == 30.0
    assert critical_path(network_of(Plan("none", ()))) == []


@SOME
@given(graphs(phases=False), st.data())
def test_a_changed_network_is_the_network_of_the_changed_plan(
    plan: Plan, data: st.DataObject
) -> None:
    network = network_of(plan)
    node = data.draw(st.integers(0, network.tasks - 1))
    halved = with_duration(network, node, network.duration_s[node] / 2)
    assert reach(halved).length_s <= reach(network).length_s
    if network.needs[node]:
        needed = network.needs[node][0]
        cut = without_edge(network, node, needed)
        assert needed not in cut.needs[node]
        assert node not in cut.needing[needed]
        assert needed in network.needs[node], "the network it came from is not touched"
        kept = [
            chain
            for chain in chains(plan)
            if (network.ids[needed], network.ids[node]) not in pairwise(chain)
        ]
        assert length_s(cut) == pytest.approx(max(length(plan, chain) for chain in kept))


def test_a_barrier_without_tasks_passes_on_what_it_waits_for() -> None:
    first, none, last = (Phase(PhaseId(name), sync=True) for name in ("first", "none", "last"))
    a, b = TaskId("A"), TaskId("B")
    tasks = (Task(a, estimate_s=5.0, phase=first.id), Task(b, estimate_s=3.0, phase=last.id))
    plan = Plan("p", tasks, phases=(first, none, last))
    assert reach(with_barriers(network_of(plan), plan)).earliest_s[:2] == [0.0, 5.0]


def test_without_a_barrier_the_network_stays_the_same() -> None:
    plan = Plan("p", (Task(TaskId("A"), phase=PhaseId("x")),), phases=(Phase(PhaseId("x")),))
    network = network_of(plan)
    assert with_barriers(network, plan, Strategy.EAGER) is network
    assert with_barriers(network, plan, Strategy.WAVES) is not network
