"""How fast a run uses tokens and money: what was used in each stretch of its time.

Rules:
- Agents tell totals from time to time. What is more than before was used evenly since then; nobody
  knows better.
- Bounded: the whole run has at most `MOST_BINS` stretches of equal length; a longer run has longer
  ones. Of each agent at work the latest reports are kept.
- Follows a run event by event, right behind its fold.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from agentdeck.core import events as e
from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.core.state import Attempt, RunState

FIRST_BIN_S: Final = 10.0  # of a young run; agents report about as often
MOST_BINS: Final = 512  # more than any screen has cells
KEPT_REPORTS: Final = 256  # of one agent at work; some minutes


class Report(NamedTuple):
    """What an agent has used up to a moment."""

    at: float  # seconds since the epoch
    tokens: int
    usd: float


class Bins:
    """What was used in stretches of equal length, from the beginning on."""

    def __init__(self, began_at: float, width_s: float = FIRST_BIN_S) -> None:
        self.began_at, self.width_s = began_at, width_s
        self.tokens: list[float] = []
        self.usd: list[float] = []

    def add(self, since: float, until: float, tokens: int, usd: float) -> None:
        """Spread a use evenly over a time, seconds since the epoch. O(stretches in it)."""
        since, until = max(self.began_at, since), max(self.began_at, until)
        while (until - self.began_at) / self.width_s >= MOST_BINS:
            self._double()
        first, last = self._place(since), self._place(until)
        while len(self.tokens) <= last:
            self.tokens.append(0.0)
            self.usd.append(0.0)
        if first == last:  # nearly always: agents report as often as a stretch is long
            self.tokens[last] += tokens
            self.usd[last] += usd
            return
        whole_s = until - since
        for number in range(first, last + 1):
            begin = self.began_at + number * self.width_s
            inside = min(until, begin + self.width_s) - max(since, begin)
            share = inside / whole_s if whole_s > 0 else float(number == last)
            self.tokens[number] += tokens * share
            self.usd[number] += usd * share

    def _place(self, at: float) -> int:
        return int((at - self.began_at) / self.width_s)

    def _double(self) -> None:
        self.width_s *= 2
        self.tokens, self.usd = _paired(self.tokens), _paired(self.usd)


class Rates:
    """What is used, as time passes."""

    def __init__(self) -> None:
        self.bins: Bins | None = None  # None = the run has not begun
        self._reports: dict[tuple[TaskId, int], deque[Report]] = {}  # of attempts at work
        self._ended: dict[tuple[TaskId, int], Report] = {}  # what they had used then

    def of(self, task: TaskId, attempt: int) -> Sequence[Report]:
        """The latest reports of an agent at work, oldest first; empty when it is gone."""
        return self._reports.get((task, attempt), ())

    def take(self, state: RunState, recorded: Recorded) -> None:
        """One event that `state` has taken in just now. O(1), but for a long silence."""
        event, at = recorded.event, recorded.at
        match event:
            case e.AttemptProgressed():  # first: nearly all of a long journal is this
                self._report(state, event.task, event.attempt, at)
            case e.RunStarted():
                self.bins = Bins(at)
            case e.AttemptLaunched(task, number):
                self._reports[task, number] = deque([Report(at, 0, 0.0)], KEPT_REPORTS)
            case e.AttemptExited(task, number):
                self._report(state, task, number, at)
                gone = self._reports.pop((task, number), None)
                if gone:
                    self._ended[task, number] = gone[-1]
            case e.ReviewFinished() if self.bins is not None:
                used = event.tokens_in + event.tokens_out
                self.bins.add(at - event.seconds, at, used, event.usd)

    def _report(self, state: RunState, task: TaskId, number: int, at: float) -> None:
        attempt = _attempt(state, task, number)
        if attempt is None or self.bins is None:
            return
        key, tokens = (task, number), attempt.tokens_in + attempt.tokens_out
        known = self._reports.get(key)
        before = known[-1] if known else self._ended.get(key) or Report(at, 0, 0.0)
        if tokens > before.tokens or attempt.usd > before.usd:
            more = max(0, tokens - before.tokens), max(0.0, attempt.usd - before.usd)
            self.bins.add(before.at, at, *more)
        now = Report(at, tokens, attempt.usd)
        if known is not None:
            known.append(now)
        else:
            self._ended[key] = now


def _attempt(state: RunState, task: TaskId, number: int) -> Attempt | None:
    run = state.tasks.get(task)
    return run.attempts[number - 1] if run is not None and number <= len(run.attempts) else None


def _paired(values: Sequence[float]) -> list[float]:
    return [sum(values[at : at + 2]) for at in range(0, len(values), 2)]


def resampled(
    values: Sequence[float], width_s: float, since_s: float, until_s: float, count: int
) -> list[float]:
    """What falls into `count` equal stretches of a part of some bins. O(bins + count).

    Args:
        values: what was used in stretches of `width_s` seconds, the first from 0 on.
        since_s: where the part begins, seconds.
        until_s: where it ends.
        count: how many stretches are wanted, at least 1.
    """
    found = [0.0] * count
    step_s = (until_s - since_s) / count
    if step_s <= 0:
        return found
    first = max(0, int(since_s / width_s))
    for number in range(first, len(values)):
        begin, end = number * width_s, (number + 1) * width_s
        if begin >= until_s:
            break
        low = max(0, int((begin - since_s) / step_s))
        high = min(count - 1, int((end - since_s) / step_s))
        for at in range(low, high + 1):
            left = since_s + at * step_s
            inside = min(end, left + step_s) - max(begin, left)
            if inside > 0:
                found[at] += values[number] * inside / width_s
    return found


def reported(
    reports: Sequence[Report], since: float, until: float, count: int
) -> list[float | None]:
    """Tokens between reports in `count` equal stretches of a time; None = before the first one.

    Args:
        reports: of one agent, oldest first.
        since: seconds since the epoch.
        until: likewise, later.
        count: stretches, at least 1.
    """
    found = [0.0] * count
    step_s = (until - since) / count
    if not reports or step_s <= 0:
        return [None] * count
    for before, after in pairwise(reports):
        whole_s = after.at - before.at
        low = max(0, int((before.at - since) / step_s))
        for at in range(low, min(count - 1, int((after.at - since) / step_s)) + 1):
            left = since + at * step_s
            inside = min(after.at, left + step_s) - max(before.at, left)
            if inside > 0:
                found[at] += (after.tokens - before.tokens) * inside / whole_s
    first = (reports[0].at - since) / step_s
    return [None if at + 1 <= first else used for at, used in enumerate(found)]
