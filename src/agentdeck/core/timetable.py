"""When each task of a plan starts, ends its work and lands, if everything takes the given times.

The fast driver of the one scheduler. It gives the moments that the whole ring gives (`next_steps`
and the fold, driven on a virtual clock by `plans.forecast.ring`), without a journal, for plans of
any size; a test holds the two together, moment for moment.

Rules:
- A try goes: claimed, prepared, worked, checked. Its slot is held until it has worked. A try that
  is not the last gives its files back once checked, waits, and is claimed again like any other.
- The last try's work waits for a person where the plan says so, then goes into the merge queue: one
  entry at a time, the higher priority first, then who came first. An entry of higher priority sends
  the one that is being merged back; that one starts anew, because the target has moved.
- A person's task takes the work of its first try, and no slot; it lands when it is done.
- What takes no time still has an order: things that happen at one moment happen in rounds, and what
  a round brings about is seen by the next one. So a slot is given away before the landing that
  comes of the same exit.
- Budgets, pauses and failures for good are not in it: the last try succeeds.

O((n + m) log n) for n tasks and m dependencies, see `core.dispatcher`.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from agentdeck.core.capacity import Hindrance
from agentdeck.core.dispatcher import Dispatcher
from agentdeck.core.ids import GateName, PhaseId, PoolName, TaskId
from agentdeck.core.plan import GateWhen, Land, Plan, Strategy
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, TaskState
from agentdeck.core.times import TaskTimes, Try


class Span(msgspec.Struct, frozen=True):
    """One task in a timetable. Seconds from its start; of what was under way then, 0."""

    ready_s: float  # when it could first have started, as far as dependencies and phases go
    started_s: float  # first claim
    worked_s: float  # end of the last work
    landed_s: float
    tries: int = 1
    waited_for: Hindrance | None = None  # what it waited for first, once it was ready
    waited_s: float = 0.0  # how long until the first claim


class PhaseSpan(msgspec.Struct, frozen=True):
    """From the first start to the last landing of a phase, seconds."""

    started_s: float
    landed_s: float


class AtWork(msgspec.Struct, frozen=True):
    """A task that is under way when the clock begins.

    `left_s` is what is left of the stage it is in: of the work (PREPARING, WORKING, PAUSED, ASKING)
    or the check (CHECKING) of the first of its `tries`, of a person's patience (REVIEWING,
    PROPOSED), of the merge (QUEUED), or of the wait before its first try (RETRYING). What comes
    after that takes the times that are given.
    """

    task: TaskId
    state: TaskState
    left_s: float = 0.0
    pool: PoolName | None = None  # the one its agent was claimed for


class UnderWay(msgspec.Struct, frozen=True):
    """Where a run stands when the clock begins; without anything, at its beginning."""

    settled: frozenset[TaskId] = frozenset()  # landed, skipped; deferred ones need not be named
    unsatisfying: frozenset[TaskId] = frozenset()  # those of them that let nobody else start
    stuck: frozenset[TaskId] = frozenset()  # failed or cancelled: nothing happens without a person
    at_work: tuple[AtWork, ...] = ()  # those in the merge queue in its order
    closed: frozenset[PhaseId] = frozenset()


class Timetable(msgspec.Struct, frozen=True):
    """When everything happens. Tasks that are not done in it have no span."""

    spans: dict[TaskId, Span]
    phases: dict[PhaseId, PhaseSpan]
    makespan_s: float  # the last landing
    agents: int  # the most that could work at once
    busy_s: float  # agents' seconds, over all of them
    busy_pool_s: dict[PoolName, float]
    most_at_once: int  # tasks at work at the same time, people's included
    most_agents: int  # agents at work at the same time

    @property
    def utilisation(self) -> float:
        """The share of all agents' time in which they work."""
        whole = self.agents * self.makespan_s
        return self.busy_s / whole if whole > 0 else 0.0

    def pool_utilisation(self, plan: Plan) -> dict[PoolName, float]:
        """The share of each pool's time in which its places are taken."""
        return {
            pool.name: self.busy_pool_s.get(pool.name, 0.0) / (pool.size * self.makespan_s)
            if self.makespan_s > 0
            else 0.0
            for pool in plan.pools
        }


