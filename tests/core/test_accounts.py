"""One controller admits attempts for all tasks of an account: freeze, halve, grow, follow."""

from __future__ import annotations

from typing import Any

import pytest

from agentdeck.core import accounts, policy
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.accounts import (
    JITTER,
    LIMIT_WAIT_S,
    MAX_LIMIT_WAIT_S,
    QUOTA_WAIT_S,
    RESET_SLACK_S,
    STAGGER_S,
)
from agentdeck.core.adapter import Adapter
from agentdeck.core.decide import Refused
from agentdeck.core.events import FailureClass, RetryScheduled
from agentdeck.core.explain import standstill
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Defaults
from agentdeck.core.scheduler import Hindrance, blocker_of
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import Account, TaskState
from agentdeck.core.steps import Launch, Prepare
from agentdeck.testing.builders import Run, goes_well, plan, reached, run_until, started, task

RATE, AUTH, QUOTA = FailureClass.RATE_LIMIT, FailureClass.AUTH, FailureClass.QUOTA
ACME = Adapter(name="cli", provider="acme", output="scripted")
CLI = Agent(AgentName("cli"), use="cli", adapter=ACME)
NAMES = [TaskId(name) for name in "ABCDEFGH"]


def crowd(count: int, *, agents: tuple[Agent, ...] = (CLI,), **more: Any) -> Run:
    """A run of so many tasks that need nothing, all of them at work if they may."""
    defaults = Defaults(agent=agents[0].name, retries=9, backoff_s=0.0)
    more = {"agents_limit": 8, **more}
    of = plan(*NAMES[:count], agents=agents, defaults=defaults, **more)
    run = started(of)
    return launched(run)


def launched(run: Run) -> Run:
    """Everybody who was claimed is at work."""
    for kind in (Prepare, Launch):
        for step in run.of_kind(kind):
            assert isinstance(step, Prepare | Launch)
            run.append(*goes_well(run.state, step))
    return run


def ends(run: Run, name: str, **exits: Any) -> Run:
    """The attempt at work ends so, and everything that follows by itself is decided."""
    number = run.state.tasks[TaskId(name)].attempts[-1].number
    run.append(e.AttemptExited(TaskId(name), number, **exits))
    head = f"{name}.{number}"
    run.append(e.AttemptCollected(TaskId(name), number, head, f"{head}-tree", 1))
    return launched(run.settle())


def fails(run: Run, name: str, cause: FailureClass, retry_at: float | None = None) -> Run:
    return ends(run, name, code=1, ok=False, cause=cause, retry_at=retry_at)


def at_work(run: Run) -> set[str]:
    return {each.id for each in run.state.in_state(TaskState.PREPARING, TaskState.WORKING)}


def account(run: Run, name: str = "acme") -> Account:
    return run.state.accounts[name]


def wait(run: Run, seconds: float) -> Run:
    run.clock.advance(seconds)
    return launched(run.settle())


def reopened(run: Run) -> Run:
    """The freeze is over."""
    until = account(run).frozen_until
    assert until is not None
    run.clock.advance_to(until)
    return launched(run.settle())


# --- whose limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adapter", "own", "name"),
    [
        (ACME, "", "acme"),
        (ACME, "work", "acme/work"),
        (None, "", ""),
        (None, "mine", "mine"),
    ],
)
def test_an_account_is_a_provider_or_one_of_several_there(
    adapter: Adapter | None, own: str, name: str
) -> None:
    assert Agent(AgentName("x"), adapter=adapter, account=own).limited_by == name


def test_an_agent_of_nobody_waits_by_itself() -> None:
    """As before there were accounts: the task waits, and no account is known."""
    run = crowd(2, agents=(Agent(AgentName("own"), command=("own",), output="scripted"),))
    fails(run, "A", RATE)
    assert run.task_state("A") is TaskState.RETRYING
    assert run.state.accounts == {}
    assert run.task_state("B") is TaskState.WORKING


# --- a limit -------------------------------------------------------------------------------------


