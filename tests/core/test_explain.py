"""Why is this not moving? One sentence, with the names of what it waits for."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agentdeck.control.run_lines import task_lines
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, SkipMode, Verdict
from agentdeck.core.explain import short_duration, standstill
from agentdeck.core.ids import PhaseId, TaskId
from agentdeck.core.plan import Defaults, GateWhen, Land, Phase, QueueRules
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import IOStep, LandEntry, Launch, RunGate
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
from agentdeck.testing.counted_calls import calls_of

A, B = TaskId("A"), TaskId("B")
P, Q = PhaseId("p"), PhaseId("q")


def failed(run: Run, name: str = "A") -> Run:
    """Let a task fail for good."""
    run_until(run, reached(name, TaskState.PREPARING))
    run.append(e.TaskFailed(TaskId(name), 1, e.FailureClass.SETUP, "npm ci failed\nline 2"))
    return run


def test_a_dependency_is_named_with_its_state() -> None:
    assert started(plan("A", "B<A")).explain("B") == "B waits for A, which is preparing"


def test_at_most_three_dependencies_are_named() -> None:
    run = started(plan("A", "B", "C", "D", "E<A,B,C,D"))
    assert run.explain("E") == (
        "E waits for A, which is preparing, B, which is preparing, C, which is preparing and 1 more"
    )


def test_a_footprint_names_the_task_and_the_file() -> None:
    run = started(plan("A src/", "B src/x.py"))
    assert run.explain("B") == "B waits: A has src/x.py and is preparing"


def test_the_agent_limit_is_named_with_its_number() -> None:
    assert started(plan("A", "B", agents_limit=1)).explain("B") == (
        "B waits: all 1 agent slots are taken"
    )


def test_an_approval_names_the_key_and_the_risk() -> None:
    run = run_until(
        started(plan(task("A", risk="high"), land=Land.APPROVE)),
        reached("A", TaskState.PROPOSED),
    )
    assert run.explain("A") == "A is proven and waits for an approval (a); its risk is high"
    run.command(c.Hold(A))
    assert "(a); it is held (h releases it); its risk" in run.explain("A")


def test_a_failed_dependency_is_named_with_its_reason() -> None:
    run = failed(started(plan("A", "B<A")))
    assert run.explain("A") == "A needs you (r retry, s skip): npm ci failed"
    assert run.explain("B") == "B waits for A, which failed: npm ci failed"


def test_a_failure_further_up_is_named_as_the_root() -> None:
    run = failed(started(plan("A", "B<A", "C<B")))
    assert run.explain("C") == (
        "C waits for B, which is pending, held up by A, which failed: npm ci failed"
    )


def test_a_phase_is_named_with_what_it_waits_for() -> None:
    phases = (Phase(P, title="Groundwork", sync=True), Phase(Q))
    run = started(plan(task("A", phase=P), task("B", phase=Q), phases=phases))
    assert run.explain("B") == "B waits for phase Groundwork to end: A, which is preparing"


def test_a_red_gate_of_a_phase_is_named() -> None:
    phases = (Phase(P, sync=True), Phase(Q))
    of = plan(
        task("A", phase=P),
        task("B", phase=Q),
        phases=phases,
        gates=(gate("wide", GateWhen.PHASE),),
    )

    def red(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        return [gate_finished(step, Verdict.FAILED)] if isinstance(step, RunGate) else None

    run = run_until(started(of), lambda run: "red" in run.explain("B"), red)
    assert run.explain("B") == "B waits for phase p to end: its gate wide is red"
    assert standstill(run.state) == "gate wide is red on deck/test"


def test_trouble_with_a_step_is_named_with_the_time_of_the_next_try() -> None:
    run = run_until(started(plan("A")), lambda run: bool(run.of_kind(Launch)))
    step = run.of_kind(Launch)[0]
    run.append(e.StepFailed(step.key, A, "fork: no memory", run.clock.now + 120))
    assert run.explain("A") == "A is preparing: fork: no memory; tried again in 2 min"


def test_a_retry_says_when_and_why() -> None:
    run = started(plan("A", defaults=Defaults(backoff_s=600.0)))
    run_until(run, reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 3))
    run_until(run, reached("A", TaskState.RETRYING))
    sentence = run.explain("A")
    assert sentence.startswith("A is tried again in ")
    assert sentence.endswith(" min: the agent ended with exit 3")


def test_an_entry_behind_another_names_it() -> None:
    of = plan("A", "B", gates=(gate("unit"),), queue=QueueRules(batch=1))
    run = run_until(
        started(of), lambda run: bool(run.of_kind(RunGate)) and len(run.state.queue) == 2
    )
    assert run.explain("B") == "B waits in the merge queue behind A"
    assert run.explain("A") == "A is being checked by gate unit"


def test_entries_of_a_batch_name_each_other() -> None:
    run = started(plan("A", "B", gates=(gate("unit"),)))
    run_until(run, lambda run: bool(run.of_kind(RunGate)) and len(run.state.queue) == 2)
    assert run.explain("B") == "B is being checked by gate unit together with A"
    assert run.explain("A") == "A is being checked by gate unit together with B"


def test_an_entry_that_is_built_on_another_says_on_which() -> None:
    of = plan("A", "B", gates=(gate("unit"),), queue=QueueRules(batch=1, slots=2))
    go_on = lambda _, step: () if isinstance(step, RunGate) else None  # noqa: E731
    run = run_until(started(of), lambda run: len(run.of_kind(RunGate)) == 2, go_on)
    assert run.explain("B") == "B is being checked by gate unit on top of A"


def test_a_run_that_waits_for_a_person_says_for_what() -> None:
    assert standstill(failed(started(plan("A", "B<A"))).state) == "A is failed"
    assert standstill(started(plan("A")).state) is None


@pytest.mark.parametrize("mode", [SkipMode.DONE, SkipMode.CASCADE])
def test_a_need_that_will_never_land_is_no_silent_standstill(mode: SkipMode) -> None:
    """What needs a task that was left out says so, and so does the whole run."""
    run = Run(plan("A", "B<A")).command(c.Pause())
    run.command(c.Skip(A, mode))
    if mode is SkipMode.CASCADE:
        run.command(c.Unskip(B))
        assert run.explain("B") == "B waits for A, which is skipped"
    run.command(c.Resume()).settle()
    expected = "B waits for A, which is skipped" if mode is SkipMode.CASCADE else None
    assert standstill(run.state) == expected


def test_a_need_that_is_deferred_is_no_silent_standstill() -> None:
    run = started(plan(task("A", defer="not now"), "B<A"))
    assert standstill(run.state) == "B waits for A, which is deferred"


def test_a_task_that_was_paused_before_it_started_is_named() -> None:
    run = Run(plan("A")).command(c.Pause(A)).settle()
    assert standstill(run.state) == "A waits: it was paused before it started"


def test_the_own_red_gate_of_a_phase_is_no_silent_standstill() -> None:
    """The phase names a gate that runs nowhere else on the target."""
    unit = gate("unit", GateWhen.TASK)
    phases = (Phase(P, sync=True, gates=(unit.name,)),)
    run = started(plan(task("A", phase=P, gates=()), gates=(unit,), phases=phases))

    def red(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        return [gate_finished(step, Verdict.FAILED)] if isinstance(step, RunGate) else None

    run_until(run, lambda run: standstill(run.state) is not None, red)
    assert standstill(run.state) == "gate unit is red on deck/test"


def test_trouble_with_a_landing_is_named() -> None:
    run = run_until(started(plan("A")), lambda run: bool(run.of_kind(LandEntry)))
    step = run.of_kind(LandEntry)[0]
    run.append(e.StepFailed(step.key, None, "the ref is locked", run.clock.now + 60))
    assert run.explain("A") == "A waits to land: the ref is locked"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (11_100, "3 h 5 min"), (-4, "0 s")],
)
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert short_duration(seconds) == text


# --- many at once --------------------------------------------------------------------------------


def _wide(tasks: int, shape: str) -> Run:
    """Many that are ready, in a row behind one that failed, or behind a phase that is open."""
    names = [f"T{number}" for number in range(tasks)]
    if shape == "ready":
        return started(plan(*(f"{name} src/{name}/" for name in names), agents_limit=2))
    if shape == "row":
        rows = (f"{name}<{names[at]}" for at, name in enumerate(names[1:]))
        run = started(plan(names[0], *rows, defaults=Defaults(retries=0)))
        return run.append(e.TaskFailed(TaskId("T0"), 1, e.FailureClass.AGENT, "no"))
    first, later = (names[: tasks // 2], P), (names[tasks // 2 :], Q)
    specs = [task(name, phase=phase) for of, phase in (first, later) for name in of]
    return started(plan(*specs, phases=(Phase(P, sync=True), Phase(Q)), agents_limit=2))


@pytest.mark.parametrize("shape", ["ready", "row", "phase"])
def test_the_work_of_a_list_of_explanations_grows_with_the_plan(shape: str) -> None:
    """Four times the tasks, less than six times the calls: engines answer it between events."""

    def calls(tasks: int) -> int:
        run = _wide(tasks, shape)
        lines = task_lines(run.state, run.clock.now)
        assert [line.why for line in lines] == [run.explain(line.id) for line in lines]
        return calls_of(lambda: task_lines(run.state, run.clock.now))

    assert calls(160) < 6 * calls(40)


def test_the_nearest_of_what_holds_a_task_up_is_named() -> None:
    """Of several the one with the fewest between; of equally near ones, what is needed first."""
    of = plan("x", "y", "a<x", "b<y", "c<b,a", "d<c,e", "e<f", "f<x", defaults=Defaults(retries=0))
    run = started(of)
    for name in "xy":
        run.append(e.TaskFailed(TaskId(name), 1, e.FailureClass.AGENT, f"no {name}"))
    assert run.explain("c").endswith("held up by y, which failed: no y")
    assert run.explain("d").endswith("held up by y, which failed: no y")
    assert run.explain("e").endswith("held up by x, which failed: no x")
