"""Effects of reviews, by agents and by a person, on what is known of an attempt.

Rules: a review by an agent is open from its start to the end of its process, also when the task
has moved on meanwhile; what it has used counts in any case. A person's review is recorded when they
send the work back: with a yes there is nothing more to say than whose it is.
"""

from __future__ import annotations

from typing import Final, assert_never

from agentdeck.core import events as e
from agentdeck.core.effects_shared import attempt_of
from agentdeck.core.events import ReviewVerdict
from agentdeck.core.state import OpenReview, Review, RunState, TaskRun
from agentdeck.core.steps import EndReview, RunReview

WAITS: Final = "waits for a review"  # the outcome of an attempt that stands so


def take(state: RunState, event: e.ReviewEvent, at: float) -> None:
    """The effect of `event`."""
    match event:
        case e.ReviewStarted():
            state.reviewing[event.task] = OpenReview(event.attempt, event.run, event.place)
            review = Review(
                run=event.run, by=event.by, started_at=at, model=event.model, place=event.place
            )
            attempt_of(state, event.task).reviews.append(review)
        case e.ReviewFinished():
            _finish(state, event, at)
        case _ as never:
            assert_never(never)


def sent_back(task: TaskRun, event: e.TaskRetried, at: float) -> None:
    """Record a person's review, if this retry is one."""
    attempt = task.attempt
    if attempt is None or not (event.feedback or event.comments):
        return
    if event.comments or attempt.outcome == WAITS:
        attempt.reviews.append(
            Review(
                run=0,
                by=event.by,
                started_at=at,
                finished_at=at,
                verdict=ReviewVerdict.REQUEST_CHANGES,
                summary=event.feedback,
                comments=event.comments,
            )
        )


def _finish(state: RunState, event: e.ReviewFinished, at: float) -> None:
    del state.reviewing[event.task]
    for step in (RunReview, EndReview):
        state.troubles.pop(step(event.task, event.attempt, event.run).key, None)
    attempt = state.tasks[event.task].attempts[event.attempt - 1]
    review = next(one for one in attempt.reviews if one.run == event.run)
    review.finished_at, review.verdict = at, event.verdict
    review.summary, review.comments, review.problem = event.summary, event.comments, event.problem
    review.log, review.model = event.log, event.model or review.model
    review.tokens_in, review.tokens_out = event.tokens_in, event.tokens_out
    review.tokens_cached = event.tokens_cached
    review.usd, review.usd_priced = event.usd, event.usd_priced