def timetable(
    plan: Plan,
    times: Mapping[TaskId, TaskTimes],
    *,
    agents_limit: int | None = None,
    strategy: Strategy | None = None,
    under_way: UnderWay | None = None,
    gate_s: float = 0.0,
) -> Timetable:
    """Lay a plan out.

    Args:
        times: of every task that is not deferred or settled.
        agents_limit: agents at work at once, 1 or more; None = what the plan says.
        strategy: None = what the plan says.
        under_way: where a run stands; None = before its preflight gates.
        gate_s: seconds of each preflight and phase gate.

    Raises:
        KeyError: a task has no times.
        ValueError: a time is negative or not finite, a task has no try, or nobody may work.
    """
    if agents_limit is not None and agents_limit < 1:
        raise ValueError(f"{agents_limit} agents can do nothing")
    clock = _Clock(plan, times, agents_limit, strategy, under_way, gate_s)
    clock.run()
    return clock.timetable()


def sequential_s(plan: Plan, times: Mapping[TaskId, TaskTimes]) -> float:
    """Seconds that everything takes one after the other, waits and people included."""
    return math.fsum(_alone_s(plan, task.id, times) for task in plan.tasks if not task.defer)


def _alone_s(plan: Plan, task: TaskId, times: Mapping[TaskId, TaskTimes]) -> float:
    settings, found = plan.settings(task), times[task]
    if plan.agent_by_name[settings.agent].use == "human":
        return found.tries[0].work_s
    tries = sum(found.prepare_s + each.work_s + each.check_s for each in found.tries)
    waits = sum(each.wait_s for each in found.tries[:-1])
    asks = found.approve_s if settings.land is not Land.AUTO else 0.0
    return tries + waits + asks + found.merge_s


_Moment = tuple[float, int]  # seconds, and the round of that moment

# What happens. Plain numbers, because they stand in a heap of some 100,000.
_WORKED: Final = 0
_CHECKED: Final = 1
_YES: Final = 2
_BUILT: Final = 3
_LANDED: Final = 4
_GATE: Final = 5
_WAKE: Final = 6
_Happening = tuple[float, int, int, int, int]  # seconds, round, what, which task, which time


def _after(moment: _Moment, seconds: float) -> _Moment:
    """When something ends that begins in a round. What takes no time ends in the next round."""
    at = moment[0] + seconds
    return (at, 0) if at > moment[0] else (moment[0], moment[1] + 1)


def _rounds(moment: _Moment, rounds: int) -> _Moment:
    return (moment[0], moment[1] + rounds)


