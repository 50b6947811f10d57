"""A run on a virtual clock: moments as computed by hand, and the rules of a real run."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused
from agentdeck.core.events import Outcome
from agentdeck.core.fold import apply, fold
from agentdeck.core.ids import PhaseId, PoolName, TaskId
from agentdeck.core.plan import (
    Budget,
    Defaults,
    GateWhen,
    Land,
    Phase,
    Plan,
    Pool,
    Strategy,
    Task,
)
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.times import TaskTimes, Try, estimated
from agentdeck.plans.forecast.ring import VirtualRing, with_waits
from agentdeck.plans.forecast.ring_log import log_lines, offsets
from agentdeck.testing.builders import gate, plan, task
from agentdeck.testing.generated_plans import generated_plan
from agentdeck.testing.ring_checks import RingChecks

Moments = dict[str, tuple[float, float]]


def timed(line: str, minutes: float = 1, **fields: Any) -> Task:
    return task(line, estimate_s=60.0 * minutes, **fields)


def moments(ring: VirtualRing) -> Moments:
    """Of each task its first start and its landing, seconds; nan = never."""
    state = ring.run()
    return {
        task.id: (
            task.attempts[0].claimed_at if task.attempts else math.nan,
            math.nan if task.landed_at is None else task.landed_at,
        )
        for task in state.tasks.values()
    }


def once(work_s: float, check_s: float = 0.0, **fields: float) -> TaskTimes:
    return TaskTimes((Try(work_s, check_s),), **fields)


def played(of: Plan, **times: TaskTimes) -> VirtualRing:
    ring = VirtualRing(of, {TaskId(name): found for name, found in times.items()})
    ring.run()
    return ring


def test_a_diamond_takes_its_longest_path() -> None:
    """A 1 h, then B 30 min beside C 90 min, then D 10 min: 160 minutes."""
    of = plan(timed("A", 60), timed("B<A", 30), timed("C<A", 90), timed("D<B,C", 10))
    ring = VirtualRing(of)
    assert moments(ring) == {
        "A": (0, 3600),
        "B": (3600, 5400),
        "C": (3600, 9000),
        "D": (9000, 9600),
    }
    assert ring.state.outcome is Outcome.COMPLETE
    assert ring.now == 9600


def test_one_agent_takes_the_longest_path_first() -> None:
    """With one slot C (90 min, then D) goes before B (30 min, then D)."""
    of = plan(timed("A", 60), timed("B<A", 30), timed("C<A", 90), timed("D<B,C", 10))
    found = moments(VirtualRing(of, agents_limit=1))
    assert found == {"A": (0, 3600), "C": (3600, 9000), "B": (9000, 10800), "D": (10800, 11400)}


def test_tasks_with_common_files_work_one_after_the_other() -> None:
    """B waits until A has landed, not only until its agent is done; C touches other files."""
    of = plan(timed("A src/a.py", 3), timed("B src/*.py", 2), timed("C docs/", 2))
    ring = played(of, A=once(180, merge_s=30), B=once(120, merge_s=30), C=once(120, merge_s=30))
    assert moments(ring) == {"A": (0, 210), "B": (210, 360), "C": (0, 150)}


def test_an_exclusive_task_works_alone() -> None:
    of = plan(timed("A", 1), timed("B<A", 2, exclusive=True), timed("C<A", 1))
    assert moments(VirtualRing(of)) == {"A": (0, 60), "B": (60, 180), "C": (180, 240)}


def test_a_pool_holds_its_size_at_once() -> None:
    pools = (Pool(PoolName("small"), 1),)
    of = plan(timed("A", 1, pool="small"), timed("B", 1, pool="small"), timed("C"), pools=pools)
    assert moments(VirtualRing(of)) == {"A": (0, 60), "B": (60, 120), "C": (0, 60)}


PHASED = plan(
    timed("A", 1, phase="one"),
    timed("B", 3, phase="one"),
    timed("C<A", 1, phase="two"),
    timed("D<C", 1, phase="three"),
    phases=(Phase(PhaseId("one")), Phase(PhaseId("two")), Phase(PhaseId("three"))),
)


def test_waves_are_barriers_and_eager_is_not() -> None:
    """In waves C waits for B, which it does not need: 5 minutes, not 3."""
    eager = VirtualRing(PHASED, strategy=Strategy.EAGER)
    waves = VirtualRing(PHASED, strategy=Strategy.WAVES)
    assert moments(eager) == {"A": (0, 60), "B": (0, 180), "C": (60, 120), "D": (120, 180)}
    assert moments(waves) == {"A": (0, 60), "B": (0, 180), "C": (180, 240), "D": (240, 300)}


def test_each_part_of_a_task_takes_its_time() -> None:
    """Prepare 5, work 60, check 10, a person's yes 100, merge 20: B starts at 195."""
    of = plan("A", "B<A", land=Land.APPROVE)
    whole = once(60, 10, prepare_s=5, approve_s=100, merge_s=20)
    ring = played(of, A=whole, B=whole)
    assert moments(ring) == {"A": (0, 195), "B": (195, 390)}
    attempt = ring.state.tasks[TaskId("A")].attempts[0]
    assert (attempt.launched_at, attempt.exited_at) == (5, 65)


