"""Forecasts: what many possible worlds have in common, before a run and in the middle of one."""

from __future__ import annotations

from typing import Any

import pytest

from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Defaults, Plan, Task
from agentdeck.core.state import TaskState
from agentdeck.core.times import estimated
from agentdeck.core.timetable import timetable
from agentdeck.plans.forecast.monte_carlo import (
    critical_chain,
    forecast,
    spread_of,
)
from agentdeck.plans.forecast.quantiles import quantile
from agentdeck.plans.forecast.ring import VirtualRing
from agentdeck.plans.forecast.standing import Live, Standing, standing_of

A, B, C, D = map(TaskId, "ABCD")
SCRIPTED = AgentName("scripted")


def task(name: TaskId, minutes: float, *after: TaskId, **more: Any) -> Task:
    return Task(id=name, title=name, estimate_s=60 * minutes, after=after, **more)


def plan_of(*tasks: Task, **more: Any) -> Plan:
    return Plan(name="p", tasks=tasks, **more)


DIAMOND = plan_of(task(A, 10), task(B, 30, A), task(C, 20, A), task(D, 10, B, C))


def test_quantiles_are_interpolated() -> None:
    """The median of four values is between the middle two (Hyndman & Fan, type 7)."""
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 2.5
    assert quantile([5.0], 0.95) == 5.0
    found = spread_of([float(value) for value in range(101)])
    assert (found.p50, found.p80, found.p95, found.mean) == (50, 80, 95, 50)
    assert (found.least, found.most) == (0, 100)


def test_the_same_seed_gives_the_same_forecast() -> None:
    assert forecast(DIAMOND, samples=20, seed=3) == forecast(DIAMOND, samples=20, seed=3)
    assert forecast(DIAMOND, samples=20, seed=3) != forecast(DIAMOND, samples=20, seed=4)


def test_scripted_agents_leave_nothing_to_chance() -> None:
    """Every world is the timetable of the estimates, and what starting and landing take."""
    tasks = tuple(task(name, 10, agent=SCRIPTED) for name in (A, B, C))
    found = forecast(plan_of(*tasks, agents_limit=1), samples=10)
    assert found.finish_s.least == found.finish_s.most
    assert 1800 < found.finish_s.p50 < 1803
    assert found.measured == 0


def test_the_end_of_uncertain_work_is_uncertain() -> None:
    """Half, four in five and nineteen in twenty worlds end by then, later than the estimates."""
    found = forecast(DIAMOND, samples=400).finish_s
    assert found.least < found.p50 < found.p80 < found.p95 < found.most
    assert 50 * 60 < found.p50 < 80 * 60
    assert found.p95 > 1.2 * found.p50


def test_a_task_is_as_critical_as_it_decides_the_end() -> None:
    """First and last always, the longer arm mostly, the shorter one sometimes."""
    tasks = forecast(DIAMOND, samples=400).tasks
    assert tasks[A].criticality == tasks[D].criticality == 1.0
    assert tasks[B].criticality + tasks[C].criticality == pytest.approx(1.0)
    assert tasks[B].criticality > 0.7
    assert tasks[C].criticality > 0.02
    assert tasks[A].end_p50_s <= tasks[B].start_p50_s <= tasks[B].end_p50_s <= tasks[B].end_p80_s


def test_who_gave_up_a_slot_or_files_is_on_the_chain() -> None:
    """Without dependencies, one agent, or one file, makes a chain of its own."""
    tasks = (task(A, 10), task(B, 30), task(C, 20))
    one = plan_of(*tasks, agents_limit=1)
    chain = critical_chain(timetable(one, estimated(one)), one)
    assert chain == [A, C, B]  # the longest goes first; told from the end
    shared = plan_of(task(A, 10, files=("x",)), task(B, 30, files=("x",)), task(C, 20))
    assert critical_chain(timetable(shared, estimated(shared)), shared) == [A, B]


def test_money_follows_the_time_that_is_drawn() -> None:
    """A task without a price is counted as such, and not as free."""
    found = forecast(DIAMOND, samples=200, usd_of=lambda name: 1.0 if name in (A, B) else None)
    assert found.usd is not None
    assert found.unpriced == 2
    assert 2.0 < found.usd.mean < 3.0
    assert forecast(DIAMOND, samples=5).usd is None


def test_half_a_run_has_half_its_time_before_it() -> None:
    """What has landed is not drawn again, and what works has done a part."""
    scripted = plan_of(*DIAMOND.tasks, defaults=Defaults(agent=SCRIPTED))
    ring = VirtualRing(scripted, started_at=1000.0)
    ring.advance(1000.0 + 15 * 60)
    standing = standing_of(ring.state, 1000.0 + 15 * 60)
    assert standing.settled == {A}
    assert [(live.task, live.state) for live in standing.live] == [
        (B, TaskState.WORKING),
        (C, TaskState.WORKING),
    ]
    found = forecast(scripted, samples=5, standing=standing)
    assert found.finish_s.p50 == pytest.approx(35 * 60, abs=5)  # B has 25 left, D takes 10
    assert set(found.tasks) == {B, C, D}


def test_who_is_late_is_not_forecast_to_end_at_once() -> None:
    """A task that has worked twice its estimate still takes a while."""
    late = Standing(live=(Live(A, TaskState.WORKING, 20 * 60.0, 0.0, None),))
    found = forecast(plan_of(task(A, 10)), samples=100, standing=late)
    assert 20 < found.finish_s.p50 < 10 * 60


def test_work_that_needs_a_person_is_in_no_forecast() -> None:
    """A failed task and what needs it have no end; the rest has."""
    stuck = Standing(stuck=frozenset({B}), settled=frozenset({A}))
    found = forecast(DIAMOND, samples=20, standing=stuck)
    assert set(found.tasks) == {C}
