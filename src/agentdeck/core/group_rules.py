"""What a plan may say of tasks that land together (`land_with`): all of them can be done before any
of them has landed.

Rules: a group has no dependency inside, no barrier between its members, no two members of one
repository on the same files, and nobody in it works alone. Where each group is one thing, nothing
waits for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core.footprint import overlap
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.words import listed

MAX_GROUP: Final = 32  # tasks; whoever waits for more than that waits for ever
NAMED: Final = 6  # tasks, in a sentence


def faults_of_group(plan: Plan, group: tuple[TaskId, ...]) -> Iterator[tuple[str, str]]:
    """What is wrong with one group: message and hint."""
    names = listed(group, NAMED)
    if len(group) > MAX_GROUP:
        yield f"{len(group)} tasks land together; {MAX_GROUP} is the most", "make groups smaller"
        return
    specs = [plan.by_id[name] for name in group]
    for task in specs:
        inside = [other for other in task.after if other in group]
        if inside:
            yield (
                (
                    f"{task.id} waits until {inside[0]} has landed, and they land"
                    " together: neither can ever land"
                ),
                f"drop {inside[0]} from `after` of {task.id}, or from the group",
            )
        if task.defer and not all(other.defer for other in specs):
            yield f"{task.id} is deferred, so {names} would wait for ever", "defer them all"
        if task.exclusive:
            hint = "drop `exclusive`, or take it out of the group"
            yield f"{task.id} works alone, and not before the others have landed", hint
    for at, one in enumerate(specs):
        for other in specs[at + 1 :]:
            met = overlap(one.files, other.files) if one.repo == other.repo else None
            if met is not None:
                yield (
                    (
                        f"{one.id} and {other.id} land together, and both touch"
                        f" {met}: the second would not see what the first has done"
                    ),
                    "make them one task, or give them files of their own",
                )
    barriers = [at for at, phase in enumerate(plan.phases) if phase.sync]
    waves = plan.strategy is Strategy.WAVES
    index = [plan.phase_index[task.phase] for task in specs if task.phase is not None]
    between = range(min(index, default=0), max(index, default=0))
    if any(waves or at in barriers for at in between):
        hint = "move them to one phase, or drop the barrier"
        yield f"a barrier lies between {names}, which land together: none can ever land", hint


def contracted(plan: Plan) -> dict[str, tuple[str, ...]]:
    """What waits for what where each group is one thing, named after its first task."""

    def lead(name: TaskId) -> TaskId:
        return plan.group_of.get(name, (name,))[0]

    needs: dict[str, dict[str, None]] = {}
    for task in plan.tasks:
        mine = needs.setdefault(lead(task.id), {})
        mine.update(dict.fromkeys(lead(other) for other in task.after))
    return {name: tuple(wanted) for name, wanted in needs.items()}


__all__ = ["MAX_GROUP", "contracted", "faults_of_group"]
