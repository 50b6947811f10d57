"""Seeded runs with faults hold every invariant, and a broken core is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from random import Random
from typing import Any

import pytest

from agentdeck.core import (
    accounts,
    assignment,
    disk,
    effects_hooks,
    event_names,
    footprint,
    hooks,
    next_steps,
    queue,
    readiness,
    repair,
    scheduler,
    verdicts,
)
from agentdeck.core import events as e
from agentdeck.core.budgets import Book, Line
from agentdeck.core.events import Outcome
from agentdeck.core.ids import AgentName
from agentdeck.core.plan import Land
from agentdeck.core.state import LIVE, HookRun, RunState, TaskRun
from agentdeck.core.steps import Launch, TellHook
from agentdeck.core.transitions import TRANSITIONS
from agentdeck.testing import ring_checks, simulation
from agentdeck.testing.builders import gate, plan
from agentdeck.testing.generated_plans import generated_plan
from agentdeck.testing.scripted_world import Faults, Performer, Said, Violation, World
from agentdeck.testing.searching import main
from agentdeck.testing.simulation import Flight, Simulation, seeded, simulate

SEEDS = range(60)
MORE_SEEDS = range(60, 160)  # looked at for what they reach; their invariants are checked as well
WITH_WHAT_IS_RARE = (6, 18, 197, 205, 167)  # a closed account, a refused hand-back, a pull request
SOAK_SEEDS = 5_000


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_with_faults_holds_every_invariant(seed: int) -> None:
    """The run ends, or it says why it stands still. A breach names the command that replays it."""
    ending = simulate(seed)
    assert ending.outcome is not None or ending.reason


@pytest.mark.soak
def test_many_runs_with_faults_hold_every_invariant() -> None:
    assert main(["--seeds", str(SOAK_SEEDS), "--first", str(len(SEEDS))]) == 0


def test_the_same_seed_gives_the_same_journal() -> None:
    one, two = seeded(3), seeded(3)
    one.run()
    two.run()
    assert one.history == two.history


def test_without_faults_a_plan_runs_to_its_end() -> None:
    of = plan("A", "B<A", "C<A src/", "D<B,C src/x.py", gates=(gate("unit"),), land=Land.AUTO)
    ending = Simulation(of, 1, Faults.none()).run()
    assert ending.outcome is Outcome.COMPLETE
    assert ending.stale == 0


@pytest.mark.timeout(600)  # some ten seconds where nothing else runs
def test_seeds_reach_nearly_every_event_and_every_end() -> None:
    """A simulation that never leaves the happy path would prove nothing."""
    # An engine that stops says so itself, and so does who mends a journal; nobody else can.
    by_themselves = {e.EngineStopped, e.EngineSlept, e.JournalMended, e.LandingFound}
    wanted: set[object] = {one for one in e.Event.__subclasses__() if one not in by_themselves}
    wanted |= {event for _, event in TRANSITIONS} - by_themselves
    wanted |= {None, Outcome.COMPLETE, Outcome.STOPPED}
    wanted |= {"goes on", "session gone", "closed", "halved"}
    wanted |= {"sent back by the queue", "lines lost"}
    stale = 0
    for seed in (*WITH_WHAT_IS_RARE, *MORE_SEEDS):
        run = seeded(seed)
        ending = run.run()
        stale += ending.stale
        wanted.discard(ending.outcome)
        for recorded in run.history:
            wanted.discard(type(recorded.event))
            wanted.difference_update(_seldom(recorded.event))
        if not wanted and stale > 100:
            return
    raise AssertionError(f"not reached: {wanted}, and {stale} stale events")


def _seldom(event: e.AnyEvent) -> Iterator[str]:
    """What is only one way of an event, and must be met too."""
    if isinstance(event, e.AttemptClaimed) and event.session is not None:
        yield "goes on"
    if isinstance(event, e.RetryScheduled) and event.cause is e.FailureClass.SESSION:
        yield "session gone"
    if isinstance(event, e.RetryScheduled) and event.repair:
        yield "sent back by the queue"
    if isinstance(event, e.AttemptCollected) and event.losses:
        yield "lines lost"
    if isinstance(event, e.AccountLimited):
        yield "closed" if event.until is None else "halved" if event.slows else "frozen"


def test_a_failing_seed_says_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_checks, "explain", lambda *_: "")
    with pytest.raises(Violation, match=r"python -m agentdeck\.testing\.simulation --seed 5"):
        simulate(5)


def test_a_replayed_seed_prints_its_journal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "2"]) == 0
    assert "RunStarted" in capsys.readouterr().out


def _all(make: Callable[[int], Simulation], seeds: Iterable[int]) -> None:
    for seed in seeds:
        make(seed).run()


def _without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_blocks", lambda *_: None)


def _blind_to_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts.Openings, "closure", lambda *_: None)


def _never_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def session_for(_state: RunState, task: TaskRun, _agent: AgentName) -> str | None:
        return task.attempt.session if task.attempt else None

    monkeypatch.setattr(assignment, "session_for", session_for)


def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "phase_open", lambda *_: True)


def _ungated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "passes", lambda _: True)


def _writes_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    real = next_steps.next_steps

    def meddling(state: RunState, now: float) -> Any:
        state.paused_by = "a bug"
        return real(state, now)

    monkeypatch.setattr(simulation, "next_steps", meddling)


def _works_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "freezes", lambda *_: None)


def _spends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "refuses", lambda *_: None)


def _reserves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "take", lambda *_: None)


def _lets_lines_vanish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repair, "losses_of", lambda _: ())


def _repairs_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def patient(
        _: RunState, task: TaskRun, cause: e.FailureClass, detail: str, now: float
    ) -> e.RetryScheduled:
        number = task.attempt.number if task.attempt else 0
        return e.RetryScheduled(task.id, number, cause, detail, now, counts=False, repair=True)

    monkeypatch.setattr(repair, "after_ejection", patient)


def _frozen_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def any_budget(book: Book, task: TaskRun) -> Line | None:
        return next(iter(book.lines.values()), None) if task.state in LIVE else None

    monkeypatch.setattr(Book, "freezes", any_budget)


def _silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_checks, "standstill", lambda _: None)


def _writes_on_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "stands", lambda _: False)


def _acknowledges_before_it_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = (e.RunStarted, e.EngineStarted)  # the rest of the journal is lost in a power cut
    lost = tuple(one for one in e.Event.__subclasses__() if one not in kept)
    monkeypatch.setattr(simulation, "UNSYNCED", lost)


def _forgets_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    real = World._launch

    def launch(world: World, step: Launch) -> Performer:
        known = world.processes.pop((step.task, step.attempt), None)
        if known is not None:  # it is there, and nobody looks
            world.processes[step.task, -known.pid] = known
        yield from real(world, step)

    monkeypatch.setattr(World, "_launch", launch)


def _takes_no_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Simulation.crash

    def crash(run: Simulation) -> None:
        still, run.flights = run.flights, []  # the first engine works on beside the second
        real(run)
        for flight in still:
            run._plan(run.clock.now + 1.0, partial(run.resume, flight), of_engine=False)

    monkeypatch.setattr(Simulation, "crash", crash)


def _does_not_look_at_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    real = World.contains

    def contains(world: World, tip: str, commit: str) -> bool:
        return commit not in world.moved and real(world, tip, commit)

    monkeypatch.setattr(World, "contains", contains)


def _settles_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    def settle(run: HookRun, _: int) -> None:
        run.settled, run.tries, run.retry_at = run.latest, 0, None

    monkeypatch.setattr(effects_hooks, "_settle", settle)


def _hears_of_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_names, "_is_about_hooks", lambda _: False)
    usual = Simulation._report

    def report(run: Simulation, flight: Flight, said: Said) -> bool:
        if isinstance(flight.step, TellHook):
            said = e.StepFailed(flight.step.key, None, "a bug", run.wall() + 1)
        return usual(run, flight, said)

    monkeypatch.setattr(Simulation, "_report", report)


def _lands_when_hooks_have_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    real = queue.next_steps

    def patient(state: RunState, now: float) -> Any:
        return () if any(map(hooks.is_waiting, state.hooks.values())) else real(state, now)

    monkeypatch.setattr(queue, "next_steps", patient)


# The number is the seed that saw it last: it is tried first, and the others if it sees it no more.
@pytest.mark.parametrize(
    ("breaks", "found", "first"),
    [
        (_without_limits, "I11|I4", 2),
        (_blind_to_accounts, "I11: .* on acme", 2),
        (_never_begins_anew, "goes on in", 2),
        (_impatient, "I5", 1),
        (_ungated, "I6", 0),
        (_writes_the_state, "I1:", 0),
        (_silent, "I12", 0),
        (_works_on, "I11", 14),
        (_spends, "I11", 14),
        (_reserves_nothing, "I11", 29),
        (_frozen_for_ever, "stays frozen", 5),
        (_lets_lines_vanish, "takes away", 3),
        (_repairs_for_ever, "is sent back for the", 8),
        (_writes_on_a_full_disk, "I11", 3),
        (_acknowledges_before_it_is_stored, "I12|I3|I6|I7|target", 148),
        (_forgets_a_process, "I3", 3),
        (_takes_no_lock, "I1:|I3", 6),
        (_does_not_look_at_the_target, "I6|I7|takes back", 0),
        (_settles_too_much, "and has to hear|but next is", 1),
        (_hears_of_hooks, "and has to hear", 1),
        (_lands_when_hooks_have_heard, "because of hooks", 1),
    ],
)
def test_a_broken_core_is_seen(
    monkeypatch: pytest.MonkeyPatch,
    breaks: Callable[[pytest.MonkeyPatch], None],
    found: str,
    first: int,
) -> None:
    """Each of these breaks one rule; within the seeds the invariant of that rule fails."""
    breaks(monkeypatch)
    with pytest.raises(Violation, match=found):
        _all(seeded, (first, *range(200)))


def test_the_checks_know_themselves_which_files_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scheduler that is blind to files is seen by the table that was made beforehand."""
    runs = [Simulation(generated_plan(Random(seed)), seed) for seed in range(40)]
    monkeypatch.setattr(footprint, "overlap", lambda *_: None)
    with pytest.raises(Violation, match="I4"):
        _all(runs.__getitem__, range(40))
