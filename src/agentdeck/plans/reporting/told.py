"""What a journal tells of a run, for those who look back at it.

Rules:
- One pass over the journal gives the state and, beside it, what the state forgets: every run of a
  gate, every yes of a person, who skipped what.
- The verdict of a gate is the engine's own, asked right after each of its runs, so a report never
  says anything else than what let work through or held it back.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agentdeck.core import events as e
from agentdeck.core import verdicts
from agentdeck.core.events import Recorded
from agentdeck.core.fold import apply
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.state import RunState
from agentdeck.core.verdicts import Standing


class GateTold(msgspec.Struct, frozen=True):
    """One run of a gate, and what was known of it on that tree right after it."""

    event: e.GateFinished
    at: float  # when it ended, seconds since the epoch
    standing: Standing


class Yes(msgspec.Struct, frozen=True):
    """A person's approval of an attempt."""

    attempt: int
    by: str
    at: float  # seconds since the epoch


class Told:
    """A run as its journal tells it, after the events that were taken in."""

    def __init__(self) -> None:
        self.state = RunState()
        self.gates: list[GateTold] = []  # oldest first
        self.approvals: dict[TaskId, list[Yes]] = {}
        self.reviews: set[tuple[TaskId, int]] = set()  # attempts whose diff was to be reviewed
        self.skipped_by: dict[TaskId, str] = {}
        self.queued: dict[EntryId, e.EntryQueued] = {}  # how each entry came into the queue last
        self.trees: dict[str, str] = {}  # of the commits that landed

    def take(self, recorded: Recorded) -> None:
        """Take in the next event.

        Raises:
            StaleEvent: it cannot follow; nothing has changed.
        """
        apply(self.state, recorded)
        match recorded.event:
            case e.GateFinished() as event:
                self.gates.append(GateTold(event, recorded.at, self._standing(event)))
            case e.TaskApproved(task, attempt, by):
                self.approvals.setdefault(task, []).append(Yes(attempt, by, recorded.at))
            case e.TaskReviewAsked(task, attempt):
                self.reviews.add((task, attempt))
            case e.TaskSkipped(task, by):
                self.skipped_by[task] = by
            case e.EntryQueued(entry) as event:
                self.queued[entry] = event
            case e.EntryLanded(_, commit, tree):
                self.trees[commit] = tree

    def _standing(self, event: e.GateFinished) -> Standing:
        gate = self.state.plan.gate_by_name[event.gate]
        return verdicts.standing(gate, self.state.gate_runs(event.gate, event.tree))


def told_by(history: Iterable[Recorded]) -> Told:
    """The run after all of `history`. O(events)."""
    told = Told()
    for recorded in history:
        told.take(recorded)
    return told