class _Clock:
    """One walk through time. Tasks are named by their place in the file."""

    def __init__(
        self,
        plan: Plan,
        times: Mapping[TaskId, TaskTimes],
        agents_limit: int | None,
        strategy: Strategy | None,
        under_way: UnderWay | None,
        gate_s: float,
    ) -> None:
        standing = under_way or UnderWay()
        self._plan = plan
        self._dispatcher = Dispatcher(
            plan,
            agents_limit=agents_limit,
            strategy=strategy,
            settled=standing.settled,
            unsatisfying=standing.unsatisfying,
            stuck=standing.stuck,
            closed=standing.closed,
        )
        self._at = {task.id: at for at, task in enumerate(plan.tasks)}
        over = standing.settled | standing.stuck
        self._times = [
            None if task.defer or task.id in over else _checked(task.id, times[task.id])
            for task in plan.tasks
        ]
        self._gates = _Gates(plan)
        count = len(plan.tasks)
        self._try = [0] * count
        self._ready: list[float | None] = [None] * count
        self._started: list[float | None] = [None] * count
        self._worked = [0.0] * count
        self._landed: list[float | None] = [None] * count
        self._merge_left: dict[int, float] = {}  # of the entry that was first when the clock began

        self._now: _Moment = (0.0, 0)
        self._happenings: list[_Happening] = []
        self._retries: list[tuple[float, int]] = []  # heap: when due, task
        self._queued: list[tuple[int, int]] = []  # iteration, task: into the merge queue
        self._fails: list[int] = []  # checked in this round, to no avail
        self._may_close = True  # a phase
        self._queue = _MergeQueue(plan)
        self._gate_s = _seconds("a gate", gate_s)
        self._green: set[GateName] = set()  # on the tip
        self._green_base = self._green  # on the base, which the tip is until something lands
        self._landings = 0
        self._gate_flights: dict[tuple[GateWhen, GateName, int], int] = {}
        self._flights = 0
        self._preflight = self._gates.preflight if under_way is None else []  # those to come
        self._begun_busy_s = 0.0
        self._busy_pool_s: dict[PoolName, float] = {}
        self._people = 0  # people's tasks under way
        self._most_at_once = self._most_agents = 0
        self._resume(standing.at_work)

    # --- from where a run stands ------------------------------------------------------------------

    def _resume(self, at_work: Iterable[AtWork]) -> None:
        for each in at_work:
            at = self._at[each.task]
            _seconds(each.task, each.left_s)
            self._ready[at] = self._started[at] = 0.0
            if each.state is TaskState.RETRYING:
                heapq.heappush(self._retries, (each.left_s, at))
                self._plan_for((each.left_s, 0), _WAKE)
            elif each.state in HOLDS_FOOTPRINT:
                self._go_on(each, at)
            else:
                raise ValueError(f"{each.task} is {each.state}, so nothing of it is under way")
        self._dispatcher.begin(each.task for each in at_work)

    def _go_on(self, each: AtWork, at: int) -> None:
        """A task goes on with the stage it is in."""
        capacity = self._dispatcher.capacity
        capacity.hold(each.task)
        ends = _after(self._now, each.left_s)
        match each.state:
            case TaskState.CHECKING:
                self._plan_for(ends, _CHECKED, at)
            case TaskState.REVIEWING | TaskState.PROPOSED:
                self._plan_for(ends, _YES, at)
            case TaskState.QUEUED:
                if not self._merge_left:
                    self._merge_left[at] = each.left_s
                self._queue.put(at)
            case _ if self._by_hand(each.task):
                self._people += 1
                self._plan_for(ends, _YES, at)
            case _:
                assert each.state in HOLDS_SLOT
                capacity.take_slot(each.task, each.pool)
                self._busy(each.pool, each.left_s)
                self._plan_for(ends, _WORKED, at)

    # --- time -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Everything until nothing happens any more."""
        self._decide()
        happenings = self._happenings
        while happenings:
            at, turn = self._now = happenings[0][:2]
            while happenings and happenings[0][0] == at and happenings[0][1] == turn:
                _, _, what, which, number = heapq.heappop(happenings)
                self._happens(what, which, number)
            self._decide()

    def _plan_for(self, moment: _Moment, what: int, which: int = 0, number: int = 0) -> None:
        heapq.heappush(self._happenings, (moment[0], moment[1], what, which, number))

    def _happens(self, what: int, which: int, number: int) -> None:
        if what == _WORKED:
            self._work_ends(which)
        elif what == _CHECKED:
            self._was_checked(which)
        elif what == _YES:
            self._said_yes(which)
        elif what == _BUILT:
            if self._queue.is_built(which, number):
                self._plan_for(_rounds(self._now, 1), _LANDED, which)
        elif what == _LANDED:
            self._landings += 1
            self._green = self._gates.green_after(self._plan.tasks[which].id)
            self._queue.landed(which)
            self._lands(which)
        elif what == _GATE:
            self._gate_ends(number)

    # --- one task ---------------------------------------------------------------------------------

    def _claimed(self, task: TaskId) -> None:
        at = self._at[task]
        now = self._now
        if self._started[at] is None:
            self._started[at] = now[0]
        times = self._times_of(at)
        if self._by_hand(task):
            self._people += 1
            self._plan_for(_after(now, times.tries[0].work_s), _YES, at)
            return
        work_s = times.tries[self._try[at]].work_s
        self._busy(self._plan.settings(task).pool, times.prepare_s + work_s)
        launched = _rounds(_after(now, times.prepare_s), 1)
        self._plan_for(_after(launched, work_s), _WORKED, at)

    def _work_ends(self, at: int) -> None:
        task = self._plan.tasks[at].id
        self._dispatcher.give_slot_back(task)
        self._worked[at] = self._now[0]
        check_s, last = self._this_try(at).check_s, self._is_last(at)
        self._plan_for(self._gates.checked(self._now, task, check_s, red=not last), _CHECKED, at)

    def _was_checked(self, at: int) -> None:
        task = self._plan.tasks[at].id
        if not self._is_last(at):
            self._fails.append(at)
            return
        land = self._plan.settings(task).land
        if land is Land.AUTO:
            self._queued.append((2, at))
        else:
            self._plan_for(_after(self._now, self._times_of(at).approve_s), _YES, at)

    def _said_yes(self, at: int) -> None:
        task = self._plan.tasks[at].id
        if self._by_hand(task):
            self._people -= 1
            self._worked[at] = self._now[0]
            self._lands(at)
        else:
            reviewed = self._plan.settings(task).land is Land.REVIEW
            self._queued.append((2 if reviewed else 1, at))

    def _lands(self, at: int) -> None:
        self._landed[at] = self._now[0]
        self._may_close = True
        self._dispatcher.landed(self._plan.tasks[at].id)

    def _this_try(self, at: int) -> Try:
        return self._times_of(at).tries[self._try[at]]

    def _is_last(self, at: int) -> bool:
        return self._try[at] == len(self._times_of(at).tries) - 1

    def _times_of(self, at: int) -> TaskTimes:
        found = self._times[at]
        assert found is not None
        return found

    def _by_hand(self, task: TaskId) -> bool:
        return self._plan.agent_by_name[self._plan.settings(task).agent].use == "human"

    def _busy(self, pool: PoolName | None, seconds: float) -> None:
        self._begun_busy_s += seconds
        if pool is not None:
            self._busy_pool_s[pool] = self._busy_pool_s.get(pool, 0.0) + seconds

    # --- what follows from a round ----------------------------------------------------------------

    def _decide(self) -> None:
        """Decisions, one after the other until there are none; then what takes time is started."""
        iteration = 1
        while self._something_to_decide():
            self._decisions(iteration)
            iteration += 1
        for task in self._dispatcher.became_ready():
            at = self._at[task]
            if self._ready[at] is None:
                self._ready[at] = self._now[0]
        self._serve()
        if self._gates.of_the_run:
            self._run_gates()

    def _something_to_decide(self) -> bool:
        """Could anything follow from what has happened? Seldom, and asked most often."""
        return bool(
            (self._dispatcher.stirred and not self._preflight)
            or self._queued
            or self._fails
            or self._may_close
            or (self._retries and self._retries[0][0] <= self._now[0])
        )

    def _decisions(self, iteration: int) -> None:
        """What `next_steps` decides at once on one state, and in the order in which it is done."""
        dispatcher = self._dispatcher
        due = self._due()
        started = dispatcher.claim() if not self._preflight else []
        closes = self._closes() if self._may_close else None
        failed, self._fails = self._fails, []
        for at in failed:
            dispatcher.failed(self._plan.tasks[at].id)
            heapq.heappush(self._retries, (self._wait_ends(at), at))
            self._try[at] += 1
        for at in due:
            dispatcher.again(self._plan.tasks[at].id)
        if self._queued:
            for at in sorted(at for when, at in self._queued if when == iteration):
                self._queue.put(at)
            self._queued = [entry for entry in self._queued if entry[0] != iteration]
        for task in started:
            self._claimed(task)
        self._count(started)
        self._may_close = closes is not None
        if closes is not None:
            dispatcher.close_phase()

    def _due(self) -> list[int]:
        """The tasks whose wait is over."""
        found = []
        while self._retries and self._retries[0][0] <= self._now[0]:
            found.append(heapq.heappop(self._retries)[1])
        return found

    def _wait_ends(self, at: int) -> float:
        ends = self._now[0] + self._this_try(at).wait_s
        if ends > self._now[0]:
            self._plan_for((ends, 0), _WAKE)
        return ends

    def _count(self, started: list[TaskId]) -> None:
        if started:
            agents = self._dispatcher.capacity.slots_used
            self._most_agents = max(self._most_agents, agents)
            self._most_at_once = max(self._most_at_once, agents + self._people)

    def _serve(self) -> None:
        """The merge queue works on the entry that is first now."""
        at = self._queue.next_to_build()
        if at is not None:
            task = self._plan.tasks[at].id
            merge_s = self._merge_left.pop(at, self._times_of(at).merge_s)
            self._merge_left.clear()
            built = self._gates.merged(self._now, task, merge_s)
            self._plan_for(built, _BUILT, at, self._queue.number)

    # --- gates of the whole run -------------------------------------------------------------------

    def _closes(self) -> PhaseId | None:
        """The phase that is closed now: all of its tasks have settled and its gates are green."""
        phase = self._dispatcher.closable()
        return phase if phase is not None and self._open_gate(phase) is None else None

    def _open_gate(self, phase: PhaseId) -> GateName | None:
        gates = self._gates.of_phase(phase)
        return next((gate for gate in gates if gate not in self._green), None)

    def _run_gates(self) -> None:
        """Start the gates that should run now, and drop those that no longer should."""
        wanted: list[tuple[GateWhen, GateName, int]] = []
        if self._preflight:
            wanted.append((GateWhen.PREFLIGHT, self._preflight[0], 0))
        phase = self._dispatcher.closable()
        gate = None if phase is None else self._open_gate(phase)
        if gate is not None:
            wanted.append((GateWhen.PHASE, gate, self._landings))
        if not wanted and not self._gate_flights:
            return
        flights = {key: self._gate_flights[key] for key in wanted if key in self._gate_flights}
        for key in wanted:
            if key not in flights:
                self._flights += 1
                flights[key] = self._flights
                self._plan_for(_after(self._now, self._gate_s), _GATE, 0, self._flights)
        self._gate_flights = flights

    def _gate_ends(self, number: int) -> None:
        for key, flight in list(self._gate_flights.items()):
            if flight == number:
                (self._green if key[0] is GateWhen.PHASE else self._green_base).add(key[1])
                del self._gate_flights[key]
        self._preflight = [gate for gate in self._preflight if gate not in self._green_base]
        self._may_close = True

    # --- the answer -------------------------------------------------------------------------------

    def timetable(self) -> Timetable:
        """What has come of it."""
        spans: dict[TaskId, Span] = {}
        phases: dict[PhaseId, PhaseSpan] = {}
        for at, task in enumerate(self._plan.tasks):
            started, landed = self._started[at], self._landed[at]
            if started is None or landed is None:
                continue
            spans[task.id] = self._span(at, started, landed)
            if task.phase is not None:
                known = phases.get(task.phase)
                if known is None or started < known.started_s or landed > known.landed_s:
                    phases[task.phase] = PhaseSpan(
                        min(started, known.started_s if known else started),
                        max(landed, known.landed_s if known else landed),
                    )
        return Timetable(
            spans=spans,
            phases=phases,
            makespan_s=max((span.landed_s for span in spans.values()), default=0.0),
            agents=self._dispatcher.capacity.agents_limit,
            busy_s=self._begun_busy_s,
            busy_pool_s=self._busy_pool_s,
            most_at_once=self._most_at_once,
            most_agents=self._most_agents,
        )

    def _span(self, at: int, started: float, landed: float) -> Span:
        ready = self._ready[at]
        ready = started if ready is None else ready
        waited = started - ready
        why = self._dispatcher.why(self._plan.tasks[at].id) if waited > 0 else None
        return Span(ready, started, self._worked[at], landed, self._try[at] + 1, why, waited)


