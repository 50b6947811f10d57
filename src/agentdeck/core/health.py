"""Health of agents and pools: how their attempts end, and who fails again and again.

Rules:
- Everything follows from the attempts that the state holds. An attempt that a person stopped, that
  met a limit, or that had to end for a budget counts neither way: nobody failed.
- An attempt that has ended is well until something is held against it: a red gate, a review.
- Who has failed `AGAIN` times in a row at what is its own to do (to start, to go on, to end by
  itself) is unhealthy, until an attempt ends well. Red gates and conflicts are about the work, and
  count for the rate alone.
- It is said, and nothing else: whether new work still goes there is decided by `core.policy` and
  `core.accounts`, for each failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from agentdeck.core.events import FailureClass as F
from agentdeck.core.ids import TaskId
from agentdeck.core.state import Attempt, RunState

AGAIN: Final = 3  # failures in a row; two happen by chance in every long run
_NOBODYS: Final = frozenset(
    {F.STOPPED, F.BUDGET, F.RATE_LIMIT, F.OVERLOAD, F.NETWORK, F.QUOTA, F.SESSION}
)
_ITS_OWN: Final = frozenset(
    {F.CRASH, F.LOST, F.AGENT, F.AUTH, F.SETUP, F.NO_PROGRESS, F.IDLE, F.OUTPUT, F.TIMEOUT}
)


class Health(msgspec.Struct, frozen=True):
    """How attempts of an agent, or in a pool, have ended."""

    at_work: int  # attempts with a process
    well: int
    failed: int
    mean_s: float | None  # of work, of those that ended either way; None = none has
    causes: dict[str, int]  # of failures, the most frequent first
    unhealthy: str = ""  # why it is; empty = nothing points to that
    advice: str = ""  # what a person can do about it

    @property
    def success(self) -> float | None:
        """The share that ended well; None = nothing has ended."""
        ended = self.well + self.failed
        return self.well / ended if ended else None


def attempts_of(
    state: RunState, *, agent: str | None = None, pool: str | None = None
) -> list[tuple[TaskId, Attempt]]:
    """The attempts of an agent, or in a pool, in the order in which they ended; live ones last."""
    found = [
        (task.id, attempt)
        for task in state.tasks.values()
        for attempt in task.attempts
        if (agent is None or attempt.agent == agent) and (pool is None or attempt.pool == pool)
    ]
    return sorted(found, key=lambda each: _ended_at(each[1]))


def health(attempts: Sequence[tuple[TaskId, Attempt]], now: float) -> Health:
    """How they have ended. O(attempts).

    Args:
        attempts: as `attempts_of` gives them.
        now: seconds since the epoch.
    """
    ended = [each for each in attempts if _counts(each[1])]
    failed = [attempt for _, attempt in ended if attempt.cause is not None]
    worked = [attempt.worked_s(now) for _, attempt in ended if attempt.launched_at is not None]
    row = _row_of_failures(ended)
    return Health(
        at_work=sum(attempt.live for _, attempt in attempts),
        well=len(ended) - len(failed),
        failed=len(failed),
        mean_s=sum(worked) / len(worked) if worked else None,
        causes=dict(Counter(str(attempt.cause) for attempt in failed).most_common()),
        unhealthy=_why(row),
        advice=_advice(row),
    )


def _ended_at(attempt: Attempt) -> float:
    if attempt.exited_at is not None:
        return attempt.exited_at
    return attempt.claimed_at if attempt.cause is not None else float("inf")


def _counts(attempt: Attempt) -> bool:
    over = attempt.exited_at is not None or attempt.cause is not None
    return over and attempt.cause not in _NOBODYS


def _row_of_failures(
    ended: Sequence[tuple[TaskId, Attempt]],
) -> list[tuple[TaskId, Attempt]]:
    """The latest failures of its own, with nothing between them; empty when they are too few."""
    row: list[tuple[TaskId, Attempt]] = []
    for task, attempt in reversed(ended):
        if attempt.cause not in _ITS_OWN:
            break
        row.append((task, attempt))
    return row if len(row) >= AGAIN else []


def _why(row: Sequence[tuple[TaskId, Attempt]]) -> str:
    if not row:
        return ""
    return f"its last {len(row)} attempts failed ({_causes(row)})"


def _causes(row: Iterable[tuple[TaskId, Attempt]]) -> str:
    found = Counter(str(attempt.cause) for _, attempt in row)
    return ", ".join(cause for cause, _ in found.most_common())


def _advice(row: Sequence[tuple[TaskId, Attempt]]) -> str:
    if not row:
        return ""
    task, latest = row[0]
    if latest.cause is F.AUTH:
        return f"log in, then `agentdeck accounts resume {latest.account or 'NAME'}`"
    if latest.cause in (F.CRASH, F.SETUP, F.LOST):
        return f"`agentdeck agents test {latest.agent}`, `agentdeck logs {task}`"
    return f"`agentdeck logs {task}` tells what it did"
