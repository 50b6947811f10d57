"""A timetable says when everything happens, by the rules of the scheduler."""

from __future__ import annotations

import math

import pytest

from agentdeck.core.capacity import Hindrance
from agentdeck.core.ids import AgentName, PhaseId, PoolName, TaskId
from agentdeck.core.plan import Defaults, GateWhen, Land, Phase, Plan, Pool, QueueRules, Strategy
from agentdeck.core.state import TaskState
from agentdeck.core.times import TaskTimes, Try, estimated
from agentdeck.core.timetable import (
    AtWork,
    PhaseSpan,
    Span,
    Timetable,
    UnderWay,
    sequential_s,
    timetable,
)
from agentdeck.testing.builders import gate, plan, task

A, B, C, D = map(TaskId, "ABCD")


def lasting(of: Plan, **seconds: float) -> dict[TaskId, TaskTimes]:
    """One try of so many seconds for each task; 10 where nothing is said."""
    return {each.id: TaskTimes((Try(seconds.get(each.id, 10.0)),)) for each in of.tasks}


def starts(found: Timetable) -> dict[str, float]:
    return {name: span.started_s for name, span in found.spans.items()}


def test_tasks_start_when_what_they_need_has_landed() -> None:
    of = plan("A", "B<A", "C<B")
    found = timetable(of, lasting(of, A=5, B=7, C=1))
    assert starts(found) == {"A": 0, "B": 5, "C": 12}
    assert found.makespan_s == 13
    assert sequential_s(of, lasting(of, A=5, B=7, C=1)) == 13


def test_no_more_agents_than_the_limit_work_at_once() -> None:
    of = plan("A", "B", "C", agents_limit=4)
    found = timetable(of, lasting(of), agents_limit=2)
    assert starts(found) == {"A": 0, "B": 0, "C": 10}
    assert (found.most_at_once, found.most_agents, found.agents) == (2, 2, 2)
    assert found.spans[C] == Span(0, 10, 20, 20, waited_for=Hindrance.AGENTS, waited_s=10)
    assert (found.busy_s, found.utilisation) == (30, 30 / 40)


def test_a_full_pool_holds_only_its_own_tasks_back() -> None:
    gpu = PoolName("gpu")
    of = plan(task("A", pool=gpu), task("B", pool=gpu), "C", pools=(Pool(gpu, 1),))
    found = timetable(of, lasting(of))
    assert starts(found) == {"A": 0, "B": 10, "C": 0}
    assert found.spans[B].waited_for is Hindrance.POOL
    assert found.busy_pool_s == {gpu: 20}
    assert found.pool_utilisation(of) == {gpu: 1.0}


def test_files_are_held_until_the_work_has_landed_and_a_slot_is_not() -> None:
    of = plan("A src/", "B src/x.py", "C", agents_limit=1)
    times = lasting(of) | {A: TaskTimes((Try(10, check_s=5),), merge_s=4)}
    found = timetable(of, times)
    assert found.spans[A] == Span(0, 0, 10, 19)
    assert starts(found) == {"A": 0, "B": 20, "C": 10}
    assert found.spans[B].waited_for is Hindrance.AGENTS, "what it waits for first"


def test_a_try_that_fails_gives_its_files_back_while_it_waits() -> None:
    of = plan("A src/", "B src/")
    times = lasting(of) | {A: TaskTimes((Try(10, 2, 30), Try(3)), prepare_s=1)}
    found = timetable(of, times)
    assert starts(found) == {"A": 0, "B": 13}
    assert found.spans[A] == Span(0, 0, 47, 47, tries=2)
    assert found.spans[B] == Span(0, 13, 23, 23, waited_for=Hindrance.FOOTPRINT, waited_s=13)
    assert sequential_s(of, times) == (1 + 10 + 2) + 30 + (1 + 3) + 10


def test_the_merge_queue_takes_together_what_waits_together() -> None:
    """B and C come while A is gated, and pass their gates as one."""
    of = plan("A", "B", task("C"), gates=(gate("unit"),))
    times = {name: TaskTimes((Try(work),), merge_s=10) for name, work in ((A, 1), (B, 2), (C, 5))}
    found = timetable(of, times)
    assert {name: span.landed_s for name, span in found.spans.items()} == {A: 11, B: 21, C: 21}


def test_what_has_no_gate_lands_one_by_one() -> None:
    """A landing that has begun is not called back: C comes too late to be the first."""
    of = plan("A", "B", task("C", priority=1))
    times = {name: TaskTimes((Try(work),), merge_s=10) for name, work in ((A, 1), (B, 2), (C, 5))}
    found = timetable(of, times)
    assert {name: span.landed_s for name, span in found.spans.items()} == {A: 11, B: 31, C: 21}


def test_the_merge_queue_may_take_one_at_a_time_and_the_higher_priority_first() -> None:
    of = plan("A", "B", task("C", priority=1), gates=(gate("unit"),), queue=QueueRules(batch=1))
    times = {name: TaskTimes((Try(work),), merge_s=10) for name, work in ((A, 1), (B, 2), (C, 5))}
    found = timetable(of, times)
    assert {name: span.landed_s for name, span in found.spans.items()} == {A: 25, B: 35, C: 15}


