"""A change of a plan while its run goes on: what it says, and the plan that comes of it.

Rules:
- A change is compact: the new and changed tasks in full, the ids of those that are dropped, and the
  few other parts that may change at all. What it does not name stays as it is.
- `changed` never judges; `core.replan_rules` says what may change in which state of a run.
- The order of the tasks is kept; new ones go to the end unless `order` says otherwise.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

import msgspec

from agentdeck.core.errors import RefusedError
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Agent, Budget, Phase, Plan, Pool, Task
from agentdeck.core.words import listed

MAX_NAMED: Final = 5  # tasks in one sentence
# Parts of a plan that tell people something, and nobody acts on.
_TOLD: Final = frozenset({"notes", "claims", "document", "version"})
_MAY_CHANGE: Final = frozenset({"tasks", "phases", "agents", "pools", "budget", "agents_limit"})
# Fields whose key in the file has another name.
_KEYS: Final = {
    "routes": "[[route]]",
    "gates": "[gates]",
    "repos": "[repos]",
    "defaults": "[defaults]",
    "permissions": "[[permission]]",
    "hooks": "[hooks]",
    "webhooks": "[webhooks]",
    "notify": "[notify]",
    "tracker": "[tracker]",
    "keep": "[keep]",
}


class PlanChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes different. Empty parts say nothing."""

    put: tuple[Task, ...] = ()  # new tasks, and those that replace one of the same id
    dropped: tuple[TaskId, ...] = ()
    order: tuple[TaskId, ...] | None = None  # of all tasks; None = as it was, new ones last
    phases: tuple[Phase, ...] | None = None  # all of them
    agents: tuple[Agent, ...] = ()  # new ones, and those that replace one of the same name
    pools: tuple[Pool, ...] = ()  # likewise
    budget: Budget | None = None
    agents_limit: int | None = None


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


def changed(plan: Plan, change: PlanChange) -> Plan:
    """The plan after the change: a new object, so nothing that was cached of the old one is in it.

    O(tasks). A name in `order` that is no task is passed over, a task that it leaves out goes last.
    """
    tasks = {task.id: task for task in plan.tasks}
    for dropped in change.dropped:
        tasks.pop(dropped, None)
    tasks.update((task.id, task) for task in change.put)
    if change.order is not None:
        first = {name: tasks[name] for name in change.order if name in tasks}
        tasks = {**first, **tasks}
    return msgspec.structs.replace(
        plan,
        tasks=tuple(tasks.values()),
        phases=plan.phases if change.phases is None else change.phases,
        agents=_put(plan.agents, change.agents),
        pools=_put(plan.pools, change.pools),
        budget=plan.budget if change.budget is None else change.budget,
        agents_limit=plan.agents_limit if change.agents_limit is None else change.agents_limit,
    )


def _put(old: tuple[N, ...], new: tuple[N, ...]) -> tuple[N, ...]:
    named = {each.name: each for each in old}
    named.update((each.name, each) for each in new)
    return tuple(named.values())


def difference(old: Plan, new: Plan) -> PlanChange:
    """What turns `old` into `new`, as far as a run can take it in. O(tasks).

    Notes, claims and the name of the source document are passed over: nobody acts on them. An agent
    or pool that `new` lacks stays.

    Raises:
        RefusedError: a part differs that is fixed for a run; the message names it.
    """
    for field in Plan.__struct_fields__:
        if field in _TOLD | _MAY_CHANGE or getattr(old, field) == getattr(new, field):
            continue
        raise RefusedError(
            f"{_KEYS.get(field, f'`{field}`')} is fixed while the run goes on",
            hint="tasks, phases, agents, pools, the budget and the number of agents can change;"
            " a new run takes the rest",
        )
    put = tuple(task for task in new.tasks if old.by_id.get(task.id) != task)
    dropped = tuple(task.id for task in old.tasks if task.id not in new.by_id)
    change = PlanChange(
        put=put,
        dropped=dropped,
        phases=None if old.phases == new.phases else new.phases,
        agents=tuple(agent for agent in new.agents if agent not in old.agents),
        pools=tuple(pool for pool in new.pools if pool not in old.pools),
        budget=None if old.budget == new.budget else new.budget,
        agents_limit=None if old.agents_limit == new.agents_limit else new.agents_limit,
    )
    order = tuple(task.id for task in new.tasks)
    if tuple(task.id for task in changed(old, change).tasks) == order:
        return change
    return msgspec.structs.replace(change, order=order)


def in_words(change: PlanChange) -> str:
    """The change in a few words: `A, B put; C dropped; phases`."""
    parts = [
        f"{listed([task.id for task in change.put], MAX_NAMED)} put" if change.put else "",
        f"{listed(change.dropped, MAX_NAMED)} dropped" if change.dropped else "",
        "another order" if change.order is not None else "",
        "phases" if change.phases is not None else "",
        f"agents {listed([agent.name for agent in change.agents], MAX_NAMED)}"
        if change.agents
        else "",
        f"pools {listed([pool.name for pool in change.pools], MAX_NAMED)}" if change.pools else "",
        "the budget" if change.budget is not None else "",
        f"{change.agents_limit} agents at once" if change.agents_limit is not None else "",
    ]
    return "; ".join(part for part in parts if part)


def rebased(old: Plan, new: Plan, onto: Plan) -> Plan:
    """`onto` with what has changed from `old` to `new`: a person's edit of a file, for a run.

    A task that both changed takes the edited fields and keeps the others. One that `onto` does not
    have, and was edited, is taken as it is in `new`. O(tasks).
    """
    tasks = {task.id: task for task in onto.tasks}
    for task in new.tasks:
        before, now = old.by_id.get(task.id), tasks.get(task.id)
        if before == task:
            continue
        tasks[task.id] = task if before is None or now is None else _merged(before, task, now)
    for task in old.tasks:
        if task.id not in new.by_id:
            tasks.pop(task.id, None)
    parts = {
        field: getattr(new, field)
        for field in Plan.__struct_fields__
        if field != "tasks" and getattr(old, field) != getattr(new, field)
    }
    order = _order(old, new, list(tasks))
    return msgspec.structs.replace(onto, tasks=tuple(tasks[name] for name in order), **parts)


def _merged(before: Task, after: Task, now: Task) -> Task:
    edited = {
        field: getattr(after, field)
        for field in Task.__struct_fields__
        if getattr(before, field) != getattr(after, field)
    }
    return msgspec.structs.replace(now, **edited)


def _order(old: Plan, new: Plan, names: list[TaskId]) -> list[TaskId]:
    """The order of the run, unless the edit moved or inserted something: then that of the file."""
    kept = [task.id for task in old.tasks if task.id in new.by_id]
    fresh = [task.id for task in new.tasks if task.id not in old.by_id]
    if [task.id for task in new.tasks] == kept + fresh:
        return names
    place = {task.id: index for index, task in enumerate(new.tasks)}
    return sorted(names, key=lambda name: place.get(name, len(place)))
