"""Who does well, and who fails again and again."""

from __future__ import annotations

from functools import partial

import pytest

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass as F
from agentdeck.core.health import AGAIN, Health, attempts_of, health
from agentdeck.core.ids import AgentName, PoolName, TaskId
from agentdeck.core.plan import Agent, Defaults, Pool
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started

A = TaskId("A")
BOT = Agent(AgentName("bot"), command=("bot",), output="scripted")


def story(*causes: F | None) -> Run:
    """One task of the agent `bot` whose attempts end so, one after the other; None = well."""
    of = plan(
        "A",
        agents=(BOT,),
        pools=(Pool(PoolName("small"), 1, agents=(BOT.name,)),),
        defaults=Defaults(agent=BOT.name, retries=20, backoff_s=0.0),
    )
    run = started(of)
    for number, cause in enumerate(causes, start=1):
        run = run_until(run, reached("A", TaskState.WORKING))
        run.clock.advance(100.0)
        run.append(e.AttemptExited(A, number, 1, ok=cause is None, cause=cause))
        if cause is None:
            break
        run.append(e.AttemptCollected(A, number, f"h{number}", f"t{number}", 1))
        if number < len(causes):
            run = run_until(run, partial(_has_begun, number + 1))
        else:
            run.settle()
    return run


def _has_begun(number: int, run: Run) -> bool:
    return len(run.state.tasks[A].attempts) >= number


def of_bot(run: Run) -> Health:
    return health(attempts_of(run.state, agent="bot"), run.clock.now)


def test_what_ended_is_counted_and_timed() -> None:
    found = of_bot(story(F.CRASH, F.GATE, None))
    assert (found.well, found.failed, found.causes) == (1, 2, {"crash": 1, "gate": 1})
    assert found.success == pytest.approx(1 / 3)
    assert found.mean_s is not None
    assert found.mean_s >= 100.0


def test_nothing_is_said_before_anything_has_ended() -> None:
    found = of_bot(run_until(story(), reached("A", TaskState.WORKING)))
    assert (found.at_work, found.success, found.mean_s, found.unhealthy) == (1, None, None, "")


def test_who_fails_again_and_again_is_unhealthy_with_a_way_out() -> None:
    """Three in a row; so is the pool it works in."""
    assert of_bot(story(*[F.CRASH] * (AGAIN - 1))).unhealthy == ""
    run = story(F.CRASH, F.CRASH, F.LOST)
    found = of_bot(run)
    assert found.unhealthy.startswith("its last 3 attempts failed (lost, crash)") or (
        found.unhealthy.startswith("its last 3 attempts failed (crash, lost)")
    )
    assert "agentdeck agents test bot" in found.advice
    in_pool = health(attempts_of(run.state, pool="small"), run.clock.now)
    assert in_pool.unhealthy == found.unhealthy


def test_an_attempt_that_ends_well_or_fails_at_its_work_ends_the_row() -> None:
    assert of_bot(story(F.CRASH, F.CRASH, F.CRASH, None)).unhealthy == ""
    assert of_bot(story(F.CRASH, F.CRASH, F.GATE)).unhealthy == ""
    assert of_bot(story(F.GATE, F.GATE, F.GATE)).unhealthy == "", "the work is red, not the agent"


def test_limits_are_nobodys_failure() -> None:
    """They count neither way, and do not end a row."""
    found = of_bot(story(F.CRASH, F.CRASH, F.OVERLOAD, F.CRASH))
    assert (found.failed, found.well) == (3, 0)
    assert found.unhealthy
