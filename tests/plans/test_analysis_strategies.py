"""Strategies compared, what barriers and conflicts cost, and what would shorten a plan."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.ids import AgentName, PhaseId, PoolName, TaskId
from agentdeck.core.plan import Phase, Plan, Pool, Strategy, Task
from agentdeck.plans.analysis.prices import read_prices
from agentdeck.plans.analysis.report import Analysis, Asked, analyse
from agentdeck.plans.analysis.schedule import makespan_s
from agentdeck.plans.reader import read_plan
from agentdeck.shipped import price_table
from agentdeck.testing.builders import plan as plan_of
from agentdeck.testing.builders import task

ROOT = Path(__file__).parents[2]
HOUR = 3600.0
PRICES = read_prices(price_table(), file="shipped")


def analysis_of(plan: Plan, agents: int = 8, strategy: Strategy | None = None) -> Analysis:
    return analyse(plan, Asked(agents, strategy or plan.strategy, PRICES))


def hours(line: str, amount: float, **fields: object) -> Task:
    return task(line, estimate_s=amount * HOUR, **fields)


def takes(found: Analysis) -> dict[str, float]:
    return {way.name: way.makespan_s / HOUR for way in found.ways}


def test_the_daw_plan_by_hand() -> None:
    """47 tasks, 161 h of work, by the tables of the document.

    Critical path: CORE-001 0.5 + CORE-002 1 + MODEL-001 4 + PLANNER-001 6 + EVAL-001 3 +
    EVAL-002 6 + EVAL-003 3 = 23.5 h. Eager cannot be faster than that, and with 8 agents is not
    slower: far below the 41 h that the document states.

    Waves as barriers, the longest chain inside each (no wave has more than 8 tasks at once):
    1: CORE-001 0.5 + INFRA-001 2 = 2.5; 2: CORE-002 1 + MODEL-001 4 = 5;
    3: AUTH-002 2 + MCP-SEC-001 4 + MCP-SEC-002 3 = 9; 4: CORE-004 3 = 3;
    5: PLANNER-001 6 + COMPLEXITY-001 4 + TASK-DECOMP-001 4 = 14;
    6: EXECUTOR-001 6 + OPS-002 4 = 10; 7: VALIDATOR-001 8 + POLICY-001 6 + POLICY-002 4 = 18;
    8: STREAMING-001 4 + FRONTEND-002 4 = 8; 9: EVAL-001 3 + EVAL-002 6 + EVAL-003 3 = 12;
    10: ORCHESTRATOR-001 8. Together 89.5 h: the waves do not even reach the stated 65 h.
    """
    name = "daw-agent-parallelism"
    text = (ROOT / "sample_plans" / f"{name}.toml").read_text(encoding="utf-8")
    found = analysis_of(read_plan(text, file=name))
    assert len(found.plan.tasks) == 47
    assert found.work_s == 161 * HOUR
    assert found.critical_path_s == 23.5 * HOUR
    assert " ".join(found.critical_path) == (
        "CORE-001 CORE-002 MODEL-001 PLANNER-001 EVAL-001 EVAL-002 EVAL-003"
    )
    assert takes(found) == {
        "sequential": 161.0,
        "conservative": 23.5,
        "waves": 89.5,
        "eager": 23.5,
    }
    assert found.curve.enough == 8
    assert [point.agents for point in found.curve.points] == list(range(1, 9))
    assert found.left_out == ()


def test_every_way_is_told_with_what_it_saves() -> None:
    """A and B side by side, then C: 4 h of work in 3 h with two agents."""
    found = analysis_of(plan_of(hours("A", 1), hours("B", 1), hours("C<A,B", 2)), agents=2)
    eager = found.ways[-1]
    assert (eager.makespan_s, eager.saving_s, eager.saving_share) == (3 * HOUR, HOUR, 0.25)
    assert eager.utilisation == pytest.approx(4 / 6)
    assert eager.most_at_once == 2
    assert found.curve.enough == 2


def test_the_risky_work_alone_when_one_is_conservative() -> None:
    """Eagerly all three take an hour; with the risky one alone two, whatever says that it is."""
    for risky in ({"risk": "high"}, {"complexity": "very-high"}, {"complexity": "high"}):
        plan = plan_of(hours("A", 1, **risky), hours("B", 1), hours("C", 1))
        assert takes(analysis_of(plan)) == {
            "sequential": 3.0,
            "conservative": 2.0,
            "waves": 1.0,
            "eager": 1.0,
        }


def test_a_barrier_costs_what_the_run_is_longer_for_it() -> None:
    """A 1 h | B 3 h in phase one, C after A 3 h in phase two: 6 h with the barrier, 4 h without."""
    phases = (Phase(PhaseId("one"), sync=True), Phase(PhaseId("two")))
    one, two = PhaseId("one"), PhaseId("two")
    tasks = (hours("A", 1, phase=one), hours("B", 3, phase=one), hours("C<A", 3, phase=two))
    found = analysis_of(plan_of(*tasks, phases=phases))
    (cost,) = found.syncs
    assert (cost.phase, cost.with_s, cost.without_s) == ("one", 6 * HOUR, 4 * HOUR)
    assert (found.critical_path_s, found.barred_path_s) == (4 * HOUR, 6 * HOUR)
    assert found.barred_path == ("B", "C")
    as_waves = analysis_of(
        plan_of(*tasks, phases=(Phase(one), Phase(two))), strategy=Strategy.WAVES
    )
    assert [cost.costs_s for cost in as_waves.syncs] == [2 * HOUR]


def test_idle_is_what_the_agents_do_not_work_while_a_phase_is_under_way() -> None:
    """Two agents. Phase one lasts 3 h with 4 h of work: 2 h idle. Phase two 1 h alone: 1 h idle."""
    one, two = PhaseId("one"), PhaseId("two")
    found = analysis_of(
        plan_of(
            hours("A", 1, phase=one),
            hours("B", 3, phase=one),
            hours("C<B", 1, phase=two),
            phases=(Phase(one, sync=True), Phase(two)),
        ),
        agents=2,
    )
    assert [(row.phase, row.idle_s / HOUR) for row in found.idle] == [("one", 2.0), ("two", 1.0)]


def test_pools_and_people_are_told_apart() -> None:
    """The pool of one is busy all 2 h; the person takes no agent's time."""
    pool = Pool(PoolName("gpu"), 1)
    found = analysis_of(
        plan_of(
            hours("A", 1, pool=PoolName("gpu")),
            hours("B", 1, pool=PoolName("gpu")),
            hours("P", 2, human=True),
            pools=(pool,),
        ),
        agents=2,
    )
    agents, gpu = found.uses
    assert (agents.busy_s, agents.share) == (2 * HOUR, 0.5)
    assert (gpu.name, gpu.share) == ("gpu", 1.0)
    assert (found.work_s, found.human_s, found.human) == (4 * HOUR, 2 * HOUR, ["P"])