def test_a_limit_freezes_the_account_until_it_resets_and_costs_no_retry() -> None:
    run = crowd(3, agents_limit=2)
    resets_at = run.clock.now + 1000.0
    fails(run, "A", RATE, resets_at)
    first = run.state.tasks[TaskId("A")]
    assert (first.state, first.failures) == (TaskState.READY, 0)
    assert at_work(run) == {"B"}, "C has a slot, and waits all the same"
    until = account(run).frozen_until
    assert until is not None
    assert resets_at <= until <= resets_at + RESET_SLACK_S
    assert run.explain("C") == "C waits: acme is rate limited, open again in 17 min"
    assert run.steps().wake_at == until
    reopened(run)
    assert account(run).open
    assert at_work(run) == {"B"}, "one at a time, see below"


def test_a_limit_that_does_not_say_when_it_resets_is_waited_for_ever_longer() -> None:
    run, waits = crowd(1), []
    for _ in range(7):
        fails(run, "A", RATE)
        until = account(run).frozen_until
        assert until is not None
        waits.append(until - run.clock.now)
        reopened(run)
        run_until(run, reached("A", TaskState.WORKING))
    for count, seconds in enumerate(waits):
        expected = min(MAX_LIMIT_WAIT_S, LIMIT_WAIT_S * 2**count)
        assert (1 - JITTER) * expected <= seconds <= (1 + JITTER) * expected
    assert run.state.tasks[TaskId("A")].failures == 0


def test_a_quota_that_does_not_say_when_it_resets_is_waited_for_longer() -> None:
    run = fails(crowd(1), "A", QUOTA)
    assert (account(run).frozen_until or 0.0) - run.clock.now >= (1 - JITTER) * QUOTA_WAIT_S


@pytest.mark.parametrize("stated", [-60.0, 400 * 86_400.0])
def test_a_reset_that_cannot_be_is_not_believed(stated: float) -> None:
    """It lies in the past, or beyond every limit there is: some clocks are wrong."""
    run = crowd(1)
    fails(run, "A", RATE, run.clock.now + stated)
    waits = (account(run).frozen_until or 0.0) - run.clock.now
    assert 0 < waits < 9 * 86_400


def test_a_live_agent_that_meets_a_limit_freezes_its_account_and_works_on() -> None:
    run = crowd(2, agents_limit=1)
    met = policy.account_limited(
        run.state, run.state.tasks[TaskId("A")], RATE, "HTTP 429", run.clock.now
    )
    assert met is not None
    run.append(met).settle()
    assert run.task_state("A") is TaskState.WORKING
    assert not account(run).open
    ends(run, "A", code=0, ok=True)
    blocker = blocker_of(run.state, TaskId("B"), run.clock.now)
    assert blocker is not None
    assert blocker.kind is Hindrance.ACCOUNT


def test_the_same_limit_met_again_is_no_news() -> None:
    """Ten attempts that hear of one limit are one event, not ten."""
    run = crowd(3)
    fails(run, "A", RATE, run.clock.now + 1000)
    before = len(run.history)
    second = run.state.tasks[TaskId("B")]
    later = run.clock.now + 500
    assert (
        policy.account_limited(run.state, second, RATE, "", run.clock.now, resets_at=later) is None
    )
    fails(run, "B", RATE, later)
    told = [recorded.event for recorded in run.history[before:]]
    assert not any(isinstance(event, e.AccountLimited) for event in told)


def test_another_account_of_the_provider_is_left_alone() -> None:
    other = Agent(AgentName("other"), use="cli", adapter=ACME, account="b")
    of = [CLI, other]
    run = crowd(1, agents=tuple(of), agents_limit=1)
    fails(run, "A", RATE)
    assert not account(run).open
    assert "acme/b" not in run.state.accounts


# --- how many at once ----------------------------------------------------------------------------


def test_a_limit_halves_how_many_work_and_the_crowd_before_it_counts_once() -> None:
    run = crowd(8)
    assert len(at_work(run)) == 8
    fails(run, "A", RATE)
    assert account(run).window == 4
    for name in "BCD":
        run.clock.advance(200.0)
        fails(run, name, RATE)
    assert account(run).window == 4, "they began before the first limit was known"


