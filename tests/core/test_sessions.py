"""A session goes on where the policy keeps it and the agent can; a lost one costs nothing, once."""

from __future__ import annotations

from typing import Any

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter
from agentdeck.core.events import FailureClass, NextSession
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Defaults
from agentdeck.core.policy import POLICY, GoesOn
from agentdeck.core.state import Attempt, TaskState
from agentdeck.core.steps import Prepare
from agentdeck.testing.builders import Run, plan, reached, run_until, started

A = TaskId("A")
ADAPTER = Adapter(name="talker", output="scripted", start=("talker",), resume=("talker", "-r"))
TALKER = Agent(AgentName("talker"), use="talker", adapter=ADAPTER)
DEAF = Agent(AgentName("deaf"), command=("deaf",), output="scripted")


def ended(
    cause: FailureClass | None,
    *,
    agent: str = "talker",
    session: str | None = "s-1",
    **exits: Any,
) -> Run:
    """A run whose task A has just failed its first attempt, in session s-1."""
    defaults = Defaults(retries=9, backoff_s=60.0)
    of = plan("A", agent=agent, agents=(TALKER, DEAF), defaults=defaults)
    run = run_until(started(of), reached("A", TaskState.WORKING))
    run.append(e.AttemptProgressed(A, 1, 10, session=session, tokens_in=5))
    return exit_of(run, 1, "head-1", **{"code": 1, "ok": False, "cause": cause, **exits})


def exit_of(run: Run, number: int, head: str, **exits: Any) -> Run:
    run.append(e.AttemptExited(A, number, **exits))
    run.append(e.AttemptCollected(A, number, head, f"{head}-tree", 1))
    return run.settle()


def attempt(run: Run, number: int) -> Attempt:
    """The attempt of this number, once its wait is over and it is claimed."""
    run_until(run, lambda r: len(r.state.tasks[A].attempts) >= number)
    return run.state.tasks[A].attempts[number - 1]


@pytest.mark.parametrize("cause", [cause for cause in FailureClass if POLICY[cause].retry])
def test_the_next_attempt_goes_on_in_the_session_as_its_row_says(cause: FailureClass) -> None:
    second = attempt(ended(cause), 2)
    goes_on = POLICY[cause].goes_on
    assert second.resumed == ("s-1" if goes_on is GoesOn.SESSION else None)
    assert second.fresh is (goes_on is GoesOn.FRESH)


def test_only_an_agent_that_can_resume_is_given_a_session() -> None:
    assert attempt(ended(FailureClass.CRASH, agent="deaf"), 2).resumed is None


@pytest.mark.parametrize("session", [None, "--yolo", "-r", "a b", "x" * 200, "a\nb"])
def test_a_session_id_that_is_no_id_becomes_no_argument(session: str | None) -> None:
    """It comes from the output of an agent, and would stand on a command line."""
    assert attempt(ended(FailureClass.CRASH, session=session), 2).resumed is None


def test_a_gate_that_is_red_in_the_queue_leads_back_into_the_session() -> None:
    run = run_until(
        started(plan("A", agent="talker", agents=(TALKER,))), reached("A", TaskState.WORKING)
    )
    run.append(e.AttemptProgressed(A, 1, 10, session="s-1"))
    run_until(run, reached("A", TaskState.QUEUED))
    entry = next(iter(run.state.queue))
    run.append(
        e.EntryEjected(entry, FailureClass.GATE, "gate unit failed"),
        e.RetryScheduled(
            A, 1, FailureClass.GATE, "gate unit failed", 0.0, session=NextSession.KEEP
        ),
    )
    assert attempt(run, 2).resumed == "s-1"


def test_a_persons_retry_goes_on_in_the_session_unless_it_is_fresh() -> None:
    for fresh in (False, True):
        run = ended(FailureClass.CRASH).command(c.Retry(A, "use the new API", fresh))
        assert attempt(run, 2).resumed == (None if fresh else "s-1")


def test_a_persons_retry_does_not_wake_a_conversation_that_is_stuck() -> None:
    run = ended(FailureClass.IDLE)
    assert run.task_state("A") is TaskState.RETRYING
    assert attempt(run.command(c.Retry(A)), 2).resumed is None


def test_a_task_that_was_stopped_goes_on_in_its_session_when_it_is_retried() -> None:
    of = plan("A", agent="talker", agents=(TALKER,))
    run = run_until(started(of), reached("A", TaskState.WORKING))
    run.append(e.AttemptProgressed(A, 1, 10, session="s-1")).command(c.Stop(A))
    run_until(run, reached("A", TaskState.CANCELLED)).command(c.Retry(A))
    assert attempt(run, 2).resumed == "s-1"


def resumed(**exits: Any) -> Run:
    """A second attempt that went on in s-1 and has ended so, two seconds after its launch."""
    run = ended(FailureClass.CRASH)
    attempt(run, 2)
    run_until(run, reached("A", TaskState.WORKING))
    run.clock.advance(exits.pop("after_s", 2.0))
    if tokens := exits.pop("tokens", 0):
        run.append(e.AttemptProgressed(A, 2, 10, tokens_in=tokens))
    return exit_of(run, 2, exits.pop("head", "head-1"), **exits)


UNKNOWN_SESSION = [
    pytest.param({"code": 1, "ok": False, "detail": "No conversation found"}, id="claude"),
    pytest.param({"code": 1}, id="codex, opencode"),
    pytest.param({"code": 42}, id="gemini"),
]


@pytest.mark.parametrize("exits", UNKNOWN_SESSION)
def test_a_session_that_is_not_known_any_more_costs_nothing(exits: dict[str, Any]) -> None:
    run = resumed(**exits)
    failures = run.state.tasks[A].failures
    assert run.state.tasks[A].attempts[1].cause is FailureClass.SESSION
    third = attempt(run, 3)
    assert (third.resumed, third.fresh) == (None, False)
    assert run.state.tasks[A].failures == failures == 1, "the crash before it"


def test_no_session_of_a_task_is_resumed_after_one_was_not_known() -> None:
    """Else every second attempt would be lost on an agent that keeps no sessions."""
    run = resumed(code=1)
    attempt(run, 3)
    run_until(run, reached("A", TaskState.WORKING))
    run.append(e.AttemptProgressed(A, 3, 10, session="s-3", tokens_in=5))
    exit_of(run, 3, "head-3", code=1, ok=False, cause=FailureClass.CRASH)
    assert attempt(run, 4).resumed is None


@pytest.mark.parametrize(
    ("exits", "cause"),
    [
        ({"code": 1, "tokens": 5}, FailureClass.CRASH),
        ({"code": 1, "after_s": 300.0}, FailureClass.CRASH),
        ({"code": 1, "head": "head-2"}, FailureClass.CRASH),
        ({"code": -9}, FailureClass.CRASH),
        ({"code": None}, FailureClass.LOST),
        ({"code": 1, "ok": False, "cause": FailureClass.OVERLOAD}, FailureClass.OVERLOAD),
    ],
)
def test_an_attempt_that_did_something_knew_its_session(
    exits: dict[str, Any], cause: FailureClass
) -> None:
    """Work, usage, time, a signal or another culprit: each alone means that it had begun."""
    assert resumed(**exits).state.tasks[A].attempts[1].cause is cause


def test_the_worktree_is_prepared_for_a_resumed_attempt_as_for_any_other() -> None:
    run = ended(FailureClass.CRASH)
    attempt(run, 2)
    assert Prepare(A, 2) in run.steps().steps
