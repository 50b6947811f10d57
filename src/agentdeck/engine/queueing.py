"""The merge queue's hands: build the commit that would land, move the target, promote it.

Rules: commits are made without a checkout; the target moves by compare-and-swap only; the user's
checkout is touched by nothing but a guarded fast-forward when a person promotes.
"""

from __future__ import annotations

import asyncio
from typing import Final

from agentdeck.agents.prompt import landing_message
from agentdeck.core import events as e
from agentdeck.core.state import Entry
from agentdeck.core.steps import BuildEntry, LandEntry
from agentdeck.engine import landing
from agentdeck.engine.setting import Setting

PROMOTE_POLL_S: Final = 2.0  # while the user's checkout is in the way
LAND_AGAIN_S: Final = 2.0  # while the target is checked out somewhere, or is not where it was left


async def build(at: Setting, step: BuildEntry) -> None:
    """Make the merge of an entry with the tip."""
    entry = at.state.queue[step.entry]
    message = _message(at, entry)
    built = await at.in_thread(
        lambda: landing.build(at.git, step.tip, entry.head, message=message, trailers={})
    )
    if isinstance(built, landing.Conflict):
        await at.record(e.EntryConflicted(entry.id, step.tip, tuple(built.files)))
    else:
        await at.record(e.EntryBuilt(entry.id, built.commit, built.tree, step.tip))


def _message(at: Setting, entry: Entry) -> str:
    if entry.task is not None and entry.attempt is not None:
        return landing_message(at.state, entry.task, entry.attempt)
    return f"Bring in {at.state.base}\n\nAgentdeck-Run: {at.state.run}\n"


async def land(at: Setting, step: LandEntry) -> None:
    """Move the target from the tip that was built on to the build, or say what was found."""
    entry = at.state.queue[step.entry]
    ref = f"refs/heads/{at.state.target}"
    assert entry.build is not None
    tree = entry.build.tree

    def move() -> e.AnyEvent:
        try:
            outcome = landing.land(at.git, ref, step.commit, step.expected)
        except landing.LandRefused as refused:
            return e.LandingBlocked(entry.id, refused.message, at.engine.clock())
        if isinstance(outcome, landing.Landed) or landing.landed_already(at.git, ref, step.commit):
            return e.EntryLanded(entry.id, step.commit, tree, entry.task)
        found = outcome.found
        if found is None or not at.git.is_ancestor(step.expected, found):
            # Going on from there would drop what has landed. Only a person can know what is meant.
            reason = _went_back(at.state.target, found, step.expected)
            return e.LandingBlocked(entry.id, reason, at.engine.clock())
        return e.LandingLost(entry.id, found, at.git.tree_of(found))

    while True:
        outcome = await at.in_thread(move)
        if not isinstance(outcome, e.LandingBlocked):
            await at.record(outcome)
            return
        if outcome.reason != entry.blocked:
            await at.record(outcome)
        await asyncio.sleep(LAND_AGAIN_S)


def _went_back(target: str, found: str | None, expected: str) -> str:
    """What was done to the target by hand, and the command that undoes it."""
    if found is None:
        return f"{target} is gone; `git branch {target} {expected[:12]}` brings it back"
    return (
        f"{target} was moved by hand to {found[:12]}, which lacks what has landed; "
        f"`git branch -f {target} {expected[:12]}` brings it back"
    )


async def promote(at: Setting) -> None:
    """Bring the target into the base; waits, and says for what, while it cannot be done."""
    ref = f"refs/heads/{at.state.target}"
    while True:
        outcome = await at.in_thread(lambda: landing.promote(at.git, ref, at.state.base))
        if isinstance(outcome, landing.Promoted):
            await at.record(e.Promoted(outcome.commit, outcome.how))
            return
        if isinstance(outcome, landing.Diverged):
            await at.record(e.BaseDiverged(outcome.base_commit))
            return
        if outcome.reason != at.state.promote_reason:
            await at.record(e.PromoteWaiting(outcome.reason))
        await asyncio.sleep(PROMOTE_POLL_S)
