"""One word for how a run stands. The same on every face."""

from __future__ import annotations

from enum import StrEnum

from agentdeck.core import inbox
from agentdeck.core.events import Outcome
from agentdeck.core.explain import standstill
from agentdeck.core.state import RunState


class RunWord(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    PAUSED = "paused"  # it drains: nothing new starts
    NEEDS_YOU = "needs you"  # something waits for a person, or nothing moves until one decides
    COMPLETE = "complete"
    STOPPED = "stopped"  # a person ended it
    LEFT = "left"  # its engine was stopped in good order before the run had ended
    CRASHED = "crashed"  # its engine is gone without a word
    DAMAGED = "damaged"  # its journal is not what was written; what is shown is what is sound of it


def state_word(state: RunState, *, alive: bool) -> RunWord:
    """How a run stands.

    Args:
        state: the fold of its journal.
        alive: does an engine answer for it?
    """
    if state.outcome is Outcome.COMPLETE:
        return RunWord.COMPLETE
    if state.outcome is Outcome.STOPPED:
        return RunWord.STOPPED
    if not alive:
        # A run that no engine has had yet is waiting for its first one.
        crashed = state.engine_running
        return RunWord.CRASHED if crashed else RunWord.LEFT
    if state.paused:
        return RunWord.PAUSED
    if any(item.needs_you for item in inbox.waiting(state)) or standstill(state):
        return RunWord.NEEDS_YOU
    return RunWord.RUNNING


def next_step(word: RunWord, run: str) -> str:
    """What a person can do about it, as a command; empty when there is nothing to do."""
    if word in (RunWord.LEFT, RunWord.CRASHED):
        return f"agentdeck attach {run}"
    if word is RunWord.DAMAGED:
        return f"agentdeck runs repair {run}"
    if word is RunWord.PAUSED:
        return f"agentdeck resume --run {run}"
    return ""
