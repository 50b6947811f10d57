"""What a run has used beside the estimates: every figure by hand, and nothing guessed."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentdeck.cli.show_as.actual import actual_parts
from agentdeck.cli.show_as.canvas import WIDTH, as_text
from agentdeck.core.ids import AgentName, PhaseId, RunId, TaskId
from agentdeck.core.plan import Agent, Phase, Plan, Task
from agentdeck.core.state import Attempt, RunState, TaskRun, TaskState
from agentdeck.plans.analysis.actuals import Account, Beside, Used, actuals_of
from agentdeck.plans.analysis.contract import cost_as_data
from agentdeck.plans.analysis.cost import Spent, cost_of
from agentdeck.plans.analysis.prices import Prices, read_prices
from agentdeck.testing.builders import plan as plan_of
from agentdeck.testing.builders import task

MILLION = 1_000_000
PRICES: Prices = read_prices(
    """
date = "2020-02-02"
input_share = 0.5
[models]
small = { input = 1.0, output = 3.0 }
maker-small = { input = 1.0, output = 3.0 }
large = { input = 10.0, output = 30.0 }
""",
    file="table.toml",
)


def tried(number: int = 1, model: str | None = "small", **fields: Any) -> Attempt:
    """An attempt that was launched."""
    given = {"agent": AgentName("scripted"), "pool": None, "fresh": True, "claimed_at": 0.0}
    return Attempt(number=number, model=model, **{**given, "launched_at": 1.0, **fields})


def run_of(plan: Plan, **tasks: tuple[TaskState, list[Attempt]]) -> RunState:
    """A run of the plan; tasks that are not named are pending."""
    runs = {each.id: TaskRun(id=each.id) for each in plan.tasks}
    for name, (stands, attempts) in tasks.items():
        runs[TaskId(name)] = TaskRun(id=TaskId(name), state=stands, attempts=attempts)
    return RunState(run=RunId("run-1"), plan=plan, tasks=runs)


def landed(*attempts: Attempt) -> tuple[TaskState, list[Attempt]]:
    return TaskState.LANDED, list(attempts)


def test_landed_tasks_are_compared_and_the_others_are_ahead() -> None:
    """A is estimated at 1M tokens, $2. It was tried twice: $1.50 as reported, then 600k read and
    200k written by the table, $0.60 + $0.60. B is under way, C has not begun.
    """
    plan = plan_of(
        task("A", tokens=MILLION, model="small", phase=PhaseId("p")),
        task("B", tokens=MILLION, model="large"),
        task("C", tokens=500_000, model="small"),
        phases=(Phase(PhaseId("p")),),
    )
    first = tried(1, tokens_in=300_000, tokens_out=100_000, usd=1.5)
    second = tried(2, tokens_in=600_000, tokens_out=200_000)
    under_way = tried(1, "large", tokens_in=1_000, usd=0.25)
    state = run_of(plan, A=landed(first, second), B=(TaskState.WORKING, [under_way]))
    found = actuals_of(plan, state, PRICES)

    assert found.run == "run-1"
    assert found.total == Account(
        tasks=3,
        landed=1,
        used=Used(attempts=3, tokens=1_201_000, usd=2.95, priced=1, priced_usd=1.2),
        retries=Used(attempts=1, tokens=800_000, usd=1.2, priced=1, priced_usd=1.2),
        tokens=Beside(1, MILLION, 1_200_000),
        usd=Beside(1, 2.0, 2.7),
        ahead=Spent(2, 1_500_000, 21.0, 0, 0),
    )
    assert found.total.tokens.share == 1.2
    assert found.total.usd.share == 1.35
    assert list(found.by_model) == ["small", "large"]
    assert found.by_model["large"].used.usd == 0.25
    assert found.by_model["large"].usd.share is None
    assert found.by_model["small"].usd == found.total.usd
    assert found.by_agent["scripted"] == found.total
    assert found.by_phase["p"].ahead.tasks == 0
    assert found.by_phase[""].used.tokens == 1_000


def test_tokens_are_priced_as_they_were_read_and_written() -> None:
    """The estimate takes half for input; the attempt knows: 1M written by large is $30."""
    plan = plan_of(task("A", tokens=MILLION, model="large"))
    found = actuals_of(plan, run_of(plan, A=landed(tried(1, "large", tokens_out=MILLION))), PRICES)
    assert found.total.usd == Beside(1, 20.0, 30.0)


def test_what_is_not_known_is_counted_and_never_guessed() -> None:
    """A says nothing, B's model has no price, C states no estimate, D was never launched."""
    plan = plan_of(
        task("A", tokens=100, model="small"),
        task("B", tokens=200, model="small"),
        task("C", model="small"),
        task("D", tokens=400, model="small"),
    )
    state = run_of(
        plan,
        A=landed(tried()),
        B=landed(tried(model="strange", tokens_in=150)),
        C=landed(tried(tokens_in=1_000, usd=0.5)),
        D=(TaskState.FAILED, [tried(launched_at=None)]),
    )
    total = actuals_of(plan, state, PRICES).total
    assert total.used == Used(attempts=3, tokens=1_150, usd=0.5, no_price=1, silent=1)
    assert total.tokens == Beside(1, 200, 150)
    assert total.usd == Beside()
    assert total.ahead.tasks == 1
    alone = actuals_of(plan, run_of(plan, B=state_of(state, "B")), PRICES).total
    assert alone.used.usd is None


