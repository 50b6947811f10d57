"""The merge queue's hands: build the commit that would land, move the target, promote it.

Rules: commits are made without a checkout; the target moves by compare-and-swap only; the user's
checkout is touched by nothing but a guarded fast-forward when a person promotes.
"""

from __future__ import annotations

import asyncio
from typing import Final

from agentdeck.agents.prompt import batch_message, landing_message, revert_message
from agentdeck.core import events as e
from agentdeck.core import train
from agentdeck.core.events import EntryKind
from agentdeck.core.ids import EntryId
from agentdeck.core.plan import LandingStyle
from agentdeck.core.state import Entry
from agentdeck.core.steps import BuildEntry, LandEntry, LandGroup
from agentdeck.engine import landing
from agentdeck.engine.batch import Batch, Piece, fold
from agentdeck.engine.git import GitError
from agentdeck.engine.group_landing import Target, land_together, went_back
from agentdeck.engine.joining import Style, undoing
from agentdeck.engine.setting import Setting

PROMOTE_POLL_S: Final = 2.0  # while the user's checkout is in the way
LAND_AGAIN_S: Final = 2.0  # while the target is checked out somewhere, or is not where it was left


async def build(at: Setting, step: BuildEntry) -> None:
    """Fold the entries of a batch into one commit on top of the tip."""
    entries = [at.state.queue[name] for name in (step.entry, *step.others)]
    names = [_name(entry) for entry in entries]
    message = batch_message(at.state, names)
    rules = at.state.plan.queue

    def folded() -> Batch[EntryId]:
        signed = at.git.signs() if rules.sign is None else rules.sign
        style = Style(rules.style, signed)
        pieces = [_piece(at, entry, style) for entry in entries]
        return fold(at.git, step.tip, pieces, message=message, style=style)

    found = await at.in_thread(folded)
    events: list[e.AnyEvent] = [
        e.EntryConflicted(one.name, step.tip, one.files, one.behind, one.hunks)
        for one in found.left_out
    ]
    if found.built is not None:
        lead, *others = found.names
        merges = found.merges if others else ()
        built = found.built
        events.append(e.EntryBuilt(lead, built.commit, built.tree, step.tip, tuple(others), merges))
    await at.record(*events)


def _name(entry: Entry) -> str:
    """As it is called in the message of a batch."""
    return f"revert of {entry.reverts}" if entry.reverts else str(entry.task or entry.id)


def _piece(at: Setting, entry: Entry, style: Style) -> Piece[EntryId]:
    message = _message(at, entry)
    if entry.kind is EntryKind.REVERT:
        undone = undoing(at.git, entry.head)
        return Piece(entry.id, undone, message, Style(LandingStyle.SQUASH, style.signed))
    return Piece(entry.id, entry.head, message)


def _message(at: Setting, entry: Entry) -> str:
    if entry.reverts is not None:
        return revert_message(at.state, entry.reverts, entry.head)
    if entry.task is not None and entry.attempt is not None:
        return landing_message(at.state, entry.task, entry.attempt)
    return f"Bring in {at.state.base}\n\nAgentdeck-Run: {at.state.run}\n"


async def land(at: Setting, step: LandEntry) -> None:
    """Move the target from the tip that was built on to the build, or say what was found."""
    entry = at.state.queue[step.entry]
    ref = f"refs/heads/{at.state.target}"
    assert entry.build is not None
    landed = train.landed(at.state, entry.build)

    def move() -> e.LandingBlocked | e.LandingLost | tuple[e.EntryLanded | e.TaskReverted, ...]:
        try:
            outcome = landing.land(at.git, ref, step.commit, step.expected)
        except landing.LandRefused as refused:
            return e.LandingBlocked(entry.id, refused.message, at.engine.clock())
        except GitError:
            if at.git.has(step.commit):
                raise
            # No ref holds a build, so whoever prunes the repository takes it: it is built again.
            tree = at.git.tree_of(step.expected)
            return e.LandingLost(entry.id, step.expected, tree, step.commit)
        if isinstance(outcome, landing.Landed) or landing.landed_already(at.git, ref, step.commit):
            return landed
        found = outcome.found
        if found is None or not at.git.is_ancestor(step.expected, found):
            # Going on from there would drop what has landed. Only a person can know what is meant.
            reason = went_back(at.state.target, found, step.expected)
            return e.LandingBlocked(entry.id, reason, at.engine.clock())
        return e.LandingLost(entry.id, found, at.git.tree_of(found), step.commit)

    while True:
        outcome = await at.in_thread(move)
        if isinstance(outcome, tuple):
            await at.record(*outcome)
            return
        if isinstance(outcome, e.LandingLost):
            await at.record(outcome)
            return
        if outcome.reason != entry.blocked:
            await at.record(outcome)
        await asyncio.sleep(LAND_AGAIN_S)


async def land_group(at: Setting, step: LandGroup) -> None:
    """Move the targets of a group, all or none, or say what was found."""
    first = at.state.queue[step.moves[0].entry]
    landed = train.landed_together(at.state, step.moves)
    targets = [_target(at.of_repo(move.repo), move) for move in step.moves]

    def move() -> e.LandingBlocked | tuple[e.AnyEvent, ...]:
        outcome = land_together(targets)
        if outcome is None:
            return landed
        at_fault = step.moves[targets.index(outcome.target)]
        stay = [step.moves[targets.index(one)] for one in outcome.stays]
        stayed = train.landed_together(at.state, stay)
        if outcome.found is None:
            blocked = e.LandingBlocked(at_fault.entry, outcome.reason, at.engine.clock())
            return (*stayed, blocked) if stayed else blocked
        there = at.of_repo(at_fault.repo)
        names = tuple(one.repo for one in outcome.taken_back)
        found, tree = outcome.found, there.git.tree_of(outcome.found)
        return (*stayed, e.LandingLost(at_fault.entry, found, tree, at_fault.commit, names))

    while True:
        outcome = await at.in_thread(move)
        if isinstance(outcome, tuple):
            await at.record(*outcome)
            return
        if outcome.reason != first.blocked:
            await at.record(outcome)
        await asyncio.sleep(LAND_AGAIN_S)


def _target(at: Setting, move: e.TargetMove) -> Target:
    return Target(move.repo, at.git, at.state.target, move.commit, move.expected)


async def promote(at: Setting) -> None:
    """Bring the target into the base; waits, and says for what, while it cannot be done."""
    ref = f"refs/heads/{at.state.target}"
    while True:
        outcome = await at.in_thread(lambda: landing.promote(at.git, ref, at.state.base))
        if isinstance(outcome, landing.Promoted):
            await at.record(e.Promoted(outcome.commit, outcome.how, at.repo))
            return
        if isinstance(outcome, landing.Diverged):
            await at.record(e.BaseDiverged(outcome.base_commit, at.repo))
            return
        if outcome.reason != at.state.promote_reason:
            await at.record(e.PromoteWaiting(outcome.reason, at.repo))
        await asyncio.sleep(PROMOTE_POLL_S)
