"""Which landing made a gate red: binary search over the landings of a run.

Rules:
- The commits before the first landing count as good, unless the gate is known to be red there; the
  newest landing counts as bad. Between two neighbours, the one good and the other bad, stands the
  first bad one. (Binary search as `git bisect` does it on a line of commits; a gate that turns red,
  green and red again has several, of which one is found.)
- What the run has judged already is not judged again.
- A landing that brought in several tasks at once is looked into: the chain below it has a commit
  for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.state import Landing, RunState


class Suspect(msgspec.Struct, frozen=True):
    """A commit that brought something in."""

    commit: str
    names: tuple[str, ...]  # the tasks, or what else came in
    tasks: tuple[TaskId, ...] = ()


class Search(msgspec.Struct, frozen=True):
    """How far a search is. `good` is an index of the last known good one, -1 = what was before."""

    suspects: tuple[Suspect, ...]  # the oldest first
    good: int
    bad: int

    @property
    def found(self) -> Suspect | None:
        """The first bad one, once it is known."""
        return self.suspects[self.bad] if self.bad - self.good == 1 else None

    @property
    def middle(self) -> int:
        """Which one is to be judged next."""
        return (self.good + self.bad) // 2

    @property
    def left(self) -> int:
        """How many it may still be."""
        return self.bad - self.good

    def told(self, at: int, *, passes: bool) -> Search:
        """The search with what is known of one more."""
        good = max(self.good, at) if passes else self.good
        bad = self.bad if passes else min(self.bad, at)
        return msgspec.structs.replace(self, good=good, bad=bad)


def landings(state: RunState) -> tuple[Suspect, ...]:
    """The first-parent commits of the target that the run made, the oldest first."""
    together: dict[str, list[Landing]] = {}
    for landing in state.landed_here:
        together.setdefault(landing.commit, []).append(landing)
    return tuple(_suspect(commit, group) for commit, group in together.items())


def members(state: RunState, commit: str) -> tuple[Suspect, ...]:
    """What came in with one landing, in the order of its chain; () where it was one alone."""
    group = [landing for landing in state.landed_here if landing.commit == commit]
    if len(group) < 2 or not all(landing.merge for landing in group):
        return ()
    return tuple(_suspect(landing.merge, [landing]) for landing in group)


def _suspect(commit: str, group: Sequence[Landing]) -> Suspect:
    tasks = tuple(landing.task for landing in group if landing.task is not None)
    return Suspect(commit, tuple(_name(landing) for landing in group), tasks)


def _name(landing: Landing) -> str:
    if landing.reverts is not None:
        return f"revert of {landing.reverts}"
    return str(landing.task) if landing.task is not None else "commits of the base"


def narrowed(search: Search, known: Callable[[str], bool | None]) -> Search:
    """The search with what is known already: the newest good one, and the first bad after it.

    Args:
        known: whether the gate passes on a commit; None = it was not judged.
    """
    told = [known(suspect.commit) for suspect in search.suspects[: search.bad]]
    good = max((at for at, passes in enumerate(told) if passes), default=search.good)
    bad = next((at for at in range(good + 1, search.bad) if told[at] is False), search.bad)
    return msgspec.structs.replace(search, good=good, bad=bad)


__all__ = ["Search", "Suspect", "landings", "members", "narrowed"]
