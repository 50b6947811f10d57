"""What the deck says of the end: of the run, of a task, and which tasks decide it.

Rules: half of the possible worlds end by the time that is shown, 8 in 10 within the spread behind
it. What cannot be said is not said: see `plans.forecast.outlook`. The path that is lit is the one
whose tasks decide the end the most often; until that is known it is the longest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from agentdeck.core.graph import bottom_level_s
from agentdeck.core.ids import TaskId
from agentdeck.core.state import SETTLED, RunState
from agentdeck.plans.forecast.hints import slow
from agentdeck.plans.forecast.telling import can_tell
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import clock_time

if TYPE_CHECKING:
    from agentdeck.plans.forecast.monte_carlo import Forecast, TaskForecast

STEPS: Final = 10  # of criticality that are told apart: a path must not flicker with the samples
BY_LENGTH: Final = 1e-12  # for a second: among equally decisive ones the longer path is lit


class Ending(NamedTuple):
    """When the run may end, and how sure that is."""

    at: float  # seconds since the epoch; half of the worlds have ended
    spread_s: float  # until 8 of 10 have


def expected_end(deck: Deck) -> Ending | None:
    """When the run may end, or None when it cannot be said."""
    found = told_forecast(deck)
    if found is None or deck.outlook is None:
        return None
    finish = found.finish_s
    return Ending(max(deck.now, deck.outlook.at + finish.p50), finish.p80 - finish.p50)


def time_words(deck: Deck, at: float) -> str:
    """A time of day ahead: `14:05`, or `14:05 +2d` where it is not today's."""
    zone = UTC if deck.frozen else None
    today, then = (datetime.fromtimestamp(t, UTC).astimezone(zone).date() for t in (deck.now, at))
    days = (then - today).days
    return clock_time(at, utc=deck.frozen) + (f" +{days}d" if days > 0 else "")


def task_end(deck: Deck, task: TaskId) -> float | None:
    """When half of the possible worlds have ended a task, seconds since the epoch."""
    found = _of_task(deck, task)
    if found is None or deck.outlook is None:
        return None
    return max(deck.now, deck.outlook.at + found.end_p50_s)


def task_words(deck: Deck, task: TaskId) -> list[str]:
    """What is expected of one task, a sentence each; empty when nothing is."""
    found = _of_task(deck, task)
    if found is None or deck.outlook is None:
        return []
    half, most = (
        time_words(deck, max(deck.now, deck.outlook.at + end_s))
        for end_s in (found.end_p50_s, found.end_p80_s)
    )
    words = [f"expected end {half} (half), {most} (8 of 10)"]
    if found.criticality > 0:
        words.append(f"decides the end of the run in {found.criticality:.0%} of cases")
    return words


def slow_words(deck: Deck) -> str:
    """What is said of the selected task when it is slower than its siblings; else empty."""
    if deck.outlook is None or deck.selected is None or deck.state.outcome is not None:
        return ""
    if not slow(deck.state, deck.selected, deck.outlook.usual, deck.now):
        return ""
    return f"Slower than its siblings: {deck.outlook.usual[deck.selected].words}"


def critical_path(deck: Deck) -> list[TaskId]:
    """The unfinished tasks on the path that decides the end, first to last. O(tasks)."""
    state, found = deck.state, told_forecast(deck)
    weights = {
        task.id: 0.0 if task.state in SETTLED else _weight(state, task.id, found)
        for task in state.tasks.values()
    }
    return _heaviest_path(state, weights)


def told_forecast(deck: Deck) -> Forecast | None:
    """The forecast, while it still may be told."""
    if deck.outlook is None or not can_tell(deck.state):
        return None
    return deck.outlook.expected


def _of_task(deck: Deck, task: TaskId) -> TaskForecast | None:
    found = told_forecast(deck)
    if found is None or deck.state.tasks[task].state in SETTLED:
        return None
    return found.tasks.get(task)


def _weight(state: RunState, task: TaskId, found: Forecast | None) -> float:
    estimate_s = state.settings(task).estimate_s
    if found is None:
        return estimate_s
    expected = found.tasks.get(task)
    if expected is None:
        return 0.0
    return round(expected.criticality * STEPS) / STEPS + BY_LENGTH * estimate_s


def _heaviest_path(state: RunState, weights: Mapping[TaskId, float]) -> list[TaskId]:
    needs = {task.id: task.after for task in state.plan.tasks}
    level = bottom_level_s(needs, weights)
    open_tasks = [task for task, weight in weights.items() if weight > 0]
    candidates = [t for t in open_tasks if not any(weights[need] > 0 for need in needs[t])]
    found: list[TaskId] = []
    while candidates:
        best = max(candidates, key=lambda task: level[task])
        found.append(best)
        candidates = [t for t in state.plan.dependents[best] if weights[t] > 0]
    return found
