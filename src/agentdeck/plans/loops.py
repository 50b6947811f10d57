"""Dependency loops of a plan, for its error messages.

Rules: one loop for each knot (strongly connected component) of tasks, the shortest through the
knot's first task in the file, so that every independent loop is named once. A task that needs
itself is a fault of its own and no loop. `networkx` is imported only when there is a loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentdeck.core.graph import topological_order


@dataclass(frozen=True, slots=True)
class Place:
    """What a barrier looks at in a task."""

    needs: tuple[str, ...]
    phase: int | None  # position of its phase in the file, from 0; None = it is in no phase
    barrier: bool  # later phases wait for this phase


def loops(needs: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Every independent loop, each without its closing repetition, in the order of the file.

    Args:
        needs: for each task the tasks it waits for; names that are no task are ignored.
    """
    if _follow_what_they_need(needs):
        return []
    known = {
        task: [other for other in wanted if other in needs and other != task]
        for task, wanted in needs.items()
    }
    sound = set(topological_order(known))
    if len(sound) == len(known):
        return []
    import networkx as nx  # 150 ms that only a bad plan has to pay

    graph: nx.DiGraph[str] = nx.DiGraph()
    for task, wanted in known.items():
        graph.add_edges_from((task, other) for other in wanted if not {task, other} & sound)
    place = {task: index for index, task in enumerate(known)}
    found = []
    for knot in nx.strongly_connected_components(graph):
        if len(knot) > 1:
            first = min(knot, key=place.__getitem__)
            found.append(_shortest(first, {task: known[task] for task in knot}))
    return sorted(found, key=lambda loop: place[loop[0]])


def _follow_what_they_need(needs: Mapping[str, Sequence[str]]) -> bool:
    """Does each task stand behind all it needs, as most plans are written? That is no loop."""
    before: set[str] = set()
    for task, wanted in needs.items():
        if not before.issuperset(wanted):
            return False
        before.add(task)
    return True


def _shortest(start: str, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The shortest loop through `start`, which has one. Breadth first, O(n + m)."""
    came_from: dict[str, str] = {}
    queue = [start]
    for task in queue:  # grows while it is walked
        for other in needs[task]:
            if other == start:
                loop = [task]
                while loop[-1] != start:
                    loop.append(came_from[loop[-1]])
                return loop[::-1]
            if other in needs and other not in came_from:
                came_from[other] = task
                queue.append(other)
    raise AssertionError(f"{start} is on no loop")


def behind_barriers(places: Mapping[str, Place]) -> list[list[str]]:
    """The chains that lead from a task of a barrier phase to a task of a later phase.

    Args:
        places: tasks by id; names in `needs` that are no key are ignored.

    Returns:
        For each task, and each of its own `needs` that leads there, one chain: the task, what it
        needs, and so on to the later task, which waits for the barrier and so for the first one.
        A chain goes through no third task that starts a chain of its own. In the order of
        `places`. O(tasks + needs), and the length of what is returned. Tasks on a plain loop, and
        tasks that need one, are left out.
    """
    if _keep_to_phases(places):
        return []
    needs = {
        task: [other for other in place.needs if other in places] for task, place in places.items()
    }
    latest: dict[str, int] = {}  # the latest phase that holds a task back; -1 = none
    for task in topological_order(needs):
        place = places[task]
        own = -1 if place.phase is None else place.phase
        # What a task of a barrier phase needs is looked at from that task itself.
        beyond = [] if place.barrier else [latest[other] for other in needs[task]]
        latest[task] = max([own, *beyond])
    found = []
    for task, place in places.items():
        if not place.barrier or place.phase is None or task not in latest:
            continue
        for other in needs[task]:
            chain = [task, other]
            while latest[chain[-1]] > place.phase:
                last = chain[-1]
                at = places[last].phase
                if at is not None and at > place.phase:
                    found.append(chain)
                    break
                chain.append(max(needs[last], key=latest.__getitem__))
    return found


def _keep_to_phases(places: Mapping[str, Place]) -> bool:
    """Are all tasks in phases, and none needs one of a later phase? Then no chain leads there."""
    phase_of = {task: place.phase for task, place in places.items() if place.phase is not None}
    if len(phase_of) < len(places):
        return False
    return all(
        phase_of.get(other, 0) <= phase
        for task, phase in phase_of.items()
        for other in places[task].needs
    )
