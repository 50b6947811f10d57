"""Taking landed work back: an entry like any other, dependents named first, a fresh start after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agentdeck.agents.prompt import build_prompt, revert_message
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused
from agentdeck.core.events import EntryKind, Verdict
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Phase
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import BuildEntry, IOStep, RunGate
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

S = TaskState


def landed(*names: str) -> Callable[[Run], bool]:
    return lambda run: all(run.task_state(name) is S.LANDED for name in names)


def chain() -> Run:
    """`a`, `b` on top of it, `c` on top of that, and `d` by itself. All but `c` have landed."""
    of = plan("a", "b<a", "c<b", "d", gates=(gate("unit"),))
    return run_until(started(of).command(c.Pause(TaskId("c"))), landed("a", "b", "d"))


def test_a_revert_takes_the_commit_back_through_the_queue() -> None:
    run = chain().command(c.Revert(TaskId("d")))
    entry = run.state.queue[next(iter(run.state.queue))]
    assert entry.kind is EntryKind.REVERT
    landing = next(one for one in run.state.landings if one.task == "d")
    assert entry.head == landing.merge != landing.commit  # its own, not that of its whole batch
    assert "its revert is being merged" in run.explain("d")
    run = run_until(run, reached("d", S.CANCELLED))
    task = run.state.tasks[TaskId("d")]
    assert task.landed_commit is None
    assert task.reverted == run.state.tip
    assert run.explain("d") == "d is cancelled (r retry, s skip): reverted by you"


def test_the_gates_judge_a_revert() -> None:
    """A red gate leaves the work where it is, and says so."""
    run = chain()
    known = {run.state.tip_tree}

    def red_without_d(_: RunState, step: IOStep) -> list[e.AnyEvent] | None:
        if isinstance(step, RunGate) and step.tree not in known:
            return [gate_finished(step, Verdict.FAILED)]
        return None

    run = run.command(c.Revert(TaskId("d")))
    run = run_until(run, lambda r: not r.state.queue, red_without_d)
    assert run.task_state("d") is S.LANDED
    assert "its revert did not land" in run.explain("d")


def test_dependents_that_landed_are_named_first() -> None:
    run = chain().command(c.Skip(TaskId("c")))
    with pytest.raises(Refused, match="a has dependents: b landed on top of it") as refused:
        run.command(c.Revert(TaskId("a")))
    assert "--with-dependents" in refused.value.hint
    run = run_until(run.command(c.Revert(TaskId("a"), with_dependents=True)), gone("a", "b"))
    order = [landing.reverts for landing in run.state.landings if landing.reverts]
    assert order == ["b", "a"]


def gone(*names: str) -> Callable[[Run], bool]:
    return lambda run: all(run.task_state(name) is S.CANCELLED for name in names)


def test_one_alone_is_reverted_if_a_person_says_so() -> None:
    run = run_until(chain().command(c.Revert(TaskId("a"), only=True)), gone("a"))
    assert run.task_state("b") is S.LANDED


def test_what_needs_a_reverted_task_waits_for_it_again() -> None:
    """`c` needs `b`: with `b` taken back it is pending, and says why."""
    run = run_until(chain().command(c.Revert(TaskId("b"))), gone("b"))
    run = run.command(c.Resume(TaskId("c")))
    assert run.task_state("c") is S.PENDING
    assert "waits for b" in run.explain("c")


def test_a_reverted_task_starts_afresh_and_may_land_again() -> None:
    run = run_until(chain().command(c.Revert(TaskId("d"))), gone("d"))
    took_back = run.state.tasks[TaskId("d")].reverted
    run = run.command(c.Retry(TaskId("d")))
    asked = run.history[-1].event
    assert isinstance(asked, e.TaskRetried)
    assert (asked.fresh, asked.session) == (True, e.NextSession.NEW)
    run = run_until(run, reached("d", S.WORKING))
    attempt = run.state.tasks[TaskId("d")].attempt
    assert attempt is not None
    assert attempt.fresh
    told = build_prompt(run.state, TaskId("d"), attempt.number)
    assert f"taken back by commit {took_back[:12]}" in told
    run = run_until(run, landed("d"))
    assert run.state.tasks[TaskId("d")].reverted == ""


@pytest.mark.parametrize(
    ("prepare", "name", "why"),
    [
        ((), "c", "only what has landed can be reverted"),
        ((c.Revert(TaskId("d")),), "d", "the revert of d is in the merge queue"),
    ],
)
def test_what_cannot_be_reverted_says_why(
    prepare: tuple[c.AnyCommand, ...], name: str, why: str
) -> None:
    run = chain()
    for command in prepare:
        run = run.command(command)
    with pytest.raises(Refused, match=why):
        run.command(c.Revert(TaskId(name)))


def test_a_task_that_changed_nothing_has_nothing_to_revert() -> None:
    run = started(plan("a"))
    run = run_until(run, reached("a", S.CHECKING))
    run.append(e.TaskDone(TaskId("a"), "nothing had to change"))
    with pytest.raises(Refused, match="nothing of a has landed"):
        run.command(c.Revert(TaskId("a")))


def test_reverts_go_before_work_that_is_still_to_land() -> None:
    of = plan("a", "b", gates=(gate("unit"),))
    run = run_until(started(of).command(c.Hold(TaskId("b"))), landed("a"))
    run = run_until(run, reached("b", S.QUEUED))
    run = run.command(c.Release(TaskId("b"))).command(c.Revert(TaskId("a")))
    build = next(step for step in run.steps().steps if isinstance(step, BuildEntry))
    assert (build.entry, build.others) == ("revert@a", ("b",))


def test_an_ended_run_takes_back_and_promotes_it_by_itself() -> None:
    of = plan("a", "b", promote="auto")
    run = run_until(started(of), lambda r: r.state.outcome is not None)
    assert run.state.promoted == run.state.tip
    run = run_until(run.command(c.Revert(TaskId("a"))), gone("a"))
    run = run_until(run, lambda r: r.state.promoted == r.state.tip)
    with pytest.raises(Refused, match="the run has ended"):
        run.command(c.Retry(TaskId("a")))


def test_the_phase_of_a_reverted_task_is_open_again() -> None:
    phases = (Phase(PhaseId("one"), sync=True), Phase(PhaseId("two")))
    of = plan(task("a", phase=phases[0].id), task("b", phase=phases[1].id), phases=phases)
    run = run_until(started(of), landed("a", "b"))
    assert "one" in run.state.closed_phases
    run = run_until(run.command(c.Revert(TaskId("a"))), gone("a"))
    assert "one" not in run.state.closed_phases


def test_the_commit_of_a_revert_names_what_it_undoes() -> None:
    told = revert_message(chain().state, TaskId("d"), "f" * 40)
    assert told.splitlines()[0].startswith("Revert d:")
    assert f"This reverts commit {'f' * 40}." in told
    assert "Agentdeck-Reverts: d" in told
    assert "Agentdeck-Task" not in told


def test_what_waits_is_not_moved_before_a_revert() -> None:
    """It stands in the queue as commits of the base do: before everything that tasks have made."""
    run = chain().command(c.Resume(TaskId("c")))
    run = run_until(run, reached("c", S.QUEUED)).command(c.Revert(TaskId("d")))
    with pytest.raises(Refused, match="a revert goes in before what tasks have made"):
        run.command(c.Move(TaskId("c"), c.Place.UP))
