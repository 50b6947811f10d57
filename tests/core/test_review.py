"""Reviews by agents: who reviews, what follows from a verdict, and when a person is asked."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import Refused
from agentdeck.core.events import AnyEvent, FailureClass, ReviewComment, ReviewVerdict
from agentdeck.core.explain import needs_person, standstill
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Budget, Land, ReviewRules
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import EndReview, IOStep, RunReview, Watch
from agentdeck.testing import builders
from agentdeck.testing.builders import plan, reached, review_finished, run_until, started

T = TaskId("T")
CRITIC = AgentName("critic")
COMMENT = ReviewComment("src/a.py", 12, "name it\nand test it")
AGENTS = (Agent(CRITIC, command=("critic", "{prompt}"), model="sharp"),)


def reviewed(*tasks: str, by: str = CRITIC, rounds: int = 2, **fields: object) -> builders.Run:
    """A run whose first task, or the one of that name, waits for its review."""
    of = plan(
        *(tasks or ("T",)),
        land=Land.REVIEW,
        agents=AGENTS,
        review=ReviewRules(by=by, rounds=rounds),
        **fields,
    )
    return run_until(started(of), reached("T", TaskState.REVIEWING)).settle()


def finish(run: builders.Run, verdict: ReviewVerdict, **fields: object) -> builders.Run:
    """Let the review that is under way end so."""
    [step] = run.of_kind(RunReview)
    assert isinstance(step, RunReview)
    return run.append(review_finished(run.state, step, verdict, **fields)).settle()


def test_the_reviewer_that_the_plan_names_is_started_on_the_collected_commit() -> None:
    """Proven work is looked at by the reviewer, at its exact head, and nobody is asked."""
    run = reviewed()
    [start] = [r.event for r in run.history if isinstance(r.event, e.ReviewStarted)]
    assert (start.by, start.model, start.head, start.run) == (CRITIC, "sharp", "T.1", 1)
    assert run.of_kind(RunReview) == [RunReview(T, 1, 1)]
    assert needs_person(run.state) == []
    assert standstill(run.state) is None
    assert "reviewed by critic" in run.explain("T")


def test_a_yes_approves_in_the_name_of_the_reviewer() -> None:
    """What the reviewer approves goes on into the merge queue."""
    run = finish(reviewed(), ReviewVerdict.APPROVE)
    assert run.task_state("T") is TaskState.QUEUED
    assert run.state.tasks[T].approved_by == CRITIC


def test_request_changes_sends_the_work_back_with_every_comment() -> None:
    """The next attempt is told each comment with file and line, and no retry is used up."""
    run = finish(reviewed(), ReviewVerdict.REQUEST_CHANGES, summary="nearly", comments=(COMMENT,))
    task = run.state.tasks[T]
    assert len(task.attempts) == 2
    assert task.failures == 0
    assert task.attempts[0].cause is FailureClass.REVIEW
    assert not task.attempts[1].fresh
    assert task.feedback.splitlines() == [
        "critic reviewed it and wants 1 change: nearly",
        "",
        "src/a.py:12: name it",
        "    and test it",
    ]


def objects_always(state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
    """A reviewer that is never content."""
    if isinstance(step, RunReview):
        return [review_finished(state, step, ReviewVerdict.REQUEST_CHANGES, summary="no")]
    return None


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_after_its_rounds_a_person_is_asked(rounds: int) -> None:
    """Work is sent back as often as the plan says; then it waits for a person, who is told why."""
    run = reviewed(rounds=rounds)
    run_until(run, lambda r: bool(needs_person(r.state)), objects_always)
    assert len(run.state.tasks[T].attempts) == rounds + 1
    assert run.task_state("T") is TaskState.REVIEWING
    assert "critic wants changes" in run.explain("T")
    assert "T" in (standstill(run.state) or "")


def test_a_persons_retry_begins_the_rounds_anew() -> None:
    """Who was asked and sends it back lets the reviewer look at it again."""
    run = reviewed(rounds=0)
    finish(run, ReviewVerdict.REQUEST_CHANGES, summary="no")
    run.command(c.Retry(T, "do what it says")).settle()
    run_until(run, reached("T", TaskState.REVIEWING)).settle()
    assert run.of_kind(RunReview) == [RunReview(T, 2, 1)]


def test_a_review_without_a_verdict_is_tried_once_more_then_a_person_is_asked() -> None:
    """A crash of the reviewer costs the work nothing; the second one is told to a person."""
    run = finish(reviewed(), ReviewVerdict.FAILED, problem="exit 3")
    assert run.of_kind(RunReview) == [RunReview(T, 1, 2)]
    finish(run, ReviewVerdict.FAILED, problem="no JSON in its last message")
    assert run.of_kind(RunReview) == []
    assert [task.id for task in needs_person(run.state)] == [T]
    assert "no verdict, 2 times: no JSON in its last message" in run.explain("T")
    assert len(run.state.tasks[T].attempts) == 1


def test_the_doer_is_never_the_reviewer() -> None:
    """Who has done the work, as a fallback or by a changed plan, does not judge it."""
    run = reviewed(by="scripted")
    assert run.of_kind(RunReview) == []
    assert "scripted did this work itself" in run.explain("T")
    assert [task.id for task in needs_person(run.state)] == [T]


def test_two_reviews_of_a_task_are_never_under_way() -> None:
    """A second start is stale, and so is the end of a review that is not under way."""
    run = reviewed()
    with pytest.raises(StaleEvent):
        run.append(e.ReviewStarted(T, 1, 2, CRITIC, "T.1"))
    with pytest.raises(StaleEvent):
        run.append(e.ReviewFinished(T, 1, 2, CRITIC, ReviewVerdict.APPROVE))


def test_a_person_who_decides_first_ends_the_review() -> None:
    """After a person's yes the reviewer is ended, and what it says is not heard but is paid for."""
    run = reviewed().command(c.Approve(T, by="kim")).settle()
    assert run.of_kind(RunReview) == []
    assert run.of_kind(EndReview) == [EndReview(T, 1, 1)]
    late = review_finished(
        run.state, EndReview(T, 1, 1), ReviewVerdict.REQUEST_CHANGES, usd=0.5, summary="no"
    )
    run.append(late).settle()
    assert run.state.tasks[T].approved_by == "kim"
    assert run.task_state("T") is TaskState.QUEUED
    assert run.state.usd == 0.5
    assert run.of_kind(EndReview) == []