def test_nothing_starts_above_the_window_even_when_the_account_is_open() -> None:
    run = crowd(8)
    fails(run, "A", RATE)
    reopened(run)
    wait(run, 3600.0)
    assert at_work(run) == set("BCDEFGH"), "what works is left alone"
    assert run.explain("A") == "A waits: acme takes 4 at once since its last limit"


def test_one_more_is_admitted_each_time_the_window_has_ended_well() -> None:
    run = crowd(4)
    fails(run, "A", RATE)
    for name in "BCD":
        ends(run, name, code=0, ok=True)
    assert account(run).window == 2, "those began before the limit and prove nothing"
    run = crowd(1)
    fails(run, "A", RATE)
    reopened(run)
    assert (account(run).window, account(run).limits) == (1, 1)
    ends(run, "A", code=0, ok=True)
    assert (account(run).window, account(run).limits) == (2, 0)


def test_what_is_too_much_for_the_network_does_not_halve() -> None:
    run = fails(crowd(8), "A", FailureClass.NETWORK)
    assert account(run).window is None
    assert not account(run).open


# --- one after the other -------------------------------------------------------------------------


def test_starts_after_a_limit_follow_each_other_until_one_has_ended_well() -> None:
    run = crowd(8)
    for name in "ABCDEFGH":
        fails(run, name, RATE)
    assert account(run).window == 4
    assert not at_work(run)
    reopened(run)
    assert len(at_work(run)) == 1, "the first one tries"
    waiting = next(iter(set("ABCDEFGH") - at_work(run)))
    assert "starts on acme follow each other, the next in" in run.explain(waiting)
    next_at = run.steps().wake_at
    assert next_at is not None
    assert 0.5 * STAGGER_S <= next_at - run.clock.now <= 1.5 * STAGGER_S
    run.clock.advance_to(next_at)
    launched(run.settle())
    assert len(at_work(run)) == 2
    ends(run, next(iter(at_work(run))), code=0, ok=True)
    assert len(at_work(run)) == 4, "it is proven: the window alone decides"


def test_the_moments_of_a_limit_are_the_same_each_time() -> None:
    """Jitter comes from the run and the attempt: a replay gives the same freeze and starts."""
    one, two = (fails(crowd(3), "A", RATE) for _ in range(2))
    assert account(one) == account(two)
    assert account(reopened(one)).next_start_at == account(reopened(two)).next_start_at


# --- a person ------------------------------------------------------------------------------------


def test_a_login_that_fails_closes_the_account_and_asks_once() -> None:
    """Three tasks, one sentence; none of them has failed, and no retry was used up."""
    run = crowd(3)
    for name in "ABC":
        fails(run, name, AUTH)
    assert [each.state for each in run.state.tasks.values()] == [TaskState.READY] * 3
    assert account(run).closed
    assert standstill(run.state) == (
        "acme lets nobody in: the agent reported that it failed (agentdeck accounts resume acme)"
    )
    assert run.steps().wake_at is None
    assert run.explain("B").startswith("B waits: acme lets nobody in")
    assert sum(isinstance(r.event, e.AccountLimited) for r in run.history) == 1


@pytest.mark.parametrize("command", [c.ReopenAccount("acme"), c.Retry(TaskId("B"))])
def test_a_person_reopens_an_account_by_name_or_with_a_retry(command: Any) -> None:
    run = fails(crowd(2), "A", AUTH)
    fails(run, "B", AUTH)
    run.command(command)
    assert account(run).open
    launched(run.settle())
    assert at_work(run) == {"A", "B"}, "nothing is known of its limits any more"


def test_what_began_before_a_person_reopened_an_account_does_not_close_it_again() -> None:
    run = crowd(2)
    fails(run, "A", AUTH)
    run.clock.advance(60.0)
    run.command(c.ReopenAccount("acme"))
    fails(run, "B", AUTH)
    assert account(run).open
    launched(run.settle())
    run.clock.advance(60.0)
    fails(run, "B", AUTH)
    assert account(run).closed, "this one began after it"


def test_an_account_that_is_open_or_unknown_is_not_reopened() -> None:
    run = crowd(1)
    with pytest.raises(Refused, match="acme is open"):
        run.command(c.ReopenAccount("acme"))
    with pytest.raises(Refused, match="no account acne") as refused:
        run.command(c.ReopenAccount("acne"))
    assert "acme" in refused.value.hint


