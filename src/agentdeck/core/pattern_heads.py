"""The literal heads of footprint patterns, and which patterns nobody else can meet.

Rules:
- The head of a pattern is the text before its first wildcard, with `/` behind each segment. A
  folder `src/api/` has the head `src/api/`, and is open: anything may follow. A plain file is all
  head, and closed.
- Two patterns can meet only if they are the same, as closed ones have the same head, or if the head
  of an open one begins the head of the other. So most files of a large plan meet nobody, and no
  look at any other pattern is needed to know that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import OWN_REPO_WORD, Plan, Task

CACHE_SIZE: Final = 65_536  # patterns with wildcards; each is asked for while its task is at work
_PLACED: Final = ":/"  # between a repository's name and a pattern in it
_WILDCARD: Final = re.compile(r"[*?\[]")

Head = tuple[str, bool]  # and is it open?


def head_of(pattern: str) -> Head:
    """The literal head of a pattern, and whether anything may follow it."""
    return (pattern + "/", False) if _is_plain(pattern) else _head(pattern)


def _is_plain(pattern: str) -> bool:
    """Is it surely a file, written the way git does? Then it is its own head."""
    return not (
        "*" in pattern
        or "?" in pattern
        or "[" in pattern
        or "//" in pattern
        or "./" in pattern
        or pattern[-1:] in "/."  # the empty one too
        or pattern[0] == "/"
    )


@lru_cache(maxsize=CACHE_SIZE)
def _head(pattern: str) -> Head:
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    wild = _WILDCARD.search(pattern)
    if wild is None:
        head = "/".join(parts) + "/" if parts else ""
        return head, pattern.endswith("/") or not parts
    head = ""
    for part in parts:
        wild = _WILDCARD.search(part)
        if wild is not None:
            return head + part[: wild.start()], True
        head += part + "/"
    raise AssertionError(f"{pattern} has a wildcard and no part of it has")


def shared_files(plan: Plan) -> dict[TaskId, tuple[str, ...]]:
    """What `shared` says of the tasks of a plan; tasks that share nothing are not in it.

    Computed once a plan.
    """
    cached: dict[TaskId, tuple[str, ...]] | None = plan.__dict__.get("_shared_files")
    if cached is None:
        found = shared([placed_files(plan, task) for task in plan.tasks])
        cached = {task.id: files for task, files in zip(plan.tasks, found, strict=True) if files}
        plan.__dict__["_shared_files"] = cached
    return cached


def placed_files(plan: Plan, task: Task) -> tuple[str, ...]:
    """Its footprint; in a plan of several repositories below a name for its own.

    The same path in two repositories is two files.
    """
    if not plan.repos or not task.files:
        return task.files
    return tuple(f"{task.repo or OWN_REPO_WORD}{_PLACED}{pattern}" for pattern in task.files)


def without_repo(pattern: str) -> str:
    """A pattern of `placed_files` as its task has it."""
    _, placed, rest = pattern.partition(_PLACED)
    return rest if placed else pattern


def shared(footprints: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The patterns of each footprint that one of another footprint may meet, each once.

    What is left out surely meets none; what is kept need not meet one. O(n log n) for n patterns,
    and O(n) where all of them are plain files.
    """
    on = Counter(chain.from_iterable(footprints))
    special = {pattern: _head(pattern) for pattern in on if not _is_plain(pattern)}
    meeting = _meeting(on, special) if special else {name for name, uses in on.items() if uses > 1}
    return [
        ()
        if meeting.isdisjoint(files)
        else tuple(dict.fromkeys(pattern for pattern in files if pattern in meeting))
        for files in footprints
    ]


def _meeting(on: Mapping[str, int], special: Mapping[str, Head]) -> set[str]:
    """The patterns that may meet another one, or that are there more than once.

    Args:
        on: how often each pattern is there.
        special: the heads of those that are not plain files.
    """
    heads = {
        pattern: special[pattern][0] if pattern in special else f"{pattern}/" for pattern in on
    }
    uses: Counter[str] = Counter()
    for pattern, head in heads.items():
        uses[head] += on[pattern]
    begins = _beginning(uses, {head for head, is_open in special.values() if is_open})
    return {pattern for pattern, head in heads.items() if uses[head] > 1 or head in begins}


def _beginning(heads: Iterable[str], opened: set[str]) -> set[str]:
    """The heads that begin with another one that is open, and those open ones."""
    found: set[str] = set()
    above: list[str] = []  # the open heads that begin the one that is looked at, short to long
    for head in sorted(heads) if opened else ():
        while above and not head.startswith(above[-1]):
            above.pop()
        if above:
            found.update((head, above[-1]))  # those above are in it since this one came
        if head in opened:
            above.append(head)
    return found