def test_a_review_asks_once() -> None:
    """The yes to a review is the yes to the landing: a person's latency counts once."""
    ring = played(plan("A", land=Land.REVIEW), A=once(60, approve_s=100))
    assert moments(ring) == {"A": (0, 160)}


def test_an_agents_slot_is_free_while_its_work_is_checked_and_merged() -> None:
    of = plan("A", "B", agents_limit=1)
    ring = played(of, A=once(60, 30, merge_s=30), B=once(60))
    assert moments(ring) == {"A": (0, 120), "B": (60, 120)}


def test_the_queue_merges_one_entry_at_a_time() -> None:
    """Three end at once; each is at the head of the queue for 10 seconds."""
    ring = played(
        plan("A", "B", "C"), A=once(60, merge_s=10), B=once(60, merge_s=10), C=once(60, merge_s=10)
    )
    assert moments(ring) == {"A": (0, 70), "B": (0, 80), "C": (0, 90)}


def test_gates_share_the_time_of_checking_and_merging() -> None:
    """Two task gates take 10 seconds together, three merge gates 20, to the last bit."""
    gates = (
        gate("lint", GateWhen.TASK),
        gate("unit", GateWhen.TASK),
        gate("build"),
        gate("all"),
        gate("slow"),
    )
    ring = played(plan("A", gates=gates), A=once(60.1, 10.2, merge_s=20.3))
    assert ring.state.tasks[TaskId("A")].landed_at == 60.1 + 10.2 + 20.3
    ran = [(x.at, x.event) for x in ring.history if isinstance(x.event, e.GateFinished)]
    assert [event.gate for _, event in ran] == ["lint", "unit", "build", "all", "slow"]
    assert ran[0][1].seconds == pytest.approx(5.1)
    assert [round(at, 3) for at, _ in ran] == [65.2, 70.3, 77.067, 83.833, 90.6]


def test_gates_of_the_run_take_what_they_are_given() -> None:
    """Preflight before anything, a phase's gate at its end, the final gate at the end of all."""
    gates = (
        gate("ready", GateWhen.PREFLIGHT),
        gate("wave", GateWhen.PHASE),
        gate("last", GateWhen.FINAL),
    )
    of = plan(timed("A", phase="one"), phases=(Phase(PhaseId("one"), sync=True),), gates=gates)
    ring = VirtualRing(of, gate_s=7)
    assert moments(ring) == {"A": (7, 67)}
    assert ring.now == 81


def test_a_sync_point_holds_back_the_next_phase_until_its_gate_is_green() -> None:
    of = plan(
        timed("A", phase="one"),
        timed("B", phase="two"),
        phases=(Phase(PhaseId("one"), sync=True), Phase(PhaseId("two"))),
        gates=(gate("wave", GateWhen.PHASE),),
    )
    assert moments(VirtualRing(of, gate_s=7)) == {"A": (0, 60), "B": (67, 127)}


