"""Groups of tasks that wait for each other as a whole: stages, waves, a task with its subtasks.

Rules:
- Where the groups form a line, each after the one before, a sync point says so without any edges.
- Otherwise the last tasks of one group are needed by the first tasks of the other. Tasks inside a
  group that are deferred hold nobody up.
- A document can ask for more edges than it has letters, so they are counted: beyond `MAX_EDGES`, or
  `MAX_LOOKED_AT` tasks looked at on the way, it is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from agentdeck.core.plan import DEFAULT_AGENTS
from agentdeck.plans.imports.draft import Draft, DraftTask
from agentdeck.plans.imports.tables import refuse
from agentdeck.plans.keys import MAX_AGENTS

MAX_EDGES: Final = 300_000  # made from groups in one document; seconds of work at most
MAX_LOOKED_AT: Final = 3_000_000  # tasks and names, for all pairs of groups together


class GroupEdges:
    """Makes edges between groups, and counts them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._made = 0
        self._looked_at = 0

    def wait(self, later: Sequence[DraftTask], earlier: Sequence[DraftTask], line: int) -> None:
        """The first tasks of `later` wait for the last tasks of `earlier`.

        Raises:
            PlanProblems: the document asks for too many.
        """
        self.look(len(later) + len(earlier), line)
        needed = [task.id for task in lasts(earlier)]
        self.need(firsts(later), needed, line)

    def need(self, waiting: Sequence[DraftTask], needed: Sequence[str], line: int) -> None:
        """Each of the tasks waits for each of the names. Raises like `wait`."""
        self._made += len(needed) * len(waiting)
        if self._made > MAX_EDGES:
            message = f"groups of tasks that wait for each other make over {MAX_EDGES} dependencies"
            refuse(self._file, line, message, "let one task stand between them")
        for task in waiting:
            task.after.extend(needed)

    def look(self, many: int, line: int) -> None:
        """So many tasks or names are looked at to find an edge. Raises like `wait`."""
        self._looked_at += many
        if self._looked_at > MAX_LOOKED_AT:
            message = "groups of tasks wait for each other too often"
            refuse(self._file, line, message, "let one task stand between them")


def firsts(tasks: Sequence[DraftTask]) -> list[DraftTask]:
    """The tasks of a group that wait for none of it."""
    ids = {task.id for task in tasks if not task.defer}
    return [task for task in tasks if not ids.intersection(task.after)]


def lasts(tasks: Sequence[DraftTask]) -> list[DraftTask]:
    """The tasks of a group that none of it waits for, without the deferred ones."""
    needed = {name for task in tasks if not task.defer for name in task.after}
    return [task for task in tasks if not task.defer and task.id not in needed]


def in_a_line(needs: Mapping[str, Sequence[str]]) -> bool:
    """Does each group need the one before it, and nothing but groups before it?

    Args:
        needs: for each group, in order, the groups it waits for.
    """
    seen: dict[str, None] = {}
    last = ""
    for name, wanted in needs.items():
        if (seen and last not in wanted) or any(other not in seen for other in wanted):
            return False
        seen[name] = None
        last = name
    return True


def finish(draft: Draft) -> None:
    """Each needed task is named once; phases that are no barriers do not bound the agents.

    Where tasks of several phases can be under way together, the widest phase says nothing about how
    many agents are of use, so the plan gets at least the usual number.
    """
    for task in draft.tasks:
        task.after = list(dict.fromkeys(task.after))
    if draft.agents_limit is None and any(not phase.sync for phase in draft.phases[:-1]):
        widest = max(Counter(task.phase for task in draft.tasks).values(), default=1)
        draft.agents_limit = min(MAX_AGENTS, max(DEFAULT_AGENTS, widest))
        said = f"{draft.agents_limit} at once: phases here do not wait for each other"
        draft.guessed(draft.phases[0].line, "agents-across-phases", said)
