"""From the wish to take a task over until it is in a person's hands, and how they give it back.

Rules:
- A face sends `TakeOver` and looks at the run until `is_taken`; its agent ends its turn meanwhile.
- The wait is bounded. Who leaves it loses nothing: the task is theirs once the agent has ended.
- The end is a choice of three, the same in every face; what stays is `KEEP`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from agentdeck.core import commands as c
from agentdeck.core.errors import EnvironmentFault, RefusedError
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import LIVE, RunState, TaskState

TAKEN_S: Final = 60.0  # for an agent to end: its own way, then three signals with grace between


class Then(StrEnum):
    """What becomes of the task when the person leaves."""

    FINISHED = "finished"
    GO_ON = "go on"
    KEEP = "keep"


def is_taken(state: RunState, task: TaskId, since: int) -> bool:
    """Is the task in a person's hands?

    Args:
        since: the number of the event that the wish left; before it, nothing can be told.

    Raises:
        RefusedError: it will not be: it went another way meanwhile.
    """
    found = state.tasks.get(task)
    if found is None:
        raise RefusedError(f"there is no task {task} any more")
    if found.state is TaskState.TAKEN:
        return True
    if state.seq >= since and found.state not in LIVE:
        raise RefusedError(explain(state, task, state.at))
    return False


def not_ended(task: TaskId) -> EnvironmentFault:
    """What is said when the wait is over and the agent is still there."""
    return EnvironmentFault(
        f"the agent of {task} has not ended within {TAKEN_S:.0f} s",
        hint=f"`agentdeck why {task}`; take it over again when it has",
    )


def hand_back(task: TaskId, then: Then, text: str, by: str) -> c.HandBack | None:
    """The command of a choice; None where the task is kept."""
    return None if then is Then.KEEP else c.HandBack(task, then is Then.GO_ON, text, by)
