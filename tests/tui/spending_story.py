"""A run that has paid for everything one can pay for: retries, repairs, reviews, unknown models."""

from __future__ import annotations

from tests.tui.sample_journal import GATES, STARTED_AT, Story, object_id, task

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, ReviewVerdict
from agentdeck.core.ids import AgentName, EntryId, TaskId
from agentdeck.core.plan import Agent, Budget, Defaults, Plan
from agentdeck.core.prices import Price, Prices

PRICES = Prices(
    as_of="2026-01-01",
    models={"sonnet": Price(3.0, 15.0, 0.3), "haiku": Price(1.0, 5.0, 0.1)},
)
AGENTS = (
    Agent(AgentName("claude"), "claude", account="anthropic"),
    Agent(AgentName("codex"), "codex", account="openai"),
    Agent(AgentName("hands"), "human"),
)


def paid_plan() -> Plan:
    tasks = [
        task("PAY-1", "Checkout page"),
        task("PAY-2", "Refunds"),
        task("PAY-3", "Invoices as PDF", budget=Budget(usd=1.0)),
        task("PAY-4", "Currency rates", "PAY-1"),
        task("PAY-5", "Ask the bank", agent=AgentName("hands")),
        task("PAY-6", "Dunning letters", "PAY-2 PAY-3"),
    ]
    return Plan(
        name="checkout",
        tasks=tuple(tasks),
        agents=AGENTS,
        agents_limit=4,
        budget=Budget(usd=5.0, tokens=900_000),
        defaults=Defaults(agent=AgentName("claude"), model="sonnet"),
        gates=GATES,
    )


def used(
    told: Story,
    name: str,
    read: int,
    cached: int,
    written: int,
    usd: float,
    priced: float = 0.0,
    model: str | None = None,
) -> None:
    """What an agent says it has used; `priced` of `usd` is reckoned."""
    told.tell(
        e.AttemptProgressed(
            TaskId(name), told.number(name), 4096, "s", model, read, written, usd, 7, "Edit a.py",
            tokens_cached=cached, usd_priced=priced,
        )
    )  # fmt: skip


def reviewed(told: Story, name: str, verdict: ReviewVerdict, usd: float) -> None:
    """An agent looks at the latest work of a task."""
    attempt = told.number(name)
    run = told.state.tasks[TaskId(name)].attempts[-1].reviews[-1:]
    number = run[0].run + 1 if run else 1
    told.tell(
        e.TaskReviewAsked(TaskId(name), attempt),
        e.ReviewStarted(TaskId(name), attempt, number, AgentName("codex"), object_id("h"), "gpt-5"),
    )
    told.wait(40)
    told.tell(
        e.ReviewFinished(
            TaskId(name), attempt, number, AgentName("codex"), verdict, "as it should be",
            seconds=40.0, model="gpt-5", tokens_in=6_000, tokens_out=500, usd=usd,
        )
    )  # fmt: skip


def paid() -> Story:
    """PAY-1 landed after a retry and a repair; PAY-2 goes on after a review; PAY-3 has no price."""
    told = Story(paid_plan(), "checkout-5e5e", PRICES)
    first, at = TaskId("PAY-1"), STARTED_AT
    told.wait(10)
    told.start("PAY-1", account="anthropic")
    told.wait(300)
    used(told, "PAY-1", 20_000, 180_000, 4_000, 0.41)
    told.end("PAY-1", code=1)
    told.tell(
        e.RetryScheduled(first, 1, FailureClass.CRASH, "exit 1", at + told.at), e.RetryDue(first)
    )
    told.start("PAY-1", account="anthropic")
    told.wait(240)
    used(told, "PAY-1", 15_000, 220_000, 3_000, 0.36)
    told.end("PAY-1")
    told.propose("PAY-1")
    told.queue("PAY-1")
    told.tell(
        e.EntryEjected(EntryId("PAY-1.2"), FailureClass.CONFLICT, "does not merge"),
        e.RetryScheduled(
            first, 2, FailureClass.CONFLICT, "does not merge", at + told.at, repair=True
        ),
        e.RetryDue(first),
    )
    told.start("PAY-1", account="anthropic")
    told.start("PAY-2", model="haiku", account="anthropic")
    told.wait(120)
    used(told, "PAY-1", 5_000, 60_000, 1_000, 0.12)
    used(told, "PAY-2", 30_000, 90_000, 6_000, 0.25, 0.05)
    told.end("PAY-1")
    told.propose("PAY-1")
    told.queue("PAY-1")
    told.build("PAY-1")
    told.land("PAY-1")
    told.end("PAY-2")
    reviewed(told, "PAY-2", ReviewVerdict.REQUEST_CHANGES, 0.08)
    second = TaskId("PAY-2")
    told.tell(
        e.RetryScheduled(second, 1, FailureClass.REVIEW, "more tests", at + told.at),
        e.RetryDue(second),
    )
    told.start("PAY-2", model="haiku", account="anthropic")
    told.start("PAY-3", "codex", "house-model-7b", "openai")
    told.wait(60)
    used(told, "PAY-2", 12_000, 40_000, 2_000, 0.09)
    used(told, "PAY-3", 48_000, 0, 9_000, 0.0)
    told.wait(20)
    used(told, "PAY-3", 64_000, 0, 11_000, 0.0)
    return told
