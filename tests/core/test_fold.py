"""Replaying gives the live state; what cannot follow is refused and changes nothing."""

from __future__ import annotations

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, Verdict
from agentdeck.core.fold import fold
from agentdeck.core.ids import EntryId, GateName, PhaseId, TaskId
from agentdeck.core.plan import Land, Phase, QueueRules
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import BuildEntry, LandEntry, RunGate
from agentdeck.testing.builders import (
    Run,
    gate,
    gate_finished,
    identity,
    plan,
    reached,
    run_until,
    started,
    task,
)

A = TaskId("A")


def refused(run: Run, event: AnyEvent) -> str:
    """The event must be refused and change nothing. Returns the reason."""
    before = msgspec.json.encode(run.state)
    with pytest.raises(StaleEvent) as caught:
        run.append(event)
    assert msgspec.json.encode(run.state) == before
    return str(caught.value)


def test_replaying_the_journal_gives_the_live_state() -> None:
    run = run_until(started(plan("A", "B<A")), lambda run: run.state.outcome is not None)
    assert fold(run.history) == run.state
    assert fold(run.history[:7]) != run.state


def test_an_exit_of_an_older_attempt_is_refused() -> None:
    """A late exit report cannot fail the retry that replaced it."""
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 1))
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 2)
    run_until(run, reached("A", TaskState.WORKING))
    assert "attempt 2" in refused(run, e.AttemptExited(A, 1, 1))
    assert run.task_state("A") is TaskState.WORKING


def test_events_told_twice_are_refused() -> None:
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    refused(run, e.AttemptLaunched(A, 1, identity(7), identity(8)))
    run_until(run, reached("A", TaskState.CHECKING))
    refused(run, e.AttemptExited(A, 1, 0))
    run.append(e.AttemptCollected(A, 1, "head", "tree", 1))
    refused(run, e.AttemptCollected(A, 1, "other", "tree", 1))


def test_a_red_gate_told_twice_counts_once() -> None:
    """With one retry a doubled report would blame the work for a single red run."""
    run = started(plan("A", gates=(gate("unit", retries=1),)))
    run_until(run, lambda run: bool(run.of_kind(RunGate)))
    step = run.of_kind(RunGate)[0]
    assert isinstance(step, RunGate)
    red = gate_finished(step, Verdict.FAILED)
    run.append(red)
    refused(run, red)
    assert len(run.state.gate_runs(GateName("unit"), step.tree)) == 1


def test_an_event_of_an_unknown_task_or_entry_is_refused() -> None:
    run = started(plan("A"))
    refused(run, e.TaskHeld(TaskId("Z"), "you"))
    refused(run, e.EntryBuilt(EntryId("Z"), "c", "t", run.state.tip))


def test_a_build_on_an_older_tip_is_refused() -> None:
    run = run_until(started(plan("A")), lambda run: bool(run.of_kind(BuildEntry)))
    assert "target is at" in refused(run, e.EntryBuilt(EntryId("A"), "c", "t", "older"))


def test_a_landing_cannot_lose_its_build() -> None:
    """A report told twice while the ref moves must not take away what is landing."""
    run = run_until(started(plan("A")), lambda run: bool(run.of_kind(LandEntry)))
    refused(run, e.EntryConflicted(EntryId("A"), run.state.tip, ("a.py",)))
    refused(run, e.EntryLanded(EntryId("A"), "another commit", "t", A))


def test_a_landing_that_was_not_intended_is_refused() -> None:
    run = run_until(started(plan("A")), lambda run: bool(run.of_kind(BuildEntry)))
    refused(run, e.EntryLanded(EntryId("A"), "c", "t", A))
    refused(run, e.LandingLost(EntryId("A"), "x", "t"))


def test_trouble_told_after_the_task_has_failed_is_refused() -> None:
    """Else a failed task would say that it is tried again."""
    run = run_until(started(plan("A")), reached("A", TaskState.PREPARING))
    run.append(e.TaskFailed(A, 1, e.FailureClass.SETUP, "no disk"))
    refused(run, e.StepFailed("prepare:A:1", A, "no disk", run.clock.now + 60))
    assert run.explain("A") == "A needs you (r retry, s skip): no disk"


def test_trouble_is_forgotten_when_the_task_fails() -> None:
    run = run_until(started(plan("A")), reached("A", TaskState.PREPARING))
    run.append(e.StepFailed("prepare:A:1", A, "no disk", run.clock.now + 60))
    assert "tried again in 60 s" in run.explain("A")
    run.append(e.TaskFailed(A, 1, e.FailureClass.SETUP, "no disk"))
    assert run.state.troubles == {}


def test_a_question_said_before_a_freeze_does_not_thaw_the_agent() -> None:
    """The task stays paused while its processes are stopped, and asks once they go on."""
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    run.append(e.AttemptFrozen(A, 1, 1), e.AttemptAsked(A, 1, "q", "which?"))
    assert run.task_state("A") is TaskState.PAUSED
    run.append(e.AttemptThawed(A, 1))
    assert run.task_state("A") is TaskState.ASKING


def test_a_run_starts_once() -> None:
    run = started(plan("A"))
    first = run.history[0].event
    assert "already" in refused(run, first)
    with pytest.raises(StaleEvent):
        Run(plan("A")).append(first)
    assert fold([]) == RunState()


