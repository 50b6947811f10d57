"""Which ready task starts first, and what each of the others waits for."""

from __future__ import annotations

from collections.abc import Iterable

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, Verdict
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.plan import Agent, Budget, GateWhen, OnExceed, Plan, Pool
from agentdeck.core.scheduler import Hindrance, admission, blocker_of, ready_in_order
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import Collect, IOStep, RunGate
from agentdeck.testing.builders import Run, gate, gate_finished, plan, run_until, started, task


def kinds(run: Run) -> dict[str, Hindrance | None]:
    return {each.id: found.kind if found else None for each, found in admission(run.state)}


def working(run: Run) -> set[str]:
    return {each.id for each in run.state.in_state(TaskState.PREPARING, TaskState.WORKING)}


def order(of: Plan) -> list[str]:
    return [each.id for each in ready_in_order(Run(of).state)]


def test_the_longest_path_to_the_end_goes_first() -> None:
    assert order(plan("A", "B", "C<B", "D<C")) == ["B", "A"]


def test_an_estimate_can_make_a_path_the_longest() -> None:
    assert order(plan(task("A", estimate_s=9e4), "B", "C<B")) == ["A", "B"]


def test_priority_goes_before_the_longest_path() -> None:
    assert order(plan(task("A", priority=1), "B", "C<B")) == ["A", "B"]


def test_ties_keep_the_order_of_the_file() -> None:
    assert order(plan("B", "C", "A")) == ["B", "C", "A"]


def test_no_more_agents_than_the_limit() -> None:
    run = started(plan("A", "B", "C", agents_limit=2))
    assert working(run) == {"A", "B"}
    assert kinds(run) == {"C": Hindrance.AGENTS}
    run.command(c.SetAgents(3)).settle()
    assert working(run) == {"A", "B", "C"}


def test_a_full_pool_holds_only_its_own_tasks_back() -> None:
    pools = (Pool(PoolName("gpu"), 1, labels=("heavy",)),)
    heavy = [task(name, labels=("heavy",)) for name in "AB"]
    run = started(plan(*heavy, "C", pools=pools))
    assert working(run) == {"A", "C"}
    blocker = blocker_of(run.state, TaskId("B"))
    assert blocker is not None
    assert blocker.sentence == "pool gpu is full (1 at once)"


def test_overlapping_footprints_wait_for_each_other() -> None:
    run = started(plan("A src/", "B src/x.py", "C docs/"))
    assert working(run) == {"A", "C"}
    blocker = blocker_of(run.state, TaskId("B"))
    assert blocker is not None
    assert blocker.sentence == "A has src/x.py and is preparing"


def test_a_wide_task_is_not_starved_by_narrow_ones_behind_it() -> None:
    """B waits for A's files; C could start, but would take files that B waits for."""
    of = plan("A src/a/", task("B src/", priority=-1), task("C src/b/", priority=-2))
    run = started(of)
    assert working(run) == {"A"}
    blocker = blocker_of(run.state, TaskId("C"))
    assert blocker is not None
    assert blocker.sentence == "B has src/b/ and is first in line"


def test_an_exclusive_task_works_alone_and_gets_its_turn() -> None:
    run = started(plan("A", task("B", exclusive=True, priority=-1), task("C", priority=-2)))
    assert kinds(run) == {"B": Hindrance.EXCLUSIVE, "C": Hindrance.EXCLUSIVE}
    run_until(run, lambda run: "B" in working(run))
    assert working(run) == {"B"}


def test_a_human_task_takes_no_agent_slot() -> None:
    run = started(plan(task("A", human=True), "B", agents_limit=1))
    assert working(run) == {"B"}
    assert run.task_state("A") is TaskState.ASKING


def test_a_used_up_budget_starts_nothing_new_and_lets_work_go_on() -> None:
    run = started(plan("A", "B<A", budget=Budget(usd=1.0, on_exceed=OnExceed.DRAIN)))
    run_until(run, lambda run: run.task_state("A") is TaskState.WORKING)
    run.append(e.AttemptProgressed(TaskId("A"), 1, 10, usd=1.5))
    run_until(run, lambda run: run.task_state("A") is TaskState.LANDED)
    run.settle()
    assert run.explain("B") == "B waits: the budget of $1 is used up ($1.50)"


def test_a_paused_run_starts_nothing() -> None:
    run = Run(plan("A")).command(c.Pause(by="kim")).settle()
    assert run.explain("A") == "A waits: the run is paused by kim"


def test_nothing_starts_before_the_preflight_gate_is_green() -> None:
    run = started(plan("A", gates=(gate("env", GateWhen.PREFLIGHT),)))
    assert kinds(run) == {"A": Hindrance.PREFLIGHT_RUNS}

    def red(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        return [gate_finished(step, Verdict.FAILED)] if isinstance(step, RunGate) else None

    run_until(run, lambda run: not run.of_kind(RunGate), red)
    assert kinds(run) == {"A": Hindrance.PREFLIGHT}
    run.command(c.Retry())
    run_until(run, lambda run: run.task_state("A") is TaskState.WORKING)


def test_files_are_held_until_the_work_has_landed() -> None:
    """Who starts earlier would build on files that are about to change."""
    run = started(plan("A src/", "B src/"))
    run_until(run, lambda run: bool(run.of_kind(Collect)))
    assert kinds(run) == {"B": Hindrance.FOOTPRINT}
    run_until(run, lambda run: run.task_state("A") is TaskState.LANDED)
    run.settle()
    assert working(run) == {"B"}


def test_a_task_paused_before_its_start_waits_by_itself() -> None:
    run = Run(plan("A", "B", agents=(Agent(AgentName("scripted"), "scripted"),)))
    run.command(c.Pause(TaskId("A"))).settle()
    assert working(run) == {"B"}
    assert kinds(run) == {"A": Hindrance.PAUSED}
