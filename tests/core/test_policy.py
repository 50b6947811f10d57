"""Waits are bounded and repeat; each failure class has its row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.events import FailureClass, RetryScheduled, TaskFailed
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Defaults
from agentdeck.core.policy import JITTER, MAX_BACKOFF_S, MAX_FREE_FAILURES, POLICY, after_failure
from agentdeck.core.state import TaskRun, TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started
from agentdeck.testing.failure_table import as_document

PAGE = Path(__file__).parents[2] / "docs" / "failures.md"
NOW = 1_000.0


def failing(*, retries: int = 2, failures: int = 0, free: int = 0) -> tuple[Run, TaskRun]:
    of = plan("A", defaults=Defaults(retries=retries, backoff_s=15.0))
    run = run_until(started(of), reached("A", TaskState.CHECKING))
    task = run.state.tasks[TaskId("A")]
    task.failures, task.free_failures = failures, free
    return run, task


def test_every_failure_class_has_a_row() -> None:
    assert set(POLICY) == set(FailureClass)


def test_the_page_of_failures_is_drawn_from_the_table() -> None:
    """`python -m agentdeck.testing.failure_table > docs/failures.md` writes it anew."""
    assert PAGE.read_text(encoding="utf-8") == as_document()


@given(st.sampled_from(FailureClass), st.integers(0, 60))
def test_a_wait_is_bounded(cause: FailureClass, failures: int) -> None:
    run, task = failing(retries=100, failures=failures, free=min(failures, MAX_FREE_FAILURES - 1))
    event = after_failure(run.state, task, cause, "why", NOW)
    if isinstance(event, RetryScheduled):
        assert NOW <= event.at <= NOW + MAX_BACKOFF_S * (1 + JITTER)


def test_waits_double_within_their_jitter() -> None:
    for failures in range(4):
        run, task = failing(retries=9, failures=failures)
        event = after_failure(run.state, task, FailureClass.CRASH, "why", NOW)
        assert isinstance(event, RetryScheduled)
        wait = 15.0 * 2**failures
        assert (1 - JITTER) * wait <= event.at - NOW <= (1 + JITTER) * wait


def test_the_jitter_is_the_same_for_the_same_run_task_and_count() -> None:
    """A replay gives the same times; another count gives another share."""
    one, two, other = failing(), failing(), failing(failures=1)
    first = after_failure(one[0].state, one[1], FailureClass.CRASH, "why", NOW)
    again = after_failure(two[0].state, two[1], FailureClass.CRASH, "why", NOW)
    assert first == again
    later = after_failure(other[0].state, other[1], FailureClass.CRASH, "why", NOW)
    assert isinstance(first, RetryScheduled)
    assert isinstance(later, RetryScheduled)
    assert later.at - NOW != 2 * (first.at - NOW)


def test_the_last_retry_is_followed_by_a_person() -> None:
    run, task = failing(retries=2, failures=2)
    assert isinstance(after_failure(run.state, task, FailureClass.CRASH, "why", NOW), TaskFailed)


def test_a_rate_limit_costs_no_retry_and_waits_for_its_reset() -> None:
    run, task = failing(retries=0)
    event = after_failure(
        run.state, task, FailureClass.RATE_LIMIT, "limit", NOW, not_before=NOW + 5000
    )
    assert isinstance(event, RetryScheduled)
    assert event.at == NOW + 5000
    assert not event.counts


def test_a_limit_that_never_lifts_ends_somewhere() -> None:
    run, task = failing(free=MAX_FREE_FAILURES)
    event = after_failure(run.state, task, FailureClass.RATE_LIMIT, "limit", NOW)
    assert isinstance(event, TaskFailed)


@pytest.mark.parametrize("cause", [FailureClass.AUTH, FailureClass.SETUP, FailureClass.STOPPED])
def test_what_a_retry_cannot_help_goes_to_a_person_at_once(cause: FailureClass) -> None:
    run, task = failing()
    assert isinstance(after_failure(run.state, task, cause, "why", NOW), TaskFailed)


def test_what_the_old_worktree_cannot_heal_starts_afresh() -> None:
    run, task = failing()
    event = after_failure(run.state, task, FailureClass.GIT, "why", NOW)
    assert isinstance(event, RetryScheduled)
    assert event.fresh
