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
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

import msgspec

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, Recorded, Verdict
from agentdeck.core.footprint import overlap, patterns_overlap
from agentdeck.core.ids import EntryId, GateName, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.replan import changed
from agentdeck.core.state import SETTLED, RunState

LAST: Final = 6  # of a kind that are looked back on: about what a person remembers
REPEATS: Final = 3  # of them; twice may be chance
RIGHT_AFTER_S: Final = 2.0  # between a landing and the claim that it made possible
TREES: Final = 64  # builds whose task is remembered; the queue has one at a time
NAMED: Final = 3  # tasks in one sentence
# Causes that have a rule of their own here, or that a person decided.
_NOT_A_CAUSE: Final = frozenset(
    {FailureClass.GATE, FailureClass.CONFLICT, FailureClass.STOPPED, FailureClass.BUDGET}
)

K = TypeVar("K")
V = TypeVar("V")


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
    tasks: tuple[TaskId, ...]  # whom it is about, in the order in which it came over them


class _Wait(NamedTuple):
    pattern: str  # of the one that held the files
    waiter: TaskId
    holder: TaskId


class Setbacks:
    """Walks one journal, event by event. Bounded, but for one time and one entry a task."""

    def __init__(self) -> None:
        self._plan = Plan("", ())
        self._task_of: dict[EntryId, TaskId] = {}  # entries that are in the queue
        self._built: dict[str, TaskId] = {}  # by tree
        self._judged: dict[GateName, dict[str, tuple[TaskId, bool]]] = {}  # by tree: red?
        self._merged: dict[EntryId, tuple[TaskId, tuple[str, ...]]] = {}  # with what conflicts
        self._ends: deque[tuple[TaskId, FailureClass | None]] = deque(maxlen=LAST)
        self._landed_at: dict[TaskId, float] = {}
        self._landings: deque[TaskId] = deque(maxlen=LAST)
        self._waits: deque[_Wait] = deque(maxlen=LAST)

    def take(self, recorded: Recorded) -> None:
        """One event, in order."""
        match recorded.event:
            case e.AttemptProgressed():  # first: nearly all of a long journal is this
                pass
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

    def hints(self, state: RunState) -> tuple[Hint, ...]:
        """What comes back, the heaviest kind first; nothing once the run has ended."""
        if state.outcome is not None:
            return ()
        return (*self._gates(), *self._conflicts(), *self._causes(), *self._files(state))

    # --- reading ----------------------------------------------------------------------------------

    def _gate(self, event: e.GateFinished) -> None:
        task = event.task or self._built.get(event.tree)
        if task is not None and event.verdict is not Verdict.BROKEN:
            red = event.verdict is not Verdict.PASSED
            _put(self._judged.setdefault(event.gate, {}), event.tree, (task, red), LAST)

    def _of_queue(self, event: e.AnyEvent, at: float) -> None:
        match event:
            case e.EntryQueued(entry=entry, task=task) if task is not None:
                self._task_of[entry] = task
            case e.EntryBuilt(entry=entry, tree=tree, others=()) if entry in self._task_of:
                _put(self._built, tree, self._task_of[entry], TREES)
            case e.EntryConflicted(entry=entry, files=files) if entry in self._task_of:
                _put(self._merged, entry, (self._task_of[entry], files), LAST)
            case e.EntryEjected(entry=entry):
                self._task_of.pop(entry, None)
            case e.EntryLanded(entry=entry, tree=tree, task=task) if task is not None:
                self._task_of.pop(entry, None)
                self._built.pop(tree, None)  # it is the target's now, and what is red there too
                _put(self._merged, entry, (task, ()), LAST)
                self._landed_at[task] = at
                self._landings.append(task)
            case _:
                pass

    def _claimed(self, task: TaskId, at: float) -> None:
        spec = self._plan.by_id.get(task)
        if spec is None or not spec.files:
            return
        ready_at = max((self._landed_at.get(other, 0.0) for other in spec.after), default=0.0)
        for holder in self._landings:
            landed_at, held = self._landed_at[holder], self._plan.by_id.get(holder)
            if not ready_at < landed_at >= at - RIGHT_AFTER_S or held is None:
                continue
            if holder in spec.after or held.phase != spec.phase:
                continue
            pattern = overlap(held.files, spec.files) if held.repo == spec.repo else None
            if pattern is not None:
                self._waits.append(_Wait(pattern, task, holder))

    # --- what comes back --------------------------------------------------------------------------

    def _gates(self) -> Iterator[Hint]:
        for gate, judged in self._judged.items():
            red = [task for task, is_red in judged.values() if is_red]
            if _comes_back(red):
                often = f"{len(red)} of the last {len(judged)} attempts"
                sentence = f"gate {gate} has been red in {often}: {_named(red)}"
                yield Hint(HintKind.GATE, sentence, _each(red))

    def _conflicts(self) -> Iterator[Hint]:
        met = Counter(file for _, files in self._merged.values() for file in set(files))
        for file, times in sorted(met.items(), key=lambda pair: (-pair[1], pair[0])):
            tasks = [task for task, files in self._merged.values() if file in files]
            if _comes_back(tasks):
                often = f"{times} of the last {len(self._merged)} merges"
                sentence = f"{file} was in conflict in {often}: {_named(tasks)}"
                yield Hint(HintKind.CONFLICT, sentence, _each(tasks))
                return  # files that conflict together have one reason

    def _causes(self) -> Iterator[Hint]:
        causes = [cause for _, cause in self._ends if cause and cause not in _NOT_A_CAUSE]
        for cause, times in Counter(causes).most_common(1):
            tasks = [task for task, other in self._ends if other is cause]
            if _comes_back(tasks):
                often = f"{times} of the last {len(self._ends)} attempts"
                sentence = f"{often} ended by the same cause, {cause}: {_named(tasks)}"
                yield Hint(HintKind.CAUSE, sentence, _each(tasks))

    def _files(self, state: RunState) -> Iterator[Hint]:
        of_pattern = {
            pattern: [wait for wait in self._waits if patterns_overlap(pattern, wait.pattern)]
            for pattern in dict.fromkeys(wait.pattern for wait in self._waits)
        }
        if not of_pattern:
            return
        pattern, waits = max(of_pattern.items(), key=lambda pair: len(pair[1]))
        waiters = [wait.waiter for wait in waits]
        ahead = _still_ahead(state, pattern) if _comes_back(waiters) else []
        if ahead:
            pairs = ", ".join(f"{wait.waiter} for {wait.holder}" for wait in waits[-NAMED:])
            left = f"{len(ahead)} more task{'s' if len(ahead) > 1 else ''} may touch it"
            sentence = f"{pattern} has been waited for {len(waits)} times: {pairs}; {left}"
            yield Hint(HintKind.FILES, sentence, _each([*waiters, *ahead]))


def _still_ahead(state: RunState, pattern: str) -> list[TaskId]:
    """The tasks that have not begun and may have to wait for these files. O(tasks)."""
    return [
        task.id
        for task in state.tasks.values()
        if not task.attempts
        and task.state not in SETTLED
        and overlap((pattern,), state.spec(task.id).files)
    ]


def _comes_back(tasks: Iterable[TaskId]) -> bool:
    found = list(tasks)
    return len(found) >= REPEATS and len(set(found)) > 1


def _each(tasks: Iterable[TaskId]) -> tuple[TaskId, ...]:
    return tuple(dict.fromkeys(tasks))


def _named(tasks: Iterable[TaskId]) -> str:
    found = _each(tasks)
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    return ", ".join(found[-NAMED:]) + more


def _put(into: dict[K, V], key: K, value: V, most: int) -> None:
    """As the newest; the oldest go when there are more than `most`."""
    into.pop(key, None)
    into[key] = value
    while len(into) > most:
        del into[next(iter(into))]
