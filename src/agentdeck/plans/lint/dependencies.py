"""Rules about the order of tasks: needless dependencies, phases, people in the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from agentdeck.core.graph import closure
from agentdeck.plans.analysis.network import Network
from agentdeck.plans.lint.finding import Edge, Hit
from agentdeck.plans.lint.subject import Subject

CHUNK: Final = 2048  # tasks whose followers are walked together; a bit each
MAX_STEPS: Final = 20_000_000  # of all walks; about five seconds, and a bound for hostile graphs
MAX_PEOPLE: Final = 200  # human tasks whose followers are counted


def redundant(network: Network) -> tuple[list[tuple[int, int]], bool]:
    """Dependencies that a longer path implies, as pairs of nodes (task, needs).

    Returns: the pairs in the order of the tasks, and whether all were found: the walk ends after
        `MAX_STEPS`. Ancestors are sets of bits; O((n + m) * candidates / `CHUNK`).
    """
    level = [0] * len(network.needs)
    for node in network.order:
        level[node] = max((level[other] + 1 for other in network.needs[node]), default=0)
    # A longer path to what is needed leads through another need of a higher level.
    candidates: dict[int, list[int]] = {}
    for node, needs in enumerate(network.needs):
        top = max((level[other] for other in needs), default=0)
        for other in needs:
            if level[other] < top:
                candidates.setdefault(other, []).append(node)
    place = [0] * len(network.needs)
    for index, node in enumerate(network.order):
        place[node] = index
    sources = sorted(candidates, key=place.__getitem__)
    steps = len(network.needs) + sum(len(needs) for needs in network.needs)
    chunks = [sources[at : at + CHUNK] for at in range(0, len(sources), CHUNK)]
    most = max(1, MAX_STEPS // max(1, steps))
    found = []
    for chunk in chunks[:most]:
        last = max(place[node] for source in chunk for node in candidates[source])
        inherited = _inherited(network, chunk, network.order[place[chunk[0]] : last + 1])
        for bit, source in enumerate(chunk):
            found += [
                (node, source) for node in candidates[source] if inherited.get(node, 0) >> bit & 1
            ]
    return sorted(found), len(chunks) <= most


def _inherited(network: Network, sources: list[int], nodes: list[int]) -> dict[int, int]:
    """For each of the nodes which sources one of its needs needs, directly or not, as bits.

    Args:
        nodes: in order, from the first source on.
    """
    inherited: dict[int, int] = {}
    above: dict[int, int] = {}  # the same, with the needs themselves; what is not in it has none
    own = {node: 1 << bit for bit, node in enumerate(sources)}
    for node in nodes:
        found = direct = 0
        for other in network.needs[node]:
            found |= above.get(other, 0)
            direct |= own.get(other, 0)
        if found:
            inherited[node] = found
        if found or direct:
            above[node] = found | direct
    return inherited


def redundant_edges(subject: Subject) -> list[Edge]:
    """Entries of `after` that could go without any task starting earlier."""
    pairs, _ = redundant(subject.network)
    ids = subject.network.ids
    return [Edge(ids[node], ids[other]) for node, other in pairs]


def redundant_dependency(subject: Subject) -> Iterator[Hit]:
    """A dependency that others imply: it says nothing, and hides what matters."""
    for edge in redundant_edges(subject):
        at = subject.place[edge.task]
        index = subject.plan.tasks[at].after.index(edge.needs)
        yield Hit(
            ("task", at, "after", index),
            f"waits for {edge.needs} through other tasks already",
            f"take {edge.needs} out of `after`",
        )


def phase_order(subject: Subject) -> Iterator[Hit]:
    """A task that needs a task of a later phase: the phases are not the order of the work."""
    index = subject.plan.phase_index
    for at, task in subject.active:
        if task.phase is None:
            continue
        for number, needed in enumerate(task.after):
            other = subject.plan.by_id[needed]
            if other.phase is not None and index[other.phase] > index[task.phase]:
                yield Hit(
                    ("task", at, "after", number),
                    f"is in phase {task.phase} and waits for {needed} of the later phase"
                    f" {other.phase}",
                    f"move {task.id} to phase {other.phase}, or {needed} to phase {task.phase}",
                )


def empty_phase(subject: Subject) -> Iterator[Hit]:
    """A phase without tasks that will be done."""
    active = Counter(task.phase for _, task in subject.active)
    every = Counter(task.phase for task in subject.plan.tasks)
    for at, phase in enumerate(subject.plan.phases):
        if every[phase.id] and not active[phase.id]:
            continue  # all of it is deferred, and that is said
        if not every[phase.id]:
            yield Hit(("phase", at), "has no task", "put tasks into it, or take it out")


def waits_for_person(subject: Subject) -> Iterator[Hit]:
    """A task by hand that others wait for: the run stands until somebody has done it."""
    plan = subject.plan
    hands = {name for name, agent in plan.agent_by_name.items() if agent.use == "human"}
    people = [(at, t) for at, t in subject.active if plan.settings(t.id).agent in hands]
    for at, task in people[:MAX_PEOPLE]:
        behind = len(closure(task.id, plan.dependents))
        if behind:
            waits = "task waits" if behind == 1 else "tasks wait"
            yield Hit(("task", at), f"is done by a person, and {behind} {waits} for it")
