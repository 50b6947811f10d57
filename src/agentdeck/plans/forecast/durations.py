"""How long each task may take, as distributions: from what was measured, else from its estimate.

Rules:
- What is learned is the ratio of measured to estimated time, or the time itself where a task has no
  estimate. Knowledge goes from wide to narrow: everybody, the agent, its kind of work, its
  complexity. A group of few samples is drawn towards the wider one, as if that were `PRIOR` samples
  (shrinkage; source: Efron & Morris, Stein's paradox in statistics, 1977).
- Without any sample it is a three-point estimate: `THREE_POINTS` times what the plan says. The
  scripted agent takes exactly its time, and what its start and its commit take.
- An attempt fails as often as measured, drawn towards `FAILS` of `OF`; the last one that the
  retries allow succeeds: a task that fails for good waits for a person and not for a clock.
- Gates, the start of an agent, a landing and a person's yes take what they took before, else the
  constants below.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Final

import msgspec

from agentdeck.core.ids import AgentName, GateName, TaskId
from agentdeck.core.plan import GateWhen, Land, Plan, Task, TaskSettings
from agentdeck.core.policy import MAX_BACKOFF_S
from agentdeck.core.times import TaskTimes, Try
from agentdeck.plans.forecast.chance import Chance
from agentdeck.plans.forecast.history import History, Sample

PRIOR: Final = 4.0  # samples that the wider group counts for
THREE_POINTS: Final = (0.6, 1.0, 2.0)  # of the estimate: work is late more often than early
UNKNOWN_POINTS: Final = (0.3, 1.0, 3.0)  # where there is not even an estimate
PRIOR_SPREAD: Final = 0.3  # deviation of the logarithm; about that of `THREE_POINTS`
FAILS: Final = 1.0  # failures in `OF` attempts, before anything is known of an agent
OF: Final = 10.0
FAILED_PART: Final = (0.3, 1.0)  # of its time that a failing attempt takes
PREPARE_S: Final = 0.3  # worktree and launch, on a small repository
LAND_S: Final = 0.2  # build and landing of one entry, without gates
GATE_POINTS_S: Final = (20.0, 60.0, 180.0)  # a test suite that was never run here
MAX_DRAWS: Final = 12  # for a task that is late; more only tell that it is very late
APPROVE_S: Final = 600.0  # a person's yes, when nobody knows this person
APPROVE_SPREAD: Final = 1.0  # people are at once there or gone for hours


class _Law(msgspec.Struct, frozen=True):
    """Normal law of a logarithm."""

    mean: float
    spread: float
    known: float  # samples behind it


class _Times(msgspec.Struct, frozen=True):
    """What is drawn from for one task. `points` holds where nothing was measured."""

    base_s: float
    law: _Law | None
    points: tuple[float, float, float]
    fails: float
    tries: int
    backoff_s: float
    gates: tuple[GateName, ...]  # of the attempt
    merge_gates: tuple[GateName, ...]
    approves: bool


class Durations:
    """The distributions of one plan, ready to be drawn from."""

    def __init__(self, plan: Plan, history: History | None = None) -> None:
        known = history or History()
        self._history = known
        self._prepare_s = median(known.prepare_s) if known.prepare_s else PREPARE_S
        self._land_s = median(known.land_s) if known.land_s else LAND_S
        laws = _Laws(known.samples)
        self._tasks = {task.id: _times(plan, task, laws) for task in plan.tasks}

    def drawn(self, chance: Chance) -> dict[TaskId, TaskTimes]:
        """One possible world. O(tasks)."""
        return {name: self._one(times, chance) for name, times in self._tasks.items()}

    def longer_than(self, name: TaskId, worked_s: float, chance: Chance) -> TaskTimes:
        """One world in which the task at work takes longer than it has until now.

        By rejection; after `MAX_DRAWS` the last draw, though it is too short.
        """
        for _ in range(MAX_DRAWS):
            found = self._one(self._tasks[name], chance)
            if found.tries[0].work_s > worked_s:
                break
        return found

    def likely(self) -> dict[TaskId, TaskTimes]:
        """The medians, every first attempt a success."""
        return {
            name: TaskTimes(
                (Try(_median_s(times), sum(map(self._gate_median_s, times.gates))),),
                prepare_s=self._prepare_s,
                approve_s=self._approve_median_s() if times.approves else 0.0,
                merge_s=self._land_s + sum(map(self._gate_median_s, times.merge_gates)),
            )
            for name, times in self._tasks.items()
        }

    def measured(self, name: TaskId) -> bool:
        """Do measurements stand behind the time of this task?"""
        return self._tasks[name].law is not None

    def _one(self, times: _Times, chance: Chance) -> TaskTimes:
        failures = 0
        while failures < times.tries - 1 and chance.uniform() < times.fails:
            failures += 1
        tries = [self._failed(times, number, chance) for number in range(failures)]
        tries.append(Try(_drawn_s(times, chance), self._check_s(times, chance)))
        return TaskTimes(
            tuple(tries),
            prepare_s=self._prepare_s,
            approve_s=self._approve_s(chance) if times.approves else 0.0,
            merge_s=self._land_s + sum(self._gate_s(gate, chance) for gate in times.merge_gates),
        )

    def _failed(self, times: _Times, number: int, chance: Chance) -> Try:
        """Where there are gates it is they that say no, and the agent goes on at once."""
        if times.gates:
            return Try(_drawn_s(times, chance), self._check_s(times, chance))
        low, high = FAILED_PART
        part = low + (high - low) * chance.uniform()
        wait_s = min(MAX_BACKOFF_S, times.backoff_s * 2.0**number)
        return Try(part * _drawn_s(times, chance), wait_s=wait_s)

    def _check_s(self, times: _Times, chance: Chance) -> float:
        return sum(self._gate_s(gate, chance) for gate in times.gates)

    def _gate_s(self, gate: GateName, chance: Chance) -> float:
        seen = self._history.gate_s.get(gate)
        return _any_of(seen, chance) if seen else chance.triangular(*GATE_POINTS_S)

    def _gate_median_s(self, gate: GateName) -> float:
        seen = self._history.gate_s.get(gate)
        return median(seen) if seen else GATE_POINTS_S[1]

    def _approve_s(self, chance: Chance) -> float:
        seen = self._history.approve_s
        return _any_of(seen, chance) if seen else chance.lognormal(APPROVE_S, APPROVE_SPREAD)

    def _approve_median_s(self) -> float:
        return median(self._history.approve_s) if self._history.approve_s else APPROVE_S


def _any_of(seen: Sequence[float], chance: Chance) -> float:
    return seen[int(chance.uniform() * len(seen))]


def _drawn_s(times: _Times, chance: Chance) -> float:
    if times.law is None:
        return times.base_s * chance.triangular(*times.points)
    return times.base_s * chance.lognormal(math.exp(times.law.mean), times.law.spread)


def _median_s(times: _Times) -> float:
    return times.base_s * (times.points[1] if times.law is None else math.exp(times.law.mean))


def _times(plan: Plan, task: Task, laws: _Laws) -> _Times:
    settings = plan.settings(task.id)
    config = plan.agent_by_name.get(settings.agent)
    use = config.use if config else "command"
    exact = use == "scripted"
    scripted = exact and task.estimate_s is not None
    law = None if scripted else laws.of(settings.agent, task)
    base_s = settings.estimate_s + (laws.overhead_s(settings.agent) if scripted else 0.0)
    if law is not None and task.estimate_s is None:
        base_s = 1.0  # the law is one of seconds
    points = THREE_POINTS if task.estimate_s is not None else UNKNOWN_POINTS
    human = use == "human"
    return _Times(
        base_s=base_s,
        law=law,
        points=(1.0, 1.0, 1.0) if exact else points,
        fails=0.0 if human else laws.fails(settings.agent, certain=exact),
        tries=settings.retries + 1,
        backoff_s=settings.backoff_s,
        gates=() if human else _gates(plan, settings, GateWhen.TASK),
        merge_gates=() if human else _gates(plan, settings, GateWhen.MERGE),
        approves=settings.land is not Land.AUTO and not human,
    )


def _gates(plan: Plan, settings: TaskSettings, when: GateWhen) -> tuple[GateName, ...]:
    wanted = set(settings.gates)
    return tuple(gate.name for gate in plan.gates_when(when) if gate.name in wanted)


class _Laws:
    """What the samples say, by group."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        proven = [sample for sample in samples if sample.proven]
        self._ratios = _grouped(
            (s, math.log(s.work_s / s.estimate_s)) for s in proven if s.estimate_s
        )
        self._seconds = _grouped((s, math.log(s.work_s)) for s in proven)
        self._cache: dict[tuple[object, ...], _Law | None] = {}
        self._beyond: dict[AgentName, list[float]] = {}
        for sample in proven:
            if sample.estimate_s:
                beyond = sample.work_s - sample.estimate_s
                self._beyond.setdefault(sample.agent, []).append(beyond)
        self._ends: dict[AgentName, tuple[int, int]] = {}
        for sample in samples:
            failed, ended = self._ends.get(sample.agent, (0, 0))
            self._ends[sample.agent] = (failed + (not sample.proven), ended + 1)

    def of(self, agent: AgentName, task: Task) -> _Law | None:
        """The law of a task's time: of its ratio, or of its seconds without an estimate."""
        estimated = task.estimate_s is not None
        place = (estimated, agent, task.kind, task.complexity)
        if place not in self._cache:
            groups = self._ratios if estimated else self._seconds
            self._cache[place] = _shrunk(groups, place[1:])
        return self._cache[place]

    def overhead_s(self, agent: AgentName) -> float:
        """What an agent takes beyond its estimate, start and end: for one that keeps to it."""
        return max(0.0, median(self._beyond.get(agent, (0.0,))))

    def fails(self, agent: AgentName, *, certain: bool) -> float:
        """The share of an agent's attempts that fail."""
        failed, ended = self._ends.get(agent, (0, 0))
        if certain:
            return failed / ended if ended else 0.0
        return (failed + FAILS) / (ended + OF)


