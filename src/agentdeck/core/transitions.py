"""Every way in which a task's state can change, as one table.

Rules: the fold looks each change up here; what is not in the table is refused as stale. Docs and
tests are drawn from the same table. Several targets in a row mean that the event's effect depends
on the task; `fold` names the condition.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core import events as e
from agentdeck.core.state import TaskState as S

Table = dict[tuple[S, type[e.Event]], tuple[S, ...]]


def _rows(event: type[e.Event], sources: tuple[S, ...], *targets: S) -> Table:
    return {(source, event): targets for source in sources}


_NOT_STARTED: Final = (S.PENDING, S.READY, S.RETRYING)
_STUCK: Final = (S.FAILED, S.CANCELLED)

TRANSITIONS: Final[Table] = {
    # attempt
    **_rows(e.AttemptClaimed, (S.READY,), S.PREPARING),
    **_rows(e.AttemptLaunched, (S.PREPARING,), S.WORKING),
    **_rows(e.AttemptAsked, (S.PREPARING, S.WORKING, S.ASKING), S.ASKING),
    **_rows(e.AttemptAsked, (S.PAUSED,), S.PAUSED),  # said before it froze: thawing makes it ASKING
    **_rows(e.AskWithdrawn, (S.ASKING,), S.WORKING, S.ASKING),  # ASKING: another one is open
    **_rows(e.AskWithdrawn, (S.WORKING,), S.WORKING),
    **_rows(e.AskWithdrawn, (S.PAUSED,), S.PAUSED),
    **_rows(e.MessageDelivered, (S.ASKING,), S.WORKING, S.ASKING),  # ASKING: not the open question
    **_rows(e.MessageDelivered, (S.WORKING,), S.WORKING),
    **_rows(e.MessageDelivered, (S.PAUSED,), S.PAUSED),
    **_rows(e.AttemptFrozen, (S.WORKING, S.ASKING), S.PAUSED),
    **_rows(e.AttemptThawed, (S.PAUSED,), S.WORKING, S.ASKING),  # ASKING: a question is open
    **_rows(e.AttemptExited, (S.WORKING, S.PAUSED, S.ASKING), S.CHECKING, S.TAKEN),
    **_rows(e.TaskHandedBack, (S.TAKEN,), S.CHECKING),
    **_rows(e.HandBackRefused, (S.CHECKING,), S.TAKEN),
    # evidence
    **_rows(e.TaskReviewAsked, (S.CHECKING,), S.REVIEWING),
    **_rows(e.TaskProposed, (S.CHECKING, S.REVIEWING), S.PROPOSED),
    **_rows(e.TaskDone, (S.CHECKING, S.ASKING), S.LANDED),
    **_rows(e.TaskContinued, (S.CHECKING,), S.READY, S.PENDING),
    # failure
    **_rows(e.RetryScheduled, (S.PREPARING, S.CHECKING, S.REVIEWING, S.QUEUED), S.RETRYING),
    **_rows(e.RetryDue, (S.RETRYING,), S.READY, S.PENDING),  # PENDING: a dependency came undone
    **_rows(e.TaskFailed, (S.PREPARING, S.CHECKING, S.REVIEWING, S.QUEUED), S.FAILED),
    # queue
    **_rows(e.EntryQueued, (S.PROPOSED,), S.QUEUED),
    **_rows(e.EntryLanded, (S.QUEUED,), S.LANDED),
    **_rows(e.TaskReverted, (S.LANDED,), S.CANCELLED),
    # the target knows more than a journal that was damaged
    **_rows(e.LandingFound, tuple(state for state in S if state is not S.LANDED), S.LANDED),
    **_rows(e.LandingFound, (S.LANDED,), S.CANCELLED),  # its revert was found
    # a person
    **_rows(e.TaskRetried, (*_STUCK, S.RETRYING, S.REVIEWING, S.PROPOSED), S.READY, S.PENDING),
    **_rows(
        e.TaskSkipped, (*_NOT_STARTED, *_STUCK, S.REVIEWING, S.PROPOSED, S.DEFERRED), S.SKIPPED
    ),
    **_rows(e.TaskUnskipped, (S.SKIPPED,), S.READY, S.PENDING, S.DEFERRED),
    **_rows(
        e.TaskCancelled,
        (*_NOT_STARTED, S.PREPARING, S.ASKING, S.CHECKING, S.REVIEWING, S.PROPOSED, S.QUEUED),
        S.CANCELLED,
    ),
    # a changed plan: a task is deferred before it was tried, or wanted after all
    **_rows(e.PlanChanged, (S.PENDING, S.READY, S.CANCELLED), S.DEFERRED),
    **_rows(e.PlanChanged, (S.DEFERRED,), S.PENDING),
}

CHANGING: Final = frozenset(event for _, event in TRANSITIONS)


def targets(state: S, event: type[e.Event]) -> tuple[S, ...]:
    """Where `event` may lead from `state`; empty when it is not allowed there."""
    return TRANSITIONS.get((state, event), ())
