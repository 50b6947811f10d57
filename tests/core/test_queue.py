"""The sentences of `core.queue`, one test each, and what happens after them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, EntryKind, FailureClass, Verdict
from agentdeck.core.ids import EntryId, GateName, TaskId
from agentdeck.core.plan import Defaults, GateWhen, Land, QueueRules
from agentdeck.core.queue import frozen_gate, head, in_order
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import AnyStep, BuildEntry, IOStep, LandEntry, RunGate
from agentdeck.testing.builders import (
    Answer,
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

A, B = TaskId("A"), TaskId("B")
UNIT = GateName("unit")


def all_queued(run: Run) -> bool:
    return all(each.state is TaskState.QUEUED for each in run.state.tasks.values())


def without_queue(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
    return () if isinstance(step, BuildEntry) else None


def filled(*tasks: object, **fields: object) -> Run:
    """A run in which every task is in the queue and none was built."""
    return run_until(started(plan(*tasks, **fields)), all_queued, without_queue)  # type: ignore[arg-type]


def names(run: Run) -> list[str]:
    return [entry.id for entry in in_order(run.state)]


def red_on(*trees: str) -> Answer:
    """Gates are red on trees that contain one of these texts, and green on the others."""

    def answer(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if not isinstance(step, RunGate):
            return None
        red = any(part in step.tree for part in trees)
        return [gate_finished(step, Verdict.FAILED if red else Verdict.PASSED)]

    return answer


def queue_steps(run: Run) -> list[AnyStep]:
    kinds = (BuildEntry, LandEntry, RunGate)
    return [step for step in run.steps().steps if isinstance(step, kinds)]


def test_sentence_1_order_is_first_by_a_person_then_base_then_priority_then_time() -> None:
    run = filled("A", "B", task("C", priority=2))
    assert names(run) == ["C", "A", "B"]
    run.append(e.EntryQueued(EntryId("base@abc"), EntryKind.BASE, "abc"))
    assert names(run) == ["base@abc", "C", "A", "B"]
    run.command(c.Merge(B))
    assert names(run) == ["B", "base@abc", "C", "A"]


def test_sentence_1_the_head_commit_is_pinned_when_the_entry_comes() -> None:
    run = filled("A")
    assert run.state.queue[EntryId("A")].head == "A.1"


def test_sentence_2_what_is_gated_is_what_lands() -> None:
    """The gate runs on the built commit, and that very commit is intended and landed."""
    run = filled("A", gates=(gate("unit"),))
    run_until(run, lambda run: bool(run.of_kind(RunGate)))
    step = run.of_kind(RunGate)[0]
    build = run.state.queue[EntryId("A")].build
    assert build is not None
    assert isinstance(step, RunGate)
    assert (step.commit, step.tree) == (build.commit, build.tree)
    run_until(run, lambda run: bool(run.of_kind(LandEntry)))
    assert run.of_kind(LandEntry) == [LandEntry(EntryId("A"), build.commit, "base0")]


def test_sentence_2_nothing_lands_on_a_tip_it_was_not_built_on() -> None:
    """B's green on the old tip is worth nothing once A has landed."""
    run = filled("A", "B", gates=(gate("unit"),), queue=QueueRules(batch=1))
    run_until(run, reached("A", TaskState.LANDED))
    assert queue_steps(run) == [BuildEntry(EntryId("B"), run.state.tip)]


def test_sentence_2_a_lost_landing_is_built_again_on_what_was_found() -> None:
    run = run_until(filled("A"), lambda run: bool(run.of_kind(LandEntry)))
    run.append(e.LandingLost(EntryId("A"), "foreign", "foreign-tree"))
    assert queue_steps(run) == [BuildEntry(EntryId("A"), "foreign")]


def test_a_late_report_that_an_older_landing_was_lost_does_not_take_back_a_later_one() -> None:
    """The ref may have moved by then: what landed would never be told."""
    run = run_until(filled("A"), lambda run: bool(run.of_kind(LandEntry)))
    [landing] = run.of_kind(LandEntry)
    assert isinstance(landing, LandEntry)
    lost = e.LandingLost(EntryId("A"), "foreign", "t", landing.commit)
    run.append(lost)
    run_until(run, lambda run: bool(run.of_kind(LandEntry)))
    with pytest.raises(StaleEvent, match="is not landing"):
        run.append(lost)
    [again] = run.of_kind(LandEntry)
    assert isinstance(again, LandEntry)
    assert again.expected == "foreign"