_Groups = Mapping[tuple[object, ...], Sequence[float]]


def _grouped(logs: Iterable[tuple[Sample, float]]) -> _Groups:
    """Logarithms by group, each in all of its groups: (), (agent,), (agent, kind) and so on."""
    found: dict[tuple[object, ...], list[float]] = {}
    for sample, value in logs:
        place = (sample.agent, sample.kind, sample.complexity)
        for depth in range(len(place) + 1):
            found.setdefault(place[:depth], []).append(value)
    return found


def _shrunk(groups: _Groups, place: tuple[object, ...]) -> _Law | None:
    """The law of the narrowest group, drawn towards each wider one. None: no sample at all."""
    everybody = groups.get(())
    if not everybody:
        return None
    law = _Law(_mean(everybody), PRIOR_SPREAD, 0)
    for depth in range(len(place) + 1):
        law = _towards(groups.get(place[:depth], ()), law)
    return law


def _towards(values: Sequence[float], wider: _Law) -> _Law:
    count = len(values)
    if count in (0, wider.known):  # nothing of its own: the same samples would count twice
        return wider
    mean = (PRIOR * wider.mean + sum(values)) / (PRIOR + count)
    squares = sum((value - mean) ** 2 for value in values)
    spread = math.sqrt((PRIOR * wider.spread**2 + squares) / (PRIOR + count))
    return _Law(mean, spread, count)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
