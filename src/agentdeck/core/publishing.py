"""What leaves this machine: the target pushed to a remote, and a pull request, if the plan says so.

Rules:
- It is about the plan's own repository; others of the plan are neither pushed nor requested.
- Only what has landed is pushed, under the target's own name, and never with force.
- A remote that cannot be reached delays nothing: work goes on, the push is tried again, and the run
  ends without it after `MAX_TRIES`; `agentdeck status` says why.
- A pull request is opened once, when everything has settled and the target has been pushed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agentdeck.core.state import RunState
from agentdeck.core.steps import OpenPullRequest, PushTarget
from agentdeck.core.words import first_line

MAX_TRIES: Final = 3  # before the run ends without it; the waits between them double


def pushes(state: RunState) -> Iterator[PushTarget]:
    """The push that is due: one at a time, of the newest landing."""
    if state.plan.remote.push and state.landed_here and state.pushed != state.tip:
        yield PushTarget(state.tip)


def requests(state: RunState) -> Iterator[OpenPullRequest]:
    """The pull request, when all is done and pushed."""
    wanted = state.plan.remote.pull_request and state.landed_here and not state.pull_request
    if wanted and state.pushed == state.tip:
        yield OpenPullRequest()


def keeps_open(state: RunState) -> bool:
    """Does the run wait for one of them before it ends?"""
    steps = (*pushes(state), *requests(state))
    return any(not _given_up(state, step.key) for step in steps)


def _given_up(state: RunState, key: str) -> bool:
    trouble = state.troubles.get(key)
    return trouble is not None and trouble.count >= MAX_TRIES


def trouble_of(state: RunState) -> str | None:
    """Why something that should have left this machine has not, or None."""
    for step in (*pushes(state), *requests(state)):
        trouble = state.troubles.get(step.key)
        if trouble is not None:
            what = "the push" if isinstance(step, PushTarget) else "the pull request"
            return f"{what} failed: {first_line(trouble.error)}"
    return None


def told(state: RunState) -> list[str]:
    """What a person should know of it: where the pull request is, and what went wrong."""
    trouble = trouble_of(state)
    found = [f"pull request: {state.pull_request}"] if state.pull_request else []
    return [*found, trouble] if trouble is not None else found


__all__ = ["MAX_TRIES", "keeps_open", "pushes", "requests", "told", "trouble_of"]