def test_sentence_3_a_red_tip_freezes_the_queue_and_blames_nobody() -> None:
    run = filled("A", gates=(gate("unit"),))
    run_until(run, lambda run: frozen_gate(run.state) == UNIT, red_on("base0"))
    assert run.steps().steps == ()
    assert run.task_state("A") is TaskState.QUEUED
    assert "gate unit is red on deck/test itself" in run.explain("A")
    run.command(c.Retry())
    run_until(run, reached("A", TaskState.LANDED))


def test_sentence_3_the_tip_is_asked_before_an_entry_is_blamed() -> None:
    run = filled("A", gates=(gate("unit"),))
    asked: list[str] = []

    def answer(state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if isinstance(step, RunGate):
            asked.append(step.tree)
        return red_on("+A")(state, step)

    run_until(run, reached("A", TaskState.RETRYING), answer)
    assert asked == ["base0+A-tree", "base0-tree"]


def test_sentence_6_a_conflict_ejects_with_the_files_and_the_rest_goes_on() -> None:
    run = filled("A", "B")
    run.append(e.EntryConflicted(EntryId("A"), run.state.tip, ("x.py", "y.py", "z.py", "w.py")))
    run.settle()
    second = run.state.tasks[A].attempts[-1]
    assert (second.number, second.fresh) == (2, False)  # it is repaired where it was made
    assert run.state.tasks[A].feedback == (
        "conflicts with what has landed in x.py, y.py, z.py and 1 more"
    )
    assert names(run) == ["B"]


def test_sentence_6_red_on_a_green_tip_ejects_with_the_log() -> None:
    of_one = QueueRules(batch=1)
    run = filled("A", "B", gates=(gate("unit"),), defaults=Defaults(retries=0), queue=of_one)
    run_until(run, reached("A", TaskState.FAILED), red_on("+A-"))
    assert run.state.tasks[A].cause is FailureClass.GATE
    assert "assert 1 == 2" in run.state.tasks[A].reason
    run_until(run, reached("B", TaskState.LANDED))


def test_sentence_7_a_landing_is_intended_before_the_ref_moves() -> None:
    run = run_until(filled("A"), lambda run: bool(run.of_kind(LandEntry)))
    intended = run.history[-1].event
    assert isinstance(intended, e.LandingIntended)
    assert intended.expected == "base0"


def test_sentence_7_an_intended_landing_is_finished_in_a_held_queue_and_an_ending_run() -> None:
    """The ref may have moved already; only the performer can tell."""
    run = run_until(filled("A"), lambda run: bool(run.of_kind(LandEntry)))
    run.command(c.Hold())
    assert run.of_kind(LandEntry)
    run.append(e.LandingBlocked(EntryId("A"), "a lock is held", run.clock.now + 30))
    assert not run.of_kind(LandEntry)
    assert run.steps().wake_at == run.clock.now + 30
    run.clock.advance(30)
    run.command(c.Release())
    assert run.of_kind(LandEntry)
    run_until(run, lambda run: run.state.outcome is not None)
    assert run.task_state("A") is TaskState.LANDED


def test_sentence_7_an_ending_run_finishes_a_landing_but_does_not_wait_for_a_blocked_one() -> None:
    """A blocked landing has not moved the ref: nothing is lost when the run ends without it."""
    run = run_until(filled("A"), lambda run: bool(run.of_kind(LandEntry)))
    run.command(c.EndRun())
    assert run.of_kind(LandEntry)
    run.append(e.LandingBlocked(EntryId("A"), "a lock is held", run.clock.now))
    run_until(run, lambda run: run.state.outcome is not None)
    assert run.task_state("A") is TaskState.QUEUED


def test_sentence_8_a_held_entry_waits_and_those_behind_it_go_past() -> None:
    run = filled("A", "B")
    run.command(c.Hold(A))
    first = head(run.state)
    assert first is not None
    assert first.id == "B"
    run_until(run, reached("B", TaskState.LANDED))
    assert run.task_state("A") is TaskState.QUEUED
    assert run.explain("A") == "A is held by you (h releases it)"


def test_sentence_8_a_held_queue_does_nothing() -> None:
    run = filled("A").command(c.Hold())
    assert queue_steps(run) == []
    run.command(c.Release())
    assert queue_steps(run) != []


def test_a_flaky_gate_runs_again_on_the_same_tree_and_lets_the_work_through() -> None:
    run = filled("A", gates=(gate("unit", retries=1),))
    verdicts = iter([Verdict.FAILED, Verdict.PASSED])
    trees: list[str] = []

    def answer(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if not isinstance(step, RunGate):
            return None
        trees.append(step.tree)
        return [gate_finished(step, next(verdicts))]

    run_until(run, reached("A", TaskState.LANDED), answer)
    assert trees == ["base0+A-tree"] * 2


def test_work_that_needs_an_approval_is_not_queued_without_it() -> None:
    run = run_until(started(plan("A", land=Land.APPROVE)), reached("A", TaskState.PROPOSED))
    assert run.steps().steps == ()
    run.command(c.Approve(A))
    run_until(run, reached("A", TaskState.LANDED))


def test_a_gate_goes_on_when_what_is_built_anew_has_its_tree() -> None:
    """The engine compares steps: another commit of the same tree is the same gate."""
    name = GateName("unit")
    step = RunGate(name, GateWhen.MERGE, "tree", "one", 1)
    assert {step, RunGate(name, GateWhen.MERGE, "tree", "two", 1)} == {step}
    assert step != RunGate(name, GateWhen.MERGE, "other", "one", 1)
    assert step != RunGate(name, GateWhen.MERGE, "tree", "one", 2)


def test_sentence_5_what_was_green_in_another_environment_is_gated_again() -> None:
    """The engine starts again with another compiler: an old verdict is none, for good or bad."""
    run = filled("A", gates=(gate("unit", retries=0),))
    run_until(run, lambda run: bool(run.of_kind(RunGate)), lambda _, step: ungated(step))
    (first,) = run.of_kind(RunGate)
    assert isinstance(first, RunGate)
    run.append(e.EngineStarted(identity(7), "1", "newer"), gate_finished(first))
    (again,) = run.of_kind(RunGate)
    assert isinstance(again, RunGate)
    assert (again.tree, again.run) == (first.tree, 2)
    run.append(msgspec.structs.replace(gate_finished(again), environment="newer"))
    run.settle()
    [landing] = run.of_kind(LandEntry)
    assert isinstance(landing, LandEntry)
    assert landing.commit == again.commit


def ungated(step: IOStep) -> Iterable[AnyEvent] | None:
    """Everything but gates goes well."""
    return () if isinstance(step, RunGate) else None


@pytest.mark.parametrize(
    ("flaky", "outcome"), [(True, TaskState.LANDED), (False, TaskState.FAILED)]
)
def test_sentence_5_who_is_left_of_a_red_batch_has_a_run_of_its_own_of_a_flaky_gate(
    flaky: bool, outcome: TaskState
) -> None:
    """A and B are red together by chance. A lands, and what is B alone has the tree of the batch.

    If the gate was green after red before (on A), B is not blamed for what it said of the batch.
    """
    run = filled("A", "B", gates=(gate("unit", retries=1),), defaults=Defaults(retries=0))
    both, a_alone = "base0+A+B-tree", "base0+A-tree"
    reds = {both: 2, a_alone: 1 if flaky else 0}
    runs: list[str] = []

    def answer(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if not isinstance(step, RunGate):
            return None
        runs.append(step.tree)
        red = runs.count(step.tree) <= reds.get(step.tree, 0)
        return [gate_finished(step, Verdict.FAILED if red else Verdict.PASSED)]

    run_until(run, lambda run: run.task_state("B") in (TaskState.LANDED, TaskState.FAILED), answer)
    assert run.task_state("A") is TaskState.LANDED
    assert run.task_state("B") is outcome
    assert runs.count(both) == (3 if flaky else 2)
