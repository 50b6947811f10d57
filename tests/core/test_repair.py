"""Work that the merge queue sends back: who repairs it, how often, and what a repair may not do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter
from agentdeck.core.events import AnyEvent, FailureClass, Hunks, Loss, Verdict
from agentdeck.core.explain import needs_person
from agentdeck.core.ids import AgentName, EntryId, TaskId
from agentdeck.core.plan import Agent, Defaults, QueueRules, Repair
from agentdeck.core.refused import Refused
from agentdeck.core.state import RunState, TaskRun, TaskState
from agentdeck.core.steps import BuildEntry, Collect, IOStep, Release, RunGate, Watch
from agentdeck.testing.builders import Run, gate, gate_finished, plan, reached, run_until, started

A, B = TaskId("A"), TaskId("B")
LOSS = Loss("shared.py", ("x = 2",), 1)
CONFLICT = Hunks("shared.py", "<<<<<<< a\nx = 2\n=======\nx = 3\n>>>>>>> b")


def resuming(name: str) -> Agent:
    adapter = Adapter(
        name, output="scripted", start=(name,), resume=(name, "--resume", "{session}")
    )
    return Agent(AgentName(name), use=name, adapter=adapter)


class World:
    """B does not merge `times` times with whatever the target is at; its repairs lose `losses`."""

    def __init__(
        self, times: int = 1, *, merges: bool = True, losses: tuple[Loss, ...] = ()
    ) -> None:
        self.times, self.merges, self.losses = times, merges, losses
        self.met: set[str] = set()  # heads that were tried

    def __call__(self, state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if isinstance(step, Watch):
            named = e.AttemptProgressed(step.task, step.attempt, 1, session=f"s-{step.task}")
            return [named, e.AttemptExited(step.task, step.attempt, 0, ok=True)]
        if isinstance(step, BuildEntry) and step.entry == EntryId("B"):
            head = state.queue[EntryId("B")].head
            if head in self.met or len(self.met) < self.times:
                self.met.add(head)
                meets = e.EntryConflicted(step.entry, step.tip, ("shared.py",), hunks=(CONFLICT,))
                return [meets]
        if isinstance(step, Collect) and step.task == B and step.attempt > 1 and self.merges:
            name = f"B.{step.attempt}"
            files = (e.FileTouched("shared.py", 1, 0),)
            return [
                e.AttemptCollected(
                    B, step.attempt, name, f"{name}-tree", 1, files,
                    merged=state.tip, losses=self.losses,
                )
            ]  # fmt: skip
        return None


def of_two(world: World, done: TaskState, **rules: Any) -> Run:
    """A has landed; B, which meets it, is brought to a state."""
    name = AgentName("talker")
    of = plan(
        "A",
        "B<A",
        agents=(resuming("talker"), resuming("referee")),
        defaults=Defaults(agent=name, retries=0),
        queue=QueueRules(**rules),
    )
    return run_until(started(of), reached("B", done), world)


def losing() -> Run:
    """B was repaired, and its repair takes a line of others away."""
    world = World(losses=(LOSS,))
    run = of_two(world, TaskState.RETRYING)
    return run_until(run, reached("B", TaskState.PROPOSED), world).settle()


def b_of(run: Run) -> TaskRun:
    return run.state.tasks[B]


def sent_back(run: Run) -> list[e.RetryScheduled]:
    events = (recorded.event for recorded in run.history)
    return [event for event in events if isinstance(event, e.RetryScheduled)]


def test_a_conflict_goes_back_to_its_agent_in_its_session_and_costs_no_retry() -> None:
    """The task has no retries at all."""
    run = of_two(World(), TaskState.LANDED)
    first, second = b_of(run).attempts
    assert (second.agent, second.fresh, second.resumed) == (first.agent, False, "s-B")
    assert (b_of(run).failures, b_of(run).repairs) == (0, 1)
    assert first.outcome == "sent back: conflict"


def test_what_the_repair_has_to_know_is_kept_until_it_has_landed() -> None:
    run = of_two(World(), TaskState.RETRYING)
    ejection = b_of(run).ejection
    assert ejection is not None
    assert (ejection.tip, ejection.head, ejection.files) == (run.state.tip, "B.1", ("shared.py",))
    assert ejection.hunks == (CONFLICT,)
    run_until(run, reached("B", TaskState.LANDED), World())
    assert b_of(run).ejection is None


def test_the_worktree_waits_for_a_repair_until_the_work_has_landed() -> None:
    run = of_two(World(), TaskState.QUEUED)
    assert not run.of_kind(Release)


def test_a_resolver_makes_the_repair_in_a_session_of_its_own() -> None:
    run = of_two(World(), TaskState.LANDED, resolver=AgentName("referee"))
    second = b_of(run).attempts[1]
    assert (second.agent, second.fresh, second.resumed) == ("referee", False, None)
    assert second.why == "referee resolves conflicts"


def test_after_so_many_repairs_a_person_is_asked() -> None:
    run = of_two(World(times=9), TaskState.FAILED, repairs=2)
    assert len(sent_back(run)) == 2
    assert b_of(run).cause is FailureClass.CONFLICT
    assert run.explain("B") == (
        "B was sent back by the merge queue and needs you (R send back with words, r retry and o "
        "take over, s skip): conflicts with what has landed in shared.py; it was sent back 2 times"
    )
    run.command(c.Retry(B, feedback="keep both")).settle()
    second = b_of(run).attempts[-1]
    assert (second.fresh, second.resumed, b_of(run).repairs) == (False, "s-B", 0)


def test_who_does_not_take_the_target_in_starts_afresh_next_time() -> None:
    run = of_two(World(times=9, merges=False), TaskState.FAILED, repairs=3)
    assert [event.fresh for event in sent_back(run)] == [False, True, False]


def test_asking_sends_nothing_back_by_itself() -> None:
    run = of_two(World(times=9), TaskState.FAILED, repair=Repair.ASK)
    assert sent_back(run) == []
    assert [task.id for task in needs_person(run.state)] == [B]
    run.command(c.Retry(B)).settle()
    assert b_of(run).attempts[-1].resumed == "s-B"


def test_dropping_cancels_the_task_and_says_so_to_who_needs_it() -> None:
    of = plan("A", "B<A", "C<B", queue=QueueRules(repair=Repair.DROP))
    run = run_until(started(of), reached("B", TaskState.CANCELLED), World())
    why = "dropped from the merge queue: conflicts with what has landed in shared.py"
    assert b_of(run).reason == why
    assert run.explain("C") == f"C waits for B, which is cancelled: {why}"
    assert b_of(run).cause is FailureClass.CONFLICT
    assert not run.state.queue


def test_a_red_merge_gate_is_a_repair_too_and_names_the_gate() -> None:
    def red_once(state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if isinstance(step, RunGate) and "+B-" in step.tree and len(state.tasks[B].attempts) == 1:
            return [gate_finished(step, Verdict.FAILED)]
        return None

    of = plan("A", "B<A", gates=(gate("unit"),), defaults=Defaults(retries=0))
    run = run_until(started(of), reached("B", TaskState.RETRYING), red_once)
    ejection = b_of(run).ejection
    assert ejection is not None
    assert (ejection.cause, ejection.gate) == (FailureClass.GATE, "unit")
    assert sent_back(run)[0].repair


# --- what a repair may not do --------------------------------------------------------------------


def test_a_repair_that_takes_lines_of_others_away_waits_for_a_yes() -> None:
    """Though the plan lands everything without asking."""
    run = losing()
    assert run.task_state("B") is TaskState.PROPOSED
    assert [task.id for task in needs_person(run.state)] == [B]
    assert run.explain("B") == (
        "B waits for your yes (a = accept, R = send back): it would remove a line that others "
        'landed: shared.py: "x = 2"'
    )
    run.command(c.Approve(B))
    run_until(run, reached("B", TaskState.LANDED), World(times=0))


def test_a_yes_to_all_is_no_yes_to_a_loss() -> None:
    run = losing()
    with pytest.raises(Refused, match="would remove a line"):
        run.command(c.Approve())


def test_a_loss_that_is_sent_back_is_looked_at_again() -> None:
    run = losing()
    run.command(c.Retry(B, feedback="x = 2 must stay"))
    run_until(run, reached("B", TaskState.LANDED), World(times=0))
    assert len(b_of(run).attempts) == 3