def test_a_task_becomes_ready_when_the_last_of_its_needs_has_landed() -> None:
    run = started(plan("A", "B", "C<A,B", queue=QueueRules(batch=1)))
    run_until(run, reached("A", TaskState.LANDED))
    assert run.task_state("C") is TaskState.PENDING
    run_until(run, reached("B", TaskState.LANDED))
    assert run.task_state("C") is TaskState.READY


def test_a_sync_phase_holds_the_next_phase_back_until_it_closes() -> None:
    phases = (Phase(PhaseId("p"), sync=True), Phase(PhaseId("q")))
    run = started(plan(task("A", phase=PhaseId("p")), task("B", phase=PhaseId("q")), phases=phases))
    assert run.task_state("B") is TaskState.PENDING
    run_until(run, reached("A", TaskState.LANDED))
    run.append(e.PhaseClosed(PhaseId("p")))
    assert run.task_state("B") is TaskState.READY


def test_unskipping_opens_the_phase_again() -> None:
    phases = (Phase(PhaseId("p"), sync=True), Phase(PhaseId("q")))
    of = plan(task("A", phase=PhaseId("p")), task("B<A", phase=PhaseId("q")), phases=phases)
    run = Run(of).command(c.Pause()).command(c.Skip(A)).settle()
    assert run.task_state("B") is TaskState.READY
    run.command(c.Unskip(A)).settle()
    assert run.state.closed_phases == set()
    assert run.task_state("B") is TaskState.PENDING


def test_a_late_word_of_a_promotion_does_not_turn_it_back() -> None:
    """The base would seem to be where it was before, and the last landing never be promoted."""
    run = run_until(started(plan("A", "B<A")), reached("A", TaskState.LANDED))
    run.command(c.Promote())
    early = e.Promoted(run.state.tip, "update-ref")
    run_until(run, reached("B", TaskState.LANDED))
    assert "target is at" in refused(run, early)
    run.append(e.Promoted(run.state.tip, "update-ref"))
    for late in (early, e.PromoteWaiting("local changes"), e.BaseDiverged("abc")):
        assert "no promotion is wanted" in refused(run, late)


def test_work_sent_back_goes_on_where_it_was_even_after_an_earlier_conflict() -> None:
    """The conflict was of the attempt before; its repair goes on where the work is, and so on."""
    run = run_until(started(plan("A", land=Land.REVIEW)), reached("A", TaskState.REVIEWING))
    run.command(c.Approve(A))
    run_until(run, lambda run: bool(run.of_kind(BuildEntry)))
    run.append(e.EntryConflicted(EntryId("A"), run.state.tip, ("a.py",)))
    run_until(run, reached("A", TaskState.REVIEWING))
    assert not run.state.tasks[A].attempts[-1].fresh
    run.command(c.Retry(A, feedback="rename it")).settle()
    assert not run.state.tasks[A].attempts[-1].fresh


def test_a_retry_after_damage_to_the_repository_starts_afresh() -> None:
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 0))
    run.append(e.TaskFailed(A, 1, e.FailureClass.GIT, "a rebase is half done"))
    run.command(c.Retry(A)).settle()
    assert run.state.tasks[A].attempts[-1].fresh


def test_a_landing_that_was_found_is_a_landing() -> None:
    """A journal that lost its end learns from the target what is in; told twice it is refused."""
    run = run_until(started(plan("A", "B<A")), reached("A", TaskState.WORKING))
    found = e.LandingFound("c1", "c1-tree", A, 1)
    run.append(found)
    assert run.task_state("A") is TaskState.LANDED
    assert (run.state.tip, run.state.landings[-1].task) == ("c1", A)
    assert "known already" in refused(run, found)
    assert "in already" in refused(run, e.LandingFound("c2", "c2-tree", A, 1))
    run.append(e.LandingFound("c3", "c3-tree", A, undone=True))
    assert run.task_state("A") is not TaskState.LANDED
    assert run.state.landings[-1].reverts == A
    assert "not in already" in refused(run, e.LandingFound("c4", "c4-tree", A, undone=True))
    run.append(e.LandingFound("c5", "c5-tree"))
    assert (run.state.tip, run.state.landings[-1].task) == ("c5", None)


def test_a_landing_that_was_found_leaves_nothing_of_its_task_in_the_queue() -> None:
    run = run_until(started(plan("A", land=Land.AUTO)), reached("A", TaskState.QUEUED))
    run.append(e.LandingFound("c1", "c1-tree", A, 1))
    assert run.state.queue == {}
    assert fold(run.history) == run.state


def test_time_in_which_the_engine_slept_is_not_held_against_an_agent() -> None:
    """And no more of it than the agent was there for."""
    run = run_until(started(plan("A")), reached("A", TaskState.WORKING))
    run.clock.advance(100)
    run.append(e.EngineSlept(60.0))
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    assert attempt.worked_s(run.clock.now) == pytest.approx(40.0)
    run.append(e.EngineSlept(10_000.0))
    assert attempt.worked_s(run.clock.now) == pytest.approx(0.0)


def test_an_entry_is_not_moved_beside_itself_or_beside_nobody() -> None:
    run = run_until(started(plan("A", land=Land.AUTO)), reached("A", TaskState.QUEUED))
    entry = next(iter(run.state.queue))
    assert "beside itself" in refused(run, e.EntryMoved(entry, entry, True, "Ann"))
    assert "not in the queue" in refused(run, e.EntryMoved(entry, EntryId("no"), True, "Ann"))
