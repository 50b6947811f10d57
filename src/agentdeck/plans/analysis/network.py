"""The tasks that will be done, numbered, with what each of them needs: what other analyses walk on.

Rules:
- Deferred tasks are not in it, and nothing waits for them here.
- Times are the plan's estimates, seconds. A task of none counts as `DEFAULT_ESTIMATE_S`.
- With barriers, each phase behind a sync point has a gate: a node of no duration that needs the
  tasks in front of it, and that the tasks behind it need. Gates come after all tasks.
- Numbers instead of ids: 100,000 tasks are walked many times.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy


class Network(msgspec.Struct, frozen=True):
    """n nodes: first the tasks, then the gates. All lists have one entry for each node."""

    ids: list[TaskId]  # of the tasks alone
    needs: list[list[int]]
    needing: list[list[int]]
    duration_s: list[float]
    order: list[int]  # each after what it needs

    @property
    def tasks(self) -> int:
        """How many of the nodes are tasks."""
        return len(self.ids)


def network_of(plan: Plan, *, barriers: bool = False, strategy: Strategy | None = None) -> Network:
    """The network of a plan without a loop. O(tasks + dependencies + phases).

    Args:
        barriers: with the gates of sync points, and of every phase where the strategy is waves.
        strategy: None = what the plan says; only asked with `barriers`.
    """
    active = [task for task in plan.tasks if not task.defer]
    ids = [task.id for task in active]
    number = {name: index for index, name in enumerate(ids)}
    needs = [list(dict.fromkeys(number[o] for o in t.after if o in number)) for t in active]
    duration_s = [plan.settings(name).estimate_s for name in ids]
    if barriers:
        _add_gates(plan, strategy or plan.strategy, [task.phase for task in active], needs)
        duration_s += [0.0] * (len(needs) - len(ids))
    return build(ids, needs, duration_s)


def build(ids: list[TaskId], needs: list[list[int]], duration_s: list[float]) -> Network:
    """A network from its parts; nodes on a loop are missing from its order."""
    needing: list[list[int]] = [[] for _ in needs]
    for node, wanted in enumerate(needs):
        for other in wanted:
            needing[other].append(node)
    return Network(ids, needs, needing, duration_s, _order(needs, needing))


def _order(needs: Sequence[Sequence[int]], needing: Sequence[Sequence[int]]) -> list[int]:
    """Kahn's order; source: CACM 5(11), 1962."""
    missing = [len(wanted) for wanted in needs]
    order = [node for node, count in enumerate(missing) if not count]
    for node in order:  # grows while it is walked
        for other in needing[node]:
            missing[other] -= 1
            if not missing[other]:
                order.append(other)
    return order


def _add_gates(
    plan: Plan, strategy: Strategy, phases: Sequence[str | None], needs: list[list[int]]
) -> None:
    """One gate for each barrier; it needs its phase's tasks and the gate before it."""
    members: dict[str, list[int]] = {phase.id: [] for phase in plan.phases}
    for node, name in enumerate(phases):
        if name is not None:
            members[name].append(node)
    gate: int | None = None
    for phase in plan.phases:
        inside = members[phase.id]
        if gate is not None:
            for node in inside:
                needs[node].append(gate)
        if phase.sync or strategy is Strategy.WAVES:
            needs.append([*inside, *([] if gate is None else [gate])])
            gate = len(needs) - 1


def without_edge(network: Network, node: int, needed: int) -> Network:
    """The network where `node` does not need `needed`. O(nodes), in the same order."""
    needs, needing = list(network.needs), list(network.needing)
    needs[node] = [other for other in needs[node] if other != needed]
    needing[needed] = [other for other in needing[needed] if other != node]
    return msgspec.structs.replace(network, needs=needs, needing=needing)


def with_duration(network: Network, node: int, duration_s: float) -> Network:
    """The network where one node takes another time, seconds. O(nodes)."""
    durations = list(network.duration_s)
    durations[node] = duration_s
    return msgspec.structs.replace(network, duration_s=durations)