def test_what_would_shorten_it_names_the_dependency_the_estimate_and_the_conflict() -> None:
    """A 4 h -> B 4 h; C 5 h and D 4 h share a file.

    Now 9 h for C and D one after the other; without the conflict 8 h, for A and B. Without A -> B
    nothing is gained, because of C and D; half of C gives 8 h, half of D 8 h (A and B again).
    """
    plan = plan_of(hours("A", 4), hours("B<A", 4), hours("C x.py", 5), hours("D x.py", 4))
    found = analysis_of(plan)
    assert found.ways[-1].makespan_s == 9 * HOUR
    (conflict,) = found.gains["conflict"].best
    assert (conflict.task, conflict.other, conflict.saves_s) == ("C", "D", HOUR)
    assert found.gains["dependency"].best == ()
    halves = {gain.task: gain.saves_s for gain in found.gains["estimate"].best}
    assert halves == {"C": HOUR, "D": HOUR}
    longer = plan_of(hours("A", 6), hours("B<A", 4), hours("C x.py", 5), hours("D x.py", 4))
    (edge,) = analysis_of(longer).gains["dependency"].best
    assert (edge.task, edge.other, edge.saves_s) == ("B", "A", HOUR)


def test_the_cost_of_a_pair_is_that_of_this_pair_alone() -> None:
    """Three tasks on one file, 1 h each: 3 h. Without A-B or B-C two go side by side: 2 h.

    Without A-C nothing is gained: B stands in line between them, and nobody overtakes it.
    """
    found = analysis_of(plan_of(hours("A x", 1), hours("B x", 1), hours("C x", 1)))
    assert {pair: gain.saves_s for pair, gain in found.conflict_costs.items()} == {
        (TaskId("A"), TaskId("B")): HOUR,
        (TaskId("A"), TaskId("C")): 0.0,
        (TaskId("B"), TaskId("C")): HOUR,
    }