def test_a_person_may_lift_what_is_left_of_a_limit() -> None:
    run = fails(crowd(8), "A", RATE)
    reopened(run).command(c.ReopenAccount("acme"))
    assert account(run).window is None


# --- others --------------------------------------------------------------------------------------

BACKUP = Agent(AgentName("backup"), command=("backup",), output="scripted")
WITH_BACKUP = Agent(AgentName("cli"), use="cli", adapter=ACME, fallback=(BACKUP.name,))


def test_a_limit_that_lifts_soon_is_waited_for_and_a_long_one_is_not() -> None:
    for seconds, expected in ((300.0, set()), (3600.0, {"backup"})):
        run = crowd(3, agents=(WITH_BACKUP, BACKUP), agents_limit=1)
        fails(run, "A", RATE, run.clock.now + seconds)
        assert {run.state.tasks[TaskId(n)].attempts[-1].agent for n in at_work(run)} == expected
    working = run.state.tasks[TaskId(next(iter(at_work(run))))]
    assert working.attempts[-1].why == "backup in place of cli: acme is rate limited"
    assert working.attempts[-1].account == ""


def test_a_task_that_waits_for_an_account_keeps_nobody_off_its_files() -> None:
    """It may have to wait for days, and somebody else can work on them meanwhile."""
    of = plan(
        "A src/",
        task("C src/a.py", agent=BACKUP.name),
        agents=(CLI, BACKUP),
        defaults=Defaults(agent=CLI.name, backoff_s=0.0),
        agents_limit=1,
    )
    run = launched(started(of))
    fails(run, "A", QUOTA)
    assert run.task_state("A") is TaskState.READY
    assert at_work(run) == {"C"}


# --- facts ---------------------------------------------------------------------------------------


def test_utilization_is_noted_when_it_changes() -> None:
    run = crowd(1)
    who = run.state.tasks[TaskId("A")]
    first = accounts.noted(run.state, who, 0.5, None)
    assert first is not None
    run.append(first)
    assert account(run).utilization == 0.5
    assert accounts.noted(run.state, who, 0.502, None) is None
    assert accounts.noted(run.state, who, float("nan"), None) is None
    more = accounts.noted(run.state, who, 7.0, None)
    assert more is not None
    assert more.utilization == 1.0


def test_a_report_about_an_account_on_which_nobody_works_is_stale() -> None:
    run = crowd(1)
    with pytest.raises(StaleEvent):
        run.append(e.AccountLimited("other", TaskId("A"), 1, RATE, "", None))
    with pytest.raises(StaleEvent):
        run.append(e.AccountReopened("other"))


def test_a_closed_account_is_not_opened_by_time_that_a_limit_before_took() -> None:
    """It was frozen when somebody found it closed: only a person opens it, and the run says so."""
    run = crowd(2)
    run.append(e.AccountLimited("acme", TaskId("A"), 1, RATE, "", run.clock.now + 60))
    fails(run, "A", AUTH)
    fails(run, "B", RATE)
    wait(run, 3600)
    blocker = blocker_of(run.state, TaskId("A"), run.clock.now)
    assert blocker is not None
    assert blocker.until is None
    assert standstill(run.state) is not None


def test_a_task_may_meet_limits_again_and_again_within_bounds() -> None:
    run = crowd(1)
    run.state.tasks[TaskId("A")].free_failures = policy.MAX_FREE_FAILURES
    fails(run, "A", RATE)
    assert run.task_state("A") is TaskState.FAILED


def test_a_claim_of_a_resumed_attempt_keeps_its_session_through_a_limit() -> None:
    adapter = Adapter(name="cli", provider="acme", output="scripted", resume=("cli", "-r"))
    run = crowd(1, agents=(Agent(AgentName("cli"), use="cli", adapter=adapter),))
    run.append(e.AttemptProgressed(TaskId("A"), 1, 9, session="s-1", tokens_in=3))
    fails(run, "A", RATE)
    assert not any(isinstance(r.event, RetryScheduled) and r.event.counts for r in run.history)
    reopened(run)
    assert run.state.tasks[TaskId("A")].attempts[-1].resumed == "s-1"