class _MergeQueue:
    """The entries, and the one that is worked on."""

    def __init__(self, plan: Plan) -> None:
        self._priority = [task.priority for task in plan.tasks]
        self._entries: list[tuple[int, int, int]] = []  # heap: -priority, number, task
        self._seen = 0
        self._building: int | None = None
        self._landing = False
        self.number = 0  # of the build; one that was dropped counts no more

    def put(self, at: int) -> None:
        """A new entry."""
        self._seen += 1
        heapq.heappush(self._entries, (-self._priority[at], self._seen, at))

    def next_to_build(self) -> int | None:
        """The entry to start on now; None = it is worked on already, or there is none."""
        if self._landing or not self._entries or self._entries[0][2] == self._building:
            return None
        self._building = self._entries[0][2]
        self.number += 1
        return self._building

    def is_built(self, at: int, number: int) -> bool:
        """Is this build still wanted? Then it lands."""
        self._landing = self._building == at and self.number == number
        return self._landing

    def landed(self, at: int) -> None:
        """An entry is in. It was the first when its landing was intended; it may not be now."""
        self._landing, self._building = False, None
        if self._entries[0][2] == at:
            heapq.heappop(self._entries)
        else:
            self._entries = [entry for entry in self._entries if entry[2] != at]
            heapq.heapify(self._entries)


