"""Hints: a task that is slower than its siblings, and what holds a run up again and again.

Rules:
- Siblings of a task are the proven attempts of its agent, of its kind of work and complexity where
  there are `LEAST_SIBLINGS` of these. Where the task has an estimate they are compared by measured
  to estimated time, else by time.
- A task is slow when it works longer than `TIMES_MEDIAN` times their median and than 95 in 100 of
  them. Under `LEAST_SLOW_S` nobody wants to know.
- At most `MAX_HINTS` are told at once: what comes back first, then the slowest tasks. Each says its
  figures and names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from agentdeck.core.explain import short_duration
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.plans.forecast.history import History, Sample
from agentdeck.plans.forecast.quantiles import quantile
from agentdeck.plans.forecast.setbacks import Hint, HintKind, Setbacks

MAX_HINTS: Final = 3  # more are a list that nobody reads
LEAST_SIBLINGS: Final = 3  # fewer have no usual time
TIMES_MEDIAN: Final = 2.0
LEAST_SLOW_S: Final = 60.0
USUAL: Final = (0.1, 0.9)  # quantiles of the siblings between which a time is usual


class Usual(msgspec.Struct, frozen=True):
    """How long tasks like one take. Seconds."""

    low_s: float
    high_s: float
    slow_s: float  # beyond it a task is slow
    siblings: int

    @property
    def words(self) -> str:
        """`tasks like it take 12 to 20 min`."""
        return f"tasks like it take {_range(self.low_s, self.high_s)}"


def usual_times(plan: Plan, history: History) -> dict[TaskId, Usual]:
    """The usual time of each task that has enough siblings. O(tasks + samples * log samples)."""
    ratios: dict[tuple[object, ...], list[float]] = {}
    seconds: dict[tuple[object, ...], list[float]] = {}
    for sample in history.samples:
        if sample.proven:
            _add(ratios, seconds, sample)
    known: dict[tuple[object, ...], Usual | None] = {}
    found: dict[TaskId, Usual] = {}
    for task in plan.tasks:
        estimated = bool(task.estimate_s)
        place = (estimated, plan.settings(task.id).agent, task.kind, task.complexity)
        if place not in known:
            known[place] = _usual(ratios if estimated else seconds, place[1:])
        usual = known[place]
        if usual is not None:
            found[task.id] = _scaled(usual, task.estimate_s or 1.0)
    return found


def slow(state: RunState, task_id: TaskId, usual: Mapping[TaskId, Usual], now: float) -> bool:
    """Does this task work for too long now?"""
    task, known = state.tasks[task_id], usual.get(task_id)
    if task.state is not TaskState.WORKING or task.attempt is None or known is None:
        return False
    return task.attempt.worked_s(now) > max(known.slow_s, LEAST_SLOW_S)


def hints(
    state: RunState, now: float, usual: Mapping[TaskId, Usual], setbacks: Setbacks
) -> tuple[Hint, ...]:
    """The hints on a run, the most important first; at most `MAX_HINTS`."""
    if state.outcome is not None:
        return ()
    late = [task.id for task in state.tasks.values() if slow(state, task.id, usual, now)]
    late.sort(key=lambda task: -_worked_s(state, task, now) / usual[task].slow_s)
    found = [_slow_hint(state, task, usual[task], now) for task in late[:MAX_HINTS]]
    return (*setbacks.hints(state), *found)[:MAX_HINTS]


def _slow_hint(state: RunState, task: TaskId, usual: Usual, now: float) -> Hint:
    worked = short_duration(_worked_s(state, task, now))
    return Hint(HintKind.SLOW, f"{task} works for {worked}; {usual.words}", (task,))


def _worked_s(state: RunState, task: TaskId, now: float) -> float:
    attempt = state.tasks[task].attempt
    return attempt.worked_s(now) if attempt is not None else 0.0


_Groups = Mapping[tuple[object, ...], Sequence[float]]


def _add(
    ratios: dict[tuple[object, ...], list[float]],
    seconds: dict[tuple[object, ...], list[float]],
    sample: Sample,
) -> None:
    place = (sample.agent, sample.kind, sample.complexity)
    for depth in range(1, len(place) + 1):
        seconds.setdefault(place[:depth], []).append(sample.work_s)
        if sample.estimate_s:
            ratios.setdefault(place[:depth], []).append(sample.work_s / sample.estimate_s)


def _usual(groups: _Groups, place: tuple[object, ...]) -> Usual | None:
    """Of the narrowest group that is large enough."""
    for depth in range(len(place), 0, -1):
        values = groups.get(place[:depth], ())
        if len(values) >= LEAST_SIBLINGS:
            low, high = (quantile(values, share) for share in USUAL)
            beyond = max(TIMES_MEDIAN * median(values), quantile(values, 0.95))
            return Usual(low, high, beyond, len(values))
    return None


def _scaled(usual: Usual, by: float) -> Usual:
    return Usual(usual.low_s * by, usual.high_s * by, usual.slow_s * by, usual.siblings)


def _range(low_s: float, high_s: float) -> str:
    """`12 to 20 min`, `45 s to 3 min`, `12 min` where both are the same."""
    low, high = short_duration(low_s), short_duration(high_s)
    if low == high:
        return high
    number, _, unit = low.partition(" ")
    return f"{number} to {high}" if high.partition(" ")[2] == unit else f"{low} to {high}"
