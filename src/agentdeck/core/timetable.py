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
from collections.abc import Iterable, Mapping
from typing import Final

from agentdeck.core.dispatcher import Dispatcher
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.moments import Moment, after, rounds
from agentdeck.core.plan import Land, Plan, Strategy
from agentdeck.core.spans import AtWork, PhaseSpan, Span, Timetable, UnderWay
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, TaskState
from agentdeck.core.times import TaskTimes, Try, checked, seconds_of, sequential_s
from agentdeck.core.timetable_gates import Gates, RunGates
from agentdeck.core.timetable_queue import MergeQueue

__all__ = ["AtWork", "PhaseSpan", "Span", "Timetable", "UnderWay", "sequential_s", "timetable"]


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


# What happens. Plain numbers, because they stand in a heap of some 100,000.
_WORKED: Final = 0
_CHECKED: Final = 1
_YES: Final = 2
_BUILT: Final = 3
_LANDED: Final = 4
_GATE: Final = 5
_WAKE: Final = 6
_Happening = tuple[float, int, int, int, int]  # seconds, round, what, which task, which time


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
            None if task.defer or task.id in over else checked(task.id, times[task.id])
            for task in plan.tasks
        ]
        self._gates = Gates(plan)
        count = len(plan.tasks)
        self._try = [0] * count
        self._ready: list[float | None] = [None] * count
        self._started: list[float | None] = [None] * count
        self._worked = [0.0] * count
        self._landed: list[float | None] = [None] * count
        self._merge_left: dict[int, float] = {}  # of the entry that was first when the clock began

        self._now: Moment = (0.0, 0)
        self._happenings: list[_Happening] = []
        self._retries: list[tuple[float, int]] = []  # heap: when due, task
        self._queued: list[tuple[int, int]] = []  # iteration, task: into the merge queue
        self._fails: list[int] = []  # checked in this round, to no avail
        self._may_close = True  # a phase
        self._queue = MergeQueue(plan)
        self._gate_s = seconds_of("a gate", gate_s)
        self._run_gates = RunGates(self._gates, begun=under_way is not None)
        self._begun_busy_s = 0.0
        self._busy_pool_s: dict[PoolName, float] = {}
        self._people = 0  # people's tasks under way
        self._most_at_once = self._most_agents = 0
        self._resume(standing.at_work)

    # --- from where a run stands ------------------------------------------------------------------

    def _resume(self, at_work: Iterable[AtWork]) -> None:
        for each in at_work:
            at = self._at[each.task]
            seconds_of(each.task, each.left_s)
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
        ends = after(self._now, each.left_s)
        match each.state:
            case TaskState.TAKEN | TaskState.CHECKING:  # a person's hands need no slot
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

    def _plan_for(self, moment: Moment, what: int, which: int = 0, number: int = 0) -> None:
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
                self._plan_for(rounds(self._now, 1), _LANDED, which)
        elif what == _LANDED:
            self._run_gates.landed(self._plan.tasks[which].id)
            self._queue.landed(which)
            self._lands(which)
        elif what == _GATE:
            self._run_gates.ended(number)
            self._may_close = True

    # --- one task ---------------------------------------------------------------------------------

    def _claimed(self, task: TaskId) -> None:
        at = self._at[task]
        now = self._now
        if self._started[at] is None:
            self._started[at] = now[0]
        times = self._times_of(at)
        if self._by_hand(task):
            self._people += 1
            self._plan_for(after(now, times.tries[0].work_s), _YES, at)
            return
        work_s = times.tries[self._try[at]].work_s
        self._busy(self._plan.settings(task).pool, times.prepare_s + work_s)
        launched = rounds(after(now, times.prepare_s), 1)
        self._plan_for(after(launched, work_s), _WORKED, at)

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
            self._plan_for(after(self._now, self._times_of(at).approve_s), _YES, at)

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
            for number in self._run_gates.to_start(self._dispatcher.closable()):
                self._plan_for(after(self._now, self._gate_s), _GATE, 0, number)

    def _something_to_decide(self) -> bool:
        """Could anything follow from what has happened? Seldom, and asked most often."""
        return bool(
            (self._dispatcher.stirred and not self._run_gates.preflight)
            or self._queued
            or self._fails
            or self._may_close
            or (self._retries and self._retries[0][0] <= self._now[0])
        )

    def _decisions(self, iteration: int) -> None:
        """What `next_steps` decides at once on one state, and in the order in which it is done."""
        dispatcher = self._dispatcher
        due = self._due() if self._retries else ()
        started = dispatcher.claim() if not self._run_gates.preflight else []
        closes = self._closes() if self._may_close else None
        for at in self._fails:
            dispatcher.failed(self._plan.tasks[at].id)
            heapq.heappush(self._retries, (self._wait_ends(at), at))
            self._try[at] += 1
        self._fails.clear()
        for at in due:
            dispatcher.again(self._plan.tasks[at].id)
        if self._queued:
            for at in sorted(at for when, at in self._queued if when == iteration):
                self._queue.put(at)
            self._queued = [entry for entry in self._queued if entry[0] != iteration]
        for task in started:
            self._claimed(task)
        if started:
            self._count()
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

    def _count(self) -> None:
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

    def _closes(self) -> PhaseId | None:
        """The phase that is closed now: all of its tasks have settled and its gates are green."""
        phase = self._dispatcher.closable()
        return phase if phase is not None and self._run_gates.open_gate(phase) is None else None

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
