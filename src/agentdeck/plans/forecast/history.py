"""What past runs teach about durations: samples out of journals.

Rules: only what was really measured becomes a sample. An attempt that a person stopped, that was
lost or that never started teaches nothing. Time a process was frozen is no work.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, Recorded, Verdict
from agentdeck.core.ids import AgentName, EntryId, GateName, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.replan import changed

MAX_SAMPLES: Final = 5_000  # newest kept; older ones say little about today's agents
# Ends that say nothing about how long the work takes.
_NO_LESSON: Final = frozenset({FailureClass.STOPPED, FailureClass.LOST, FailureClass.BUDGET})


class Sample(msgspec.Struct, frozen=True):
    """One attempt that ended. Seconds, tokens, US dollars."""

    agent: AgentName
    kind: str | None
    complexity: str | None
    estimate_s: float | None  # what the plan had said
    work_s: float
    proven: bool  # its work went on to be proposed
    tokens: int = 0
    usd: float = 0.0


class History(msgspec.Struct, frozen=True):
    """Everything that was measured. Oldest first."""

    samples: tuple[Sample, ...] = ()
    prepare_s: tuple[float, ...] = ()  # from the claim to the start of the agent
    land_s: tuple[float, ...] = ()  # from the head of the queue to the landing, without its gates
    approve_s: tuple[float, ...] = ()  # from proposed to a person's yes
    gate_s: dict[GateName, tuple[float, ...]] = {}

    def joined(self, other: History) -> History:
        """Both, `other` behind; bounded."""
        names = {**self.gate_s, **other.gate_s}
        return History(
            (*self.samples, *other.samples)[-MAX_SAMPLES:],
            (*self.prepare_s, *other.prepare_s)[-MAX_SAMPLES:],
            (*self.land_s, *other.land_s)[-MAX_SAMPLES:],
            (*self.approve_s, *other.approve_s)[-MAX_SAMPLES:],
            {
                name: (*self.gate_s.get(name, ()), *other.gate_s.get(name, ()))[-MAX_SAMPLES:]
                for name in names
            },
        )


def measured(events: Iterable[Recorded]) -> History:
    """What one run's journal teaches. O(events)."""
    reader = Reader()
    for recorded in events:
        reader.take(recorded)
    return reader.history()


class _Attempt(msgspec.Struct):
    """An attempt while its events are read."""

    agent: AgentName
    claimed_at: float
    launched_at: float | None = None
    exited_at: float | None = None
    frozen_at: float | None = None
    frozen_s: float = 0.0
    teaches: bool = True
    proven: bool = False
    tokens: int = 0
    usd: float = 0.0


class Reader:
    """Walks one journal, event by event; `history` may be asked at any time."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._attempts: dict[tuple[TaskId, int], _Attempt] = {}
        self._proposed_at: dict[TaskId, float] = {}
        self._queued_at: dict[EntryId, float] = {}
        self._landed_at = 0.0  # the latest landing: then the next entry came to the head
        self._gates_s: dict[EntryId, float] = {}
        self._head: EntryId | None = None
        self._land_s: list[float] = []
        self._approve_s: list[float] = []
        self._gate_s: dict[GateName, list[float]] = {}

    def take(self, recorded: Recorded) -> None:
        """One event, in order."""
        at = recorded.at
        match recorded.event:
            case e.AttemptProgressed():  # first: nearly all of a long journal is this
                self._of_attempt(recorded.event, at)
            case e.RunStarted(plan=plan):
                self._plan = plan
            case e.PlanChanged(change=change) if self._plan is not None:
                self._plan = changed(self._plan, change)
            case e.AttemptClaimed(task=task, attempt=number, agent=agent):
                self._attempts[task, number] = _Attempt(agent, at)
            case e.EntryQueued(entry=entry):
                self._queued_at[entry], self._gates_s[entry] = at, 0.0
            case e.EntryBuilt(entry=entry):
                self._head = entry
            case e.EntryLanded(entry=entry) if entry in self._queued_at:
                begun = max(self._queued_at.pop(entry), self._landed_at)
                self._land_s.append(max(0.0, at - begun - self._gates_s.pop(entry)))
                self._landed_at = at
            case e.TaskApproved(task=task) if task in self._proposed_at:
                self._approve_s.append(max(0.0, at - self._proposed_at.pop(task)))
            case e.GateFinished():
                self._gate(recorded.event)
            case _:
                self._of_attempt(recorded.event, at)

    def _gate(self, event: e.GateFinished) -> None:
        if event.verdict in (Verdict.PASSED, Verdict.FAILED):
            self._gate_s.setdefault(event.gate, []).append(event.seconds)
        if self._head in self._gates_s and event.task is None:
            self._gates_s[self._head] += event.seconds

    def _of_attempt(self, event: e.AnyEvent, at: float) -> None:
        task, number = getattr(event, "task", None), getattr(event, "attempt", None)
        attempt = self._attempts.get((task, number)) if task and number else None
        if attempt is None:
            return
        match event:
            case e.AttemptLaunched():
                attempt.launched_at = at
            case e.AttemptProgressed():
                attempt.tokens = max(attempt.tokens, event.tokens_in + event.tokens_out)
                attempt.usd = max(attempt.usd, event.usd)
            case e.AttemptFrozen():
                attempt.frozen_at = at
            case e.AttemptThawed() if attempt.frozen_at is not None:
                attempt.frozen_s += at - attempt.frozen_at
                attempt.frozen_at = None
            case e.AttemptExited():
                attempt.exited_at = at
                attempt.teaches = event.code is not None and event.cause not in _NO_LESSON
            case e.TaskProposed():
                attempt.proven = True
                self._proposed_at[event.task] = at
            case _:
                pass

    def history(self) -> History:
        """What was found."""
        launched = [a for a in self._attempts.values() if a.launched_at is not None]
        return History(
            tuple(self._samples())[-MAX_SAMPLES:],
            tuple((a.launched_at or 0.0) - a.claimed_at for a in launched)[-MAX_SAMPLES:],
            tuple(self._land_s)[-MAX_SAMPLES:],
            tuple(self._approve_s)[-MAX_SAMPLES:],
            {name: tuple(seconds)[-MAX_SAMPLES:] for name, seconds in self._gate_s.items()},
        )

    def _samples(self) -> Iterable[Sample]:
        for (task_id, _), attempt in self._attempts.items():
            if attempt.launched_at is None or attempt.exited_at is None or not attempt.teaches:
                continue
            spec = self._plan.by_id.get(task_id) if self._plan is not None else None
            if spec is None or (work_s := _worked_s(attempt)) <= 0:
                continue
            yield Sample(
                attempt.agent,
                spec.kind,
                spec.complexity,
                spec.estimate_s,
                work_s,
                attempt.proven,
                attempt.tokens,
                attempt.usd,
            )


def _worked_s(attempt: _Attempt) -> float:
    started, ended = attempt.launched_at or 0.0, attempt.exited_at or 0.0
    frozen = attempt.frozen_s + (ended - attempt.frozen_at if attempt.frozen_at else 0.0)
    return ended - started - frozen
