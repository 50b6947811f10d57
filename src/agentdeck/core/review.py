"""Reviews: who looks at proven work, what follows from a verdict, and when a person is asked.

Rules:
- The doer is never the reviewer: where an agent made any attempt that the work is built on, a
  person is asked in its place.
- A yes of the reviewer approves the work in its name. "Request changes" sends it back into the same
  session with every comment; that uses up no retry, and after `rounds` times a person is asked.
- A review that gives no verdict is tried once more, then a person is asked, and told why.
- A person may decide at any time; what a reviewer still says then is not heard.
- A reviewer takes an agent's slot, and its use counts for the task. It starts when nothing is
  paused, its account is open, and no budget over the task is used up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from agentdeck.core import disk, policy, repair
from agentdeck.core import events as e
from agentdeck.core.accounts import opens_in_s
from agentdeck.core.events import AnyEvent, FailureClass, ReviewComment, ReviewVerdict
from agentdeck.core.ids import AgentName
from agentdeck.core.refused import Refused
from agentdeck.core.state import Attempt, Review, RunState, TaskRun, TaskState
from agentdeck.core.words import first_line

if TYPE_CHECKING:
    from agentdeck.core.budgets import Book

MAX_COMMENTS: Final = 50  # of one review; more is a rewrite, and belongs into its summary
COMMENT_CHARS: Final = 1_000  # of one comment
FILE_CHARS: Final = 300  # of a path
SUMMARY_CHARS: Final = 4_000
MAX_FAILURES: Final = 2  # reviews of one attempt without a verdict, until a person is asked
MAX_AT_ONCE: Final = 4  # reviews; each has a scratch worktree of its own
NO_VERDICT: Final = (ReviewVerdict.FAILED, ReviewVerdict.ENDED)


class Hindered(msgspec.Struct, frozen=True):
    """What keeps a review from starting."""

    sentence: str
    until: float | None = None  # when time alone will change it, seconds since the epoch


def latest(attempt: Attempt) -> Review | None:
    """The latest review of an attempt by an agent."""
    return next((review for review in reversed(attempt.reviews) if review.run), None)


def goes_on(state: RunState, task: TaskRun) -> Review | None:
    """The review that is under way for a task."""
    under_way = state.reviewing.get(task.id)
    if under_way is None:
        return None
    reviews = task.attempts[under_way.attempt - 1].reviews
    return next((review for review in reviews if review.run == under_way.run), None)


def is_wanted(state: RunState, task: TaskRun) -> bool:
    """Should the review that is under way for a task come to its end?"""
    under_way, attempt = state.reviewing.get(task.id), task.attempt
    if under_way is None or attempt is None or state.ending or state.outcome is not None:
        return False
    waits = task.state is TaskState.REVIEWING and task.approved != attempt.number
    return waits and under_way.attempt == attempt.number


def left_to_person(state: RunState, task: TaskRun) -> str | None:
    """Why a person has to review a task that waits for a review; None = an agent does."""
    reviewer, attempt = state.settings(task.id).reviewer, task.attempt
    if reviewer is None or attempt is None or state.plan.agent_by_name[reviewer].use == "human":
        return "a person reviews it"
    if task.id in state.reviewing:
        return None
    if repair.losses_of(task):
        return "lines of others would vanish"
    if reviewer in doers(task):
        return f"{reviewer} did this work itself"
    last = latest(attempt)
    if last is None or last.verdict is ReviewVerdict.APPROVE:
        return None
    if last.verdict is ReviewVerdict.REQUEST_CHANGES:
        if task.review_rounds < state.plan.review.rounds:
            return None
        rounds = "1 round" if task.review_rounds == 1 else f"{task.review_rounds} rounds"
        times = f"after {rounds} " if task.review_rounds else ""
        return f"{times}{last.by} wants {_wants(last)}"
    if _failures(attempt) < MAX_FAILURES:
        return None
    why = f": {first_line(last.problem)}" if last.problem else ""
    return f"{last.by} gave no verdict, {MAX_FAILURES} times{why}"


def doers(task: TaskRun) -> set[AgentName]:
    """The agents that made the attempts which the latest one is built on, itself included."""
    found: set[AgentName] = set()
    for attempt in reversed(task.attempts):
        found.add(attempt.agent)
        if attempt.fresh:
            break
    return found


def is_due(state: RunState, task: TaskRun) -> bool:
    """Should a review by an agent start, as far as the task goes?"""
    attempt = task.attempt
    if task.state is not TaskState.REVIEWING or attempt is None or task.id in state.reviewing:
        return False
    if task.approved == attempt.number or left_to_person(state, task) is not None:
        return False
    last = latest(attempt)
    return last is None or last.verdict in NO_VERDICT


def hindrance(state: RunState, task: TaskRun, slots_used: int, book: Book) -> Hindered | None:
    """What keeps a due review from starting now; None = nothing."""
    if state.ending or state.outcome is not None:
        return Hindered("the run is ending")
    if state.paused:
        return Hindered(f"the run is paused by {state.paused_by}")
    if state.disk is not None:
        return Hindered(disk.sentence(state.disk))
    agent = state.plan.agent_by_name[_reviewer(state, task)]
    account = state.accounts.get(agent.limited_by)
    if account is not None and not account.open:
        until = None if account.closed else state.at + opens_in_s(account, state.at)
        return Hindered(f"{account.name} lets nothing start now", until)
    pool = task.attempt.pool if task.attempt is not None else None
    refused = next(
        (why for line in book.over(task.id, pool) if (why := line.refuses(0.0, 0))), None
    )
    if refused is not None:
        return Hindered(refused)
    if slots_used >= state.agents_limit:
        return Hindered(f"all {state.agents_limit} agent slots are taken")
    if len(state.reviewing) >= MAX_AT_ONCE:
        return Hindered(f"{MAX_AT_ONCE} reviews are under way")
    return None


def start(state: RunState, task: TaskRun) -> e.ReviewStarted:
    """The beginning of a due review."""
    attempt = task.attempt
    assert attempt is not None
    assert attempt.collected is not None
    reviewer = _reviewer(state, task)
    agent = state.plan.agent_by_name[reviewer]
    model = state.plan.review.model or agent.model or next(iter(agent.escalate), None)
    run = 1 + sum(review.run > 0 for review in attempt.reviews)
    taken = {under_way.place for under_way in state.reviewing.values()}
    place = next(number for number in range(1, MAX_AT_ONCE + 1) if number not in taken)
    head = attempt.collected.head
    return e.ReviewStarted(task.id, attempt.number, run, reviewer, head, model, place)


def verdict_follows(state: RunState, task: TaskRun, now: float) -> AnyEvent | None:
    """What follows from the verdict of an agent on a task that waits for it; None = nothing."""
    attempt = task.attempt
    if attempt is None or task.id in state.reviewing or state.ending:
        return None
    last = latest(attempt)
    if last is None or left_to_person(state, task) is not None:
        return None
    if last.verdict is ReviewVerdict.APPROVE:
        return e.TaskApproved(task.id, attempt.number, last.by)
    if last.verdict is ReviewVerdict.REQUEST_CHANGES:
        said = f"{last.by} reviewed it and wants {_wants(last)}"
        detail = in_words(said, last.comments)
        return policy.after_failure(state, task, FailureClass.REVIEW, detail, now)
    return None


def in_words(said: str, comments: Sequence[ReviewComment]) -> str:
    """What is said of the whole, then each comment as `file:line: text`."""
    rows = [comment_line(comment) for comment in comments]
    return "\n\n".join(part for part in (said.strip(), "\n".join(rows)) if part)


def comment_line(comment: ReviewComment) -> str:
    """`src/a.py:12: name it`; further lines of a comment stand below, indented."""
    where = comment.file + (f":{comment.line}" if comment.line else "")
    text = comment.text.strip().replace("\n", "\n    ")
    return f"{where}: {text}" if where else text


def checked(comments: Sequence[ReviewComment]) -> tuple[ReviewComment, ...]:
    """A person's comments, within bounds. Raises Refused."""
    if len(comments) > MAX_COMMENTS:
        raise Refused(f"there are {len(comments)} comments; at most {MAX_COMMENTS} are taken")
    for comment in comments:
        if not comment.text.strip():
            raise Refused(f"the comment on {comment.file or 'the whole'} is empty")
        if len(comment.text) > COMMENT_CHARS or len(comment.file) > FILE_CHARS:
            raise Refused(f"a comment on {comment.file[:60]} has over {COMMENT_CHARS:,} signs")
        if comment.line < 0 or not comment.file.isprintable():
            raise Refused(f"there is no line {comment.line} of {comment.file!r}")
    return tuple(comments)


def _reviewer(state: RunState, task: TaskRun) -> AgentName:
    reviewer = state.settings(task.id).reviewer
    if reviewer is None:
        raise LookupError(f"{task.id} is reviewed by a person")
    return reviewer


def _failures(attempt: Attempt) -> int:
    return sum(review.verdict in NO_VERDICT for review in attempt.reviews if review.run)


def _wants(review: Review) -> str:
    count = len(review.comments)
    what = "changes" if count == 0 else f"{count} change{'s' * (count != 1)}"
    return f"{what}: {review.summary}" if review.summary else what