def test_a_run_does_not_end_before_its_reviewers() -> None:
    """No process of a run is left when it has ended."""
    run = reviewed().command(c.EndRun()).settle()
    assert run.state.outcome is None
    [step] = run.of_kind(EndReview)
    assert isinstance(step, EndReview)
    run.append(review_finished(run.state, step, ReviewVerdict.ENDED)).settle()
    assert run.state.outcome is not None


def test_a_reviewer_takes_a_slot() -> None:
    """With one agent at once nothing starts beside a review, and no review beside an agent."""
    run = reviewed("T", "U", agents_limit=1)
    assert run.task_state("U") is TaskState.READY
    assert "agent slots are taken" in run.explain("U")
    finish(run, ReviewVerdict.APPROVE)
    assert run.task_state("U") is TaskState.PREPARING


def test_nothing_is_reviewed_while_the_run_is_paused() -> None:
    """A paused run starts no reviewer, and says so."""
    run = reviewed()
    run.command(c.Pause())
    [step] = run.of_kind(RunReview)  # it goes on: only starts wait
    assert isinstance(step, RunReview)
    run.append(review_finished(run.state, step, ReviewVerdict.FAILED)).settle()
    assert run.of_kind(RunReview) == []
    assert "waits for its reviewer critic: the run is paused" in run.explain("T")
    assert "the run is paused" in (standstill(run.state) or "")


def test_a_used_up_budget_keeps_a_review_from_starting_and_a_person_is_asked() -> None:
    """What a review would cost is not begun under a budget that is used up."""

    def spends(state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        if isinstance(step, Watch):
            spent = e.AttemptProgressed(step.task, step.attempt, 1, usd=1.0)
            return [spent, e.AttemptExited(step.task, step.attempt, 0, ok=True)]
        return None

    of = plan(
        "T",
        land=Land.REVIEW,
        agents=AGENTS,
        review=ReviewRules(by=CRITIC),
        budget=Budget(usd=1.0),
    )
    run = run_until(started(of), reached("T", TaskState.REVIEWING), spends).settle()
    assert run.of_kind(RunReview) == []
    assert "budget of $1 is used up" in run.explain("T")
    assert "budget" in (standstill(run.state) or "")
    run.command(c.RaiseBudget("run", usd=5.0)).settle()
    assert run.of_kind(RunReview) == [RunReview(T, 1, 1)]


def test_use_of_a_review_counts_in_the_budgets_of_its_task() -> None:
    """Money that a reviewer uses is used of the task's own budget."""
    run = reviewed(builders.task("T", budget=Budget(usd=0.4)))  # type: ignore[arg-type]
    finish(run, ReviewVerdict.APPROVE, usd=0.3, tokens_in=100, tokens_out=20)
    assert run.state.usd == 0.3
    assert run.state.tokens == 120
    assert run.state.marked == {"task:T": 0.5}


def test_a_persons_comments_go_back_with_the_work() -> None:
    """A retry with comments is told to the agent as `file:line: text`, under the person's name."""
    run = reviewed(by="person")
    run.command(c.Retry(T, "two things", by="kim", comments=(COMMENT,))).settle()
    task = run.state.tasks[T]
    assert task.feedback == "two things\n\nsrc/a.py:12: name it\n    and test it"
    assert task.feedback_by == "kim"
    [review] = task.attempts[0].reviews
    assert (review.by, review.run, review.comments) == ("kim", 0, (COMMENT,))


@pytest.mark.parametrize(
    "comment",
    [
        ReviewComment("a.py", 1, " "),
        ReviewComment("a.py", 1, "x" * 1_001),
        ReviewComment("a.py", -1, "x"),
        ReviewComment("a\n.py", 1, "x"),
    ],
)
def test_a_comment_that_says_nothing_or_too_much_is_refused(comment: ReviewComment) -> None:
    """What a person comments has bounds, and a place."""
    with pytest.raises(Refused):
        reviewed(by="person").command(c.Retry(T, comments=(comment,)))


def test_comments_need_a_task() -> None:
    """A retry of red gates takes no comments."""
    with pytest.raises(Refused, match="name the task"):
        reviewed(by="person").command(c.Retry(comments=(COMMENT,)))
