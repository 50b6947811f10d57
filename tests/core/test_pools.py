"""How many places a pool has: as the plan says, as the machine allows, as a person sets it."""

from __future__ import annotations

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core import pools
from agentdeck.core.decide import Refused, decide
from agentdeck.core.events import AnyEvent
from agentdeck.core.ids import PoolName
from agentdeck.core.plan import Plan, Pool
from agentdeck.core.pools import GROW_EVERY_S, SAMPLES, SHRINK_EVERY_S, Sample, places, resized
from agentdeck.core.replan import PlanChange
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState
from agentdeck.core.steps import IOStep, Watch
from agentdeck.core.times import estimated
from agentdeck.core.timetable import timetable
from agentdeck.core.undo import undoing
from agentdeck.plans.forecast.ring import VirtualRing
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

NAME = PoolName("build")
SHORT = Sample(memory=0.91, load=0.5)
BUSY = Sample(memory=0.5, load=2.4)
BETWEEN = Sample(memory=0.8, load=0.5)
EASY = Sample(memory=0.5, load=0.5)


def stays_at_work(_: object, step: IOStep) -> tuple[AnyEvent, ...] | None:
    return () if isinstance(step, Watch) else None


def elastic(size: int, least: int | None = 1, most: int | None = 8) -> Pool:
    return Pool(NAME, size, labels=("heavy",), least=least, most=most)


def of(pool: Pool, tasks: int = 6) -> Plan:
    heavy = [task(f"T{number}", labels=("heavy",)) for number in range(tasks)]
    return plan(*heavy, pools=(pool,), agents_limit=20)


def at_work(pool: Pool, tasks: int = 6) -> Run:
    first = reached("T0", TaskState.WORKING)
    return run_until(started(of(pool, tasks)), first, stays_at_work)


def has(run: Run) -> int:
    return places(run.state, run.state.plan.pool_by_name[NAME])


def looks(run: Run, *samples: Sample, after_s: float = 0.0) -> list[tuple[int, str]]:
    """What follows from the same samples again and again, and that it happens."""
    run.clock.advance(after_s)
    found = resized(run.state, samples, run.clock.now)
    run.append(*found)
    return [(event.size, event.short) for event in found]


def test_size_alone_is_fixed() -> None:
    run = at_work(Pool(NAME, 2, labels=("heavy",)))
    for sample in (SHORT, BUSY, EASY):
        assert looks(run, *[sample] * SAMPLES, after_s=GROW_EVERY_S) == []
    assert has(run) == 2


@pytest.mark.parametrize(
    ("sample", "why"), [(SHORT, "memory 91 % used"), (BUSY, "load 2.4 for each core")]
)
def test_a_pool_shrinks_by_one_while_the_machine_is_short(sample: Sample, why: str) -> None:
    """Not twice in half a minute, never below its least, and what works goes on."""
    run = at_work(elastic(3))
    working = list(run.state.in_state(TaskState.PREPARING, TaskState.WORKING))
    assert looks(run, *[sample] * SAMPLES) == [(2, why)]
    assert looks(run, *[sample] * SAMPLES, after_s=SHRINK_EVERY_S - 1) == []
    assert looks(run, *[sample] * SAMPLES, after_s=1) == [(1, why)]
    assert looks(run, *[sample] * SAMPLES, after_s=SHRINK_EVERY_S) == []
    assert has(run) == 1
    assert list(run.state.in_state(TaskState.PREPARING, TaskState.WORKING)) == working
    assert pools.used(run.state, NAME) == 3


def test_a_pool_grows_by_one_when_it_is_full_and_the_machine_is_at_ease() -> None:
    run = at_work(elastic(2, most=4))
    assert looks(run, *[EASY] * SAMPLES) == [(3, "")]
    run = run_until(run, lambda now: pools.used(now.state, NAME) == 3, stays_at_work)
    assert looks(run, *[EASY] * SAMPLES, after_s=GROW_EVERY_S - 1) == []
    assert looks(run, *[EASY] * SAMPLES, after_s=1) == [(4, "")]
    run = run_until(run, lambda now: pools.used(now.state, NAME) == 4, stays_at_work)
    assert looks(run, *[EASY] * SAMPLES, after_s=GROW_EVERY_S) == [], "its most"


def test_a_pool_that_is_not_full_does_not_grow() -> None:
    run = at_work(elastic(3), tasks=2)
    assert looks(run, *[EASY] * SAMPLES) == []


