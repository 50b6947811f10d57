"""A run on a virtual clock: the real core, turned by scripted performers. An hour takes no time.

Rules:
- The engine is played in its plainest form: fold, ask `next_steps`, take the decisions in, start
  what is missing, drop what is no longer wanted. There is no scheduler here.
- What happens at the same moment is taken in together before anything is decided. A step that
  takes no time ends in the next round of the same moment, so what follows from a report (a free
  slot) is decided before what follows from the next one (a landing), as in a real run.
- Nothing takes time but what `ring_performers` says, a person's `approve_s`, and the waits of
  `core.policy`. A virtual person does what the plan leaves to a person, unless somebody was first.
- The same plan, times and commands give the same events. Work is bounded: see `_MOST_ROUNDS`.

O(steps * tasks): each report asks `next_steps` once or a few times. A plan of 500 tasks takes
seconds; `core.timetable` is the fast answer where only the moments are wanted.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core import policy
from agentdeck.core.commands import AnyCommand, Approve
from agentdeck.core.decide import Refused, decide
from agentdeck.core.events import AnyEvent, FailureClass, Recorded
from agentdeck.core.explain import standstill
from agentdeck.core.fold import apply
from agentdeck.core.ids import RunId, TaskId, slug
from agentdeck.core.next_steps import next_steps
from agentdeck.core.plan import GateWhen, Plan, Pool, Repo, Strategy
from agentdeck.core.scheduler import is_human
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import IOStep, Record, Steps, Thaw, Watch
from agentdeck.core.times import TaskTimes, Try
from agentdeck.plans.forecast.ring_log import log_lines
from agentdeck.plans.forecast.ring_performers import NOBODY, Performers

RUN: Final = RunId("simulated")  # waits depend on the run's id
PERSON: Final = "the simulated person"
MAX_DECISIONS: Final = (
    10_000  # rounds of decisions after one moment; a deep plan of skips needs many
)
# Rounds (moments, and rounds within a moment) that one attempt may take, its gates and reports left
# out. About five are usual, more with keys; this only ends what would never end.
_MOST_ROUNDS: Final = 60
_LEFT_TO_A_PERSON: Final = frozenset({TaskState.ASKING, TaskState.REVIEWING, TaskState.PROPOSED})
_ENOUGH: Final = 1_000  # for phases, gates and the end of a small plan


class Flight:
    """A step under way. Compared by identity: the same step may be started again."""

    __slots__ = ("step",)

    def __init__(self, step: IOStep) -> None:
        self.step = step


class _Yes(msgspec.Struct, frozen=True):
    """The virtual person is about to say yes to an attempt."""

    task: TaskId
    attempt: int


class _Wake(msgspec.Struct, frozen=True):
    """`next_steps` wanted to be asked again."""


_Happening = tuple[float, int, Flight | _Yes | _Wake]  # when, in which order, what


class VirtualRing:
    """One virtual run. `now` is its clock, in seconds since the epoch."""

    def __init__(
        self,
        plan: Plan,
        times: Mapping[TaskId, TaskTimes] | None = None,
        *,
        started_at: float = 0.0,
        agents_limit: int | None = None,
        strategy: Strategy | None = None,
        gate_s: float = 0.0,
        reports: int = 0,
        run: RunId = RUN,
    ) -> None:
        """A run that has just started; nothing of it has taken time yet.

        Args:
            times: how long things take; a task that is not in it takes its estimate.
            started_at: seconds since the epoch. Moments are exact where it is 0 and durations are
                whole; elsewhere as floats are (a microsecond in this century).
            agents_limit: how many agents work at once; None = what the plan says.
            strategy: None = what the plan says.
            gate_s: seconds of each preflight, phase and final gate.
            reports: how often an attempt says on its way what it does; costs a round each.
            run: the run's id; the waits of retries depend on it.

        Raises:
            ValueError: a time is negative or not finite, or a task has no try.
        """
        plan = _changed(plan, agents_limit, strategy)
        known = times or {}
        _check(known, gate_s)
        self.now = started_at
        self.state = RunState()
        self.history: list[Recorded] = []
        self._performers = Performers(self.state, known, gate_s=gate_s, reports=reports)
        self._flights: dict[IOStep, Flight] = {}
        self._heap: list[_Happening] = []
        self._order = 0
        self._wakes: set[float] = set()
        gate_runs = sum(2 + gate.retries for gate in plan.gates)
        self._rounds_a_try = _MOST_ROUNDS + reports + gate_runs
        self._rounds_left = _ENOUGH + len(plan.phases) * (1 + gate_runs)
        tries = sum(len(found.tries) for found in known.values())
        self._rounds_left += self._rounds_a_try * (tries + 2 * len(plan.tasks))
        self._append(_run_started(plan, run))
        self._append(e.EngineStarted(NOBODY, "simulated"))
        self._turn()

    # --- time -------------------------------------------------------------------------------------

    def next_at(self) -> float | None:
        """The next moment at which something may happen; None = nothing will by itself."""
        while self._heap and self._is_void(*self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _is_void(self, at: float, _: int, what: Flight | _Yes | _Wake) -> bool:
        """Has what was to happen then become another thing, or nothing, since it was planned?"""
        if self.state.outcome is not None and not isinstance(what, Flight):
            return True
        if isinstance(what, _Yes):
            task = self.state.tasks[what.task]
            ours = task.attempt is not None and task.attempt.number == what.attempt
            return not ours or task.state not in _LEFT_TO_A_PERSON
        if not isinstance(what, Flight):
            return False
        if self._flights.get(what.step) is not what:
            return True
        # An agent that was frozen ends later; when it went on, that was planned anew.
        return isinstance(what.step, Watch) and self._performers.ends_at(what.step, at) != at

    def advance(self, until_s: float) -> Sequence[Recorded]:
        """Let everything happen up to and at `until_s` (seconds since the epoch); what did.

        Raises:
            RuntimeError: it goes on for ever, which no plan can make it do.
        """
        before = len(self.history)
        while (at := self.next_at()) is not None and at <= until_s:
            self._moment(at)
        if math.isfinite(until_s):
            self.now = max(self.now, until_s)
        return self.history[before:]

    def run(self) -> RunState:
        """Everything until nothing happens any more by itself; the state then.

        `state.outcome` is None when it stands still; `standstill` says why.
        """
        self.advance(math.inf)
        return self.state

    def events_after(self, seq: int) -> Sequence[Recorded]:
        """The events behind number `seq`."""
        return self.history[seq:]

    @property
    def standstill(self) -> str | None:
        """Why nothing more happens by itself although the run has not ended; None = it goes on."""
        if self.state.outcome is not None or self.next_at() is not None:
            return None
        return standstill(self.state) or "nothing can happen any more"

    def log_lines(self, task: TaskId) -> list[str]:
        """What an attempt at a task writes: made up, and it says so."""
        return log_lines(self.state.spec(task))

    # --- a person ---------------------------------------------------------------------------------

    def command(self, command: AnyCommand) -> int:
        """Carry out a wish now; the number of the last event.

        Raises:
            Refused: it cannot be done in this state; the message names the reason.
        """
        for event in decide(self.state, command):
            self._append(event)
        self._rounds_left += self._rounds_a_try
        self._turn()
        return self.state.seq

    def _person_waits(self, event: AnyEvent) -> None:
        """The virtual person sees what is left to a person, and takes the time that it takes."""
        match event:
            case e.AttemptAsked(task, attempt) if is_human(self.state, task):
                takes_s = self._performers.times_of(task).tries[0].work_s
                self._plan(self.now + takes_s, _Yes(task, attempt))
            case e.TaskReviewAsked(task) if self.state.settings(task).reviewer is not None:
                pass  # an agent reviews it
            case e.TaskReviewAsked(task, attempt) | e.TaskProposed(task, attempt):
                # Of a task that asks nobody, or was said yes to, this comes to nothing.
                takes_s = self._performers.times_of(task).approve_s
                self._plan(self.now + takes_s, _Yes(task, attempt))
            case _:
                pass

    def _say_yes(self, yes: _Yes) -> None:
        try:
            events = decide(self.state, Approve(yes.task, by=PERSON))
        except Refused:  # somebody was first, at this very moment
            return
        for event in events:
            self._append(event)

    # --- the ring ---------------------------------------------------------------------------------

    def _plan(self, at: float, what: Flight | _Yes | _Wake) -> None:
        self._order += 1
        heapq.heappush(self._heap, (at, self._order, what))

    def _moment(self, at: float) -> None:
        """One round of the next moment: all that is due then, and what follows from it."""
        self._rounds_left -= 1
        if self._rounds_left < 0:
            raise RuntimeError(f"the virtual run never ends: {self.history[-1].event}")
        self.now = max(self.now, at)
        due: list[Flight | _Yes | _Wake] = []
        while self.next_at() == at:
            due.append(heapq.heappop(self._heap)[2])
        for what in due:
            if isinstance(what, Flight):
                self._arrive(what)
            elif isinstance(what, _Yes):
                self._say_yes(what)
        self._turn()

    def _arrive(self, flight: Flight) -> None:
        """A step under way ends, or its agent says something."""
        step = flight.step
        if self._flights.get(step) is not flight:
            return  # dropped meanwhile
        if isinstance(step, Watch):
            self._hear(flight, step)
            return
        del self._flights[step]
        for event in self._performers.outcome(step, self.now):
            self._append(event)
        if isinstance(step, Thaw):
            watch = self._flights.get(Watch(step.task, step.attempt))
            if watch is not None:
                self._wait_for(watch)

    def _hear(self, flight: Flight, step: Watch) -> None:
        events, ended = self._performers.watch(step)
        for event in events:
            self._append(event)
        if ended:
            del self._flights[step]
        else:
            self._wait_for(flight)

    def _wait_for(self, flight: Flight) -> None:
        at = self._performers.ends_at(flight.step, self.now)
        if at is not None:
            self._plan(at, flight)

    def _append(self, event: AnyEvent) -> None:
        """Fold a fact, unless it is stale."""
        recorded = Recorded(self.state.seq + 1, self.now, event)
        try:
            apply(self.state, recorded)
        except StaleEvent:
            return
        self.history.append(recorded)
        self._person_waits(event)

    def _turn(self) -> None:
        """Decide what can be decided, then bring what is under way in line with the rest."""
        steps = self._decide()
        wanted = [step for step in steps.steps if not isinstance(step, Record)]
        keep = set(wanted)
        for step in [step for step in self._flights if step not in keep]:
            del self._flights[step]
        for step in wanted:
            if step not in self._flights:
                flight = self._flights[step] = Flight(step)
                self._wait_for(flight)
        if steps.wake_at is not None and steps.wake_at not in self._wakes:
            self._wakes.add(steps.wake_at)
            self._plan(steps.wake_at, _Wake())

    def _decide(self) -> Steps:
        for _ in range(MAX_DECISIONS):
            steps = next_steps(self.state, self.now)
            decided = [x for s in steps.steps if isinstance(s, Record) for x in s.events]
            if not decided:
                return steps
            before = len(self.history)
            for event in decided:
                self._append(event)
            if len(self.history) == before:
                raise RuntimeError(f"decisions were stale at once: {decided}")
        raise RuntimeError(f"decisions do not end: {self.history[-1].event}")


def with_waits(
    plan: Plan, times: Mapping[TaskId, TaskTimes], *, run: RunId = RUN
) -> dict[TaskId, TaskTimes]:
    """The same times with each `wait_s` as the policy of the core makes it in run `run`.

    So a timetable, which knows no policy, and a ring agree about tries that fail.
    """
    state = RunState()
    apply(state, Recorded(1, 0.0, _run_started(plan, run)))
    return {
        task: msgspec.structs.replace(found, tries=_waiting(state, task, found.tries))
        for task, found in times.items()
    }


def _waiting(state: RunState, task_id: TaskId, tries: tuple[Try, ...]) -> tuple[Try, ...]:
    task = state.tasks[task_id]
    wanted = set(state.settings(task_id).gates)
    gated = any(gate.name in wanted for gate in state.plan.gates_when(GateWhen.TASK))
    cause = FailureClass.GATE if gated else FailureClass.AGENT
    found = []
    for failures, each in enumerate(tries):
        waits = 0.0
        if failures < len(tries) - 1:
            so_far = msgspec.structs.replace(task, failures=failures)
            event = policy.after_failure(state, so_far, cause, "", 0.0)
            waits = event.at if isinstance(event, e.RetryScheduled) else 0.0
        found.append(msgspec.structs.replace(each, wait_s=waits))
    return tuple(found)


def _changed(plan: Plan, agents_limit: int | None, strategy: Strategy | None) -> Plan:
    changes: dict[str, object] = {}
    if agents_limit is not None and agents_limit != plan.agents_limit:
        changes["agents_limit"] = agents_limit
    if strategy is not None and strategy is not plan.strategy:
        changes["strategy"] = strategy
    return msgspec.structs.replace(plan, **changes) if changes else plan


def _check(times: Mapping[TaskId, TaskTimes], gate_s: float) -> None:
    for task, found in times.items():
        if not found.tries:
            raise ValueError(f"the times of {task} have no try")
        seconds = [found.prepare_s, found.approve_s, found.merge_s, gate_s]
        seconds += [value for each in found.tries for value in (each.work_s, each.check_s)]
        wrong = [value for value in seconds if not (math.isfinite(value) and value >= 0)]
        if wrong:
            raise ValueError(f"{wrong[0]} is no time for {task}")


def _at_its_most(pool: Pool) -> Pool:
    return msgspec.structs.replace(pool, size=pool.ceiling, least=None, most=None)


def _run_started(plan: Plan, run: RunId) -> e.RunStarted:
    nothing = "0" * 40
    if plan.hook_by_name:  # nobody is told of what is only played
        plan = msgspec.structs.replace(plan, hooks=(), webhooks=(), notify=(), tracker=None)
    if any(pool.elastic for pool in plan.pools):  # there is no machine that could be short
        plan = msgspec.structs.replace(plan, pools=tuple(map(_at_its_most, plan.pools)))
    return e.RunStarted(
        run=run,
        plan=plan,
        repo="/simulated/.git",
        base=plan.base or "main",
        base_commit=nothing,
        base_tree=nothing,
        target=plan.target or f"deck/{slug(plan.name)}",
        repos=tuple(_repo_started(plan, repo) for repo in plan.repos),
    )


def _repo_started(plan: Plan, repo: Repo) -> e.RepoStarted:
    nothing = "0" * 40
    target = repo.target or f"deck/{slug(plan.name)}"
    place = ("/simulated/.git", "/simulated", repo.base or "main")
    return e.RepoStarted(repo.name, *place, nothing, nothing, target)
