"""When will it be done? A range from what is left and from how long things have really taken.

Rules:
- Left is the longer of: the longest path through unfinished work, and all of it shared out among
  the agents. Work that a failure blocks, and failed work, is not counted: it waits for a person.
- Estimates are scaled by the median of (measured / estimated) of the tasks that have ended.
- The spread is that of these ratios, narrowed by how many there are; without any it is half of
  what is left.
- Nothing is said before the first task has started, and nothing when the run stands still.
"""

from __future__ import annotations

from statistics import median
from typing import Final, NamedTuple

from agentdeck.core.graph import bottom_level_s
from agentdeck.core.ids import TaskId
from agentdeck.core.state import HOLDS_SLOT, SETTLED, STUCK, RunState, TaskRun, TaskState
from agentdeck.tui.presentation.deck import Deck

UNMEASURED_SPREAD: Final = 0.5  # of what is left, while nothing has ended
LEAST_SPREAD: Final = 0.08  # of what is left: no forecast of agents' work is better
LEAST_REST: Final = 0.05  # of its estimate is left of a task that works longer than estimated
RATIO_BOUNDS: Final = (0.02, 20.0)  # what ended at once, or hung for hours, must not rule the rest


class Forecast(NamedTuple):
    """An end and how sure it is."""

    left_s: float
    spread_s: float


def forecast(deck: Deck) -> Forecast | None:
    """What is left, or None when it cannot be said."""
    state = deck.state
    if state.outcome is not None or state.paused or not any(t.attempts for t in _tasks(state)):
        return None
    ratios = _ratios(state)
    scale = median(ratios) if ratios else 1.0
    rest = {task.id: _rest_s(deck, task, scale) for task in _tasks(state)}
    if not any(rest.values()):
        return None
    needs = {task.id: task.after for task in state.plan.tasks}
    longest = max(bottom_level_s(needs, rest).values(), default=0.0)
    left = max(longest, sum(rest.values()) / max(1, state.agents_limit))
    if not ratios:
        return Forecast(left, left * UNMEASURED_SPREAD)
    off = median(abs(ratio - scale) for ratio in ratios) / scale
    share = max(LEAST_SPREAD, 1.5 * off / len(ratios) ** 0.5)
    return Forecast(left, left * min(share, UNMEASURED_SPREAD))


def _tasks(state: RunState) -> list[TaskRun]:
    return list(state.tasks.values())


def _ratios(state: RunState) -> list[float]:
    low, high = RATIO_BOUNDS
    found = []
    for task in state.in_state(TaskState.LANDED, TaskState.QUEUED, TaskState.PROPOSED):
        worked = sum(a.worked_s(a.exited_at or 0.0) for a in task.attempts if a.exited_at)
        if worked > 0:
            found.append(min(high, max(low, worked / state.settings(task.id).estimate_s)))
    return found


def _rest_s(deck: Deck, task: TaskRun, scale: float) -> float:
    done = SETTLED | STUCK | {TaskState.QUEUED, TaskState.PROPOSED, TaskState.REVIEWING}
    if task.state in done or task.id in deck.blocked:
        return 0.0
    estimate = deck.state.settings(task.id).estimate_s * scale
    if task.state is TaskState.CHECKING:
        return estimate * LEAST_REST
    if task.state in HOLDS_SLOT and task.attempt is not None:
        return max(estimate * LEAST_REST, estimate - task.attempt.worked_s(deck.now))
    return estimate


def critical_path(state: RunState) -> list[TaskId]:
    """The unfinished tasks on the longest path to the end of the plan, first to last."""
    needs = {task.id: task.after for task in state.plan.tasks}
    rest = {
        task.id: 0.0 if task.state in SETTLED else state.settings(task.id).estimate_s
        for task in state.tasks.values()
    }
    level = bottom_level_s(needs, rest)
    open_tasks = [task_id for task_id, left in rest.items() if left > 0]
    found: list[TaskId] = []
    candidates = [t for t in open_tasks if not any(rest[need] > 0 for need in needs[t])]
    while candidates:
        best = max(candidates, key=lambda task_id: level[task_id])
        found.append(best)
        candidates = [t for t in state.plan.dependents[best] if rest[t] > 0]
    return found
