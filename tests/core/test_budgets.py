"""What may be used, what is left of it, and what happens when nothing is."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter
from agentdeck.core.budgets import Book, Line, is_near, unpriced
from agentdeck.core.decide import refusal
from agentdeck.core.explain import budgets_asking, standstill
from agentdeck.core.ids import AgentName, PhaseId, PoolName, TaskId
from agentdeck.core.plan import Agent, Budget, OnExceed, Phase, Pool
from agentdeck.core.prices import Price, Prices
from agentdeck.core.replan import PlanChange
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState, Wanted
from agentdeck.core.steps import Freeze, Launch, Record, StopAttempt, Thaw, Watch
from agentdeck.testing.builders import Run, plan, reached, run_started, run_until, started, task

A, B, C = TaskId("A"), TaskId("B"), TaskId("C")
P = PhaseId("p")
TABLE = Prices("2020-02-02", models={"m": Price(1.0, 1.0)})  # $1 for a million tokens
MILLION = 1_000_000


def working(*names: str) -> Callable[[Run], bool]:
    return lambda run: all(run.task_state(name) is TaskState.WORKING for name in names)


def go_on(run: Run, done: Callable[[Run], bool]) -> Run:
    """Let everything go well until `done`, but no agent ends."""
    return run_until(run, done, lambda _, step: () if isinstance(step, Watch) else None)


def at_work(run: Run) -> set[str]:
    states = (TaskState.PREPARING, TaskState.WORKING, TaskState.PAUSED)
    return {each.id for each in run.state.in_state(*states)}


def spent(run: Run, name: str, usd: float = 0.0, *, tokens: int = 0, attempt: int = 1) -> Run:
    """A live attempt says what it has used."""
    run.append(e.AttemptProgressed(TaskId(name), attempt, 1, tokens_out=tokens, usd=usd))
    return run.settle()


def over(usd: float = 1.0, then: OnExceed = OnExceed.ASK) -> Run:
    """A and B at work under a budget of $1, of which A has used so much."""
    run = go_on(
        started(plan("A", "B", "C", agents_limit=2, budget=Budget(usd, None, then))),
        working("A", "B"),
    )
    return spent(run, "A", 1.02)


def priced(*tasks: object, **fields: object) -> Run:
    """A run with a price table, in which nothing is decided yet."""
    run = Run.__new__(Run)
    Run.__init__(run, plan(*tasks, **fields))  # type: ignore[arg-type]
    run.state.prices = TABLE
    return run


# --- used up: ask ---------------------------------------------------------------------------------


def test_a_used_up_budget_freezes_everybody_and_starts_nobody() -> None:
    run = over()
    assert run.of_kind(Freeze) == [Freeze(A, 1), Freeze(B, 1)]
    go_on(run, lambda run: not run.of_kind(Freeze))
    assert run.task_state("A") is run.task_state("B") is TaskState.PAUSED
    why = "the budget of $1 is used up ($1.02)"
    assert run.explain("A") == f"A is frozen: {why}; $ raises it"
    assert run.explain("C") == f"C waits: {why}"
    assert budgets_asking(run.state) == [why]
    assert standstill(run.state) == why


def test_a_raise_lets_everybody_go_on() -> None:
    run = go_on(over(), lambda run: not run.of_kind(Freeze))
    run.command(c.RaiseBudget("run", usd=0.5, by="kim")).settle()
    assert run.of_kind(Thaw) == [Thaw(A, 1), Thaw(B, 1)]
    assert budgets_asking(run.state) == []
    run_until(run, lambda run: run.state.outcome is not None)
    assert [each.state for each in run.state.tasks.values()] == [TaskState.LANDED] * 3


def test_a_raise_that_is_too_small_changes_nothing() -> None:
    run = go_on(over(), lambda run: not run.of_kind(Freeze))
    run.command(c.RaiseBudget("run", usd=0.01)).settle()
    assert run.of_kind(Thaw) == []
    assert standstill(run.state) == "the budget of $1.01 is used up ($1.02)"


def test_what_a_person_paused_stays_paused_after_a_raise() -> None:
    """Whether they paused it before the budget froze it, or after."""
    run = go_on(started(plan("A", "B", "C", budget=Budget(usd=1.0))), working("A", "B", "C"))
    run.command(c.Pause(A))
    go_on(run, reached("A", TaskState.PAUSED))
    spent(run, "B", 1.5)
    go_on(run, lambda run: not run.of_kind(Freeze))
    run.command(c.Pause(B))
    assert "paused by you" in run.explain("B")
    run.command(c.SetBudget("run", usd=9.0)).settle()
    assert run.of_kind(Thaw) == [Thaw(C, 1)]
    assert run.state.tasks[A].wanted is run.state.tasks[B].wanted is Wanted.PAUSE
    run.command(c.Resume(B))
    assert Thaw(B, 1) in run.of_kind(Thaw)


def test_resuming_what_a_budget_froze_is_refused_with_the_budget() -> None:
    run = go_on(over(), reached("A", TaskState.PAUSED))
    assert refusal(run.state, c.Resume(A)) == ("A is frozen: the budget of $1 is used up ($1.02)")


def test_a_frozen_agent_can_be_stopped() -> None:
    run = go_on(over(), reached("A", TaskState.PAUSED)).command(c.Stop(A))
    assert StopAttempt(A, 1) in run.of_kind(StopAttempt)


def test_the_time_that_a_budget_froze_it_is_no_work() -> None:
    run = go_on(over(), reached("A", TaskState.PAUSED))
    attempt = run.state.tasks[A].attempt
    assert attempt is not None
    before = attempt.worked_s(run.clock.now)
    run.clock.advance(10_000)
    assert attempt.worked_s(run.clock.now) == before


def test_a_budget_that_nobody_waits_for_asks_nobody() -> None:
    """The last agent went over the limit with its last word: there is nothing to raise it for."""
    run = go_on(started(plan("A", budget=Budget(usd=1.0))), working("A"))
    run.append(e.AttemptProgressed(A, 1, 1, usd=1.5), e.AttemptExited(A, 1, 0, ok=True))
    run_until(run, lambda run: run.state.outcome is not None)
    assert run.task_state("A") is TaskState.LANDED


# --- used up: drain and stop ----------------------------------------------------------------------


def test_drain_lets_work_go_on_and_starts_nobody() -> None:
    run = over(then=OnExceed.DRAIN)
    assert run.of_kind(Freeze) == []
    assert budgets_asking(run.state) == []
    run_until(run, lambda run: not at_work(run))
    assert run.explain("C") == "C waits: the budget of $1 is used up ($1.02)"


def test_stop_ends_those_under_it_and_nobody_else() -> None:
    pools = (
        Pool(PoolName("x"), 1, labels=("x",), budget=Budget(usd=1.0, on_exceed=OnExceed.STOP)),
    )
    run = go_on(started(plan(task("A", labels=("x",)), "B", pools=pools)), working("A", "B"))
    spent(run, "A", 1.0)
    assert run.of_kind(StopAttempt) == [StopAttempt(A, 1)]
    go_on(run, reached("A", TaskState.READY))
    assert run.explain("A") == "A waits: the budget of pool x, $1, is used up ($1.00)"


# --- scopes ---------------------------------------------------------------------------------------


def scoped(**budgets: Budget) -> Run:
    """A in phase p and pool x, B in phase p, C in neither; all at work."""
    none = Budget()
    run = started(
        plan(
            task("A", phase=P, labels=("x",), budget=budgets.get("task", none)),
            task("B", phase=P),
            "C",
            task("D", phase=P, labels=("x",)),
            agents_limit=3,
            phases=(Phase(P, budget=budgets.get("phase", none)),),
            pools=(Pool(PoolName("x"), 2, labels=("x",), budget=budgets.get("pool", none)),),
            budget=budgets.get("run", none),
        )
    )
    return spent(go_on(run, working("A", "B", "C")), "A", 2.0)


@pytest.mark.parametrize(
    ("scope", "frozen", "words"),
    [
        ("run", "ABC", "the budget of $2 is used up ($2.00)"),
        ("phase", "AB", "the budget of phase p, $2, is used up ($2.00)"),
        ("pool", "A", "the budget of pool x, $2, is used up ($2.00)"),
        ("task", "A", "the budget of task A, $2, is used up ($2.00)"),
    ],
)
def test_a_budget_holds_for_its_scope_and_no_further(scope: str, frozen: str, words: str) -> None:
    run = scoped(**{scope: Budget(usd=2.0)})
    assert {step.task for step in run.of_kind(Freeze) if isinstance(step, Freeze)} == set(frozen)
    assert budgets_asking(run.state) == [words]


def test_an_attempt_counts_for_the_pool_that_it_worked_in() -> None:
    """Also when the plan has moved its task out of that pool since."""
    run = scoped(pool=Budget(usd=2.0))
    assert Book(run.state).lines["pool:x"].usd == 2.0
    go_on(run, reached("A", TaskState.PAUSED))
    assert run.state.settings(A).pool == "x"


# --- reservations ---------------------------------------------------------------------------------


def estimated(tokens: int, limit: float, **fields: object) -> Run:
    tasks = [task(name, tokens=tokens, model="m") for name in "ABC"]
    return priced(*tasks, budget=Budget(usd=limit), **fields).settle()


def test_a_start_reserves_the_estimate_at_the_price_of_its_model() -> None:
    run = estimated(MILLION // 2, 1.2)
    assert at_work(run) == {"A", "B"}
    line = Book(run.state).lines["run"]
    assert (line.usd, line.usd_reserved, line.tokens_reserved) == (0.0, 1.0, MILLION)
    assert run.explain("C") == "C waits: the budget has $0.20 left, and it needs about $0.50"


def test_the_scope_is_named_when_a_start_does_not_fit() -> None:
    tasks = [task(name, tokens=600, phase=P) for name in "AB"]
    run = started(plan(*tasks, phases=(Phase(P, budget=Budget(tokens=1000)),)))
    assert run.explain("B") == (
        "B waits: the budget of phase p has 400 tokens left, and it needs about 600"
    )


def test_a_reservation_is_held_until_more_is_used_or_the_agent_is_gone() -> None:
    run = go_on(estimated(MILLION // 2, 9.0), working("A"))

    def held() -> float:
        attempt = run.state.tasks[A].attempt
        assert attempt is not None
        [line] = Book(
            msgspec.structs.replace(run.state, tasks={A: run.state.tasks[A]})
        ).lines.values()
        return round(line.usd + line.usd_reserved, 6)

    assert held() == 0.5
    spent(run, "A", 0.2)
    assert held() == 0.5
    spent(run, "A", 0.7)
    assert held() == 0.7
    spent(run, "A", 0.3)
    run.append(e.AttemptExited(A, 1, 0, ok=True))
    assert held() == 0.3


def test_without_an_estimate_the_mean_of_ended_attempts_is_expected() -> None:
    run = go_on(started(plan("A", "B<A", "C<B", budget=Budget(usd=9.0))), working("A"))
    assert Book(run.state).expected(B, None) == (0.0, 0)
    spent(run, "A", 0.4, tokens=100)
    run_until(run, reached("A", TaskState.LANDED))
    go_on(run, working("B"))
    spent(run, "B", 0.6, tokens=300, attempt=1)
    attempt = run.state.tasks[B].attempt
    assert attempt is not None
    assert (attempt.reserved_usd, attempt.reserved_tokens) == (0.4, 100)
    run_until(run, reached("B", TaskState.LANDED))
    go_on(run, working("C"))
    assert Book(run.state).expected(C, None) == (0.5, 200)


def test_an_expectation_alone_does_not_keep_the_last_money_from_being_used() -> None:
    """Each task needs more than there is: one at a time starts, as long as any is left."""
    run = estimated(2 * MILLION, 1.0)
    assert at_work(run) == {"A"}
    go_on(run, working("A"))
    spent(run, "A", 0.9)
    run.append(e.AttemptExited(A, 1, 0, ok=True))
    go_on(run, reached("A", TaskState.LANDED))
    assert at_work(run) == {"B"}, "ten cents are left, and nobody is at work"


def test_all_that_is_left_being_reserved_holds_back_even_who_expects_nothing() -> None:
    tasks = [task("A", tokens=MILLION, model="m"), task("B")]
    run = priced(*tasks, budget=Budget(usd=1.0)).settle()
    assert run.explain("B") == (
        "B waits: all that is left of the budget is reserved by those at work"
    )


def test_a_task_done_by_hand_needs_no_budget() -> None:
    run = started(plan(task("A", human=True), "B", budget=Budget(usd=0.0)))
    assert run.task_state("A") is TaskState.ASKING
    assert run.explain("B") == "B waits: the budget of $0 is used up ($0.00)"


# --- the allowance of an account ------------------------------------------------------------------


def subscribed(resets_in_s: float | None) -> Run:
    """A at work on an account that says that 85% of its allowance are used; B could start."""
    acme = Adapter(name="cli", provider="acme", output="scripted")
    agents = (Agent(AgentName("cli"), command=("cli",), adapter=acme),)
    of = plan("A", "B", agents=agents, agent="cli", budget=Budget(share=0.8), agents_limit=1)
    run = go_on(started(of), working("A"))
    resets_at = None if resets_in_s is None else run.clock.now + resets_in_s
    run.append(e.AccountNoted("acme", A, 1, 0.85, resets_at))
    return run.command(c.SetAgents(2)).settle()


def test_nothing_starts_on_an_account_that_has_given_its_share_until_it_resets() -> None:
    run = subscribed(600.0)
    assert at_work(run) == {"A"}
    said = "acme has used 85% of its allowance, and the budget allows 80%"
    assert run.explain("B") == f"B waits: {said}"
    assert run.steps().wake_at == run.clock.now + 600.0
    run.clock.advance(600.0)
    run.settle()
    assert at_work(run) == {"A", "B"}


def test_a_person_can_reopen_an_account_that_never_says_when_it_resets() -> None:
    run = subscribed(None)
    assert "(agentdeck accounts resume acme)" in run.explain("B")
    run.command(c.ReopenAccount("acme")).settle()
    assert at_work(run) == {"A", "B"}


def test_an_account_below_its_share_is_left_alone() -> None:
    run = subscribed(600.0)
    run.append(e.AccountNoted("acme", A, 1, 0.79, run.clock.now + 600.0)).settle()
    assert at_work(run) == {"A", "B"}


# --- whoever works --------------------------------------------------------------------------------


def test_what_is_expected_and_where_it_counts_follows_whoever_really_works() -> None:
    """B's agent is out of quota: another one works, with its own model and in its own pool."""
    acme = Adapter(name="cli", provider="acme", output="scripted")
    stand_in = Agent(AgentName("other"), command=("other",), model="m")
    cli = Agent(AgentName("cli"), command=("cli",), adapter=acme, fallback=(stand_in.name,))
    of = plan(
        task("A", tokens=MILLION // 2),
        task("B", tokens=MILLION // 2),
        agents=(cli, stand_in),
        agent="cli",
        pools=(Pool(PoolName("x"), 3, agents=(stand_in.name,), budget=Budget(usd=0.6)),),
        agents_limit=1,
    )
    run = Run(of)
    run.state.prices = TABLE
    go_on(run.settle(), working("A"))
    later = run.clock.now + 86_400
    run.append(e.AccountLimited("acme", A, 1, e.FailureClass.QUOTA, "used up", later))
    run.command(c.SetAgents(2)).settle()
    attempt = run.state.tasks[B].attempt
    assert attempt is not None
    assert (attempt.agent, attempt.pool, attempt.reserved_usd) == ("other", "x", 0.5)
    assert Book(run.state).lines["pool:x"].usd_reserved == 0.5


# --- held before the launch -----------------------------------------------------------------------


def prepared_late() -> Run:
    """B's worktree stands only after A has used the budget up."""
    run = started(plan("A", "B", budget=Budget(usd=1.0)))
    run_until(
        run,
        working("A"),
        lambda _, step: () if isinstance(step, Watch) or getattr(step, "task", "") == B else None,
    )
    spent(run, "A", 1.0)
    return run.append(e.WorktreePrepared(B, 1, "/trees/B", "deck/B", "base0"))


def test_an_attempt_is_not_launched_under_a_used_up_budget() -> None:
    run = prepared_late()
    assert run.of_kind(Launch) == []
    assert run.explain("B") == (
        "B waits to be started: the budget of $1 is used up ($1.00); $ raises it"
    )
    go_on(run, reached("A", TaskState.PAUSED))
    assert standstill(run.state) == "the budget of $1 is used up ($1.00)"
    run.command(c.RaiseBudget("run", usd=1.0))
    assert run.of_kind(Launch) == [Launch(B, 1)]


def test_a_launch_under_way_is_not_taken_back() -> None:
    """It may be half done: only an agent that is known of can be frozen."""
    run = started(plan("A", "B", budget=Budget(usd=1.0)))
    run_until(
        run,
        lambda run: working("A")(run) and bool(run.of_kind(Launch)),
        lambda _, step: () if isinstance(step, Watch) or step == Launch(B, 1) else None,
    )
    spent(run, "A", 1.0)
    assert run.of_kind(Launch) == [Launch(B, 1)]


def test_an_attempt_that_is_held_can_be_stopped() -> None:
    run = prepared_late().command(c.Stop(B)).settle()
    assert run.task_state("B") is TaskState.CANCELLED


def test_a_better_figure_lets_go_as_a_raise_does() -> None:
    """A price that was reckoned too high gives way to what the stream says."""
    run = spent(prepared_late(), "A", 0.4)
    assert run.of_kind(Launch) == [Launch(B, 1)]


# --- marks ----------------------------------------------------------------------------------------


def marks(run: Run) -> list[tuple[str, float]]:
    found = [recorded.event for recorded in run.history]
    return [(x.scope, x.mark) for x in found if isinstance(x, e.BudgetMarked)]


def test_each_mark_is_told_once_and_the_highest_where_several_are_passed() -> None:
    run = go_on(started(plan("A", budget=Budget(usd=10.0))), working("A"))
    for usd in (4.9, 5.0, 5.1, 9.6, 9.7, 10.0, 11.0):
        spent(run, "A", usd)
    assert marks(run) == [("run", 0.5), ("run", 0.95), ("run", 1.0)]


def test_a_mark_is_told_again_under_a_higher_limit() -> None:
    run = go_on(started(plan("A", budget=Budget(usd=10.0))), working("A"))
    spent(run, "A", 8.0)
    run.command(c.SetBudget("run", usd=16.0)).settle()
    assert marks(run) == [("run", 0.8)], "half of the new limit was told with more than that"
    spent(run, "A", 12.8)
    assert marks(run) == [("run", 0.8), ("run", 0.8)]


def test_a_mark_that_was_told_is_stale() -> None:
    run = spent(go_on(started(plan("A", budget=Budget(usd=1.0))), working("A")), "A", 0.5)
    with pytest.raises(StaleEvent):
        run.append(e.BudgetMarked("run", 0.5))


def test_a_plan_chooses_its_own_marks() -> None:
    run = go_on(started(plan("A", budget=Budget(tokens=10, warn=(0.2,)))), working("A"))
    spent(run, "A", tokens=9)
    assert marks(run) == [("run", 0.2)]


# --- setting --------------------------------------------------------------------------------------


def test_a_limit_that_a_person_set_holds_over_the_plan_until_the_plan_says_something_new() -> None:
    run = started(plan("A", "B", budget=Budget(usd=1.0)))
    run.command(c.SetBudget("run", usd=5.0, tokens=100))
    run.command(c.EditPlan(PlanChange(put=(task("B", title="again"),)), 0))
    assert Book(run.state).lines["run"].budget == Budget(usd=5.0, tokens=100)
    run.command(c.EditPlan(PlanChange(budget=Budget(usd=2.0)), 1))
    assert Book(run.state).lines["run"].budget == Budget(usd=2.0)


def test_a_budget_can_be_lifted() -> None:
    run = go_on(over(), reached("A", TaskState.PAUSED))
    run.command(c.SetBudget("run", usd=None)).settle()
    assert Book(run.state).lines == {}
    assert Thaw(A, 1) in run.of_kind(Thaw)


def test_a_dropped_task_takes_its_budget_along() -> None:
    run = started(plan("A", "B<A"))
    run.command(c.SetBudget("task:B", usd=5.0))
    run.command(c.EditPlan(PlanChange(dropped=(B,)), 0))
    assert run.state.budgets == {}


def test_a_set_budget_keeps_what_happens_beyond_it() -> None:
    run = started(plan("A", budget=Budget(usd=1.0, on_exceed=OnExceed.STOP, warn=(0.3,))))
    run.command(c.RaiseBudget("run", usd=1.0))
    assert Book(run.state).lines["run"].budget == Budget(2.0, None, OnExceed.STOP, (0.3,))


# --- figures --------------------------------------------------------------------------------------


def test_usage_near_a_limit_is_known_as_such() -> None:
    run = go_on(started(plan("A", "B", budget=Budget(usd=1.0))), working("A", "B"))
    spent(run, "B", 0.5)
    assert not is_near(run.state, A, 0.3, 0)
    assert is_near(run.state, A, 0.4, 0)
    assert is_near(run.state, A, 7.0, 0)


def test_a_model_without_a_price_is_named_once_where_there_are_prices() -> None:
    run = go_on(started(plan("A", "B", "C")), working("A", "B", "C"))
    for name, model in (("A", "odd"), ("B", "odd"), ("C", "m-1")):
        run.append(e.AttemptProgressed(TaskId(name), 1, 1, model=model, tokens_in=5))
    assert unpriced(run.state) == []
    run.state.prices = TABLE
    assert unpriced(run.state) == ["odd"]


def test_the_share_is_that_of_what_is_nearer_to_its_limit() -> None:
    line = Line("run", Budget(usd=10.0, tokens=100), usd=5.0, tokens=80)
    assert line.used_share == 0.8
    assert line.mark == 0.8
    assert (line.usd_left, line.tokens_left) == (5.0, 20)


def test_prices_are_those_that_the_run_began_with() -> None:
    event = msgspec.structs.replace(run_started(plan("A")), prices=TABLE)
    run = Run.__new__(Run)
    Run.__init__(run, plan("A"))
    assert run.state.prices == Prices()
    assert event.prices == TABLE


def test_decisions_come_to_an_end() -> None:
    """Marks, claims and limits of one turn are decided once each."""
    run = over()
    assert [step for step in run.steps().steps if isinstance(step, Record)] == []
