"""From a run that breaks a rule to a smaller one that breaks it in the same place.

Rules:
- Tasks and faults are left out, many at once and then fewer, as long as the same line still says
  that a rule is broken (delta debugging: Zeller and Hildebrandt, IEEE TSE 28(2), 2002).
- What is left out changes all that is drawn afterwards, so each smaller situation is tried with
  several draws: one of them may break the rule, though the first does not. Short runs are tried
  with more of them.
- At the end the draw with the shortest journal is looked for.
- Effort is counted in events and bounded; what has been found by then is the answer, and it is
  never larger than what was there before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from agentdeck.core.ids import TaskId
from agentdeck.testing.situation import Breach, Situation, tried

EFFORT: Final = 150_000  # events in all; of the order of a minute
SHARES: Final = 75  # one smaller situation gets so much less: 2,000 events, some runs
MAX_DRAWS: Final = 60  # for one of them, however short its runs are

PartsOf: TypeAlias = Callable[[Situation], Sequence[str]]
Smaller: TypeAlias = Callable[[Situation, Sequence[str]], Situation]


@dataclass
class Shrinking:
    """One search for something smaller."""

    best: Breach
    left: int  # events
    each: int  # events for one smaller situation, a run more at most

    def run(self) -> Breach:
        """The smallest breach that was found."""
        before: Situation | None = None
        while before != self.best.situation and self.left > 0:
            before = self.best.situation
            self._leave_out(_troubles, _calmer)
            self._leave_out(_tasks, _fewer_tasks)
        for draw in range(MAX_DRAWS):
            self._take(replace(self.best.situation, draw=draw))
        return self.best

    def _leave_out(self, parts_of: PartsOf, smaller: Smaller) -> None:
        """Leave out all parts of a kind that are not needed: all at once, halves, …, each."""
        at_once = len(parts_of(self.best.situation))
        while at_once and self.left > 0:
            for group in _groups(parts_of(self.best.situation), at_once):
                self._try(smaller(self.best.situation, group))
            at_once = min(at_once // 2, len(parts_of(self.best.situation)))

    def _try(self, situation: Situation) -> None:
        """Take a smaller situation if one of its draws breaks the rule."""
        until = self.left - self.each
        for one in _drawn(situation):
            if self.left <= until or self._take(one):
                return

    def _take(self, situation: Situation) -> bool:
        """Try one; it is the best from now on if it breaks the same rule and is smaller."""
        if self.left <= 0 or not situation.plan.tasks:
            return False
        found = tried(situation)
        self.left -= len(found.history) + 1
        if not isinstance(found, Breach) or found.place != self.best.place:
            return False
        if found.size >= self.best.size:
            return False
        self.best = found
        return True


def shrink(breach: Breach, effort: int = EFFORT) -> Breach:
    """A breach in the same place, with fewer tasks, faults and events where there is one.

    Args:
        effort: events of all runs that are tried, at most; one takes about 0.3 ms.
    """
    return Shrinking(breach, effort, effort // SHARES).run()


def _tasks(situation: Situation) -> Sequence[str]:
    return [task.id for task in situation.plan.tasks]


def _fewer_tasks(situation: Situation, tasks: Sequence[str]) -> Situation:
    return replace(situation, without=(*situation.without, *map(TaskId, tasks)))


def _troubles(situation: Situation) -> Sequence[str]:
    return situation.troubles


def _calmer(situation: Situation, faults: Sequence[str]) -> Situation:
    return replace(situation, calm=(*situation.calm, *faults))


def _groups(parts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (parts[at : at + size] for at in range(0, len(parts), size))


def _drawn(situation: Situation) -> Iterator[Situation]:
    yield situation
    yield from (replace(situation, draw=draw) for draw in range(MAX_DRAWS))