TWICE = TaskTimes((Try(50, 10), Try(40, 5)), prepare_s=2, merge_s=3)


def test_a_try_that_fails_is_tried_again_after_the_backoff_of_the_policy() -> None:
    """No task gate: the agent fails, checked 10 s, then the backoff, then all of it again."""
    of = plan("A", defaults=Defaults(backoff_s=100))
    ring = played(of, A=TWICE)
    task = ring.state.tasks[TaskId("A")]
    waited = with_waits(of, {task.id: TWICE})[task.id].tries[0].wait_s
    assert 75 <= waited < 125
    assert [a.outcome for a in task.attempts] == ["retried: agent", "landed"]
    assert task.attempts[1].claimed_at == 62 + waited
    assert task.landed_at == 62 + waited + 2 + 40 + 5 + 3


def test_with_a_task_gate_the_gate_fails_and_nothing_waits() -> None:
    """The last gate is red as often as it may be run again, all within the 10 s of the check."""
    gates = (gate("lint", GateWhen.TASK), gate("unit", GateWhen.TASK, retries=2))
    of = plan("A", gates=gates)
    ring = played(of, A=TWICE)
    task = ring.state.tasks[TaskId("A")]
    assert [a.outcome for a in task.attempts] == ["retried: gate", "landed"]
    assert (task.attempts[1].claimed_at, task.landed_at) == (62, 112)
    assert with_waits(of, {task.id: TWICE})[task.id].tries[0].wait_s == 0
    red = [x.event for x in ring.history if isinstance(x.event, e.GateFinished) and x.event.code]
    assert [event.gate for event in red] == ["unit"] * 3


def test_a_slot_is_free_while_a_try_waits_for_the_next() -> None:
    of = plan("A", "B", agents_limit=1, defaults=Defaults(backoff_s=1000))
    ring = played(of, A=TaskTimes((Try(50), Try(40))), B=once(60))
    assert moments(ring)["B"] == (50, 110)


def test_more_failures_than_retries_stand_still_and_say_why() -> None:
    of = plan("A", "B<A", defaults=Defaults(retries=1))
    ring = played(of, A=TaskTimes((Try(50),) * 3))
    assert ring.state.tasks[TaskId("A")].state is TaskState.FAILED
    assert (ring.state.outcome, ring.standstill) == (None, "A is failed")
    ring.command(c.Retry(TaskId("A")))
    ring.run()
    assert (ring.state.outcome, ring.standstill) == (Outcome.COMPLETE, None)


def test_what_a_person_does_takes_the_time_of_the_first_try_and_no_slot() -> None:
    of = plan(timed("A"), timed("H", human=True), timed("B<H"), agents_limit=1)
    ring = played(of, H=once(200, prepare_s=9, merge_s=9))
    assert moments(ring) == {"A": (0, 60), "H": (0, 200), "B": (200, 260)}


def test_what_happens_at_one_moment_is_taken_in_before_anything_is_decided() -> None:
    """At 60 s an agent ends and a person does. LONG, which needs the person, gets the slot: it is
    ready at the same moment as the slot is free, and goes before WAITS.
    """
    of = plan(
        timed("A", 1),
        timed("WAITS", 0.5),
        timed("H1", 0.5, human=True),
        timed("H2<H1", 0.5, human=True),
        timed("LONG<H2", 5),
        agents_limit=1,
    )
    found = moments(VirtualRing(of))
    assert (found["LONG"], found["WAITS"]) == ((60, 360), (360, 390))


def test_deferred_tasks_are_left_out() -> None:
    ring = VirtualRing(plan(timed("A"), timed("B", defer="later")))
    ring.run()
    assert ring.state.outcome is Outcome.COMPLETE
    assert ring.now == 60


