"""The fast driver and the whole ring agree about every moment of any plan."""

from __future__ import annotations

from random import Random

import msgspec
import pytest

from agentdeck.core import events as e
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Budget, Plan, ReviewRules, Strategy
from agentdeck.core.times import TaskTimes, Try
from agentdeck.core.timetable import timetable
from agentdeck.plans.forecast.ring import VirtualRing, with_waits
from agentdeck.testing.generated_plans import generated_plan

SEEDS = range(250)
SOAK_SEEDS = range(250, 6_000)

Moments = dict[TaskId, tuple[list[float], float | None]]


def drawn_times(random: Random, plan: Plan) -> dict[TaskId, TaskTimes]:
    """Few different values, so that things often happen at the same moment; and 0 is one."""
    longest = random.choice((0, 1, 3, 40))

    def seconds() -> float:
        return float(random.randint(0, longest))

    found = {}
    for task in plan.tasks:
        retries = plan.settings(task.id).retries
        human = plan.agent_by_name[plan.settings(task.id).agent].use == "human"
        count = 1 if human else 1 + random.choice((0, 0, random.randint(0, retries)))
        tries = tuple(Try(seconds(), random.choice((0.0, seconds()))) for _ in range(count))
        found[task.id] = TaskTimes(
            tries,
            prepare_s=random.choice((0.0, seconds())),
            approve_s=seconds(),
            merge_s=random.choice((0.0, seconds())),
        )
    return found


def in_the_ring(ring: VirtualRing) -> Moments:
    ring.run()
    claims: dict[TaskId, list[float]] = {}
    for recorded in ring.history:
        if isinstance(recorded.event, e.AttemptClaimed):
            claims.setdefault(recorded.event.task, []).append(recorded.at)
    return {name: (found, ring.state.tasks[name].landed_at) for name, found in claims.items()}


def without_budgets(plan: Plan) -> Plan:
    """A timetable knows none, one gate slot, and reviewers that are no agents."""
    replace, none = msgspec.structs.replace, Budget()
    return replace(
        plan,
        budget=none,
        queue=replace(plan.queue, slots=1),
        review=ReviewRules(),
        tasks=tuple(replace(task, budget=none) for task in plan.tasks),
        phases=tuple(replace(phase, budget=none) for phase in plan.phases),
        pools=tuple(replace(pool, budget=none) for pool in plan.pools),
    )


def compare(seed: int) -> None:
    random = Random(seed)
    plan = without_budgets(generated_plan(random))
    times = with_waits(plan, drawn_times(random, plan))
    limit = random.choice((None, 1, 2, 5))
    strategy = random.choice((None, *Strategy))
    gate_s = float(random.choice((0, 0, 2)))
    ring = VirtualRing(plan, times, agents_limit=limit, strategy=strategy, gate_s=gate_s)
    expected = in_the_ring(ring)
    fast = timetable(plan, times, agents_limit=limit, strategy=strategy, gate_s=gate_s)
    landed = {name: at for name, (_, at) in expected.items() if at is not None}
    assert {name: span.landed_s for name, span in fast.spans.items()} == landed
    for name, span in fast.spans.items():
        claims = expected[name][0]
        assert (span.started_s, span.tries) == (claims[0], len(claims)), name


@pytest.mark.parametrize("seed", SEEDS)
def test_any_plan_has_the_same_moments_in_the_ring(seed: int) -> None:
    """Starts, tries and landings; pools, files, priorities, people, barriers and gates included."""
    compare(seed)


@pytest.mark.soak
def test_many_plans_have_the_same_moments_in_the_ring() -> None:
    for seed in SOAK_SEEDS:
        compare(seed)