class _Gates:
    """How the gates of a plan cut its times into rounds."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._on_task = {gate.name: gate.retries for gate in plan.gates_when(GateWhen.TASK)}
        self._on_merge = {gate.name for gate in plan.gates_when(GateWhen.MERGE)}
        self._of_phase = {
            phase.id: tuple(gate.name for gate in plan.phase_gates(phase)) for phase in plan.phases
        }
        self.preflight = [gate.name for gate in plan.gates_when(GateWhen.PREFLIGHT)]
        self.of_the_run = bool(self.preflight or any(self._of_phase.values()))

    def of_phase(self, phase: PhaseId) -> tuple[GateName, ...]:
        """The gates that close a phase."""
        return self._of_phase[phase]

    def checked(self, now: _Moment, task: TaskId, check_s: float, *, red: bool) -> _Moment:
        """When the work that ended now has been judged: collected first, then each gate."""
        if not self._on_task:
            return _after(now, check_s)
        wanted = set(self._plan.settings(task).gates)
        retries = [again for name, again in self._on_task.items() if name in wanted]
        runs = len(retries) + (retries[-1] if red and retries else 0)
        return _in_parts(now, check_s, runs)

    def merged(self, now: _Moment, task: TaskId, merge_s: float) -> _Moment:
        """When the entry that is worked on from now is judged: built first, then each gate."""
        if not self._on_merge:
            return _after(now, merge_s)
        return _in_parts(now, merge_s, len(self.green_after(task)))

    def green_after(self, task: TaskId) -> set[GateName]:
        """The gates that are green on the tip, once a task has landed."""
        return self._on_merge.intersection(self._plan.settings(task).gates)


def _in_parts(now: _Moment, seconds: float, parts: int) -> _Moment:
    """The end of a step of no time and so many parts; without parts the step takes the time."""
    ends = _after(now, seconds)
    return _rounds(now, 1 + parts) if parts and ends[0] == now[0] else ends


def _checked(task: TaskId, times: TaskTimes) -> TaskTimes:
    if not times.tries:
        raise ValueError(f"the times of {task} have no try")
    for seconds in (times.prepare_s, times.approve_s, times.merge_s):
        _seconds(task, seconds)
    for each in times.tries:
        for seconds in (each.work_s, each.check_s, each.wait_s):
            _seconds(task, seconds)
    return times


def _seconds(what: str, seconds: float) -> float:
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} is no time for {what}")
    return seconds