def test_a_person_takes_time_to_say_yes_where_the_plan_asks_for_one() -> None:
    of = plan("A", task("B", land=Land.APPROVE), task("C", land=Land.REVIEW))
    times = {name: TaskTimes((Try(10),), approve_s=100) for name in (A, B, C)}
    found = timetable(of, times)
    assert {name: span.landed_s for name, span in found.spans.items()} == {A: 10, B: 110, C: 110}
    assert sequential_s(of, times) == 230


def test_a_persons_task_takes_no_slot_and_lands_when_it_is_done() -> None:
    of = plan(task("A", human=True), "B", "C<A", agents_limit=1)
    found = timetable(of, lasting(of, A=3))
    assert starts(found) == {"A": 0, "B": 0, "C": 10}
    assert found.spans[A] == Span(0, 0, 3, 3)
    assert (found.most_at_once, found.most_agents, found.busy_s) == (2, 1, 20)


def test_deferred_tasks_hold_up_no_barrier_and_are_not_in_it() -> None:
    p, q = PhaseId("p"), PhaseId("q")
    of = plan(
        task("A", phase=p),
        task("B", phase=p, defer="later"),
        task("C", phase=q),
        phases=(Phase(p, sync=True), Phase(q)),
    )
    times = lasting(of)
    del times[B]
    found = timetable(of, times)
    assert starts(found) == {"A": 0, "C": 10}
    assert found.phases == {p: PhaseSpan(0, 10), q: PhaseSpan(10, 20)}
    assert sequential_s(of, times) == 20


def test_waves_make_every_phase_a_barrier() -> None:
    p, q = PhaseId("p"), PhaseId("q")
    of = plan(task("A", phase=p), task("B", phase=q), phases=(Phase(p), Phase(q)))
    assert starts(timetable(of, lasting(of))) == {"A": 0, "B": 0}
    assert starts(timetable(of, lasting(of), strategy=Strategy.WAVES)) == {"A": 0, "B": 10}


def test_gates_of_the_run_take_their_time() -> None:
    p, q = PhaseId("p"), PhaseId("q")
    gates = (gate("env", GateWhen.PREFLIGHT), gate("whole", GateWhen.PHASE))
    phases = (Phase(p, sync=True), Phase(q))
    of = plan(task("A", phase=p), task("B", phase=q), gates=gates, phases=phases)
    assert starts(timetable(of, lasting(of), gate_s=2)) == {"A": 2, "B": 14}


def test_a_run_under_way_goes_on_from_where_it_stands() -> None:
    of = plan("A", "B<A", "C src/", "D src/", task("E", land=Land.APPROVE), "F", "G<F", "H")
    names = {letter: TaskId(letter) for letter in "EFGH"}
    standing = UnderWay(
        settled=frozenset({A}),
        stuck=frozenset({names["F"]}),
        at_work=(
            AtWork(C, TaskState.WORKING, 4.0),
            AtWork(names["E"], TaskState.PROPOSED, 6.0),
            AtWork(names["H"], TaskState.RETRYING, 3.0),
        ),
    )
    found = timetable(of, lasting(of), under_way=standing, agents_limit=2)
    assert {name: (span.started_s, span.landed_s) for name, span in found.spans.items()} == {
        B: (0, 10),
        C: (0, 4),
        D: (10, 20),
        names["E"]: (0, 6),
        names["H"]: (0, 14),
    }
    assert found.makespan_s == 20


def test_every_stage_goes_on_with_what_is_left_of_it() -> None:
    of = plan("A", "B", task("C", human=True), "D")
    times = {each.id: TaskTimes((Try(10, check_s=5),), merge_s=2) for each in of.tasks}
    stages = {
        A: TaskState.CHECKING,
        B: TaskState.QUEUED,
        C: TaskState.ASKING,
        D: TaskState.PREPARING,
    }
    standing = UnderWay(at_work=tuple(AtWork(name, stage, 1.0) for name, stage in stages.items()))
    found = timetable(of, times, under_way=standing)
    landed = {name: span.landed_s for name, span in found.spans.items()}
    assert landed == {B: 1, C: 1, A: 3, D: 8}


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_a_time_that_is_none_is_refused(wrong: float) -> None:
    of = plan("A")
    with pytest.raises(ValueError, match="is no time for A"):
        timetable(of, {A: TaskTimes((Try(wrong),))})
    with pytest.raises(ValueError, match="have no try"):
        timetable(of, {A: TaskTimes(())})
    with pytest.raises(KeyError):
        timetable(of, {})
    with pytest.raises(ValueError, match="0 agents can do nothing"):
        timetable(of, lasting(of), agents_limit=0)
    with pytest.raises(ValueError, match="nothing of it is under way"):
        timetable(of, lasting(of), under_way=UnderWay(at_work=(AtWork(A, TaskState.LANDED),)))


def test_a_file_that_everybody_touches_does_not_make_it_slow() -> None:
    """20,000 tasks that wait for each other are looked at a few times each, not 20,000 times."""
    count = 20_000
    agent = Defaults(agent=AgentName("scripted"))
    of = Plan(
        name="hot",
        tasks=tuple(task(f"T{n}", files=("CHANGELOG.md", f"src/{n}.py")) for n in range(count)),
        defaults=agent,
    )
    found = timetable(of, estimated(of))
    assert found.most_at_once == 1
    assert found.makespan_s == sequential_s(of, estimated(of))