def test_between_the_marks_and_while_samples_differ_nothing_changes() -> None:
    run = at_work(elastic(3))
    assert looks(run, *[BETWEEN] * SAMPLES) == []
    assert looks(run, SHORT, EASY, SHORT) == []
    assert looks(run, EASY, EASY, SHORT) == []
    assert looks(run, *[SHORT] * (SAMPLES - 1)) == [], "too few to believe"
    assert looks(run, EASY, *[SHORT] * SAMPLES) == [(2, "memory 91 % used")], "the latest count"


def test_a_clock_that_was_set_back_holds_nothing_up() -> None:
    run = at_work(elastic(3))
    looks(run, *[SHORT] * SAMPLES)
    assert [step.size for step in resized(run.state, [SHORT] * SAMPLES, 0.0)] == [1]


def test_a_task_that_waits_says_what_holds_its_pool() -> None:
    run = at_work(elastic(3, most=8))
    assert run.explain("T5") == (
        "T5 waits: pool build is full (3 at once, up to 8 as the machine allows)"
    )
    looks(run, *[SHORT] * SAMPLES)
    assert run.explain("T5") == "T5 waits: pool build is held at 2 of 8: memory 91 % used"
    run.command(c.SetPoolLimit(NAME, 1, by="kim"))
    assert run.explain("T5") == "T5 waits: pool build is held at 1 of 8 by kim"


# --- a person's limit ----------------------------------------------------------------------------


def test_a_persons_limit_holds_over_the_plan() -> None:
    """Of a fixed pool it is the size; of an elastic one the most."""
    run = at_work(Pool(NAME, 2, labels=("heavy",)))
    run.command(c.SetPoolLimit(NAME, 5))
    assert has(run) == 5
    run.command(c.SetPoolLimit(NAME, None))
    assert has(run) == 2
    run = at_work(elastic(3))
    run.command(c.SetPoolLimit(NAME, 2))
    assert has(run) == 2
    assert looks(run, *[EASY] * SAMPLES) == [], "the machine does not lift it"
    run.command(c.SetPoolLimit(NAME, 12))
    assert (has(run), pools.most(run.state, elastic(3))) == (3, 12)


def test_a_limit_that_means_nothing_is_refused() -> None:
    run = at_work(elastic(3))
    for command, why in (
        (c.SetPoolLimit(PoolName("nope"), 2), "the plan has no pool nope"),
        (c.SetPoolLimit(NAME, 0), "must be 1 to"),
        (c.SetPoolLimit(NAME, 10_000), "must be 1 to"),
        (c.SetPoolLimit(NAME, None), "is as the plan says already"),
    ):
        with pytest.raises(Refused, match=why):
            decide(run.state, command)


def test_a_limit_is_taken_back_to_what_it_was() -> None:
    run = at_work(elastic(3))
    assert undoing(run.state, c.SetPoolLimit(NAME, 2)) == (c.SetPoolLimit(NAME, None),)
    run.command(c.SetPoolLimit(NAME, 2))
    assert undoing(run.state, c.SetPoolLimit(NAME, 4)) == (c.SetPoolLimit(NAME, 2),)


# --- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "event",
    [
        e.PoolResized(PoolName("nope"), 1),
        e.PoolResized(NAME, 3),  # it has so many
        e.PoolResized(NAME, 9),
        e.PoolResized(NAME, 0),
        e.PoolLimitSet(PoolName("nope"), 1, "you"),
    ],
)
def test_a_change_of_a_pool_that_cannot_be_is_stale(event: AnyEvent) -> None:
    run = at_work(elastic(3))
    with pytest.raises(StaleEvent):
        run.append(event)


def test_a_plan_that_changes_moves_the_bounds_at_once() -> None:
    """A size that the machine had left is kept within what the plan says now."""
    run = at_work(elastic(3))
    looks(run, *[SHORT] * SAMPLES)
    changed = PlanChange(pools=(elastic(5, least=4, most=6),))
    run.command(c.EditPlan(changed, 0))
    assert has(run) == 4
    with pytest.raises(Refused, match="min, size and max must follow each other"):
        decide(run.state, c.EditPlan(PlanChange(pools=(elastic(5, most=2),)), 1))


# --- looking ahead -------------------------------------------------------------------------------


def test_timetables_and_forecasts_reckon_with_the_most() -> None:
    """Six tasks in a pool of one to three take two rounds, wherever the run stands."""
    found = of(elastic(1, most=3))
    fixed = of(Pool(NAME, 3, labels=("heavy",)))
    assert timetable(found, estimated(found)).makespan_s == (
        timetable(fixed, estimated(fixed)).makespan_s
    )
    ends = []
    for each in (found, fixed):
        ring = VirtualRing(each)
        ring.run()
        ends.append(ring.now)
    assert ends[0] == ends[1]