def test_a_plan_that_promotes_by_itself_ends() -> None:
    ring = VirtualRing(plan(timed("A"), promote="auto"))
    assert ring.run().outcome is Outcome.COMPLETE


def test_a_budget_of_tokens_stops_a_virtual_run_as_a_real_one() -> None:
    tasks = [timed(line, tokens=600) for line in ("A", "B<A", "C<B")]
    ring = VirtualRing(plan(*tasks, budget=Budget(tokens=1000)))
    ring.run()
    assert ring.standstill == "the budget of 1,000 tokens is used up"
    assert [t.state for t in ring.state.tasks.values()][1:] == [TaskState.LANDED, TaskState.READY]


# --- a person ------------------------------------------------------------------------------------


def test_a_pause_freezes_work_and_a_resume_goes_on_where_it_stood() -> None:
    """60 s of work, frozen from 20 to 500, end at 540."""
    ring = VirtualRing(plan(timed("A")))
    ring.advance(20)
    ring.command(c.Pause(TaskId("A")))
    ring.advance(500)
    assert ring.state.tasks[TaskId("A")].state is TaskState.PAUSED
    assert ring.next_at() is None
    ring.command(c.Resume(TaskId("A")))
    assert moments(ring) == {"A": (0, 540)}


def test_a_paused_run_starts_nothing_new() -> None:
    ring = VirtualRing(plan(timed("A"), timed("B<A")))
    ring.advance(10)
    ring.command(c.Pause())
    ring.run()
    assert ring.standstill == "the run is paused by you"
    ring.command(c.Resume())
    assert moments(ring)["B"] == (60, 120)


def test_a_stopped_agent_ends_at_once_and_can_be_tried_again() -> None:
    ring = VirtualRing(plan(timed("A")))
    ring.advance(20)
    ring.command(c.Stop(TaskId("A")))
    ring.advance(30)
    assert ring.state.tasks[TaskId("A")].state is TaskState.CANCELLED
    ring.command(c.Retry(TaskId("A")))
    ring.run()
    assert ring.state.tasks[TaskId("A")].landed_at == 90


def test_a_paused_agent_can_be_stopped() -> None:
    ring = VirtualRing(plan(timed("A")))
    ring.advance(20)
    ring.command(c.Pause(TaskId("A")))
    ring.advance(25)
    ring.command(c.Stop(TaskId("A")))
    ring.run()
    assert ring.state.tasks[TaskId("A")].state is TaskState.CANCELLED


def test_a_skipped_task_counts_as_done() -> None:
    """B is skipped at 10, so C, which needs only B, starts then."""
    ring = VirtualRing(plan(timed("A"), timed("B<A"), timed("C<B")))
    ring.advance(10)
    ring.command(c.Skip(TaskId("B")))
    assert moments(ring)["C"] == (10, 70)


def test_who_says_yes_first_is_not_asked_again() -> None:
    """A person who is faster than the virtual one wins; nobody says yes twice."""
    ring = VirtualRing(plan("A", land=Land.APPROVE), {TaskId("A"): once(60, approve_s=1000)})
    ring.advance(70)
    ring.command(c.Approve(TaskId("A")))
    ring.run()
    assert ring.state.tasks[TaskId("A")].landed_at == 70
    assert [x.event.by for x in ring.history if isinstance(x.event, e.TaskApproved)] == ["you"]


def test_a_held_queue_takes_up_its_gates_again() -> None:
    """Held 10 s into 30 s of merge gates: they are run again from the one that was cut off."""
    gates = (gate("one"), gate("two"), gate("three"))
    ring = VirtualRing(plan("A", gates=gates), {TaskId("A"): once(60, merge_s=30)})
    ring.advance(75)  # in the middle of the second
    ring.command(c.Hold())
    ring.advance(100)
    ring.command(c.Release())
    ring.run()
    assert ring.state.tasks[TaskId("A")].landed_at == 120


