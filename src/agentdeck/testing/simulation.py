"""The ring on a virtual clock: the real core, scripted performers, seeded faults.

Rules:
- The same plan, seed and faults give the same journal. Nothing waits: an hour takes milliseconds.
- The engine is played in its plainest form: fold, ask `next_steps`, apply decisions, start what is
  missing, cancel what is no longer wanted; nothing new starts for a task (or entry) while a
  cancelled step of it still finishes.
- After a crash everything in flight and every report under way is forgotten; reality is not.
- The invariants are checked after every event (`ring_checks`), and a breach carries the seed.

`python -m agentdeck.testing.simulation --seed 7` replays one run and prints its journal;
`--seeds 1000` looks for a seed that fails, and makes a smaller one of it (`testing/searching.py`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from random import Random
from typing import Final

import msgspec

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.budgets import in_force
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import Refused, decide, refusal
from agentdeck.core.events import AnyEvent, DiskMark, Outcome, Recorded, SkipMode
from agentdeck.core.explain import explain_entry
from agentdeck.core.fold import apply, fold
from agentdeck.core.ids import PoolName, ProcessIdentity, RepoName, RunId, TaskId
from agentdeck.core.lanes import lanes
from agentdeck.core.next_steps import next_steps
from agentdeck.core.permissions import Decision, Scope
from agentdeck.core.plan import Plan, Repo, Task
from agentdeck.core.pools import SAMPLES, Sample, resized
from agentdeck.core.scheduler import is_human
from agentdeck.core.stale import StaleEvent, check
from agentdeck.core.state import SETTLED, RunState, TaskState, Wanted
from agentdeck.core.steps import Freeze, IOStep, Record, Steps, StopAttempt, TellHook, Thaw, Watch
from agentdeck.testing.clock import ManualClock
from agentdeck.testing.generated_plans import (
    FOOTPRINTS,
    PRICES,
    generated_plan,
    queueing_plan,
    with_hooks,
    with_repos,
    with_tools,
)
from agentdeck.testing.random_change import random_change
from agentdeck.testing.ring_checks import (
    RingChecks,
    hears,
    must_stand,
    no_silent_stall,
    stands_and_says_why,
)
from agentdeck.testing.scripted_world import (
    Faults,
    Pause,
    Performer,
    Said,
    Violation,
    World,
    first_commit,
)

MAX_HAPPENINGS: Final = 20_000  # in one run; the longest seen has about 5,000
MAX_DECISIONS: Final = 500  # that follow from one event; a plan of ten tasks needs about thirty
FORESEES: Final = 0.05  # of what happens: somebody looks soon after which work would collide
# What does not wait for the disk: it can be read again in the agent's log.
UNSYNCED: Final = (
    e.AttemptProgressed,
    e.TurnBegan,
    e.TurnEnded,
    e.AttemptAsked,
    e.AskWithdrawn,
    e.CollisionsForeseen,
)
CLOCK_JUMPS_S: Final = (-7200.0, -60.0, 60.0, 7200.0, 86_400.0)
DISK_COURSES: Final = (  # until there is room again
    (DiskMark.LOW,),
    (DiskMark.FULL,),
    (DiskMark.LOW, DiskMark.FULL),
    (DiskMark.LOW, DiskMark.FULL, DiskMark.LOW),
)
MACHINES: Final = (  # what somebody sees who looks often enough to believe it
    (Sample(0.97, 0.5),) * SAMPLES,
    (Sample(0.5, 3.0),) * SAMPLES,
    (Sample(0.4, 0.5),) * SAMPLES,
    (Sample(0.97, 0.5), *(Sample(0.4, 0.5),) * SAMPLES),
)
WITH_REPOS: Final = 5  # one in so many seeds
WITH_HOOKS: Final = 6  # one in so many seeds
WITH_TOOLS: Final = 5  # likewise
WIND_UP_S: Final = 5.0  # what a cancelled step takes to end, at most


@dataclass(eq=False)
class Flight:
    """A step under way."""

    step: IOStep
    performer: Performer
    cancelled: bool = False
    parked: Pause | None = None  # waits until something is done to a process
    turn: int = 0  # a resumption planned for an earlier turn is void


@dataclass(order=True)
class Happening:
    """Something that will happen."""

    at: float
    order: int
    act: Callable[[], None] = field(compare=False)
    of_engine: bool = field(compare=False, default=True)  # forgotten when the engine dies


@dataclass(frozen=True)
class Ending:
    """How a simulated run ended."""

    outcome: Outcome | None
    reason: str  # why it stands still, when it has no outcome
    events: int
    stale: int  # reports that came too late and were refused
    history: Sequence[Recorded] = field(default=(), repr=False)
    met: Mapping[str, int] = field(
        default_factory=dict, repr=False
    )  # faults, and how often they happened


class Simulation:
    """One run, one seed."""

    def __init__(self, plan: Plan, seed: int, faults: Faults | None = None) -> None:
        self.seed = seed
        self.random = Random(seed)
        self.faults = faults if faults is not None else Faults()
        self.clock = ManualClock()
        self.state = RunState()
        self.history: list[Recorded] = []
        self.checks = RingChecks(plan)
        self.skew = 0.0  # seconds by which the machine's clock is wrong
        self.world = World(
            self.random,
            self.faults,
            lambda: self.state,
            lambda: self.clock.now,
            self.wall,
            lambda: self.history,
        )
        self.met = self.world.met  # how often each fault has happened
        self.flights: list[Flight] = []
        self.heap: list[Happening] = []
        self.order = count()
        self.up = True
        self.stale = 0
        self.patience = self.faults.commands
        self.seer = Random(seed)  # of its own: who looks changes nothing else
        self.wakes: set[float] = set()
        for repo in plan.repos:
            self.world.begin(repo.name)
        started = e.RunStarted(
            RunId(f"run-{seed}"),
            plan,
            "/repo/.git",
            "main",
            "base0",
            "base0-tree",
            "deck/x",
            prices=PRICES,
            repos=tuple(map(_begun, plan.repos)),
        )
        self.append(started)
        self._engine_starts(1)
        self._plan_commands()
        self._plan_surroundings()
        self.turn()

    # --- the journal

    def append(self, event: AnyEvent) -> bool:
        """Record a fact, unless it is stale. Says whether it was recorded."""
        recorded = Recorded(len(self.history) + 1, self.wall(), event)
        self.checks.same(self.state)
        try:
            check(self.state, event)
        except StaleEvent:
            self.stale += 1
            return False
        self.checks.before(self.state, event)
        apply(self.state, recorded)
        self.history.append(recorded)
        self.checks.after(self.state, recorded)
        self._somebody_watches(event)
        return True

    # --- the ring

    def turn(self) -> None:
        """Decide what can be decided, then bring what is under way in line with what should be."""
        if not self.up:
            return
        steps = self._decide()
        without = self._nobody_waits_for_hooks(steps)
        no_silent_stall(self.state, without)
        wanted = [step for step in steps.steps if not isinstance(step, Record)]
        for flight in self.flights:
            if not flight.cancelled and flight.step not in wanted:
                self._cancel(flight)
        under_way = [flight.step for flight in self.flights if not flight.cancelled]
        finishing = {subject(flight.step) for flight in self.flights if flight.cancelled}
        for step in wanted:
            if step not in under_way and subject(step) not in finishing:
                flight = Flight(step, self.world.perform(step))
                self.flights.append(flight)
                self._resume_in(flight, 0.0)
        self._stands_or_goes_on()
        if steps.wake_at is not None and steps.wake_at not in self.wakes:
            self.wakes.add(steps.wake_at)
            self._plan(steps.wake_at - self.skew, partial(self.wakes.discard, steps.wake_at))

    def _stands_or_goes_on(self) -> None:
        """I11: who works under a used-up budget is being frozen, and nobody else stays frozen."""
        for process in self.world.live():
            task = self.state.tasks[process.key[0]]
            attempt = task.attempt
            if attempt is None or process.frozen != (attempt.frozen_at is not None):
                continue  # its watcher is about to tell what is true
            of_it = [flight for flight in self.flights if subject(flight.step) == task.id]
            if not attempt.live or any(flight.cancelled for flight in of_it):
                continue
            acts = [flight.step for flight in of_it]
            spent = must_stand(self.state, task)
            if spent and not process.frozen and not _any(acts, Freeze, StopAttempt):
                raise Violation(f"I11: {process.key} works on, and its budget is used up")
            stays = process.frozen and task.wanted is Wanted.RUN and not spent
            if stays and not _any(acts, Thaw, StopAttempt):
                raise Violation(f"{process.key} stays frozen, and nothing says why")

    def _decide(self) -> Steps:
        for _ in range(MAX_DECISIONS):
            steps = next_steps(self.state, self.wall())
            records = [step for step in steps.steps if isinstance(step, Record)]
            if not records:
                return steps
            for number, record in enumerate(records):
                for event in record.events:
                    if not self.append(event) and number == 0:
                        raise Violation(f"next_steps decides what the fold refuses: {event}")
        raise Violation(f"the decisions never end: {records}")

    def _nobody_waits_for_hooks(self, steps: Steps) -> Steps:
        """All else goes on as if there were no hook; the steps that there would be then."""
        if not self.state.hooks:
            return steps
        without = next_steps(msgspec.structs.replace(self.state, hooks={}), self.wall())
        rest = tuple(step for step in steps.steps if not isinstance(step, TellHook))
        if without.steps != rest:
            raise Violation(f"because of hooks {rest} goes on, and not {without.steps}")
        return without

    def _cancel(self, flight: Flight) -> None:
        flight.cancelled = True
        if flight.parked is not None or self.random.random() < 0.5:
            self._plan(
                self.clock.now + self.random.uniform(0, WIND_UP_S), lambda: self._end(flight)
            )

    def _end(self, flight: Flight) -> None:
        flight.performer.close()
        flight.turn += 1
        if flight in self.flights:
            self.flights.remove(flight)

    def _resume_in(self, flight: Flight, seconds: float) -> None:
        flight.turn += 1
        flight.parked = None
        turn = flight.turn
        self._plan(
            self.clock.now + seconds,
            lambda: self.resume(flight) if flight.turn == turn else None,
        )

    def resume(self, flight: Flight) -> None:
        """Let a performer go on until it waits again, ends, or its report is lost."""
        for said in flight.performer:
            if isinstance(said, Pause):
                if said.seconds is None:
                    flight.parked = said
                else:
                    self._resume_in(flight, said.seconds)
                break
            if not self._report(flight, said):
                self._end(flight)
                break
        else:
            self._end(flight)
        for parked in self.flights:
            if parked.parked is not None and parked.parked.key in self.world.touched:
                self._resume_in(parked, 0.1)
        self.world.touched.clear()

    def _report(self, flight: Flight, said: Said) -> bool:
        """Take in what a performer says. False: its report went astray and it has ended."""
        draw = self.random.random()
        if draw < self.faults.lost:
            self.met["lost"] += 1
            return False
        draw -= self.faults.lost
        if draw < self.faults.late and not isinstance(flight.step, Watch):
            self.met["late"] += 1
            self._later(said)
            return False
        if draw < self.faults.late + self.faults.doubled:
            self.met["doubled"] += 1
            self._later(said)
        self._append_all(said)
        return True

    def _later(self, said: Said) -> None:
        delay = self.random.choice((0.5, 10.0, 200.0))
        self._plan(self.clock.now + delay, lambda: self._append_all(said))

    def _append_all(self, said: Said) -> None:
        for event in said if isinstance(said, tuple) else (said,):
            self.append(event)

    # --- what happens

    def _plan(self, at: float, act: Callable[[], None], *, of_engine: bool = True) -> None:
        heapq.heappush(self.heap, Happening(at, next(self.order), act, of_engine))

    def happen(self) -> bool:
        """Let the next thing happen. False when nothing is left that could."""
        if not self.heap:
            return False
        happening = heapq.heappop(self.heap)
        self.clock.advance_to(happening.at)
        happening.act()
        self.turn()
        if self.up and self.random.random() < self.faults.crash:
            self.crash()
        return True

    def advance(self, seconds: float) -> None:
        """Let everything happen that happens within so many seconds."""
        until = self.clock.now + seconds
        for _ in range(MAX_HAPPENINGS):
            if not self.heap or self.heap[0].at > until:
                break
            self.happen()
        else:
            raise Violation(f"{MAX_HAPPENINGS} things happen within {seconds} s")
        self.clock.advance_to(until)
        self.turn()

    def finish(self, flight: Flight) -> None:
        """Let a step under way go on at once, whatever it waits for."""
        flight.turn += 1
        flight.parked = None
        self.resume(flight)
        self.turn()

    def crash(self) -> None:
        """`kill -9` of the engine; it is started again some time later."""
        if not self.up:
            return
        self.up = False
        self.met["crash"] += 1
        for flight in self.flights:
            flight.performer.close()
        self.flights.clear()
        self.wakes.clear()
        self.heap = [happening for happening in self.heap if not happening.of_engine]
        heapq.heapify(self.heap)
        if self.random.random() < self.faults.power_cut:
            self._power_cut()
        self._plan(self.clock.now + self.random.uniform(1, 300), self.restart, of_engine=False)

    def _power_cut(self) -> None:
        """The machine goes down: nothing that ran is left, nor what was stored and not synced."""
        self.met["power_cut"] += 1
        self.world.power_cut()
        synced = self.world.synced
        while isinstance(self.history[-1].event, UNSYNCED) and self.history[-1].seq > synced:
            self.history.pop()
        self.checks.rewind(self.history)

    def restart(self) -> None:
        """A new engine folds the journal and goes on."""
        if self.up:
            return
        self.up = True
        self.state = fold(self.history)
        self.checks.same(self.state)
        if self.random.random() < self.faults.environment:
            self.met["environment"] += 1
            self.world.environment = f"environment {len(self.history)}"
        self._engine_starts(len(self.history))
        self._look_at_disk()
        self.turn()

    def _engine_starts(self, number: int) -> None:
        me = ProcessIdentity(number, number, "boot")
        self.append(e.EngineStarted(me, "simulated", self.world.environment))

    # --- what surrounds it

    def _plan_surroundings(self) -> None:
        """When the disk fills up and is emptied again, and when somebody sets the clock."""
        at = self.clock.now
        while self.random.random() < self.faults.disk:
            at += self.random.expovariate(1 / 600)
            for mark in (*self.random.choice(DISK_COURSES), DiskMark.ROOM):
                self._plan(at, partial(self._disk_becomes, mark), of_engine=False)
                at += self.random.expovariate(1 / 200)
        at = self.clock.now
        while self.random.random() < self.faults.machine:
            at += self.random.expovariate(1 / 200)
            for _ in range(self.random.randint(2, 12)):
                seen = partial(self._machine_is, self.random.choice(MACHINES))
                self._plan(at, seen, of_engine=False)
                at += self.random.expovariate(1 / 100)
        at = self.clock.now
        while self.random.random() < self.faults.clock_jumps:
            at += self.random.expovariate(1 / 600)
            jump = self.random.choice(CLOCK_JUMPS_S)
            self._plan(at, partial(self._set_clock, jump), of_engine=False)

    def _disk_becomes(self, mark: DiskMark) -> None:
        self.world.disk = mark
        self.met["disk"] += mark is not DiskMark.ROOM
        if self.up:
            self._look_at_disk()

    def _machine_is(self, samples: Sequence[Sample]) -> None:
        """Somebody has looked at the machine long enough to see it like this."""
        changes = resized(self.state, samples, self.wall()) if self.up else []
        self.met["machine"] += len(changes)
        self._append_all(tuple(changes))

    def _set_clock(self, by_s: float) -> None:
        self.met["clock_jumps"] += 1
        self.skew += by_s
        self.wakes.clear()  # each is looked at anew in the turn that follows

    def wall(self) -> float:
        """What the machine takes the time for, seconds since the epoch."""
        return self.clock.now + self.skew

    def _look_at_disk(self) -> None:
        known = DiskMark.ROOM if self.state.disk is None else self.state.disk.mark
        if self.world.disk is not known:
            self.append(e.DiskChanged(self.world.disk, "/state", 1, 2))

    # --- a person

    def command(self, command: AnyCommand) -> bool:
        """Somebody presses a key. False: refused, with a reason."""
        if not self.up:
            return False
        try:
            events = decide(self.state, command)
        except Refused as refused:
            if not refused.message:
                raise Violation(f"{command} is refused without a reason") from refused
            return False
        for event in events:
            if not self.append(event):
                raise Violation(f"{command} was accepted, and its {event} is stale")
        self.turn()
        return True

    def _plan_commands(self) -> None:
        at = self.clock.now
        for _ in range(self.random.randint(0, self.faults.commands)):
            at += self.random.expovariate(1 / 200)
            self._plan(at, self._press_any_key, of_engine=False)

    def _press_any_key(self, task: TaskId | None = None) -> None:
        self.met["meddles" if task is not None else "commands"] += 1
        self.command(self.random.choice(possible_commands(self.state, self.random, task)))

    def _somebody_watches(self, event: AnyEvent) -> None:
        """Races live just after something has happened, so keys are pressed there too."""
        foresees = self.faults.meddles > 0 and self.seer.random() < FORESEES
        if foresees and not isinstance(event, e.CollisionsForeseen):
            at = self.clock.now + self.seer.uniform(0, 30)
            self._plan(at, lambda: _ignore(self.append(self.world.foresee(self.seer))))
        if isinstance(event, e.AttemptProgressed) or self.patience <= 0:
            return
        task = getattr(event, "task", None) or getattr(event, "entry", None)
        about = TaskId(task) if task in self.state.tasks else None
        draw, at = self.random.random(), self.clock.now + self.random.uniform(0, 3)
        if draw < self.faults.meddles:
            self.patience -= 1
            self._plan(at, lambda: self._press_any_key(about), of_engine=False)
        elif about is not None and draw < self.faults.meddles + self.faults.speaks:
            self.patience -= 1
            self.met["speaks"] += 1
            self._plan(at, lambda: _ignore(self.command(c.Steer(about, "mind"))), of_engine=False)

    def _person_helps(self) -> bool:
        """The run stands still: somebody looks in and does something that is possible."""
        if self.patience <= 0 or not self.up:
            return False
        self.patience -= 1
        possible = [
            command
            for command in possible_commands(self.state, self.random)
            if refusal(self.state, command) is None
        ]
        return bool(possible) and self.command(self.random.choice(possible))

    # --- a whole run

    def run(self) -> Ending:
        """Everything until nothing can happen any more.

        Raises:
            Violation: an invariant is broken, or the run never ends.
        """
        for _ in range(MAX_HAPPENINGS):
            if self.happen():
                continue
            if self.state.outcome is None:
                stands_and_says_why(self.state)
            if self.state.outcome is not None or not self._person_helps():
                return self._ending()
        raise Violation(f"the run goes on after {MAX_HAPPENINGS} happenings")

    def _ending(self) -> Ending:
        if fold(self.history) != self.state:
            raise Violation("I1: the journal does not fold into the last state")
        self._stands_or_goes_on()
        self._hooks_have_heard()
        if self.state.outcome is not None and self.world.live():
            raise Violation(f"I10: the run has ended, and {self.world.live()} live")
        reviews = [key for key, end in self.world.reviews.items() if end is not None]
        if self.state.outcome is not None and (reviews or self.state.reviewing):
            raise Violation(f"I10: the run has ended, and the reviews {reviews} go on")
        for landing in self.state.landings:
            if not self.world.contains(self.world.targets[landing.repo], landing.commit):
                raise Violation(f"{landing} is not in the target")
        if self.state.outcome is Outcome.COMPLETE:
            self._complete()
        recorded = self._recorded_moves()
        if self.state.outcome is not None and self.world.moved != recorded:
            raise Violation(f"the targets moved to {self.world.moved}, not {recorded}")
        if self.state.outcome is not None and self.state.promote_wanted:
            self._promotion_can_go_on()
        reason = "" if self.state.outcome is not None else stands_and_says_why(self.state)
        return Ending(
            self.state.outcome, reason, len(self.history), self.stale, self.history, self.met
        )

    def _hooks_have_heard(self) -> None:
        """Each event in order, again at most before the next, and just those that are wanted."""
        for name, run in self.state.hooks.items():
            heard = list(dict.fromkeys(self.world.heard.get(name, [])))
            wanted = self.state.plan.hook_by_name[name].events
            if run.latest > run.settled:
                raise Violation(f"nothing more can happen, and {name} is at {run}")
            if heard != sorted(heard):
                raise Violation(f"{name} has heard {heard}")
            wrong = [n for n in heard if not hears(wanted, self.history[n - 1].event)]
            taken = [one.event for one in self.history if isinstance(one.event, e.HookDelivered)]
            missed = [one.seq for one in taken if one.hook == name and one.seq not in heard]
            if wrong or missed:
                raise Violation(f"{name} has heard {wrong} and missed {missed}")

    def _promotion_can_go_on(self) -> None:
        """A promotion that outlives its run waits for a reason and for a key that still works."""
        waiting = next(iter(self.state.queue.values()), None)
        helps = [each for each in (c.Release(), c.Retry()) if refusal(self.state, each) is None]
        if waiting is None or not helps:
            raise Violation("the run has ended, and nothing can help its promotion")
        if not explain_entry(self.state, waiting, self.wall()):
            raise Violation("I12: the run has ended, and its promotion waits in silence")

    def _recorded_moves(self) -> dict[RepoName, list[str]]:
        """What landed in each repository, by the journal."""
        found: dict[RepoName, list[str]] = {repo: [] for repo in self.state.plan.lanes}
        for landing in self.state.landings:
            if landing.commit not in found[landing.repo]:
                found[landing.repo].append(landing.commit)
        return found

    def _complete(self) -> None:
        tasks = self.state.tasks.values()  # one that had landed may be reverted afterwards
        open_tasks = [t.id for t in tasks if t.state not in SETTLED and not t.reverted]
        if open_tasks:
            raise Violation(f"the run is complete without {open_tasks}")
        for lane in lanes(self.state):
            auto = self.state.plan.promote == "auto" and lane.landed_here
            if auto and not lane.promote_reason and not lane.promoted:
                raise Violation("the run is complete and the target was not promoted")
            if auto and not lane.promote_reason and lane.promoted != lane.tip:
                raise Violation("the run is complete and the base lacks what landed last")


def _any(steps: list[IOStep], *kinds: type[IOStep]) -> bool:
    return any(isinstance(step, kinds) for step in steps)


def _ignore(_: bool) -> None:
    """A happening returns nothing."""


def subject(step: IOStep) -> str:
    """What a step works on: two steps with the same subject must not overlap by a cancellation."""
    task = getattr(step, "task", None) or getattr(step, "entry", None)
    if isinstance(step, TellHook):
        return step.key
    return str(task) if task is not None else type(step).__name__


def possible_commands(
    state: RunState, random: Random, about: TaskId | None = None
) -> list[AnyCommand]:
    """One of each command for one task (any, unless it is named), and those for the whole run."""
    task = about or random.choice(list(state.tasks))
    found: list[AnyCommand] = [
        c.Pause(task),
        c.Resume(task),
        c.Resume(),
        c.Retry(task, fresh=random.random() < 0.3, comments=_comments(random)),
        c.Retry(),
        c.Skip(task, random.choice(tuple(SkipMode))),
        c.Unskip(task),
        c.Approve(task),
        c.Approve(),
        c.Merge(task),
        *_queue_places(state, random, task),
        c.Hold(task),
        c.Release(task),
        c.Release(),
        c.Stop(task),
        c.Steer(task, "the first one"),
        c.SetAgents(random.randint(1, 5)),
        c.SetPoolLimit(PoolName("small"), random.choice((None, 1, 2, 5))),
        c.ReopenAccount(random.choice([*state.accounts, "acme"])),
        c.Promote(),
        c.Revert(task, random.random() < 0.5, random.random() < 0.5),
    ]
    found += [command for command in (c.Pause(), c.Hold()) if random.random() < 0.3]
    found += _about_permissions(state, random, task)
    found += _by_hand(state, random, task)
    found += [c.Pause(task), c.Resume(task), c.Steer(task, "go on")]  # races worth meeting often
    found += _money(state, random, task)
    found.append(c.EditPlan(random_change(state, random, task), state.plan_changes))
    if state.plan.tools.given:
        found += _through_tools(state, random, task)
    if random.random() < 0.2:
        found.append(c.EndRun())
    return found


def _through_tools(state: RunState, random: Random, task: TaskId) -> list[AnyCommand]:
    """What agents want through tools, half of the time one that may, and what a person answers."""
    live = [other.id for other in state.in_state(TaskState.WORKING, TaskState.ASKING)]
    caller = random.choice(live) if live and random.random() < 0.8 else task
    number = len(state.tasks[caller].attempts)
    key = f"k{random.randint(1, 6)}"
    put = Task(TaskId(random.choice(("", f"n{random.randint(1, 4)}"))), "more", "! empty")
    whose = random.choice((caller, None))
    made = [name for name, request in state.requests.items() if request.answer is None]
    answered = random.choice(made) if made else "r1"
    return [
        c.AskPerson(caller, number, key, "which one?", random.choice(((), ("this", "that")))),
        c.RequestFiles(caller, number, f"f{key}", random.choice(FOOTPRINTS), "for the tests"),
        c.ReportProgress(caller, number, "reads", random.randint(0, 100)),
        c.MakeRequest(key, "left out", put, task=whose, attempt=number if whose else None),
        c.MakeRequest(f"q{key}", "is it so?"),
        c.AnswerRequest(answered, random.random() < 0.5, "yes"),
        c.AnswerRequest(answered, random.random() < 0.5, ""),
    ]


def _comments(random: Random) -> tuple[e.ReviewComment, ...]:
    """What a person says of a diff, now and then."""
    return (e.ReviewComment("src/a.py", 3, "not so"),) if random.random() < 0.3 else ()


def _queue_places(state: RunState, random: Random, task: TaskId) -> list[AnyCommand]:
    """Move what is in the merge queue, and now and then drop it."""
    queued = [entry.task for entry in state.queue.values() if entry.task is not None]
    moved = random.choice(queued) if queued else task
    beside = random.choice(queued) if queued else None
    found: list[AnyCommand] = [c.Move(moved, random.choice(tuple(c.Place)), beside) for _ in "ab"]
    return [*found, c.Drop(moved)] if random.random() < 0.3 else found


def _by_hand(state: RunState, random: Random, task: TaskId) -> list[AnyCommand]:
    """Take a task over, and give one back that is taken."""
    taken = [other.id for other in state.in_state(TaskState.TAKEN)]
    go_on = random.random() < 0.4
    text = "mind the tests" if random.random() < 0.3 else ""
    back = c.HandBack(random.choice(taken) if taken else task, go_on, text, by="kim")
    theirs = [other.id for other in state.in_state(TaskState.ASKING) if is_human(state, other.id)]
    done: list[AnyCommand] = [c.Approve(one) for one in theirs]
    return [*done, c.TakeOver(task, by="kim"), c.TakeOver(task, by="kim"), back, back]


def _about_permissions(state: RunState, random: Random, task: TaskId) -> list[AnyCommand]:
    """Answers for any task that asks something, and rules."""
    asking = [
        other.id for other in state.tasks.values() if other.attempt and other.attempt.question
    ]
    about = random.choice(asking) if asking else task
    until = None if random.random() < 0.5 else state.at + random.uniform(0, 3_000)
    answer = c.Answer(
        about,
        random.choice(("allow", "deny", "deny", "once", "")),
        random.choice(("", "mind the tests")),
        remember=random.choice((None, None, *Scope)),
        target=random.choice((None, "*", "git *")),
        until=until,
    )
    scope = random.choice(tuple(Scope))
    rule = c.SetPermission(
        scope,
        random.choice(tuple(Decision)),
        random.choice(("*", "Bash")),
        random.choice(("*", "git *", "src/*")),
        task if scope is Scope.TASK else None,
        until,
    )
    dropped = random.choice(list(state.rules) or ["r1"])
    return [answer, answer, answer, rule, c.DropPermission(dropped)]


def _money(state: RunState, random: Random, task: TaskId) -> list[AnyCommand]:
    """Raise a budget that is, and set one that may not have been."""
    limited = in_force(state)
    phase, pool = state.spec(task).phase, state.settings(task).pool
    scope = random.choice(["run", f"task:{task}", f"phase:{phase}", f"pool:{pool}"])
    found: list[AnyCommand] = [c.SetBudget(scope, usd=random.choice((None, 0.0, 0.5, 2.0)))]
    if limited:
        chosen = random.choice(list(limited))
        more = {"tokens": 5000} if limited[chosen].usd is None else {"usd": 1.0}
        found += [c.RaiseBudget(chosen, **more)] * 2
    return found


def _begun(repo: Repo) -> e.RepoStarted:
    first = first_commit(repo.name)
    where = (f"/{repo.name}/.git", f"/{repo.name}", "main")
    return e.RepoStarted(repo.name, *where, first.id, first.tree, "deck/x")


def course_of(seed: int) -> tuple[Plan, Faults]:
    """What a seed stands for: its plan, and its mix of faults.

    Each fourth seed is about the merge queue: agents that work, and much of it at once. Each sixth
    plan has hooks, which changes nothing else of it. Each fifth has several repositories, and tasks
    that land together; another fifth has tools for its agents.
    """
    random = Random(seed)
    if seed % 4 == 3:
        plan, faults = queueing_plan(random), Faults.of_the_queue(random)
    else:
        plan, faults = generated_plan(random), Faults.varied(random)
    plan = with_hooks(plan, seed) if seed % WITH_HOOKS == 1 else plan
    plan = with_repos(plan, seed) if seed % WITH_REPOS == 2 else plan
    return (with_tools(plan, seed) if seed % WITH_TOOLS == 4 else plan), faults


def seeded(seed: int, faults: Faults | None = None) -> Simulation:
    """The run of a seed, with its own mix of faults unless others are given."""
    plan, usual = course_of(seed)
    return Simulation(plan, seed, faults or usual)


def simulate(seed: int, faults: Faults | None = None) -> Ending:
    """One generated plan and one run of it. Raises `Violation` with the way to replay it."""
    try:
        return seeded(seed, faults).run()
    except Exception as error:  # any error of the core, not only a broken invariant
        note = f"replay it: python -m agentdeck.testing.simulation --seed {seed}"
        raise Violation(f"seed {seed}: {error!r}\n{note}") from error


if __name__ == "__main__":
    from agentdeck.testing.searching import main

    raise SystemExit(main())
