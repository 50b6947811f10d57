"""What holds a run up again and again, read off its events: red gates, conflicts, ends, files.

Rules:
- Only the latest is looked back on (`LAST`), and nothing is said below `REPEATS` times and two
  different tasks: one bad task is not a pattern, and what has ceased is forgotten.
- A gate's verdict on a tree is its last one there, so a flaky gate that turned green is not red.
- A task has waited for another's files when it could have started before that one landed, started
  right after, and both may touch the same path. Who else was in its way then is not asked.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, Recorded, Verdict
from agentdeck.core.footprint import overlap
from agentdeck.core.ids import EntryId, GateName, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.replan import changed
from agentdeck.core.state import SETTLED, RunState

LAST: Final = 6  # of a kind that are looked back on: about what a person remembers
REPEATS: Final = 3  # of them; twice may be chance
RIGHT_AFTER_S: Final = 2.0  # between a landing and the claim that it made possible
TREES: Final = 64  # builds whose task is remembered; the queue gates one at a time
NAMED: Final = 3  # tasks in one sentence
# Causes that have a rule of their own here, or that a person decided.
_NOT_A_CAUSE: Final = frozenset(
    {FailureClass.GATE, FailureClass.CONFLICT, FailureClass.STOPPED, FailureClass.BUDGET}
)


class HintKind(StrEnum):
    """What a hint is about."""

    GATE = "gate"
    CONFLICT = "conflict"
    CAUSE = "cause"
    FILES = "files"
    SLOW = "slow"


class Hint(msgspec.Struct, frozen=True):
    """Something that a person may want to do something about."""

    kind: HintKind
    sentence: str
    tasks: tuple[TaskId, ...]  # those it names or has counted, the latest last


class _Wait(NamedTuple):
    pattern: str
    waiter: TaskId
    holder: TaskId


class Setbacks:
    """Walks one journal, event by event. Its memory is bounded, but for a time for each task."""

    def __init__(self) -> None:
        self._plan = Plan("", ())
        self._task_of: dict[EntryId, TaskId] = {}  # entries in the queue
        self._built: dict[str, TaskId] = {}  # trees of the queue
        self._judged: dict[GateName, dict[str, tuple[TaskId, bool]]] = {}  # by tree: red?
        self._conflicts: dict[EntryId, tuple[TaskId, tuple[str, ...]]] = {}
        self._ends: deque[tuple[TaskId, FailureClass | None]] = deque(maxlen=LAST)
        self._landed_at: dict[TaskId, float] = {}
        self._landings: deque[TaskId] = deque(maxlen=LAST)
        self._waits: deque[_Wait] = deque(maxlen=LAST)

    def take(self, recorded: Recorded) -> None:
        """One event, in order."""
        match recorded.event:
            case e.RunStarted(plan=plan):
                self._plan = plan
            case e.PlanChanged(change=change):
                self._plan = changed(self._plan, change)
            case e.GateFinished():
                self._gate(recorded.event)
            case e.RetryScheduled(task=task, cause=cause) | e.TaskFailed(task=task, cause=cause):
                self._ends.append((task, cause))
            case e.TaskProposed(task=task):
                self._ends.append((task, None))
            case e.AttemptClaimed(task=task):
                self._claimed(task, recorded.at)
            case _:
                self._of_queue(recorded.event, recorded.at)

    def _of_queue(self, event: e.AnyEvent, at: float) -> None:
        match event:
            case e.EntryQueued(entry=entry, task=task) if task is not None:
                self._task_of[entry] = task
            case e.EntryBuilt(entry=entry, tree=tree) if entry in self._task_of:
                _put(self._built, tree, self._task_of[entry], TREES)
            case e.EntryConflicted(entry=entry, files=files) if entry in self._task_of:
                _put(self._conflicts, entry, (self._task_of[entry], files), LAST)
            case e.EntryEjected(entry=entry):
                self._task_of.pop(entry, None)
            case e.EntryLanded(entry=entry, task=task):
                self._task_of.pop(entry, None)
                if task is not None:
                    self._landed_at[task] = at
                    self._landings.append(task)
                if self._conflicts and len(self._conflicts) < LAST:
                    # each landing without a conflict lets one more of them be forgotten
                    self._fade()
            case _:
                pass

    def _gate(self, event: e.GateFinished) -> None:
        task = event.task or self._built.get(event.tree)
        if task is None or event.verdict is Verdict.BROKEN:
            return
        red = event.verdict is not Verdict.PASSED
        _put(self._judged.setdefault(event.gate, {}), event.tree, (task, red), LAST)