def test_a_run_that_is_ended_stops_its_agents() -> None:
    ring = VirtualRing(plan(timed("A"), timed("B<A")))
    ring.advance(10)
    ring.command(c.EndRun())
    ring.run()
    assert (ring.state.outcome, ring.now) == (Outcome.STOPPED, 10)


def test_a_wish_that_cannot_be_is_refused_with_the_engines_reason() -> None:
    ring = VirtualRing(plan(timed("A")))
    ring.advance(1)
    with pytest.raises(Refused, match="A is working: stop it first"):
        ring.command(c.Skip(TaskId("A")))


def test_more_agents_start_at_once() -> None:
    ring = VirtualRing(plan(timed("A"), timed("B"), agents_limit=1))
    ring.advance(10)
    ring.command(c.SetAgents(2))
    assert moments(ring)["B"] == (10, 70)


# --- the ring itself -----------------------------------------------------------------------------


def test_time_goes_as_far_as_it_is_let() -> None:
    ring = VirtualRing(plan(timed("A"), timed("B<A")), started_at=1000)
    assert ring.next_at() == 1000
    ring.advance(1059)
    assert ring.state.tasks[TaskId("A")].state is TaskState.WORKING
    assert ring.next_at() == 1060
    happened = ring.advance(1060)
    assert {x.at for x in happened} == {1060}
    assert list(ring.events_after(happened[0].seq - 1)) == list(happened)
    assert ring.now == 1060
    ring.advance(500)
    assert ring.now == 1060, "time does not go back"


def test_reports_change_no_moment() -> None:
    """An agent that says on its way what it does ends when one that says nothing does."""
    of = plan(timed("A", tokens=1000), timed("B<A"))
    silent, talking = VirtualRing(of), VirtualRing(of, reports=8)
    assert moments(silent) == moments(talking)
    said = [x.event for x in talking.history if isinstance(x.event, e.AttemptProgressed)]
    ends = offsets(of.tasks[0])
    assert len(said) == 2 * 9
    assert all(event.offset in ends for event in said[:9])
    assert (said[8].offset, said[8].tokens_in) == (ends[-1], 1000)


def test_a_log_is_clearly_simulated_and_of_bounded_size() -> None:
    wide = task("A", title="x\n" * 1000, files=tuple(f"src/{n}/" for n in range(1000)))
    lines = log_lines(wide)
    assert all(line.startswith("[simulated] ") and len(line) < 250 for line in lines)
    assert len(lines) < 40
    assert offsets(wide)[-1] == len("".join(f"{line}\n" for line in lines).encode())


@pytest.mark.parametrize("seed", range(40))
def test_the_rules_of_a_real_run_hold(seed: int) -> None:
    """Any plan ends or says why not; limits and footprints hold; the journal folds to the state."""
    random = Random(seed)
    of = generated_plan(random)
    times = {
        name: TaskTimes(
            tuple(
                Try(random.randint(0, 90), random.choice((0, 7)))
                for _ in range(random.randint(1, 3))
            ),
            prepare_s=random.choice((0, 3)),
            approve_s=random.choice((0, 50)),
            merge_s=random.choice((0, 11)),
        )
        for name in estimated(of)
    }
    rings = [VirtualRing(of, times, gate_s=5, reports=2) for _ in range(2)]
    state = rings[0].run()
    rings[1].run()
    assert rings[0].history == rings[1].history, "the same run twice is the same run"
    assert fold(rings[0].history) == state
    assert (state.outcome is None) == bool(rings[0].standstill)
    checks, again = RingChecks(of), RunState()
    for recorded in rings[0].history:
        checks.before(again, recorded.event)
        apply(again, recorded)
        checks.after(again, recorded)


@pytest.mark.parametrize("wrong", [-1.0, math.inf, math.nan])
def test_a_time_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="is no time for A"):
        VirtualRing(plan("A"), {TaskId("A"): once(wrong)})
    with pytest.raises(ValueError, match="have no try"):
        VirtualRing(plan("A"), {TaskId("A"): TaskTimes(())})
