"""When each task of a plan starts, ends its work and lands, if everything takes the given times.

The fast driver of the one scheduler. It gives the moments that the whole ring gives (`next_steps`
and the fold, driven on a virtual clock by `plans.forecast.ring`), without a journal, for plans of
any size; a test holds the two together, moment for moment.

Rules:
- A try goes: claimed, prepared, worked, checked. Its slot is held until it has worked. A try that
  is not the last gives its files back once checked, waits, and is claimed again like any other.
- The last try's work waits for a person where the plan says so, then goes into the merge queue: one
  batch at a time, the higher priority first, then who came first. An entry of higher priority sends
  what is being gated back; that starts anew, because the target has moved.
- A person's task takes the work of its first try, and no slot; it lands when it is done.
- What takes no time still has an order: things that happen at one moment happen in rounds, and what
  a round brings about is seen by the next one. So a slot is given away before the landing that
  comes of the same exit.
- Budgets, pauses and failures for good are not in it: the last try succeeds.

O((n + m) log n) for n tasks and m dependencies, see `core.dispatcher`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from typing import Final

from agentdeck.core.agenda import Agenda
from agentdeck.core.dispatcher import Dispatcher
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.lineup import lineup
from agentdeck.core.moments import after, in_parts, rounds
from agentdeck.core.plan import Land, Plan, Strategy
from agentdeck.core.spans import AtWork, PhaseSpan, Span, Timetable, UnderWay
from agentdeck.core.state import HOLDS_FOOTPRINT, HOLDS_SLOT, TaskState
from agentdeck.core.times import TaskTimes, checked, seconds_of, sequential_s
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


# What happens. Plain numbers: they are sorted, and ask for what is done.
_WORKED: Final = 0
_CHECKED: Final = 1
_YES: Final = 2
_BUILT: Final = 3
_LANDED: Final = 4
_GATE: Final = 5
_WAKE: Final = 6
_NO_TIMES: Final = TaskTimes(())  # of a task that is not done


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
        self._at = plan.number
        self._line = lineup(plan)
        over = standing.settled | standing.stuck
        self._times = [
            _NO_TIMES if task.defer or task.id in over else checked(task.id, times[task.id])
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

        self._agenda = Agenda()
        self._now_s = 0.0
        self._retries: list[tuple[float, int]] = []  # heap: when due, task
        self._queued: list[tuple[int, int]] = []  # iteration, task: into the merge queue
        self._fails: list[int] = []  # checked in this round, to no avail
        self._may_close = True  # a phase
        self._queue = MergeQueue(plan, self._is_gated)
        self._land_s = 0.0  # of the batch that is worked on
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
                heappush(self._retries, (each.left_s, at))
                self._agenda.at((each.left_s, 0), _WAKE)
            elif each.state in HOLDS_FOOTPRINT:
                self._go_on(each, at)
            else:
                raise ValueError(f"{each.task} is {each.state}, so nothing of it is under way")
        self._dispatcher.begin(each.task for each in at_work)

    def _go_on(self, each: AtWork, at: int) -> None:
        """A task goes on with the stage it is in."""
        capacity = self._dispatcher.capacity
        capacity.hold(each.task)
        match each.state:
            case TaskState.TAKEN | TaskState.CHECKING:  # a person's hands need no slot
                self._agenda.after(each.left_s, _CHECKED, at)
            case TaskState.REVIEWING | TaskState.PROPOSED:
                self._agenda.after(each.left_s, _YES, at)
            case TaskState.QUEUED:
                if not self._merge_left:
                    self._merge_left[at] = each.left_s
                self._queue.put(at)
            case _ if self._line.by_hand[self._line.places[at]]:
                self._people += 1
                self._agenda.after(each.left_s, _YES, at)
            case _:
                assert each.state in HOLDS_SLOT
                capacity.take_slot(each.task, each.pool)
                self._busy(each.pool, each.left_s)
                self._agenda.after(each.left_s, _WORKED, at)

    # --- time -------------------------------------------------------------------------------------

    def run(self) -> None:
        """Everything until nothing happens any more."""
        happens = (
            self._work_ends,
            self._was_checked,
            self._said_yes,
            self._was_built,
            self._has_landed,
            self._gate_ends,
            self._wakes,
        )
        agenda = self._agenda
        self._decide()
        while happening := agenda.go_on():
            self._now_s = agenda.now[0]
            for what, which, number in happening:
                happens[what](which, number)
            # Of what is built nothing follows but its landing in the next round.
            if what != _BUILT or len(happening) > 1 or self._queue.stirred:
                self._decide()

    # --- one task ---------------------------------------------------------------------------------

    def _claimed(self, task: TaskId) -> None:
        at = self._at[task]
        place, times = self._line.places[at], self._times[at]
        if self._started[at] is None:
            self._started[at] = self._now_s
        if self._line.by_hand[place]:
            self._people += 1
            self._agenda.after(times.tries[0].work_s, _YES, at)
            return
        work_s = times.tries[self._try[at]].work_s
        self._busy(self._line.pools[place], times.prepare_s + work_s)
        launched = rounds(after(self._agenda.now, times.prepare_s), 1)
        self._agenda.at(after(launched, work_s), _WORKED, at)

    def _work_ends(self, at: int, _: int) -> None:
        self._dispatcher.give_slot_back(self._plan.tasks[at].id)
        self._worked[at] = self._now_s
        tries, own = self._times[at].tries, self._try[at]
        check_s = tries[own].check_s
        if self._gates.of_tasks:
            task, red = self._plan.tasks[at].id, own + 1 < len(tries)
            ends = self._gates.checked(self._agenda.now, task, check_s, red=red)
            self._agenda.at(ends, _CHECKED, at)
        else:
            self._agenda.after(check_s, _CHECKED, at)

    def _was_checked(self, at: int, _: int) -> None:
        if self._try[at] + 1 < len(self._times[at].tries):
            self._fails.append(at)
        elif self._line.lands[self._line.places[at]] is Land.AUTO:
            self._queued.append((2, at))
        else:
            self._agenda.after(self._times[at].approve_s, _YES, at)

    def _said_yes(self, at: int, _: int) -> None:
        place = self._line.places[at]
        if self._line.by_hand[place]:
            self._people -= 1
            self._worked[at] = self._now_s
            self._lands(at)
        else:
            reviewed = self._line.lands[place] is Land.REVIEW
            self._queued.append((2 if reviewed else 1, at))

    def _was_built(self, at: int, number: int) -> None:
        if self._queue.is_built(number):
            self._agenda.after(self._land_s, _LANDED, at)

    def _has_landed(self, _: int, __: int) -> None:
        gone = self._queue.landed()
        if self._gates.of_the_run:
            self._run_gates.landed(self._plan.tasks[at].id for at in gone)
            self._may_close = True  # its gates may be green by now
        for at in gone:
            self._lands(at)

    def _lands(self, at: int) -> None:
        self._landed[at] = self._now_s
        if self._dispatcher.landed(self._plan.tasks[at].id):
            self._may_close = True

    def _gate_ends(self, _: int, number: int) -> None:
        self._run_gates.ended(number)
        self._may_close = True

    def _wakes(self, _: int, __: int) -> None:
        """A wait is over: `_decide` finds whose."""

    def _busy(self, pool: PoolName | None, seconds: float) -> None:
        self._begun_busy_s += seconds
        if pool is not None:
            self._busy_pool_s[pool] = self._busy_pool_s.get(pool, 0.0) + seconds

    # --- what follows from a round ----------------------------------------------------------------

    def _decide(self) -> None:
        """Decisions, one after the other until there are none; then what takes time is started."""
        dispatcher = self._dispatcher
        if dispatcher.stirred or self._may_close or self._fails or self._retries:
            self._decisions()
        elif self._queued:
            for _, at in sorted(self._queued):
                self._queue.put(at)
            self._queued.clear()
        if dispatcher.newly_ready:
            for task in dispatcher.became_ready():
                at = self._at[task]
                if self._ready[at] is None:
                    self._ready[at] = self._now_s
        if self._queue.stirred:
            self._serve()
        if self._gates.of_the_run:
            for number in self._run_gates.to_start(dispatcher.closable()):
                self._agenda.after(self._gate_s, _GATE, 0, number)

    def _decisions(self) -> None:
        """What `next_steps` decides at once on one state, and in the order in which it is done.

        Then again on what has come of it, as long as there is something.
        """
        dispatcher, retries = self._dispatcher, self._retries
        iteration = 1
        while True:
            due = self._due() if retries else ()
            may_claim = dispatcher.stirred and not self._run_gates.preflight
            started = dispatcher.claim() if may_claim else ()
            closes = self._closes() if self._may_close else None
            if self._fails:
                self._give_up()
            for at in due:
                dispatcher.again(self._plan.tasks[at].id)
            if self._queued:
                self._enqueue(iteration)
            if started:
                for task in started:
                    self._claimed(task)
                self._count()
            self._may_close = closes is not None
            if closes is not None:
                dispatcher.close_phase()
            if not (
                self._may_close
                or self._queued
                or (dispatcher.stirred and not self._run_gates.preflight)
                or (retries and retries[0][0] <= self._now_s)
            ):
                return
            iteration += 1

    def _enqueue(self, iteration: int) -> None:
        for at in sorted([at for when, at in self._queued if when == iteration]):
            self._queue.put(at)
        self._queued = [entry for entry in self._queued if entry[0] != iteration]

    def _give_up(self) -> None:
        """The tries that came to nothing: each waits for its next one."""
        for at in self._fails:
            self._dispatcher.failed(self._plan.tasks[at].id)
            heappush(self._retries, (self._wait_ends(at), at))
            self._try[at] += 1
        self._fails.clear()

    def _due(self) -> list[int]:
        """The tasks whose wait is over."""
        found = []
        while self._retries and self._retries[0][0] <= self._now_s:
            found.append(heappop(self._retries)[1])
        return found

    def _wait_ends(self, at: int) -> float:
        ends = self._now_s + self._times[at].tries[self._try[at]].wait_s
        if ends > self._now_s:
            self._agenda.at((ends, 0), _WAKE)
        return ends

    def _count(self) -> None:
        agents = self._dispatcher.capacity.slots_used
        if agents > self._most_agents:  # noqa: PLR1730 - `max` takes three times as long
            self._most_agents = agents
        if agents + self._people > self._most_at_once:  # noqa: PLR1730
            self._most_at_once = agents + self._people

    def _is_gated(self, at: int) -> bool:
        gates = self._gates
        return gates.of_merges and bool(gates.green_after((self._plan.tasks[at].id,)))

    def _serve(self) -> None:
        """The merge queue works on the entry that is first now."""
        batch = self._queue.next_to_build()
        if not batch:
            return
        merge_s = max([self._times[at].merge_s for at in batch])
        if self._merge_left:
            merge_s = self._merge_left.pop(batch[0], merge_s)
            self._merge_left.clear()
        gates = 0
        if self._gates.of_merges:
            gates = len(self._gates.green_after(self._plan.tasks[at].id for at in batch))
        # Without a gate there is nothing that could be called back: its landing takes the time.
        self._land_s = 0.0 if gates else merge_s
        if gates:
            built = in_parts(self._agenda.now, merge_s, gates)
            self._agenda.at(built, _BUILT, batch[0], self._queue.number)
        else:
            self._agenda.after(0.0, _BUILT, batch[0], self._queue.number)

    def _closes(self) -> PhaseId | None:
        """The phase that is closed now: all of its tasks have settled and its gates are green."""
        phase = self._dispatcher.closable()
        return phase if phase is not None and self._run_gates.open_gate(phase) is None else None

    # --- the answer -------------------------------------------------------------------------------

    def timetable(self) -> Timetable:
        """What has come of it."""
        spans: dict[TaskId, Span] = {}
        extents: dict[PhaseId, list[float]] = {}  # first start and last landing
        for at, task in enumerate(self._plan.tasks):
            started, landed = self._started[at], self._landed[at]
            if started is None or landed is None:
                continue
            ready = self._ready[at]
            if ready is None:
                ready = started
            waited = started - ready
            why = self._dispatcher.why(task.id) if waited > 0 else None
            spans[task.id] = Span(
                ready, started, self._worked[at], landed, self._try[at] + 1, why, waited
            )
            if task.phase is not None:
                extent = extents.setdefault(task.phase, [started, landed])
                if started < extent[0]:  # noqa: PLR1730 - `min` takes three times as long
                    extent[0] = started
                if landed > extent[1]:  # noqa: PLR1730
                    extent[1] = landed
        return Timetable(
            spans=spans,
            phases={phase: PhaseSpan(*extent) for phase, extent in extents.items()},
            makespan_s=max([span.landed_s for span in spans.values()], default=0.0),
            agents=self._dispatcher.capacity.agents_limit,
            busy_s=self._begun_busy_s,
            busy_pool_s=self._busy_pool_s,
            most_at_once=self._most_at_once,
            most_agents=self._most_agents,
        )
