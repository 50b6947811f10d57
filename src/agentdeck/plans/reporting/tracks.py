"""What became of every task in time: a stretch for each state in which something was under way.

Rules:
- A stretch is a state between two changes, as the fold made them; only states that hold files are
  kept, because everything else is waiting. What took no time at all leaves no stretch.
- The number of the attempt is kept with it, so a retry is another piece.
- Bounded: of a task with very many changes the oldest stretches are joined into one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.events import Recorded
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.state import HOLDS_FOOTPRINT, RunState, TaskState
from agentdeck.core.transitions import CHANGING

MAX_STRETCHES: Final = 400  # of one task; more than a screen has cells


class Stretch(msgspec.Struct):
    """A task in one state. Seconds since the epoch."""

    state: TaskState
    attempt: int  # counts from 1
    began_at: float
    ended_at: float | None = None  # None = it goes on


class Tracks:
    """Follows a run event by event, right behind its fold."""

    def __init__(self) -> None:
        self._of: dict[TaskId, list[Stretch]] = {}
        self.closed_at: dict[PhaseId, float] = {}

    def of(self, task: TaskId) -> Sequence[Stretch]:
        """The stretches of a task, oldest first; only the last one may go on."""
        return self._of.get(task, ())

    def take(self, state: RunState, recorded: Recorded) -> None:
        """One event that `state` has taken in just now. O(1)."""
        event, at = recorded.event, recorded.at
        if type(event) not in CHANGING:
            if isinstance(event, e.PhaseClosed):
                self.closed_at[event.phase] = at
            return
        task = state.tasks.get(getattr(event, "task", None) or TaskId(""))
        if task is None:
            return
        found = self._of.setdefault(task.id, [])
        number = len(task.attempts)
        if found and found[-1].ended_at is None:
            if (found[-1].state, found[-1].attempt) == (task.state, number):
                return
            found[-1].ended_at = at
            if found[-1].began_at >= at:
                found.pop()
        if task.state in HOLDS_FOOTPRINT:
            found.append(Stretch(task.state, number, at))
            if len(found) > MAX_STRETCHES:
                found[0].ended_at = found[1].ended_at
                del found[1]