def state_of(state: RunState, name: str) -> tuple[TaskState, list[Attempt]]:
    run = state.tasks[TaskId(name)]
    return run.state, run.attempts


def test_half_known_money_is_not_compared() -> None:
    """One attempt of two has no price: the sum would be too small to stand beside an estimate."""
    plan = plan_of(task("A", tokens=100, model="small"))
    attempts = (tried(1, usd=1.0, tokens_in=10), tried(2, "strange", tokens_in=10))
    total = actuals_of(plan, run_of(plan, A=landed(*attempts)), PRICES).total
    assert total.usd.tasks == 0
    assert total.tokens == Beside(1, 100, 20)
    assert (total.used.usd, total.used.no_price) == (1.0, 1)


def test_a_reported_model_stands_under_the_plans_name_for_it() -> None:
    """`small` became `maker-small-2020`; X ran on another model; Y's plan names none."""
    plan = plan_of(
        task("A", tokens=10, model="small"),
        task("X", tokens=20, model="small"),
        task("Y", tokens=40),
    )
    state = run_of(
        plan,
        A=landed(tried(model="maker-Small-2020", tokens_in=11)),
        X=landed(tried(model="large", tokens_in=22)),
        Y=landed(tried(model="large", tokens_in=44)),
    )
    found = actuals_of(plan, state, PRICES).by_model
    assert set(found) == {"small", "large"}
    assert found["small"].tokens == Beside(2, 30, 11)
    assert found["large"].tokens == Beside(1, 40, 66)


def test_people_deferred_and_skipped_tasks_are_not_ahead() -> None:
    """A person's attempt costs nothing; what was spent on a task that is skipped now still counts,
    and an attempt before the launch is no first try.
    """
    plan = plan_of(
        task("A", human=True),
        task("B", tokens=10, defer="later"),
        task("C", tokens=10, model="small"),
        task("D", tokens=10, model="small"),
        agents=(Agent(AgentName("me"), use="human"),),
    )
    state = run_of(
        plan,
        A=landed(tried(agent=AgentName("human"))),
        B=(TaskState.DEFERRED, []),
        C=(TaskState.SKIPPED, [tried(1, tokens_in=5), tried(2, agent=AgentName("me"))]),
        D=landed(tried(1, launched_at=None), tried(2, tokens_in=9)),
    )
    total = actuals_of(plan, state, PRICES).total
    assert (total.tasks, total.landed, total.ahead.tasks) == (2, 1, 0)
    assert (total.used.attempts, total.used.tokens, total.retries.attempts) == (2, 14, 0)
    assert total.tokens == Beside(1, 10, 9)


def test_another_version_of_the_plan_keeps_what_was_spent_outside_it() -> None:
    """B is in the run and not in the plan; C is in the plan and not in the run."""
    ran = plan_of(task("A", tokens=10, model="small"), task("B", tokens=10, model="large"))
    other = plan_of(task("A", tokens=20, model="small"), task("C", tokens=5, model="small"))
    state = run_of(
        ran, A=landed(tried(tokens_in=10)), B=landed(tried(model="large-2", tokens_in=7))
    )
    found = actuals_of(other, state, PRICES)
    assert found.total.tokens == Beside(1, 20, 10)
    assert (found.total.tasks, found.total.used.tokens, found.total.ahead.tasks) == (2, 17, 1)
    assert found.by_model["large"].tasks == 0


