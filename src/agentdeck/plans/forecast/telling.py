"""Whether anything may be said of the end of a live run; see `outlook` for when not."""

from __future__ import annotations

from agentdeck.core.explain import budgets_asking
from agentdeck.core.state import RunState


def can_tell(state: RunState) -> bool:
    """Is there an end to be forecast now?"""
    if state.outcome is not None or state.paused or state.ending or budgets_asking(state):
        return False
    return any(task.attempts for task in state.tasks.values())


__all__ = ["can_tell"]
