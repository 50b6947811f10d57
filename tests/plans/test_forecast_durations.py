"""Durations: what is drawn where nothing was measured, and what measurements teach."""

from __future__ import annotations

import math
from statistics import mean, median, stdev

import pytest

from agentdeck.core import events as e
from agentdeck.core.events import EntryKind, FailureClass, Recorded, Verdict
from agentdeck.core.ids import AgentName, EntryId, GateName, ProcessIdentity, RunId, TaskId
from agentdeck.core.plan import Defaults, Gate, GateWhen, Land, Plan, Task
from agentdeck.plans.forecast.chance import Chance
from agentdeck.plans.forecast.durations import APPROVE_S, LAND_S, PREPARE_S, Durations
from agentdeck.plans.forecast.history import History, Sample, measured

A, B = TaskId("A"), TaskId("B")
CLAUDE, SCRIPTED = AgentName("claude"), AgentName("scripted")
PROCESS = ProcessIdentity(1, 1, "boot")


def plan_of(*tasks: Task, **more: object) -> Plan:
    return Plan(name="p", tasks=tasks, **more)  # type: ignore[arg-type]


def sample(ratio: float, *, kind: str | None = None, proven: bool = True) -> Sample:
    return Sample(CLAUDE, kind, None, 100.0, 100.0 * ratio, proven)


def drawn_work(durations: Durations, task: TaskId = A, draws: int = 4000) -> list[float]:
    chance = Chance(7)
    return [durations.drawn(chance)[task].tries[-1].work_s for _ in range(draws)]


def test_the_same_seed_gives_the_same_numbers() -> None:
    """A forecast can be told again; the first numbers of SplitMix64 with seed 0 are fixed."""
    assert [Chance(0).uniform() for _ in range(2)] == [Chance(0).uniform()] * 2
    first = Chance(0)
    # 0xE220A8397B1DCDAF and 0x6E789E6AA1B965F4 are the published first outputs for seed 0.
    assert first.uniform() == (0xE220A8397B1DCDAF >> 11) / 2**53
    assert first.uniform() == (0x6E789E6AA1B965F4 >> 11) / 2**53


def test_draws_follow_their_distributions() -> None:
    chance = Chance(1)
    normal = [chance.normal() for _ in range(20_000)]
    assert abs(mean(normal)) < 0.03
    assert abs(stdev(normal) - 1) < 0.03
    triangular = [chance.triangular(0.6, 1.0, 2.0) for _ in range(20_000)]
    assert min(triangular) >= 0.6
    assert max(triangular) <= 2.0
    assert mean(triangular) == pytest.approx((0.6 + 1 + 2) / 3, abs=0.01)
    assert median([chance.lognormal(5.0, 0.5) for _ in range(20_000)]) == pytest.approx(5, abs=0.1)
    assert chance.lognormal(5.0, 0.0) == 5.0
    assert chance.triangular(3.0, 3.0, 3.0) == 3.0


def test_without_history_an_estimate_has_three_points() -> None:
    """Between 0.6 and 2 times the estimate, late more often than early."""
    work = drawn_work(Durations(plan_of(Task(A, estimate_s=1000.0))))
    assert min(work) >= 600
    assert max(work) <= 2000
    assert mean(work) == pytest.approx(1200, rel=0.02)


def test_a_task_without_an_estimate_is_less_certain() -> None:
    known = drawn_work(Durations(plan_of(Task(A, estimate_s=900.0))))
    unknown = drawn_work(Durations(plan_of(Task(A))))  # 15 minutes is the built-in estimate
    assert stdev(unknown) > 1.5 * stdev(known)


def test_the_scripted_agent_takes_its_time_exactly() -> None:
    """Also when others were measured to be slow."""
    plan = plan_of(Task(A, agent=SCRIPTED, estimate_s=50.0))
    for history in (None, History((sample(3.0),) * 50)):
        times = Durations(plan, history).drawn(Chance(3))[A]
        assert [one.work_s for one in times.tries] == [50.0]


def test_a_scripted_agent_has_a_start_and_an_end() -> None:
    """What it took beyond its estimates is added, and never taken away."""
    task = Task(A, agent=SCRIPTED, estimate_s=50.0)
    for beyond, expected in ((0.2, 50.2), (-0.2, 50.0)):
        seen = Sample(SCRIPTED, None, None, 10.0, 10.0 + beyond, True)
        times = Durations(plan_of(task), History((seen,) * 3)).drawn(Chance(3))[A]
        assert times.tries[0].work_s == pytest.approx(expected)


def test_many_measurements_outweigh_the_estimate() -> None:
    """Agents that take twice as long as estimated will do so again."""
    history = History(tuple(sample(2.0 * math.exp(0.1 * (n % 3 - 1))) for n in range(60)))
    durations = Durations(plan_of(Task(A, estimate_s=1000.0)), history)
    assert durations.measured(A)
    assert median(drawn_work(durations)) == pytest.approx(2000, rel=0.05)