def test_agents_beyond_the_asked_number_are_searched_too() -> None:
    """Twenty equal tasks: 3 agents were asked for, 20 are what still helps.

    One task of 10 h and twenty of 1 h: three are enough, though 21 could work at once.
    """
    found = analysis_of(plan_of(*(hours(f"T{i}", 1) for i in range(20))), agents=3)
    assert found.curve.unlimited_s == HOUR
    assert found.curve.enough == 20
    uneven = plan_of(hours("L", 10), *(hours(f"T{i}", 1) for i in range(20)))
    assert analysis_of(uneven, agents=1).curve.enough == 3


def test_a_large_plan_gets_counted_work_and_says_what_was_left_out() -> None:
    """Everything that matters is there; the dear questions are fewer, and this is said."""
    tasks = tuple(
        hours(f"T{i}<T{i - 50} f{i % 40}.py" if i >= 50 else f"T{i} f{i}.py", 99 if i == 7 else 1)
        for i in range(1_500)
    )
    found = analysis_of(plan_of(*tasks))
    assert found.gains["estimate"].measure == "critical_path"
    assert 0 < found.gains["estimate"].asked < 1_500
    assert found.gains["estimate"].best[0].task == "T7"
    assert found.gains["estimate"].best[0].saves_s == 49.5 * HOUR
    assert len(found.ways) == 4
    assert len(found.left_out) >= 3


def test_the_conflicts_are_capped_and_all_are_counted() -> None:
    """200 tasks on one file: 19,900 pairs, of which 10,000 are listed, without costs."""
    found = analysis_of(plan_of(*(hours(f"T{i} x.py", 1) for i in range(200))))
    assert found.conflicts.total == 19_900
    assert len(found.conflicts.listed) == 10_000
    assert found.conflict_costs == {}
    assert any("10,000 of 19,900 conflicts" in sentence for sentence in found.left_out)


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(1, 6), st.data())
def test_no_way_beats_what_must_be_done(
    minutes: list[int], agents: int, data: st.DataObject
) -> None:
    """Neither the critical path nor the work shared by all agents; one agent takes all the work."""
    names = [f"T{i}" for i in range(len(minutes))]
    tasks = []
    for index, name in enumerate(names):
        after = data.draw(st.lists(st.sampled_from(names[:index]), unique=True)) if index else []
        line = f"{name}<{','.join(after)}" if after else name
        tasks.append(task(line, estimate_s=minutes[index] * 60.0))
    plan = plan_of(*tasks)
    found = analysis_of(plan, agents)
    least = max(found.critical_path_s, found.work_s / agents)
    assert all(way.makespan_s >= least - 1e-6 for way in found.ways)
    assert makespan_s(plan, 1) == pytest.approx(found.work_s)
    assert found.work_s == sum(minutes) * 60.0
    assert all(row.makespan_s >= found.critical_path_s - 1e-6 for row in found.curve.points)


def test_a_plan_of_deferred_tasks_only_is_no_fault() -> None:
    """Nothing takes no time; nothing divides by it."""
    found = analysis_of(plan_of(hours("A", 1, defer="not now"), agent=AgentName("scripted")))
    assert (found.work_s, found.critical_path, found.deferred) == (0.0, (), ["A"])
    assert takes(found)["eager"] == 0.0
