"""A plan with one thing changed, for "what if".

Rules: a variant is a plan of its own; the plan it comes from is not touched. What cannot have
changed (the settings of tasks, mostly) is carried over and not computed again: a large plan is
varied many times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Plan, Strategy, Task

RISKY: Final = frozenset({"high", "very-high"})  # as risk, or as complexity


def conservative(plan: Plan) -> Plan:
    """The plan with every risky task working alone."""
    risky = [task for task in plan.tasks if is_risky(task)]
    return changed(plan, {t.id: msgspec.structs.replace(t, exclusive=True) for t in risky})


def is_risky(task: Task) -> bool:
    """Does the plan call it risky, or complex enough to be so?"""
    return task.risk in RISKY or task.complexity in RISKY


def without_dependency(plan: Plan, task_id: TaskId, needed: TaskId) -> Plan:
    """The plan where `task_id` does not need `needed`."""
    task = plan.by_id[task_id]
    after = tuple(other for other in task.after if other != needed)
    return changed(plan, {task_id: msgspec.structs.replace(task, after=after)})


def with_estimate(plan: Plan, task_id: TaskId, estimate_s: float) -> Plan:
    """The plan where one task takes another time, seconds."""
    task = msgspec.structs.replace(plan.by_id[task_id], estimate_s=estimate_s)
    found = changed(plan, {task_id: task})
    settings = msgspec.structs.replace(plan.settings(task_id), estimate_s=estimate_s)
    found.__dict__["all_settings"] = {**plan.all_settings, task_id: settings}
    return found


def with_files(plan: Plan, files: Mapping[TaskId, Iterable[str]]) -> Plan:
    """The plan with these footprints, and no others."""
    return changed(
        plan,
        {
            task.id: msgspec.structs.replace(task, files=tuple(files.get(task.id, ())))
            for task in plan.tasks
            if task.files
        },
    )


def barriers_as_syncs(plan: Plan, strategy: Strategy) -> Plan:
    """The same plan, run eagerly, with each barrier of the strategy written as a sync point."""
    waves = strategy is Strategy.WAVES
    phases = tuple(msgspec.structs.replace(p, sync=p.sync or waves) for p in plan.phases)
    return _carry(plan, strategy=Strategy.EAGER, phases=phases)


def without_sync(plan: Plan, phase: PhaseId) -> Plan:
    """The plan where nothing waits for the end of this phase."""
    phases = tuple(
        msgspec.structs.replace(each, sync=False) if each.id == phase else each
        for each in plan.phases
    )
    return _carry(plan, phases=phases)


def changed(plan: Plan, tasks: Mapping[TaskId, Task]) -> Plan:
    """The plan with some tasks replaced; nothing that decides their settings may differ."""
    return _carry(plan, tasks=tuple(tasks.get(task.id, task) for task in plan.tasks))


def _carry(plan: Plan, **fields: Any) -> Plan:
    found = msgspec.structs.replace(plan, **fields)
    found.__dict__["all_settings"] = plan.all_settings
    return found
