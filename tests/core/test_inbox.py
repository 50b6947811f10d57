"""What waits for a person: which things, in which order, and what waits for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, AskKind, FailureClass, Outcome, Verdict
from agentdeck.core.explain import needs_person, standstill
from agentdeck.core.fold import apply
from agentdeck.core.ids import AgentName, PhaseId, TaskId
from agentdeck.core.inbox import Group, Item, Kind, held_up, in_order, waiting
from agentdeck.core.next_steps import next_steps
from agentdeck.core.next_try import next_try
from agentdeck.core.plan import Budget, GateWhen, Land, Phase
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import IOStep, Record, RunGate, Watch
from agentdeck.testing.builders import (
    Run,
    gate,
    gate_finished,
    plan,
    reached,
    run_until,
    started,
    task,
)
from agentdeck.testing.generated_plans import TALKER
from agentdeck.testing.simulation import seeded

A, B = TaskId("A"), TaskId("B")


def stays_at_work(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
    return () if isinstance(step, Watch) else None


def working(*tasks: str, also: tuple[str, ...] = (), **fields: object) -> Run:
    """A works, and so do the others that are named."""
    run = started(plan(*tasks, **fields))
    for name in ("A", *also):
        run = run_until(run, reached(name, TaskState.WORKING), stays_at_work)
    return run


def kinds(run: Run) -> list[tuple[Kind, str]]:
    return [(item.kind, item.name) for item in in_order(run.state, waiting(run.state))]


def shows(kind: Kind) -> Callable[[Run], bool]:
    return lambda run: kind in {item.kind for item in waiting(run.state)}


def only(run: Run) -> Item:
    (item,) = waiting(run.state)
    return item


def red(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
    """Every gate is red, wherever it runs."""
    return [gate_finished(step, Verdict.FAILED)] if isinstance(step, RunGate) else None


def fails(run: Run, name: str, cause: FailureClass = FailureClass.SETUP) -> Run:
    number = len(run.state.tasks[TaskId(name)].attempts)
    run.append(e.AttemptExited(TaskId(name), number, 1, ok=False))
    return run.append(e.TaskFailed(TaskId(name), number, cause, "no compiler\nlast line"))


# --- which things --------------------------------------------------------------------------------


def test_a_run_that_goes_well_waits_for_nobody() -> None:
    assert waiting(working("A", "B<A").state) == []
    assert waiting(RunState()) == []


def test_a_question_waits_since_it_was_asked() -> None:
    run = working("A", "B<A")
    run.clock.advance(40)
    run.append(e.AttemptAsked(A, 1, "q1", "Tabs?"))
    item = only(run)
    assert (item.kind, item.task, item.since) == (Kind.QUESTION, A, run.clock.now)
    run.append(e.AskWithdrawn(A, 1, "q1"))
    assert waiting(run.state) == []


def test_a_permission_is_told_from_a_question() -> None:
    run = working("A")
    run.append(e.AttemptAsked(A, 1, "p1", "May it?", AskKind.PERMISSION, "Bash", "ls"))
    assert only(run).kind is Kind.PERMISSION


def test_a_task_of_a_person_is_theirs_to_do() -> None:
    run = run_until(started(plan(task("A", human=True))), reached("A", TaskState.ASKING))
    assert only(run).kind is Kind.BY_HAND
    assert waiting(run.command(c.Approve(A)).settle().state) == []


def test_failed_and_cancelled_tasks_wait() -> None:
    run = fails(working("A", "B", also=("B",)), "A").command(c.Stop(B))
    run.append(e.AttemptExited(B, 1, -15)).settle()
    run = run_until(run, reached("B", TaskState.CANCELLED))
    assert set(kinds(run)) == {(Kind.FAILED, "A"), (Kind.CANCELLED, "B")}


@pytest.mark.parametrize(
    ("land", "state", "kind"),
    [
        (Land.APPROVE, TaskState.PROPOSED, Kind.APPROVAL),
        (Land.REVIEW, TaskState.REVIEWING, Kind.REVIEW),
    ],
)
def test_proven_work_waits_for_a_yes(land: Land, state: TaskState, kind: Kind) -> None:
    run = run_until(started(plan(task("A", land=land))), reached("A", state))
    assert kinds(run) == [(kind, "A")]


def test_what_lands_together_with_work_that_waits_for_a_yes_waits_too() -> None:
    """And so does what is behind it."""
    of = plan(task("A", land=Land.APPROVE, land_with=("B",)), "B", "C<B", "D")
    run = run_until(started(of), reached("A", TaskState.PROPOSED))
    assert held_up(run.state, only(run)) == ["B", "C"]


def test_a_budget_that_asks_is_one_item_for_all_who_stand_still() -> None:
    run = working("A", "B", "C<B", also=("B",), budget=Budget(usd=1.0))
    run.append(e.AttemptProgressed(A, 1, 100, usd=1.5))
    item = only(run)
    assert (item.kind, item.name, item.needs_you) == (Kind.BUDGET, "run", True)
    assert held_up(run.state, item) == ["A", "B", "C"]


def test_a_red_preflight_gate_is_said_once_for_all_tasks() -> None:
    of = plan("A", "B", gates=(gate("lint", GateWhen.PREFLIGHT),))
    run = started(of)
    (step,) = (s for s in run.steps().steps if isinstance(s, RunGate))
    run.append(gate_finished(step, Verdict.FAILED)).settle()
    item = only(run)
    assert (item.kind, item.said) == (Kind.GATE, "lint is red on main: nothing starts")
    assert held_up(run.state, item) == ["A", "B"]
    assert waiting(run.command(c.Retry()).settle().state) == []


def test_a_frozen_queue_names_its_gate_and_blames_nobody() -> None:
    run = started(plan("A", "B<A", gates=(gate("unit"),)))
    item = only(run_until(run, shows(Kind.GATE), red))
    assert item.said == "unit is red on deck/test itself: nothing lands"
    assert held_up(run.state, item) == ["A", "B"]


def test_a_phase_whose_gate_is_red_keeps_those_behind_it() -> None:
    first, last = PhaseId("p"), PhaseId("q")
    of = plan(
        task("A", phase=first),
        task("B", phase=last),
        phases=(Phase(first, "First", sync=True), Phase(last, "Last")),
        gates=(gate("whole", GateWhen.PHASE),),
    )
    run = run_until(started(of), shows(Kind.GATE), red)
    item = only(run)
    assert item.said == "whole is red: phase First cannot end"
    assert held_up(run.state, item) == ["B"]


def test_a_red_gate_of_the_end_keeps_nobody_but_the_run() -> None:
    run = started(plan("A", land=Land.AUTO, gates=(gate("whole", GateWhen.FINAL),)))
    item = only(run_until(run, shows(Kind.GATE), red))
    assert item.said == "whole is red on deck/test: the run cannot end"
    assert held_up(run.state, item) == []


def test_a_closed_account_names_who_would_start_on_it() -> None:
    """Only a person can open it; others of the plan go on."""
    talker = AgentName("talker")
    other = task("C", agent=AgentName("scripted"))
    run = started(plan("A", "B", other, agent=talker, agents=(TALKER,), agents_limit=1))
    run_until(run, reached("A", TaskState.WORKING))
    run.append(e.AccountLimited("acme", A, 1, FailureClass.AUTH, "who are you?", None))
    item = next(one for one in waiting(run.state) if one.kind is Kind.ACCOUNT)
    assert item.name == "acme"
    assert item.said.endswith(": who are you?")
    assert item.direct == (B,)
    run.command(c.ReopenAccount("acme"))
    assert not [one for one in waiting(run.state) if one.kind is Kind.ACCOUNT]


def test_a_promotion_that_waits_is_there_before_and_after_the_end() -> None:
    run = run_until(started(plan("A")), lambda r: r.state.outcome is not None)
    assert kinds(run) == [(Kind.UNPROMOTED, "main")]
    assert not only(run).needs_you
    run.command(c.Promote()).append(e.PromoteWaiting("a.py has local changes"))
    item = only(run)
    assert (item.kind, item.said, item.needs_you) == (
        Kind.PROMOTION, "a.py has local changes", True,
    )  # fmt: skip
    run.append(e.Promoted(run.state.tip, "fast-forward"))
    assert waiting(run.state) == []


def test_the_end_of_a_run_takes_everything_else_away() -> None:
    run = fails(working("A", "B<A"), "A")
    run.command(c.EndRun()).append(e.RunFinished(Outcome.STOPPED))
    assert waiting(run.state) == []


# --- what a person has put aside -----------------------------------------------------------------


def test_what_a_person_put_aside_is_listed_and_is_no_alarm() -> None:
    run = working("A", "B<A", "C")
    run.command(c.Pause(A)).command(c.Pause()).command(c.Hold()).command(c.Hold(TaskId("C")))
    items = waiting(run.state)
    assert {item.kind for item in items} == {
        Kind.PAUSED, Kind.RUN_PAUSED, Kind.QUEUE_HELD, Kind.HELD,
    }  # fmt: skip
    assert not any(item.needs_you for item in items)


def test_a_task_in_somebodys_hands_is_there_also_while_it_asks_nobody() -> None:
    run = working("A", "B<A").append(e.AttemptProgressed(A, 1, 100, session="s1"))
    run.command(c.TakeOver(A, by="kim"))
    run.append(e.AttemptExited(A, 1, 1, ok=False, cause=FailureClass.AGENT)).settle()
    item = only(run)
    assert (item.kind, held_up(run.state, item)) == (Kind.HANDS, ["B"])


def test_a_task_stands_there_once() -> None:
    """What it asks matters more than that it is paused or held as well."""
    run = working("A")
    run.append(e.AttemptAsked(A, 1, "q1", "Tabs?"))
    run.command(c.Hold(A)).command(c.Pause(A))
    assert only(run).kind is Kind.QUESTION


# --- the order -----------------------------------------------------------------------------------


def test_what_keeps_most_waiting_comes_first_then_the_oldest() -> None:
    run = working("A", "B", "C", "D<C", "E<D", also=("B", "C"), agents_limit=3)
    for name in ("B", "A", "C"):
        run.clock.advance(10)
        run.append(e.AttemptAsked(TaskId(name), 1, "q", "?"))
    assert [name for _, name in kinds(run)] == ["C", "B", "A"]


def test_groups_stay_together_and_come_in_the_order_of_their_first() -> None:
    run = working("A", "B", "C", "D<C", also=("B", "C"), agents_limit=3)
    run.append(e.AttemptAsked(B, 1, "q", "?"))
    run = fails(fails(run, "A"), "C").command(c.Hold())
    found = in_order(run.state, waiting(run.state))
    assert [(item.kind.group, item.name) for item in found] == [
        (Group.FAILED, "C"),
        (Group.FAILED, "A"),
        (Group.ASKS, "B"),
        (Group.ASIDE, "queue"),
    ]


def test_what_has_landed_or_was_skipped_waits_for_nothing() -> None:
    run = fails(working("A", "B<A", "C<B"), "A")
    assert held_up(run.state, only(run)) == ["B", "C"]
    run.command(c.Skip(TaskId("C")))
    assert held_up(run.state, only(run)) == ["B"]


# --- always --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_stands_still_is_never_an_empty_list(seed: int) -> None:
    """At each event of a run with faults and a person who presses keys: nobody who waits is left
    out, every item has a key of its own, and a standstill has an item.
    """
    simulation = seeded(seed)
    simulation.run()
    state = RunState()
    for recorded in simulation.history:
        apply(state, recorded)
        if recorded.seq % 5:
            continue
        items = waiting(state)
        assert len({item.key for item in items}) == len(items)
        assert sorted(map(str, in_order(state, items))) == sorted(map(str, items))
        if state.outcome is None:
            assert {task.id for task in needs_person(state)} <= {item.task for item in items}
            assert items or standstill(state) is None


# --- what a retry would be -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "cause", [FailureClass.GATE, FailureClass.IDLE, FailureClass.GIT, FailureClass.CONFLICT]
)
def test_what_is_foretold_of_a_retry_is_what_is_claimed(cause: FailureClass) -> None:
    """The same agent, model, conversation and worktree as in the attempt that follows."""
    run = working("A").append(e.AttemptProgressed(A, 1, 100, session="s1"))
    run = fails(run, "A", cause)
    foretold = next_try(run.state, run.state.tasks[A], run.clock.now)
    run.command(c.Retry(A))
    claims = [
        event
        for _ in range(5)
        for step in next_steps(run.state, run.clock.now).steps
        if isinstance(step, Record)
        for event in step.events
        if isinstance(event, e.AttemptClaimed)
    ]
    claim = claims[0]
    assert (claim.agent, claim.model, claim.fresh, claim.session) == (
        foretold.agent, foretold.model, foretold.fresh, foretold.session,
    )  # fmt: skip
