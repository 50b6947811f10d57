"""The run on a time line, before it is drawn: what each task did, and what is ahead of it.

Rules:
- The past is what really was (`plans.reporting.tracks`); it ends at now, or where the run ended.
- What is ahead is the live forecast: half of the possible worlds start and end a task by then.
  Before the first task has started there is no such forecast yet; then the plan's own timetable by
  its estimates stands in. Where the deck tells no end (`plans.forecast.outlook`) nothing is ahead.
- Rows go by their start, what has none comes last; equal ones stand in plan order.
- A phase ends where it was closed, or where its last task landed or is expected to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.state import SETTLED, TaskState
from agentdeck.core.times import estimated
from agentdeck.plans.forecast.telling import can_tell
from agentdeck.plans.reporting.tracks import Stretch
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.forecast import critical_path, told_forecast
from agentdeck.tui.presentation.line import plain

if TYPE_CHECKING:
    from agentdeck.plans.forecast.monte_carlo import Forecast

Spans = Mapping[TaskId, tuple[float, float]]  # start and end, seconds from now


class Ahead(NamedTuple):
    """What is expected of a task. Seconds since the epoch."""

    start: float
    end: float  # half of the worlds
    late: float  # 8 of 10


class Rule(NamedTuple):
    """The end of a phase."""

    at: float  # seconds since the epoch
    title: str
    sync: bool
    past: bool


class Timeline:
    """One moment of a run as a chart. O(tasks) to make."""

    def __init__(self, deck: Deck, planned: Spans | None = None) -> None:
        """Gather what is known.

        Args:
            planned: of `planned_spans`; used where there is no forecast yet.
        """
        self.deck = deck
        state = deck.state
        self.now = deck.now if state.finished_at is None else min(deck.now, state.finished_at)
        self.ahead: dict[TaskId, Ahead] = {}
        told = told_forecast(deck)
        if told is not None and deck.outlook is not None:
            self._expect(told, deck.outlook.at)
        elif planned is not None and is_unbegun(deck):
            for task, (start, end) in planned.items():
                self.ahead[task] = Ahead(self.now + start, self.now + end, self.now + end)
        self.critical = frozenset(critical_path(deck)) & self.ahead.keys()

    def _expect(self, told: Forecast, at: float) -> None:
        for task, found in told.tasks.items():
            run = self.deck.state.tasks.get(task)
            if run is None or run.state in SETTLED:
                continue
            began = bool(self.stretches(task)) and run.state is not TaskState.RETRYING
            start = self.now if began else max(self.now, at + found.start_p50_s)
            end = max(start, at + found.end_p50_s)
            self.ahead[task] = Ahead(start, end, max(end, at + found.end_p80_s))

    def stretches(self, task: TaskId) -> Sequence[Stretch]:
        """What it did, oldest first."""
        return self.deck.tracks.of(task)

    def start(self, task: TaskId) -> float:
        """When it started, or is expected to; infinite where neither is known."""
        found = self.stretches(task)
        if found:
            return found[0].began_at
        ahead = self.ahead.get(task)
        return ahead.start if ahead is not None else math.inf

    def end(self, task: TaskId) -> float | None:
        """Where its last bar ends."""
        ahead = self.ahead.get(task)
        if ahead is not None:
            return ahead.end
        found = self.stretches(task)
        if not found:
            return None
        return self.now if found[-1].ended_at is None else found[-1].ended_at

    def order(self) -> list[TaskId]:
        """The rows, top to bottom. O(tasks log tasks)."""
        only = self.deck.only
        tasks = self.deck.state.tasks if only is None else only.tasks & self.deck.state.tasks.keys()
        place = {task: number for number, task in enumerate(self.deck.state.tasks)}
        return sorted(tasks, key=lambda task: (self.start(task), place[task]))

    @cached_property
    def extent(self) -> tuple[float, float]:
        """From the start of the run to the last thing that is known of it."""
        state = self.deck.state
        starts = (self.start(task) for task in state.tasks)
        first = min((start for start in starts if start < math.inf), default=self.now)
        ends = [self.now, *(ahead.late for ahead in self.ahead.values())]
        return min(first, state.started_at or first), max(ends)

    @cached_property
    def rules(self) -> list[Rule]:
        """The ends of the phases, in the order of time."""
        state = self.deck.state
        members: dict[PhaseId, list[TaskId]] = {}
        for task in state.plan.tasks:
            if task.phase is not None:
                members.setdefault(task.phase, []).append(task.id)
        found: list[Rule] = []
        for phase in state.plan.phases:
            at = self.deck.tracks.closed_at.get(phase.id)
            if at is None:
                at = self._end_of(members.get(phase.id, ()))
            if at is not None:
                title = plain(phase.title) or phase.id
                found.append(Rule(at, title, phase.sync, at <= self.now))
        return sorted(found)

    def _end_of(self, members: Iterable[TaskId]) -> float | None:
        """When the last of them has ended; None where one of them has no end that is known."""
        last: float | None = None
        for task in members:
            run = self.deck.state.tasks[task]
            if task not in self.ahead and run.state not in SETTLED:
                return None
            end = self.end(task)
            last = end if last is None or (end is not None and end > last) else last
        return last

    @property
    def words(self) -> str:
        """What the bars ahead rest on, or why there are none; empty where there is no question."""
        deck = self.deck
        state = deck.state
        if deck.reading:
            return deck.reading
        if state.outcome is not None or not state.tasks:
            return ""
        if is_unbegun(deck):
            return "by estimates"
        if state.ending:
            return "the run is ending"
        if state.paused:
            return "paused: no forecast"
        if not can_tell(deck.state):
            return "no forecast: the budget waits"
        if deck.outlook is None:
            return "forecast comes"
        return "" if self.ahead else "nothing ahead by itself"


def is_unbegun(deck: Deck) -> bool:
    """Has no task been started, in a run that will start some?"""
    state = deck.state
    stands = state.paused or state.ending or state.outcome is not None
    return bool(state.tasks) and not stands and not any(t.attempts for t in state.tasks.values())


def planned_spans(deck: Deck) -> Spans:
    """The plan's timetable by its estimates, seconds from the start. O(tasks log tasks)."""
    from agentdeck.core.timetable import timetable

    plan = deck.state.plan
    found = timetable(plan, estimated(plan), agents_limit=max(1, deck.state.agents_limit))
    return {task: (span.started_s, span.landed_s) for task, span in found.spans.items()}
