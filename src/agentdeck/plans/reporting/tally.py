"""What has been counted in a run: the counters and histograms of its metrics.

Rules:
- A tally is a fold of the journal, so a restart of anything leaves it where it was, and nothing in
  it ever falls. Usage that an agent's stream takes back stays counted.
- It is bounded by what the plan names, by the words that events have, and by the attempts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.events import EntryKind, Recorded
from agentdeck.core.ids import AgentName, EntryId, TaskId

# Seconds: a gate that is a linter, a test suite, an agent at work, a night.
BOUNDS_S: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
DIRECTIONS: Final = ("in", "out", "cached")

AttemptKey = tuple[TaskId, int]


class Histogram:
    """How often something took how long."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)  # for each bound, and for what is longer
        self.sum_s = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.sum_s += seconds

    @property
    def count(self) -> int:
        """How often."""
        return sum(self.counts)


class Tally:
    """Counts events of one run, in order."""

    def __init__(self) -> None:
        self.seq = 0
        self.events: Counter[str] = Counter()  # by kind
        self.engine_starts = 0
        self.engine_slept_s = 0.0
        self.attempts: Counter[AgentName] = Counter()
        self.attempt_s: dict[AgentName, Histogram] = defaultdict(Histogram)
        self.retries: Counter[str] = Counter()  # by cause
        self.failures: Counter[str] = Counter()  # of tasks, by cause
        self.asks: Counter[str] = Counter()  # by what is asked
        self.gates: Counter[tuple[str, str]] = Counter()  # by gate and verdict
        self.gate_s: dict[str, Histogram] = defaultdict(Histogram)
        self.reviews: Counter[str] = Counter()  # by verdict
        self.landings: Counter[str] = Counter()  # by kind of entry
        self.ejections: Counter[str] = Counter()  # by cause
        self.queue_s = Histogram()  # from a place in the merge queue to the landing
        self.tokens: Counter[tuple[AgentName, str]] = Counter()  # by agent and direction
        self.usd: dict[AgentName, float] = defaultdict(float)
        self._agent: dict[AttemptKey, AgentName] = {}
        self._launched: dict[AttemptKey, float] = {}
        self._used: dict[AttemptKey, tuple[int, int, int, float]] = {}
        self._queued: dict[EntryId, tuple[EntryKind, float]] = {}

    def add_all(self, events: Iterable[Recorded]) -> None:
        """Count these."""
        for recorded in events:
            self.add(recorded)

    def add(self, recorded: Recorded) -> None:
        """Count one."""
        event, at = recorded.event, recorded.at
        self.seq = recorded.seq
        self.events[str(type(event).__struct_config__.tag)] += 1
        match event:
            case e.EngineStarted():
                self.engine_starts += 1
            case e.EngineSlept(seconds):
                self.engine_slept_s += seconds
            case e.AttemptClaimed(task, attempt, agent):
                self.attempts[agent] += 1
                self._agent[task, attempt] = agent
            case e.AttemptLaunched(task, attempt):
                self._launched[task, attempt] = at
            case e.AttemptProgressed():
                self._progressed(event)
            case e.AttemptExited(task, attempt):
                began = self._launched.pop((task, attempt), None)
                if began is not None and (who := self._agent.get((task, attempt))) is not None:
                    self.attempt_s[who].add(at - began)
            case e.AttemptAsked():
                self.asks[event.ask] += 1
            case e.RetryScheduled():
                self.retries[event.cause] += 1
            case e.TaskFailed():
                self.failures[event.cause] += 1
            case e.GateFinished():
                self.gates[event.gate, event.verdict] += 1
                self.gate_s[event.gate].add(event.seconds)
            case e.ReviewFinished():
                self._reviewed(event)
            case e.EntryQueued(entry, kind):
                self._queued[entry] = (kind, at)
            case e.EntryLanded(entry):
                kind, since = self._queued.pop(entry, (EntryKind.TASK, at))
                self.landings[kind] += 1
                self.queue_s.add(at - since)
            case e.EntryEjected(entry):
                self._queued.pop(entry, None)
                self.ejections[event.cause] += 1
            case _:
                pass  # counted by its kind

    def _progressed(self, event: e.AttemptProgressed) -> None:
        """Totals of an attempt: what is more than was counted is added."""
        key = (event.task, event.attempt)
        agent = self._agent.get(key)
        if agent is None:
            return
        before = self._used.get(key, (0, 0, 0, 0.0))
        tokens = (event.tokens_in, event.tokens_out, event.tokens_cached)
        for direction, total, counted in zip(DIRECTIONS, tokens, before[:3], strict=True):
            self.tokens[agent, direction] += max(0, total - counted)
        self.usd[agent] += max(0.0, event.usd - before[3])
        most_in, most_out, most_cached = map(max, tokens, before[:3])
        self._used[key] = (most_in, most_out, most_cached, max(event.usd, before[3]))

    def _reviewed(self, event: e.ReviewFinished) -> None:
        self.reviews[event.verdict] += 1
        tokens = (event.tokens_in, event.tokens_out, event.tokens_cached)
        for direction, total in zip(DIRECTIONS, tokens, strict=True):
            self.tokens[event.by, direction] += max(0, total)
        self.usd[event.by] += max(0.0, event.usd)


__all__ = ["BOUNDS_S", "DIRECTIONS", "Histogram", "Tally"]