def test_a_small_group_is_drawn_towards_the_wider_one() -> None:
    """One test that took four times as long does not make all tests four times as long."""
    many = tuple(sample(1.0, kind="code") for _ in range(40))
    history = History((*many, sample(4.0, kind="test")))
    plan = plan_of(Task(A, estimate_s=100.0, kind="code"), Task(B, estimate_s=100.0, kind="test"))
    likely = Durations(plan, history).likely()
    assert likely[A].tries[0].work_s == pytest.approx(100, rel=0.06)
    assert 105 < likely[B].tries[0].work_s < 160


def test_attempts_fail_as_often_as_they_did() -> None:
    """The share is drawn towards one in ten; the last try that is allowed succeeds."""
    failing = History(tuple(sample(1.0, proven=False) for _ in range(90)))
    plan = plan_of(Task(A, estimate_s=100.0), defaults=Defaults(retries=2, backoff_s=5.0))
    tries = Durations(plan, failing).drawn(Chance(5))[A].tries
    assert [one.wait_s for one in tries] == [5.0, 10.0, 0.0]
    counts = [len(Durations(plan).drawn(Chance(seed))[A].tries) for seed in range(2000)]
    assert sum(count > 1 for count in counts) / 2000 == pytest.approx(0.1, abs=0.03)


def test_gates_approvals_and_people_take_their_time() -> None:
    plan = plan_of(
        Task(A, estimate_s=10.0),
        Task(B, estimate_s=10.0, human=True),
        land=Land.APPROVE,
        gates=(
            Gate(GateName("unit"), ("make",), (GateWhen.TASK, GateWhen.MERGE)),
            Gate(GateName("said"), check="only words", when=(GateWhen.TASK,)),
        ),
    )
    likely = Durations(plan).likely()
    assert likely[A].tries[0].check_s == 60
    assert likely[A].merge_s == LAND_S + 60
    assert likely[A].approve_s == APPROVE_S
    assert likely[A].prepare_s == PREPARE_S
    assert (likely[B].tries[0].check_s, likely[B].approve_s) == (0, 0)
    seen = History(gate_s={GateName("unit"): (2.0, 4.0, 9.0)}, approve_s=(30.0,), land_s=(1.0,))
    likely = Durations(plan, seen).likely()
    assert (likely[A].tries[0].check_s, likely[A].merge_s, likely[A].approve_s) == (4, 5, 30)


def recorded(*events: tuple[float, e.AnyEvent]) -> list[Recorded]:
    return [Recorded(seq, at, event) for seq, (at, event) in enumerate(events, 1)]


def test_a_journal_teaches_what_was_measured() -> None:
    """Start, work without frozen time, gates, the yes, the landing without its gates."""
    plan = plan_of(Task(A, estimate_s=60.0, kind="code"), Task(B, estimate_s=60.0))
    run = e.RunStarted(RunId("r"), plan, "/r", "main", "c", "t", "deck/p")
    gate = e.GateFinished(
        GateName("unit"), GateWhen.MERGE, "t2", "c2", 1, Verdict.PASSED, 0, 7.0, "log"
    )
    history = measured(
        recorded(
            (0, run),
            (1, e.AttemptClaimed(A, 1, CLAUDE)),
            (3, e.AttemptLaunched(A, 1, PROCESS, PROCESS)),
            (10, e.AttemptProgressed(A, 1, 5, tokens_in=10, tokens_out=2, usd=0.5)),
            (20, e.AttemptFrozen(A, 1, 1)),
            (50, e.AttemptThawed(A, 1)),
            (93, e.AttemptExited(A, 1, 0, True)),
            (94, e.TaskProposed(A, 1, "h")),
            (124, e.TaskApproved(A, 1, "me")),
            (130, e.EntryQueued(EntryId("A"), EntryKind.TASK, "h", A, 1)),
            (131, e.EntryBuilt(EntryId("A"), "c2", "t2", "c")),
            (138, gate),
            (140, e.EntryLanded(EntryId("A"), "c2", "t2", A)),
            (141, e.AttemptClaimed(B, 1, CLAUDE)),
            (142, e.AttemptLaunched(B, 1, PROCESS, PROCESS)),
            (150, e.AttemptExited(B, 1, 1, False, FailureClass.STOPPED)),
        )
    )
    assert history.samples == (Sample(CLAUDE, "code", None, 60.0, 60.0, True, 12, 0.5),)
    assert history.prepare_s == (2.0, 1.0)
    assert history.approve_s == (30.0,)
    assert history.land_s == (3.0,)
    assert history.gate_s == {GateName("unit"): (7.0,)}
    assert len(history.joined(history).samples) == 2
