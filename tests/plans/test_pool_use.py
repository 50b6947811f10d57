"""How places were used as time passed, and what kept tasks waiting."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.capacity import Hindrance
from agentdeck.core.events import AnyEvent
from agentdeck.core.fold import apply
from agentdeck.core.ids import PoolName
from agentdeck.core.plan import Pool
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import IOStep, Watch
from agentdeck.plans.reporting import pool_use
from agentdeck.plans.reporting.pool_lines import What, pool_lines
from agentdeck.plans.reporting.pool_use import WHOLE, PoolUse
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

NAME = PoolName("build")


def stays_at_work(_: object, step: IOStep) -> tuple[AnyEvent, ...] | None:
    return () if isinstance(step, Watch) else None


def used_of(run: Run) -> PoolUse:
    state, use = RunState(), PoolUse()
    for recorded in run.history:
        apply(state, recorded)
        use.take(state, recorded)
    return use


def working(size: int) -> Run:
    """Three tasks for a pool; as many as it takes are at work, for 1,000 s."""
    tasks = [task(name, labels=("heavy",)) for name in "ABC"]
    pool = Pool(NAME, size, labels=("heavy",))
    run = run_until(
        started(plan(*tasks, pools=(pool,), agents_limit=4)),
        reached("A", TaskState.WORKING),
        stays_at_work,
    )
    run.clock.advance(1000.0)
    return run


def test_a_share_is_of_the_places_that_there_were() -> None:
    """Half of the time all of one place, then one of two: three quarters of it, in the mean."""
    run = working(1)
    half = run.clock.now
    run.command(c.SetPoolLimit(NAME, 2))
    use = used_of(run)
    assert use.share(NAME, half - 100, half) == pytest.approx(1.0)
    assert use.share(NAME, half, half + 100) == pytest.approx(0.5)
    assert use.share(NAME, half - 100, half + 200) == pytest.approx((100 + 200) / (100 + 400))
    assert use.share(WHOLE, half - 100, half) == pytest.approx(1 / 4)
    assert use.course(NAME, half - 100, half + 100, 2) == pytest.approx([1.0, 0.5])
    assert use.share(NAME, 0, 1) is None, "nothing was known yet"


def test_what_kept_tasks_waiting_is_counted_in_their_seconds() -> None:
    """Two of three waited for a place of the pool while it was looked at."""
    run = working(1)
    run.command(c.SetAgents(3))
    use = used_of(run)
    assert set(use.waits[NAME]) == {Hindrance.POOL}
    assert 2 * 1000.0 <= use.waits[NAME][Hindrance.POOL] <= 2 * 1100.0


def test_steps_are_bounded_and_keep_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    run = working(1)
    for number in range(60):
        run.clock.advance(10.0 + number % 3)
        run.command(c.SetPoolLimit(NAME, 2 + number % 5))
        if number in (21, 41):  # one more works from then on
            run = run_until(run, reached("BC"[number // 40], TaskState.WORKING), stays_at_work)
    exact = used_of(run)
    monkeypatch.setattr(pool_use, "MOST_STEPS", 16)
    bounded = used_of(run)
    assert len(bounded._steps[NAME]) <= 16
    assert all(one.at < two.at for one, two in pairwise(bounded._steps[NAME]))
    whole = run.state.started_at, run.clock.now
    assert bounded.share(NAME, *whole) == pytest.approx(exact.share(NAME, *whole))


def test_there_is_a_line_for_the_run_each_pool_and_each_agent_that_worked() -> None:
    run = run_until(working(2), reached("B", TaskState.WORKING), stays_at_work)
    run.append(e.PoolLimitSet(NAME, 1, "kim"))
    lines = pool_lines(run.state, used_of(run), run.clock.now)
    assert [(line.what, line.name) for line in lines][1:] == [
        (What.POOL, "build"),
        (What.AGENT, "scripted"),
    ]
    _, pool, agent = lines
    assert (pool.places, pool.most) == (1, 1)
    assert pool.held == "pool build is held at 1 of 2 by kim"
    assert pool.health.at_work == agent.health.at_work == 2
    assert all(share is None or share >= 0 for share in pool.course)
