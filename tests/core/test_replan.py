"""A plan is changed while its run goes on: what is taken in, what it does, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from agentdeck.core import codec
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused, refusal
from agentdeck.core.errors import RefusedError
from agentdeck.core.events import SkipMode
from agentdeck.core.fold import fold
from agentdeck.core.ids import AgentName, GateName, PhaseId, PoolName, TaskId
from agentdeck.core.plan import Agent, Budget, Gate, Phase, Plan, Pool, Strategy, Task
from agentdeck.core.replan import PlanChange, changed, difference, in_words, rebased
from agentdeck.core.replan_rules import WHILE_AT_WORK, consequences
from agentdeck.core.scheduler import longest_path_s
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

A, B, C, D = (TaskId(name) for name in "ABCD")
P1, P2, P3 = (PhaseId(f"p{number}") for number in (1, 2, 3))


def fresh() -> Run:
    """A is at work, B waits for it, C for B."""
    return run_until(started(plan("A", "B<A", "C<B")), reached("A", TaskState.WORKING))


def edit(run: Run, change: PlanChange) -> Run:
    return run.command(c.EditPlan(change, run.state.plan_changes))


def why_not(run: Run, change: PlanChange) -> str:
    return refusal(run.state, c.EditPlan(change, run.state.plan_changes)) or ""


def edited(run: Run, name: str, **fields: object) -> PlanChange:
    spec = run.state.plan.by_id[TaskId(name)]
    return PlanChange(put=(msgspec.structs.replace(spec, **fields),))


def test_a_task_that_is_added_runs_and_lands() -> None:
    run = edit(fresh(), PlanChange(put=(task("D<A"),)))
    assert run.task_state("D") is TaskState.PENDING
    assert "waits for A" in run.explain("D")
    run_until(run, lambda run: run.state.outcome is not None)
    assert run.task_state("D") is TaskState.LANDED


def test_a_task_that_is_dropped_is_gone() -> None:
    run = edit(fresh(), PlanChange(dropped=(C,)))
    assert list(run.state.tasks) == [A, B]
    with pytest.raises(Refused, match="there is no task C"):
        run.command(c.Pause(C))
    run_until(run, lambda run: run.state.outcome is not None)
    assert not [r for r in run.history if getattr(r.event, "task", None) == C]


def test_a_ready_task_with_a_new_dependency_waits_again() -> None:
    run = started(plan("A", "B", agents_limit=1))
    assert run.task_state("B") is TaskState.READY
    edit(run, edited(run, "B", after=(A,)))
    assert run.task_state("B") is TaskState.PENDING
    edit(run, edited(run, "B", after=()))
    assert run.task_state("B") is TaskState.READY


def test_a_task_is_deferred_and_wanted_again() -> None:
    run = edit(fresh(), edited(fresh(), "C", defer="not now"))
    assert run.task_state("C") is TaskState.DEFERRED
    assert run.explain("C") == "C is deferred by the plan: not now"
    edit(run, edited(run, "C", defer="not this week"))
    assert "not this week" in run.explain("C")
    edit(run, edited(run, "C", defer=None))
    assert run.task_state("C") is TaskState.PENDING
    assert "waits for B" in run.explain("C")


def test_the_order_of_starting_follows_the_changed_plan() -> None:
    """What was worked out for the old plan (longest paths, settings) is not used for the new."""
    run = started(plan("A", "B", "C", agents_limit=1))
    assert longest_path_s(run.state.plan)
    assert run.state.settings(B).estimate_s
    edit(run, edited(run, "C", priority=5, estimate_s=60.0))
    assert longest_path_s(run.state.plan)[C] == 60.0
    assert run.state.settings(C).estimate_s == 60.0
    run_until(run, reached("C", TaskState.WORKING))
    assert run.task_state("B") is TaskState.READY


def test_the_journal_replays_to_the_live_state() -> None:
    """I1: also with changes, and through the stored bytes."""
    run = fresh()
    edit(run, PlanChange(put=(task("D<A"), task("E")), order=(TaskId("E"), A, B)))
    edit(run, PlanChange(dropped=(TaskId("E"),), phases=(Phase(P1),), agents_limit=2))
    edit(run, edited(run, "D", defer="no"))
    stored = [codec.decode_recorded(codec.encode_recorded(each)) for each in run.history]
    assert fold(stored) == run.state
    assert [t.id for t in run.state.plan.tasks] == list(run.state.tasks) == [A, B, C, D]
    assert run.state.agents_limit == 2
    assert run.state.plan_changes == 3


def test_a_change_that_was_made_up_before_another_one_is_refused() -> None:
    run = fresh()
    edit(run, PlanChange(dropped=(C,)))
    late = c.EditPlan(PlanChange(put=(task("D<C"),)), 0)
    assert "was changed meanwhile" in (refusal(run.state, late) or "")
    with pytest.raises(StaleEvent):
        run.append(e.PlanChanged(PlanChange(dropped=(B,)), 1, "you"))


def test_budget_pools_agents_and_phases_can_change() -> None:
    run = fresh()
    change = PlanChange(
        budget=Budget(usd=5.0),
        pools=(Pool(PoolName("few"), 1),),
        agents=(Agent(AgentName("new"), command=("x", "{prompt}")),),
        phases=(Phase(P1),),
        put=(task("D", agent=AgentName("new"), pool=PoolName("few"), phase=P1),),
    )
    edit(run, change)
    assert run.state.plan.budget.usd == 5.0
    assert run.state.settings(D).pool == "few"
    assert run.state.settings(D).agent == "new"


def landed() -> Run:
    return run_until(fresh(), reached("A", TaskState.LANDED))


def failed() -> Run:
    run = started(plan("A", "B<A"))
    return run.append(e.TaskFailed(A, 1, e.FailureClass.SETUP, "no disk"))


def failed_alone() -> Run:
    run = started(plan("A", "B"))
    return run.append(e.TaskFailed(A, 1, e.FailureClass.SETUP, "no disk"))


def closed() -> Run:
    """Phase p1 is closed, p2 is open."""
    phases = (Phase(P1, sync=True), Phase(P2, sync=True))
    run = started(
        plan(task("A", phase=P1), task("X", phase=P1, defer="no"), task("B", phase=P2),
             phases=phases)
    )  # fmt: skip
    return run_until(run, reached("B", TaskState.WORKING))


def both_kinds() -> Run:
    of = plan(task("A", phase=P1), task("B", phase=P2), phases=(Phase(P1, sync=True), Phase(P2)))
    return started(of)


def put(line: str, **fields: object) -> Callable[[Run], PlanChange]:
    return lambda _: PlanChange(put=(task(line, **fields),))


def with_field(name: str, **fields: object) -> Callable[[Run], PlanChange]:
    return lambda run: edited(run, name, **fields)


def with_fallback(name: str) -> Callable[[Run], PlanChange]:
    """A new agent that `name` would take over from, beside a new one of kind human."""
    reviewer = Agent(AgentName("reviewer"), use="human")
    cli = Agent(AgentName("cli"), command=("true",), fallback=(AgentName(name),))
    return lambda _: PlanChange(agents=(reviewer, cli))


REFUSED: list[tuple[Callable[[], Run], Callable[[Run], PlanChange], str]] = [
    (fresh, put("A b.py", prompt="other"), "A is working: its prompt, files cannot change"),
    (landed, with_field("A", after=(C,)), "A has landed: its after cannot change"),
    (failed_alone, lambda _: PlanChange(dropped=(A,)), "A was tried already: skip it instead"),
    (fresh, lambda _: PlanChange(dropped=(B,)), "C waits for B: unlink it first, or drop it too"),
    (fresh, lambda _: PlanChange(dropped=(TaskId("Z"),)), "there is no task Z to drop"),
    (fresh, lambda _: PlanChange(dropped=(A, B, C)), "the plan would have no task"),
    (failed, with_field("A", defer="no"), "A was tried already: skip it instead of deferring"),
    (failed, with_field("A", human=True), "person and agent cannot take it from each other"),
    (fresh, with_field("B", after=(C,)), "nothing could ever start: B -> C -> B"),
    (fresh, with_field("B", after=(B,)), "B waits for itself"),
    (fresh, put("D<Z"), "D: there is no task Z"),
    (fresh, put("D", phase=P1), "D: there is no phase p1"),
    (fresh, put("D", gates=(GateName("g"),)), "D: there is no gate g"),
    (fresh, put("D", agent=AgentName("nobody")), "D: there is no agent nobody"),
    (fresh, put("D", pool=PoolName("p")), "D: there is no pool p"),
    (fresh, put("D", title=""), "D has neither a title nor a prompt"),
    (fresh, put("a"), "a and A differ only in case"),
    (fresh, put("../x"), "cannot be the id of a task"),
    (fresh, put("D", estimate_s=-1.0), "D has a time that is no time"),
    (fresh, with_field("B", defer="no"), "C would wait for ever for B, which is deferred"),
    (closed, put("D", phase=P1), "phase p1, which is closed: use phase p2, a new phase, or no"),
    (closed, with_field("X", defer=None), "X cannot be put into phase p1, which is closed"),
    (closed, lambda _: PlanChange(phases=(Phase(P1), Phase(P2))), "only its title can change"),
    (
        closed,
        lambda run: PlanChange(phases=(Phase(P3), *run.state.plan.phases)),
        "a new phase can only come after it",
    ),
    (closed, lambda run: PlanChange(phases=run.state.plan.phases[::-1]), "cannot change their ord"),
    (closed, lambda run: PlanChange(phases=run.state.plan.phases[:1]), "B is in phase p2, which w"),
    (both_kinds, put("D", phase=P1, after=(B,)), "(phase p1 closes) -> D -> B -> (phase p1 clo"),
    (
        fresh,
        lambda _: PlanChange(agents=(Agent(AgentName("scripted"), use="scripted", model="x"),)),
        "agent scripted works on A",
    ),
    (
        fresh,
        lambda _: PlanChange(agents=(Agent(AgentName("scripted"), use="human"),)),
        "keeps its `use` and `output`",
    ),
    (fresh, with_fallback("nobody"), "there is no agent nobody to fall back on"),
    (fresh, with_fallback("cli"), "agent cli: cli cannot take over from it"),
    (fresh, with_fallback("human"), "agent cli: human cannot take over from it"),
    (fresh, with_fallback("reviewer"), "agent cli: reviewer cannot take over from it"),
    (fresh, lambda _: PlanChange(agents_limit=0), "must be 1 to"),
    (fresh, lambda _: PlanChange(pools=(Pool(PoolName("p"), 0),)), "the size must be 1 to"),
    (
        fresh,
        lambda _: PlanChange(pools=(Pool(PoolName("p"), 1, agents=(AgentName("nobody"),)),)),
        "pool p: there is no agent nobody",
    ),
    (fresh, lambda _: PlanChange(phases=(Phase(P1), Phase(P1))), "two phases have the same id"),
    (
        fresh,
        lambda _: PlanChange(phases=(Phase(P1, gates=(GateName("g"),)),)),
        "phase p1: there is no gate g",
    ),
    (
        fresh,
        lambda _: PlanChange(put=tuple(task(f"L{n}<L{(n + 1) % 30}") for n in range(30))),
        " more) -> ",
    ),
]


@pytest.mark.parametrize(("make", "change", "reason"), REFUSED)
def test_what_cannot_be_is_refused_with_a_reason(
    make: Callable[[], Run], change: Callable[[Run], PlanChange], reason: str
) -> None:
    run = make()
    assert reason in why_not(run, change(run))


ACCEPTED: list[tuple[Callable[[], Run], Callable[[Run], PlanChange]]] = [
    (fresh, with_field("A", title="T", priority=3, estimate_s=1.0, tokens=5, risk="low")),
    (failed, with_field("A", prompt="otherwise", files=("x",), retries=5)),
    (closed, put("D", phase=P2)),
    (closed, put("D")),
    (closed, put("D", phase=P1, defer="later")),
    (closed, lambda run: PlanChange(phases=(*run.state.plan.phases, Phase(P3)))),
    (closed, lambda run: PlanChange(phases=(Phase(P1, "One", sync=True), Phase(P2)))),
    (fresh, with_fallback("scripted")),
]


@pytest.mark.parametrize(("make", "change"), ACCEPTED)
def test_what_can_be_is_taken_in(
    make: Callable[[], Run], change: Callable[[Run], PlanChange]
) -> None:
    run = make()
    edit(run, change(run))
    run_until(run, lambda run: run.state.outcome is not None or run.task_state("A") == "failed")


def test_waiting_for_what_failed_is_allowed_and_explained() -> None:
    run = failed()
    change = PlanChange(put=(task("D<A"),))
    assert consequences(run.state, change) == ["D waits for A, which is failed: no disk"]
    edit(run, change)
    assert "A, which failed: no disk" in run.explain("D")


def test_needing_what_was_skipped_is_explained() -> None:
    run = failed().command(c.Skip(A, SkipMode.DONE))
    assert consequences(run.state, PlanChange(put=(task("D<A"),))) == [
        "D needs A, which is skipped, so it need not wait"
    ]


def test_a_long_list_of_reasons_is_cut() -> None:
    change = PlanChange(put=tuple(task(f"N{number}<Z") for number in range(20)))
    assert why_not(fresh(), change).endswith("N4: there is no task Z; ... and 15 more")


def test_nothing_can_be_changed_at_the_end() -> None:
    change = PlanChange(put=(task("D"),))
    ending = fresh().command(c.EndRun())
    assert why_not(ending, change) == "the run is ending"
    over = run_until(fresh(), lambda run: run.state.outcome is not None)
    assert why_not(over, change) == "the run has ended (complete)"


def test_fields_that_may_change_at_work_are_fields_of_a_task() -> None:
    assert set(Task.__struct_fields__) >= WHILE_AT_WORK


# --- the difference of two plans


OLD = plan("A", "B<A", "C<B", phases=(Phase(P1),))
NEW = [
    plan("A", "B<A", "C<B", "D", phases=(Phase(P1),)),
    plan("D", "A", "C", phases=(Phase(P1), Phase(P2))),
    plan("C", "B<C", "A", phases=(), budget=Budget(usd=1.0), agents_limit=9),
    plan("A x.py", "B<A", "C<B", phases=(Phase(P1),), pools=(Pool(PoolName("p"), 2),)),
    OLD,
]


@pytest.mark.parametrize("new", NEW)
def test_a_difference_turns_one_plan_into_the_other(new: Plan) -> None:
    assert changed(OLD, difference(OLD, new)) == new
    assert rebased(OLD, new, OLD) == new


def test_a_difference_says_only_what_differs() -> None:
    assert difference(OLD, OLD) == PlanChange()
    assert difference(OLD, NEW[0]) == PlanChange(put=(task("D"),))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"gates": (Gate(GateName("g"), ("true",)),)}, "[gates] is fixed"),
        ({"strategy": Strategy.WAVES}, "`strategy` is fixed"),
        ({"base": "main"}, "`base` is fixed"),
    ],
)
def test_what_is_fixed_for_a_run_is_named(fields: dict[str, object], named: str) -> None:
    with pytest.raises(RefusedError) as caught:
        difference(OLD, msgspec.structs.replace(OLD, **fields))
    assert named in caught.value.message


def test_a_change_is_told_in_a_few_words() -> None:
    change = PlanChange(
        put=tuple(task(f"N{number}") for number in range(7)), dropped=(A,), budget=Budget(usd=1.0)
    )
    assert in_words(change) == "N0, N1, N2, N3, N4 and 2 more put; A dropped; the budget"


def test_an_edit_of_the_file_is_carried_over_to_a_plan_that_differs() -> None:
    """Only what was edited changes: what the run has otherwise than the file stays."""
    run_has = plan(task("A", prompt="as run"), "B<A", "C<B", "X", phases=(Phase(P1),))
    file_now = plan(task("A", title="Better"), "N", "B<A", phases=(Phase(P1),))
    found = rebased(OLD, file_now, run_has)
    assert [t.id for t in found.tasks] == [A, "N", B, "X"]
    assert found.by_id[A] == task("A", title="Better", prompt="as run")
