"""What a run has used, piece by piece: every attempt, and every review by an agent.

Rules:
- A piece is what one process of an agent has used: tokens of each kind and US dollars, with how
  much of these the price table says. Pieces add up to what the run has used, each counted once.
- Why an attempt was made follows from how the one before it ended.
- A piece has no price when it has used tokens, nobody says what they cost, and the table does not
  know its model. People use nothing and have no pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import msgspec

from agentdeck.core.budgets import tokens_of
from agentdeck.core.capacity import is_by_hand
from agentdeck.core.effects_shared import SENT_BACK, WENT_ON
from agentdeck.core.events import FailureClass
from agentdeck.core.ids import TaskId
from agentdeck.core.prices import Tokens
from agentdeck.core.state import Attempt, Review, RunState, TaskRun


class Purpose(StrEnum):
    """What a piece was for."""

    FIRST = "first attempts"
    RETRY = "retries"  # the attempt before has failed
    REPAIR = "repairs"  # the merge queue has sent it back
    CHANGES = "changes"  # a reviewer has sent it back
    MORE = "further turns"  # a person had more to say, or gave it back
    REVIEW = "reviews"  # of somebody else's work


class Piece(msgspec.Struct, frozen=True):
    """What one agent process has used."""

    task: TaskId
    attempt: int  # counts from 1
    purpose: Purpose
    agent: str
    model: str  # empty = its agent names none
    account: str  # whose limits it meets; empty = nobody's
    tokens: Tokens
    usd: float
    usd_priced: float  # of `usd`, by the price table
    unpriced: bool
    review: int = 0  # counts from 1; 0 = the attempt itself
    live: bool = False  # it goes on


class Sum(msgspec.Struct):
    """Some pieces together."""

    pieces: int = 0
    tasks: int = 0
    read: int = 0
    cached: int = 0
    written: int = 0
    usd: float = 0.0
    usd_priced: float = 0.0
    unpriced: int = 0  # tokens without a price, in and out

    @property
    def tokens(self) -> int:
        """In and out, as budgets count them."""
        return self.read + self.written


def pieces_of(state: RunState) -> list[Piece]:
    """Every piece, in plan order. O(attempts + reviews)."""
    return [
        piece
        for task in state.tasks.values()
        if task.attempts and not is_by_hand(state.plan, task.id)
        for piece in _of_task(state, task)
    ]


def sum_of(pieces: Iterable[Piece]) -> Sum:
    """Add some pieces up."""
    found = Sum()
    tasks: set[TaskId] = set()
    for piece in pieces:
        found.pieces += 1
        tasks.add(piece.task)
        found.read += piece.tokens.read
        found.cached += piece.tokens.cached
        found.written += piece.tokens.written
        found.usd += piece.usd
        found.usd_priced += piece.usd_priced
        if piece.unpriced:
            found.unpriced += piece.tokens.read + piece.tokens.written
    found.tasks = len(tasks)
    return found


def _of_task(state: RunState, task: TaskRun) -> Iterator[Piece]:
    before: Attempt | None = None
    for attempt in task.attempts:
        used = tokens_of(attempt)
        yield Piece(
            task.id,
            attempt.number,
            _purpose(before),
            attempt.agent,
            attempt.model or "",
            attempt.account,
            used,
            attempt.usd,
            attempt.usd_priced,
            _unpriced(state, attempt.model, used, attempt.usd),
            live=attempt.live,
        )
        yield from (_of_review(state, task, attempt, one) for one in attempt.reviews if one.run)
        before = attempt


def _of_review(state: RunState, task: TaskRun, attempt: Attempt, review: Review) -> Piece:
    used = Tokens(review.tokens_in, review.tokens_cached, review.tokens_out)
    agent = next((one for one in state.plan.agents if one.name == review.by), None)
    return Piece(
        task.id,
        attempt.number,
        Purpose.REVIEW,
        review.by,
        review.model or "",
        agent.limited_by if agent is not None else "",
        used,
        review.usd,
        review.usd_priced,
        _unpriced(state, review.model, used, review.usd),
        review.run,
        review.finished_at is None,
    )


def _purpose(before: Attempt | None) -> Purpose:
    if before is None:
        return Purpose.FIRST
    if before.outcome.startswith(SENT_BACK):
        return Purpose.REPAIR
    if before.outcome.startswith(WENT_ON):
        return Purpose.MORE
    return Purpose.CHANGES if before.cause is FailureClass.REVIEW else Purpose.RETRY


def _unpriced(state: RunState, model: str | None, used: Tokens, usd: float) -> bool:
    return usd == 0 and used != Tokens() and state.prices.price(model) is None
