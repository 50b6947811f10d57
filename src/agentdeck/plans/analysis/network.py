"""The tasks that will be done, numbered, with what each of them needs: what other analyses walk on.

Rules:
- Deferred tasks are not in it, and nothing waits for them here.
- Times are the plan's estimates, seconds. A task of none counts as `DEFAULT_ESTIMATE_S`.
- With barriers, each phase behind a sync point has a gate: a node of no duration that needs the
  tasks in front of it, and that the tasks behind it need. Gates come after all tasks.
- Numbers instead of ids: 100,000 tasks are walked many times.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Plan, Strategy


class Network(msgspec.Struct, frozen=True):
    """n nodes: first the tasks, then the gates. All lists have one entry for each node."""

    ids: list[TaskId]  # of the tasks alone
    needs: list[Sequence[int]]
    needing: list[list[int]]
    duration_s: list[float]
    order: list[int]  # each after what it needs

    @property
    def tasks(self) -> int:
        """How many of the nodes are tasks."""
        return len(self.ids)


def network_of(plan: Plan) -> Network:
    """The network of a plan without a loop, by its dependencies alone. O(tasks + dependencies)."""
    settings = plan.all_settings
    ids = [task.id for task in plan.tasks if not task.defer]
    return build(ids, _needs(plan, ids), [settings[name].estimate_s for name in ids])


def _needs(plan: Plan, ids: Sequence[TaskId]) -> list[Sequence[int]]:
    if len(ids) == len(plan.tasks):
        return list(plan.needs)
    number = {name: index for index, name in enumerate(ids)}
    wanted = [plan.by_id[name].after for name in ids]
    return [tuple(dict.fromkeys(number[o] for o in after if o in number)) for after in wanted]


def with_barriers(network: Network, plan: Plan, strategy: Strategy | None = None) -> Network:
    """The network of a plan with gates too; where nothing is a barrier, the same one.

    O(tasks + dependencies + phases).

    Args:
        network: of this plan, without gates.
        strategy: in waves every phase has a gate, else sync points have; None = as planned.
    """
    waves = (strategy or plan.strategy) is Strategy.WAVES
    gated = {phase.id for phase in plan.phases if phase.sync or waves}
    if not gated:
        return network
    needs = _gated_needs(plan, network, gated)
    no_time = [0.0] * (len(needs) - network.tasks)
    return build(network.ids, needs, [*network.duration_s, *no_time])


def build(ids: list[TaskId], needs: list[Sequence[int]], duration_s: list[float]) -> Network:
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


def _gated_needs(plan: Plan, network: Network, gated: Collection[PhaseId]) -> list[Sequence[int]]:
    """With a gate for each barrier; it needs its phase's tasks and the gate before it."""
    members: dict[PhaseId, list[int]] = {phase.id: [] for phase in plan.phases}
    for node, task in enumerate(network.ids):
        phase = plan.by_id[task].phase
        if phase is not None:
            members[phase].append(node)
    needs = list(network.needs)
    gate: tuple[int, ...] = ()  # the last one, or none yet
    for name, inside in members.items():
        if gate:
            for node in inside:
                needs[node] = (*needs[node], *gate)
        if name in gated:
            needs.append((*inside, *gate))
            gate = (len(needs) - 1,)
    return needs


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
