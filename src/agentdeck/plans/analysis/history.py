"""Files that change together: what the git log says about tasks whose footprints do not meet.

Rules:
- Two files are coupled when enough commits changed both, and most commits of one changed the
  other. These are association rules with a support and a confidence; source: Zimmermann,
  Weißgerber, Diehl & Zeller, Mining Version Histories to Guide Software Changes, IEEE TSE 31(6),
  2005.
- Commits of many files (renames, formatting) say nothing about what belongs together; left out.
- A warning is for two tasks that could work at the same time. It changes nothing in a run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, islice
from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Task
from agentdeck.plans.analysis.tree import Tree

MIN_TOGETHER: Final = 3  # commits; two may be chance
MIN_CONFIDENCE: Final = 0.5  # of the commits of one file: more often than not
MAX_FILES: Final = 30  # of a commit that counts; the study leaves larger ones out too
MAX_COUPLINGS: Final = 2_000  # kept, the strongest first
MAX_PAIRS: Final = 20_000  # of tasks looked at, those of the strongest couplings first
MAX_WARNINGS: Final = 100
MAX_NAMED: Final = 3  # pairs of files that a warning names


class Coupling(msgspec.Struct, frozen=True):
    """Two files that change together."""

    one: str
    two: str
    together: int  # commits
    confidence: float  # 0 to 1: of the commits of the one that changes less often


class Coupled(msgspec.Struct, frozen=True):
    """Two tasks that could work at once, on files that change together."""

    a: TaskId
    b: TaskId
    couplings: tuple[Coupling, ...]  # at most `MAX_NAMED`, the strongest first
    total: int


def couplings(commits: Iterable[Sequence[str]]) -> list[Coupling]:
    """The coupled files of a history, the strongest first. O(commits * MAX_FILES²)."""
    alone: Counter[str] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    for changed in commits:
        files = sorted(set(changed))
        if len(files) <= MAX_FILES:
            alone.update(files)
            both.update(combinations(files, 2))
    found = [
        Coupling(one, two, together, together / min(alone[one], alone[two]))
        for (one, two), together in both.items()
        if together >= MIN_TOGETHER and together / min(alone[one], alone[two]) >= MIN_CONFIDENCE
    ]
    found.sort(key=lambda each: (-each.together, -each.confidence, each.one, each.two))
    return found[:MAX_COUPLINGS]


def coupled_tasks(
    tasks: Sequence[Task],
    found: Sequence[Coupling],
    may_meet: Callable[[Sequence[tuple[TaskId, TaskId]]], Sequence[bool]],
) -> list[Coupled]:
    """Pairs of tasks that touch coupled files, the strongest first; at most `MAX_WARNINGS`.

    Args:
        may_meet: for pairs of ids: could the two work at once, and is it not known already that
            their footprints meet?
    """
    touching = _touching(tasks, {name for each in found for name in (each.one, each.two)})
    between: dict[tuple[TaskId, TaskId], list[Coupling]] = {}
    met = (
        (a, b, each)
        for each in found
        for a in touching.get(each.one, ())
        for b in touching.get(each.two, ())
    )
    for a, b, coupling in islice(met, MAX_PAIRS):
        if a != b:
            between.setdefault((min(a, b), max(a, b)), []).append(coupling)
    wanted = may_meet(list(between))
    rows = [
        Coupled(a, b, tuple(these[:MAX_NAMED]), len(these))
        for ((a, b), these), possible in zip(between.items(), wanted, strict=True)
        if possible
    ]
    rows.sort(key=lambda row: -row.couplings[0].together)
    return rows[:MAX_WARNINGS]


def _touching(tasks: Sequence[Task], names: Iterable[str]) -> dict[str, list[TaskId]]:
    """For each file, the tasks whose footprints mean it."""
    tree = Tree(names)
    found: dict[str, list[TaskId]] = {}
    for task in tasks:
        files = task.files if task.repo is None else ()  # what is looked at is the plan's own
        for name in {name for pattern in files for name in tree.matching(pattern)}:
            found.setdefault(name, []).append(task.id)
    return found