def test_programs_get_the_same_figures() -> None:
    """The keys that scripts rely on; without a run there is no actual."""
    plan = plan_of(task("A", tokens=MILLION, model="small"))
    state = run_of(plan, A=landed(tried(1, tokens_in=100, usd=0.5), tried(2, tokens_in=MILLION)))
    cost = cost_of(plan, PRICES)
    assert cost_as_data(cost, PRICES)["actual"] is None
    actual = cost_as_data(cost, PRICES, actuals_of(plan, state, PRICES))["actual"]
    assert (actual["usd"], actual["tokens"]) == (1.5, 1_000_100)
    assert (actual["retries"], actual["retries_usd"], actual["priced"]) == (1, 1.0, 1)
    assert actual["compared"]["usd"] == {
        "tasks": 1,
        "estimated": 2.0,
        "actual": 1.5,
        "of_estimate": 0.75,
    }
    assert actual["by_model"]["small"]["usd"] == 1.5
    assert actual["by_agent"]["scripted"]["tokens"] == 1_000_100
    assert actual["by_phase"]["unsaid"]["landed"] == 1


def test_a_person_reads_it_in_eighty_columns() -> None:
    """Large figures and long names; retries, what was priced and what is ahead are said."""
    plan = plan_of(
        task("A", tokens=9 * MILLION, model="large", phase=PhaseId("a-phase-of-a-long-name")),
        task("B", tokens=900 * MILLION, model="a-model-whose-name-is-long"),
        task("C", tokens=9 * MILLION, model="large"),
        phases=(Phase(PhaseId("a-phase-of-a-long-name")),),
    )
    state = run_of(
        plan,
        A=landed(
            tried(1, "large", tokens_in=8 * MILLION),
            tried(2, "large", tokens_in=9 * MILLION, usd=1234.5),
        ),
        B=(TaskState.WORKING, [tried(model="a-model-whose-name-is-long", tokens_out=99 * MILLION)]),
        C=(TaskState.WORKING, [tried(model="large", tokens_in=4 * MILLION)]),
    )
    text = as_text(actual_parts(actuals_of(plan, state, PRICES)), WIDTH)
    assert max(len(line) for line in text.splitlines()) <= 80
    for words in (
        "Actual  of run run-1",
        "used             120,000,000 tokens, $1,354.50, in 4 attempts",
        "  of it retries  9,000,000 tokens, $1,234.50, in 1 attempt",
        "$120.00 by the price table: 2 attempts named no money",
        "1 attempt of a model without a price",
        "of estimate      189 % of the tokens (1 task), 730 % of the money (1 task)",
        "909,000,000 tokens, $180.00 by estimate, 2 tasks, 1 without a\n",
        "1 of 2",
        "OF ESTIMATE",
        "189 %",
        "900.0 M",
    ):
        assert words in text, f"{words}\n{text}"
    assert "…" not in text


def test_a_run_that_has_not_begun_says_so() -> None:
    plan = plan_of(task("A", model="small"))
    text = as_text(actual_parts(actuals_of(plan, run_of(plan), PRICES)), WIDTH)
    assert "used         nothing yet" in text
    assert "not known: no landed task has both an estimate and a report" in text
    assert "ahead        1 task, 1 without tokens" in text


@given(st.data())
def test_parts_add_up_to_the_whole(data: st.DataObject) -> None:
    """By model, by agent and by phase: each attempt and each estimate is in exactly one."""
    tasks: list[Task] = []
    runs: dict[str, tuple[TaskState, list[Attempt]]] = {}
    models = st.sampled_from([None, "small", "large", "strange"])
    for index in range(data.draw(st.integers(1, 4))):
        tokens = data.draw(st.one_of(st.none(), st.integers(0, 100)))
        tasks.append(task(f"T{index}", tokens=tokens, model=data.draw(models)))
        attempts = [
            tried(
                number + 1,
                data.draw(models),
                agent=AgentName(data.draw(st.sampled_from(["one", "two"]))),
                tokens_in=data.draw(st.integers(0, 50)),
                usd=float(data.draw(st.integers(0, 2))),
            )
            for number in range(data.draw(st.integers(0, 3)))
        ]
        runs[f"T{index}"] = (data.draw(st.sampled_from(TaskState)), attempts)
    plan = plan_of(*tasks)
    state = run_of(plan, **runs)
    found = actuals_of(plan, state, PRICES)
    assert found.total.used.tokens == state.tokens
    for parts in (found.by_model, found.by_agent, found.by_phase):
        accounts = list(parts.values())
        assert sum(each.used.tokens for each in accounts) == found.total.used.tokens
        assert sum(each.used.attempts for each in accounts) == found.total.used.attempts
        assert sum(each.tasks for each in accounts) == found.total.tasks
        assert sum(each.tokens.actual for each in accounts) == found.total.tokens.actual
        assert sum(each.tokens.estimated for each in accounts) == found.total.tokens.estimated
        assert sum(each.ahead.tokens for each in accounts) == found.total.ahead.tokens
