"""Which tasks may touch the same files, which of them are ordered already, and what is done then.

Rules:
- Two tasks conflict when their footprints can meet (`core.footprint`). Deferred tasks do not.
- They are ordered when dependencies lead from one to the other, or a barrier stands between them.
- Of an unordered pair the second one to be ready waits until the first has landed; nothing is lost
  but time. Tasks that work alone are kept apart by that anyway.
- At most `MAX_CONFLICTS` pairs are listed, those of the earliest tasks first; all are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from agentdeck.core.footprint import patterns_overlap
from agentdeck.core.footprint_index import Pairs, pairs
from agentdeck.core.ids import TaskId
from agentdeck.core.pattern_heads import placed_files, shared_files, without_repo
from agentdeck.core.plan import Plan
from agentdeck.plans.analysis.network import Network
from agentdeck.plans.analysis.ordered import ordered
from agentdeck.plans.analysis.tree import Tree

MAX_CONFLICTS: Final = 10_000  # listed; more than anybody reads, and a bound for what follows
MAX_PATTERNS: Final = 64  # of a task, compared one by one to say where two meet
MAX_FILES: Final = 20  # named for a pair
WILD: Final = frozenset("*?[")


class Conflict(msgspec.Struct, frozen=True):
    """Two tasks that may touch the same files. `a` comes first in the file."""

    a: TaskId
    b: TaskId
    files: tuple[str, ...]  # the patterns that meet, the narrower where one is inside the other
    ordered: bool
    by: str  # what orders them: dependencies | barrier; empty = nothing
    does: str  # what agentdeck does: follow (they are ordered) | alone | serialise
    existing: tuple[str, ...] = ()  # files of the repository that both mean


class Conflicts(msgspec.Struct, frozen=True):
    """The pairs of a plan."""

    listed: tuple[Conflict, ...]
    total: int

    @property
    def complete(self) -> bool:
        """Is every pair listed?"""
        return len(self.listed) == self.total

    @property
    def open(self) -> tuple[Conflict, ...]:
        """The listed ones that nothing orders."""
        return tuple(each for each in self.listed if not each.ordered)


def conflicts_of(
    plan: Plan,
    network: Network,
    gated: Network,
    *,
    tree: Tree | None = None,
    limit: int = MAX_CONFLICTS,
) -> Conflicts:
    """Every pair whose footprints can meet.

    Args:
        network: of the plan, by dependencies alone.
        gated: the same with barriers.
        tree: the repository's files, to name those that both may touch.
    """
    active = [task for task in plan.tasks if not task.defer]
    found = pairs(active, limit, shared_files(plan))
    number = {name: index for index, name in enumerate(network.ids)}
    nodes = [(number[each.a], number[each.b]) for each in found.listed]
    depend = ordered(network, nodes)
    barred = depend if gated is network else ordered(gated, nodes)
    return Conflicts(_listed(plan, found, depend, barred, tree), found.total)


def _listed(
    plan: Plan, found: Pairs, depend: Sequence[bool], barred: Sequence[bool], tree: Tree | None
) -> tuple[Conflict, ...]:
    rows = []
    touched = _touched(plan, {name for each in found.listed for name in (each.a, each.b)})
    for each, by_path, by_barrier in zip(found.listed, depend, barred, strict=True):
        a, b = plan.by_id[each.a], plan.by_id[each.b]
        by = "dependencies" if by_path else "barrier" if by_barrier else ""
        alone = "alone" if a.exclusive or b.exclusive else "serialise"
        meeting = _meeting(touched[each.a], touched[each.b])
        existing: set[str] = set()
        for one, two in meeting if tree and a.repo is None else ():  # `tree` is of the plan's own
            existing |= tree.shared(one, two) if tree else set()
        rows.append(
            Conflict(
                each.a,
                each.b,
                _narrower(meeting) or (without_repo(each.pattern),),
                bool(by),
                by,
                "follow" if by else alone,
                tuple(sorted(existing)[:MAX_FILES]),
            )
        )
    return tuple(rows)


def _touched(plan: Plan, tasks: Iterable[TaskId]) -> dict[TaskId, list[str]]:
    """Of the first `MAX_PATTERNS` of each task those that others may touch."""
    found = {}
    for name in tasks:
        shared = set(shared_files(plan)[name])
        placed = placed_files(plan, plan.by_id[name])[:MAX_PATTERNS]
        found[name] = [without_repo(file) for file in placed if file in shared]
    return found


def _meeting(a: Sequence[str], b: Sequence[str]) -> list[tuple[str, str]]:
    """The patterns of two tasks that can meet."""
    return [(one, two) for one in a for two in b if one == two or patterns_overlap(one, two)]


def _narrower(meeting: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    names = dict.fromkeys(name for one, two in meeting for name in _narrow(one, two))
    return tuple(names)[:MAX_FILES]


def _narrow(one: str, two: str) -> tuple[str, ...]:
    """The pattern that lies inside the other; both when neither surely does."""
    if two.endswith("/") and _inside(one, two):
        return (one,)
    if one.endswith("/") and _inside(two, one):
        return (two,)
    if not WILD & set(one):
        return (one,)
    return (two,) if not WILD & set(two) else (one, two)


def _inside(pattern: str, folder: str) -> bool:
    return not WILD & set(folder) and pattern.startswith(folder)


def unmatched(plan: Plan, tree: Tree, limit: int) -> tuple[list[tuple[TaskId, str]], int]:
    """Footprints that mean no file of the repository: the first `limit`, and how many there are."""
    found = [
        (task.id, pattern)
        for task in plan.tasks
        if not task.defer and task.repo is None
        for pattern in task.files
        if not tree.matching(pattern)
    ]
    return found[:limit], len(found)
