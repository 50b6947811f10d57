"""The tasks of a plan in the order in which they start, and what each of them needs: by place.

Rules: everything here follows from the plan alone, so it is computed once a plan, however many
timetables are made of it. A task is named by its place (from 0) among those that are ready, see
`core.capacity.start_order`.
"""

from __future__ import annotations

import msgspec

from agentdeck.core.capacity import start_order
from agentdeck.core.ids import PoolName, TaskId
from agentdeck.core.open_phases import NO_PHASE
from agentdeck.core.pattern_heads import shared_files
from agentdeck.core.plan import Land, Plan


class Lineup(msgspec.Struct, frozen=True):
    """n tasks. All lists but the last have one entry for each place."""

    order: list[TaskId]
    place: dict[TaskId, int]
    needs: list[int]  # how many others it needs
    needing: list[list[int]]  # the places of those who need it, in the order of the file
    phases: list[int]  # positions in the file, or `NO_PHASE`
    pools: list[PoolName | None]
    others: list[tuple[PoolName | None, ...]]  # of who may begin where that one is full, in order
    by_hand: list[bool]  # done by a person, who takes no agent slot
    exclusive: list[bool]
    files: list[tuple[str, ...]]  # those that others may touch
    lands: list[Land]
    places: list[int]  # of the tasks in the order of the file


def lineup(plan: Plan) -> Lineup:
    """The tasks of a plan. Computed once a plan. O(tasks * log tasks + dependencies)."""
    cached: Lineup | None = plan.__dict__.get("_lineup")
    if cached is None:
        cached = plan.__dict__["_lineup"] = _lineup(plan)
    return cached


def _lineup(plan: Plan) -> Lineup:
    place = start_order(plan)
    order = list(place)
    numbers = [plan.number[task] for task in order]
    tasks, needs, phase_index = plan.tasks, plan.needs, plan.phase_index
    settings = list(plan.all_settings.values())
    people = {name for name, agent in plan.agent_by_name.items() if agent.use == "human"}
    shared = shared_files(plan)
    places = [0] * len(order)
    for at, number in enumerate(numbers):
        places[number] = at
    needing: list[list[int]] = [[] for _ in order]
    for own, wanted in zip(places, needs, strict=True):
        for number in wanted:
            needing[places[number]].append(own)
    phases = [NO_PHASE if task.phase is None else phase_index[task.phase] for task in tasks]
    return Lineup(
        order=order,
        place=place,
        needs=[len(needs[number]) for number in numbers],
        needing=needing,
        phases=[phases[number] for number in numbers],
        pools=[settings[number].pool for number in numbers],
        others=[_others(plan, name) for name in order],
        by_hand=[settings[number].agent in people for number in numbers],
        exclusive=[task in plan.exclusive for task in order],
        files=[shared.get(task, ()) for task in order],
        lands=[settings[number].land for number in numbers],
        places=places,
    )


def _others(plan: Plan, task: TaskId) -> tuple[PoolName | None, ...]:
    stand_ins = plan.stand_ins.get(task, ())
    own = plan.settings(task).pool if stand_ins else None
    return tuple(dict.fromkeys(pool for _, pool in stand_ins if pool != own))
