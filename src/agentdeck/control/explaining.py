"""Why a task stands where it stands, with what a tracker proposes about it.

Rules:
- The sentence is that of `core.explain`. What a tracker proposes lies in a file beside the journal,
  so the faces that have the run's folder add it.
- The file is only looked at: nothing is locked or made, and one that cannot be read says nothing
  here. `agentdeck tracker list` says what is wrong with it.
"""

from __future__ import annotations

from typing import Final

from agentdeck.control.tracker_inbox import kept_proposals
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.proposals import Proposal, in_words
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder

NAMED: Final = 3  # proposals about one task in its sentence


def explained(folder: RunFolder, state: RunState, task: TaskId, now: float) -> str:
    """One sentence on why a task stands where it stands. Raises KeyError for an unknown id."""
    return with_proposals(explain(state, task, now), proposed(folder, state).get(task, ""))


def with_proposals(sentence: str, told: str) -> str:
    """A sentence about a task, with what is proposed about it."""
    return f"{sentence}; {told}" if told else sentence


def proposed(folder: RunFolder, state: RunState) -> dict[TaskId, str]:
    """What a tracker proposes about each task, as the end of a sentence."""
    tracker = state.plan.tracker
    if tracker is None or not tracker.accept or state.outcome is not None:
        return {}
    about: dict[TaskId, list[Proposal]] = {}
    for found in kept_proposals(folder):
        if TaskId(found.task) in state.tasks:
            about.setdefault(TaskId(found.task), []).append(found)
    return {task: _sentence(found) for task, found in about.items()}


def _sentence(found: list[Proposal]) -> str:
    more = [f"and {len(found) - NAMED} more proposals wait"] if len(found) > NAMED else []
    return "; ".join((*map(in_words, found[:NAMED]), *more))


__all__ = ["explained", "proposed", "with_proposals"]
