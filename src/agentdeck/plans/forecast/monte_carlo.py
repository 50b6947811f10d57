"""The forecast of a run: many possible worlds through the real scheduler.

Rules:
- Each sample draws the times of every task (`durations`) and lays the plan out with the scheduler's
  own policy (`core.timetable`); a forecast is what the samples have in common.
- A task is critical in a sample when it is on the chain that decides the end: from the last landing
  back, each time to what its start waited for, be it a dependency or whoever gave up a slot or
  files. The criticality index is the share of samples (source: Van Slyke, Operations Research
  11(5), 1963).
- Quantiles are those of the samples, interpolated. The same seed gives the same forecast.
- Money is that of the tasks' tokens, scaled by how much of each task's time a sample draws, failed
  tries included; what has no tokens or no price is not counted, and `unpriced` says how many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan, Strategy
from agentdeck.core.times import TaskTimes
from agentdeck.core.timetable import Span, Timetable, timetable
from agentdeck.plans.forecast.chance import Chance
from agentdeck.plans.forecast.durations import Durations
from agentdeck.plans.forecast.history import History
from agentdeck.plans.forecast.quantiles import quantile
from agentdeck.plans.forecast.standing import Standing, under_way

DEFAULT_SAMPLES: Final = 200  # P95 of 200 rests on 10 worlds; twice as many move it by about 1 %
MAX_SAMPLES: Final = 10_000
SAME_S: Final = 1e-6  # two moments closer than this are one
SEED: Final = 1

UsdOf = Callable[[TaskId], float | None]
GoOn = Callable[[int], bool]  # asked with the samples there are: is another one wanted?


class Spread(msgspec.Struct, frozen=True):
    """A quantity over all samples."""

    p50: float
    p80: float
    p95: float
    mean: float
    least: float
    most: float


class TaskForecast(msgspec.Struct, frozen=True):
    """One task over all samples. Seconds from the start of the run, or from now."""

    start_p50_s: float
    end_p50_s: float
    end_p80_s: float
    criticality: float  # share of samples in which it decides the end


class Forecast(msgspec.Struct, frozen=True):
    """What may be expected of a run."""

    samples: int
    finish_s: Spread
    tasks: dict[TaskId, TaskForecast]
    usd: Spread | None  # None = nothing has a price
    unpriced: int  # tasks that are not in `usd`
    measured: int  # tasks whose times rest on measurements


def forecast(
    plan: Plan,
    history: History | None = None,
    *,
    samples: int = DEFAULT_SAMPLES,
    seed: int = SEED,
    agents_limit: int | None = None,
    strategy: Strategy | None = None,
    standing: Standing | None = None,
    usd_of: UsdOf | None = None,
    go_on: GoOn | None = None,
) -> Forecast:
    """Lay a plan out in many possible worlds. O(samples * tasks * log tasks).

    Args:
        standing: where a run stands; None = it has not begun. Moments then count from now.
        usd_of: what a task is expected to cost, US dollars; None = unknown.
        go_on: may end the sampling early, after the first one; None = all samples are made.
    """
    durations = Durations(plan, history)
    chance = Chance(seed)
    open_tasks = _open(plan, standing)
    prices = {name: usd_of(name) for name in open_tasks} if usd_of else {}
    counted = _Counted(open_tasks, durations.likely(), prices)
    for number in range(max(1, min(samples, MAX_SAMPLES))):
        if number and go_on is not None and not go_on(number):
            break
        times = durations.drawn(chance)
        if standing is not None:
            for live in standing.live:
                times[live.task] = durations.longer_than(live.task, live.worked_s, chance)
        laid_out = timetable(
            plan,
            times,
            agents_limit=agents_limit,
            strategy=strategy,
            under_way=None if standing is None else under_way(standing, times),
        )
        counted.take(laid_out, times, plan)
    return counted.forecast(sum(map(durations.measured, open_tasks)))


def _open(plan: Plan, standing: Standing | None) -> list[TaskId]:
    settled = standing.settled if standing else frozenset()
    return [task.id for task in plan.tasks if not task.defer and task.id not in settled]


class _Counted:
    """Collects what the samples say."""

    def __init__(
        self,
        open_tasks: Sequence[TaskId],
        likely: Mapping[TaskId, TaskTimes],
        prices: Mapping[TaskId, float | None],
    ) -> None:
        self._prices = {name: usd for name, usd in prices.items() if usd is not None}
        self._likely_s = {name: likely[name].tries[0].work_s for name in self._prices}
        self._finish: list[float] = []
        self._usd: list[float] = []
        self._starts: dict[TaskId, list[float]] = {name: [] for name in open_tasks}
        self._ends: dict[TaskId, list[float]] = {name: [] for name in open_tasks}
        self._critical = dict.fromkeys(open_tasks, 0)

    def take(self, laid_out: Timetable, times: Mapping[TaskId, TaskTimes], plan: Plan) -> None:
        """One sample."""
        self._finish.append(laid_out.makespan_s)
        for name, span in laid_out.spans.items():
            if name in self._starts:
                self._starts[name].append(span.started_s)
                self._ends[name].append(span.landed_s)
        for name in critical_chain(laid_out, plan):
            if name in self._critical:
                self._critical[name] += 1
        if self._prices:
            self._usd.append(sum(self._drawn_usd(name, times[name]) for name in self._prices))

    def _drawn_usd(self, name: TaskId, times: TaskTimes) -> float:
        likely = self._likely_s[name]
        worked = sum(one.work_s for one in times.tries)
        return self._prices[name] * (worked / likely if likely > 0 else len(times.tries))

    def forecast(self, measured: int) -> Forecast:
        """All of them."""
        count = len(self._finish)
        tasks = {
            name: TaskForecast(
                quantile(starts, 0.5),
                quantile(self._ends[name], 0.5),
                quantile(self._ends[name], 0.8),
                self._critical[name] / count,
            )
            for name, starts in self._starts.items()
            if starts
        }
        return Forecast(
            count,
            spread_of(self._finish),
            tasks,
            spread_of(self._usd) if self._usd else None,
            len(self._starts) - len(self._prices),
            measured,
        )


def critical_chain(laid_out: Timetable, plan: Plan) -> list[TaskId]:
    """The tasks that decide the end of one timetable, last to first. O(tasks * log tasks).

    From the last landing back: to the dependency whose landing let a task start, else to the task
    that gave up its slot or its files at that moment.
    """
    spans = laid_out.spans
    if not spans:
        return []
    freed = sorted(_freed(spans))
    chain = [max(spans, key=lambda name: spans[name].landed_s)]
    seen = set(chain)
    while (before := _waited_for(chain[-1], plan, spans, freed)) and before not in seen:
        chain.append(before)
        seen.add(before)
    return chain


def _freed(spans: Mapping[TaskId, Span]) -> Iterator[tuple[float, TaskId]]:
    for name, span in spans.items():
        yield span.worked_s, name
        yield span.landed_s, name


def _waited_for(
    name: TaskId,
    plan: Plan,
    spans: Mapping[TaskId, Span],
    freed: Sequence[tuple[float, TaskId]],
) -> TaskId | None:
    started = spans[name].started_s
    if started <= SAME_S:
        return None
    needed = [other for other in plan.by_id[name].after if other in spans]
    last = max(needed, key=lambda other: spans[other].landed_s, default=None)
    if last is not None and spans[last].landed_s >= started - SAME_S:
        return last
    return _freed_at(freed, started, name) or last


def _freed_at(freed: Sequence[tuple[float, TaskId]], moment: float, name: TaskId) -> TaskId | None:
    """Who gave something up at this moment."""
    low, high = 0, len(freed)
    while low < high:
        middle = (low + high) // 2
        if freed[middle][0] < moment - SAME_S:
            low = middle + 1
        else:
            high = middle
    while low < len(freed) and freed[low][0] <= moment + SAME_S:
        if freed[low][1] != name:
            return freed[low][1]
        low += 1
    return None


def spread_of(values: Sequence[float]) -> Spread:
    """Quantiles, mean and range of at least one value."""
    ordered = sorted(values)
    return Spread(
        quantile(ordered, 0.5),
        quantile(ordered, 0.8),
        quantile(ordered, 0.95),
        sum(ordered) / len(ordered),
        ordered[0],
        ordered[-1],
    )
