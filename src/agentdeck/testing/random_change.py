"""Edits of a running plan from a seed, for the simulation: sensible ones and hopeless ones.

Rules: the same `Random` and state give the same change. Many are refused, each for a reason of its
own; what is accepted has to hold every invariant.
"""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.plan import Budget, Phase, Plan, Pool, Task
from agentdeck.core.replan import PlanChange
from agentdeck.core.state import RunState
from agentdeck.testing.generated_plans import FOOTPRINTS

MAX_TASKS: Final = 14  # a plan that grows for ever would never end


def random_change(state: RunState, random: Random, about: TaskId) -> PlanChange:
    """A change that is about one task, or about the plan as a whole."""
    plan = state.plan
    task = plan.by_id.get(about) or random.choice(plan.tasks)
    draw = random.random()
    if draw < 0.3 and len(plan.tasks) < MAX_TASKS:
        return PlanChange(put=(_new(state, random),), order=_maybe_shuffled(plan, random))
    if draw < 0.45:
        return PlanChange(dropped=(task.id,))
    if draw < 0.55:
        return _replaced(plan, task, random)
    if draw < 0.65:
        return _rest(plan, random)
    return PlanChange(put=(_edited(plan, task, random),))


def _new(state: RunState, random: Random) -> Task:
    name = next(
        name for number in range(1, 1_000) if (name := TaskId(f"N{number}")) not in state.tasks
    )
    return Task(
        id=name,
        title=f"Task {name}",
        after=_some(state.plan, random),
        phase=_phase(state.plan, random),
        files=random.choice(FOOTPRINTS) if random.random() < 0.6 else (),
        priority=random.choice((0, 0, 1)),
        human=random.random() < 0.05,
        exclusive=random.random() < 0.05,
        defer="later" if random.random() < 0.1 else None,
    )


def _some(plan: Plan, random: Random) -> tuple[TaskId, ...]:
    names = [task.id for task in plan.tasks]
    return tuple(random.sample(names, min(len(names), random.choice((0, 1, 1, 2)))))


def _phase(plan: Plan, random: Random) -> PhaseId | None:
    return random.choice([None, *(phase.id for phase in plan.phases)])


def _maybe_shuffled(plan: Plan, random: Random) -> tuple[TaskId, ...] | None:
    if random.random() < 0.5:
        return None
    names = [task.id for task in plan.tasks]
    random.shuffle(names)
    return tuple(names)


def _edited(plan: Plan, task: Task, random: Random) -> Task:
    """The task with another value in one of its fields."""
    field, value = random.choice(
        (
            ("title", f"{task.title}, again"),
            ("estimate_s", random.choice((60.0, 7200.0))),
            ("priority", random.choice((-1, 0, 2))),
            ("after", _some(plan, random)),
            ("after", ()),
            ("phase", _phase(plan, random)),
            ("files", random.choice(FOOTPRINTS)),
            ("labels", random.choice(((), ("heavy",)))),
            ("exclusive", not task.exclusive),
            ("human", not task.human),
            ("defer", None if task.defer else "not now"),
            ("retries", random.choice((0, 3))),
            ("land", None),
        )
    )
    return msgspec.structs.replace(task, **{field: value})


def _replaced(plan: Plan, task: Task, random: Random) -> PlanChange:
    """One task gives way to two, and what needed it needs the last of them."""
    names = [TaskId(f"{task.id}-{number}") for number in (1, 2)]
    parts = (
        msgspec.structs.replace(task, id=names[0]),
        msgspec.structs.replace(task, id=names[1], after=(names[0],), files=()),
    )
    needing = [
        msgspec.structs.replace(
            other, after=tuple(names[1] if n == task.id else n for n in other.after)
        )
        for other in plan.tasks
        if task.id in other.after
    ]
    dropped = (task.id,) if random.random() < 0.9 else ()
    return PlanChange(put=(*parts, *needing), dropped=dropped)


def _rest(plan: Plan, random: Random) -> PlanChange:
    """A change of something else than tasks."""
    kind = random.randrange(5)
    if kind == 0:
        fresh = Phase(PhaseId(f"q{len(plan.phases)}"), sync=random.random() < 0.5)
        at = random.randint(0, len(plan.phases))
        return PlanChange(phases=(*plan.phases[:at], fresh, *plan.phases[at:]))
    if kind == 1:
        return PlanChange(phases=plan.phases[1:])
    if kind == 2:
        size = random.randint(1, 3)
        most = random.choice((None, size, size + 2))
        return PlanChange(pools=(Pool(PoolName("small"), size, labels=("heavy",), most=most),))
    if kind == 3:
        return PlanChange(budget=Budget(usd=50.0))
    return PlanChange(agents_limit=random.randint(1, 4))
