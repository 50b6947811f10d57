"""What a report says of reviews: by whom, with which verdict, how often, and what was said."""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core.events import ReviewComment, ReviewVerdict
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Land, ReviewRules
from agentdeck.core.state import TaskState
from agentdeck.core.steps import RunReview
from agentdeck.plans.reporting import wording
from agentdeck.plans.reporting.card import cards
from agentdeck.plans.reporting.told import Told
from agentdeck.testing.builders import Run, plan, reached, review_finished, run_until, started

T = TaskId("T")
CRITIC = AgentName("critic")
COMMENT = ReviewComment("a.py", 3, "name it")


def sent_back_then_approved() -> Run:
    """One round by an agent, one by a person, then a yes of the agent."""
    run = started(
        plan(
            "T",
            land=Land.REVIEW,
            agents=(Agent(CRITIC, command=("critic", "{prompt}")),),
            review=ReviewRules(by=CRITIC),
        )
    )
    verdicts = [ReviewVerdict.REQUEST_CHANGES, ReviewVerdict.FAILED, ReviewVerdict.APPROVE]
    for verdict in verdicts:
        run_until(run, lambda r: bool(r.of_kind(RunReview)))
        [step] = run.of_kind(RunReview)
        assert isinstance(step, RunReview)
        objects = verdict is ReviewVerdict.REQUEST_CHANGES
        comments = (COMMENT,) if objects else ()
        ended = review_finished(run.state, step, verdict, comments=comments, usd=0.25)
        run.append(ended)
        if verdict is ReviewVerdict.FAILED:
            run.command(c.Retry(T, "as I say", by="kim", comments=(COMMENT,)))
        run.settle()
    return run_until(run, reached("T", TaskState.LANDED))


def test_a_card_names_each_review_with_its_verdict_rounds_and_comments() -> None:
    """By an agent and by a person, in order, with the cost of each, and whose yes it was."""
    told = Told()
    for recorded in sent_back_then_approved().history:
        told.take(recorded)
    [card] = cards(told)
    assert [(row.attempt, row.by, row.agent, row.verdict) for row in card.reviews] == [
        (1, "critic", True, "request changes"),
        (2, "critic", True, "failed"),
        (2, "kim", False, "request changes"),
        (3, "critic", True, "approve"),
    ]
    assert card.reviews[0].comments == ["a.py:3: name it"]
    assert [row.usd for row in card.reviews] == [0.25, 0.25, None, 0.25]
    assert card.approval is not None
    assert card.approval.by == "critic"
    assert wording.rounds(card) == 2
    assert wording.review(card.reviews[2]) == (
        "kim on attempt 2: request changes, 1 comment: as I say"
    )
