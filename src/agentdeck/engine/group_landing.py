"""Several targets that move together: all of them or none.

No file system moves two refs of two repositories in one. So:

Rules:
- The locks of all the repositories are held while anything is looked at or moved, always taken in
  the same order. Every ref moves by compare-and-swap.
- First all targets are looked at. If one cannot move (checked out somewhere, moved by somebody,
  gone), none does.
- A target that has moved while another one cannot is taken back by compare-and-swap: only where
  nobody has gone on from it, and where nobody has it checked out. This happens when an engine was
  killed between two moves and somebody moved the other target before it came back, when somebody
  without our lock moves it between our look and our move, or when git cannot move it (a full disk).
- Where it cannot be taken back, it has landed, and the others follow: at once when they can move
  again, or built and gated anew where somebody has moved their target. A group never ends half
  landed.
- Doing it again finds what was done: a target that holds its commit has moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from agentdeck.core.ids import RepoName
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.git import Git, GitError, RefMoved


@dataclass(frozen=True, slots=True)
class Target:
    """One target, and where it is to go."""

    repo: RepoName
    git: Git
    branch: str
    new: str
    old: str

    @property
    def ref(self) -> str:
        """Its whole name."""
        return f"refs/heads/{self.branch}"

    @property
    def name(self) -> str:
        """As a sentence calls it."""
        return f"{self.branch} of {self.repo}" if self.repo else self.branch


@dataclass(frozen=True, slots=True)
class NotLanded:
    """Why a group has not landed."""

    target: Target  # that cannot move
    reason: str
    found: str | None = None  # where somebody has moved it, from which it can be built again
    taken_back: tuple[Target, ...] = ()  # that had moved
    stays: tuple[Target, ...] = ()  # that have moved, and that somebody uses by now


def land_together(targets: Sequence[Target]) -> NotLanded | None:
    """Move them all; None = all hold their commits.

    Raises:
        GitError: git could not be asked, or could not move one. What had moved has gone back, where
            git could do that.
    """
    with ExitStack() as locks:
        for git in _in_order(targets):
            locks.enter_context(git.writing())
        moved = [target for target in targets if _has_moved(target)]
        try:
            return _move(targets, moved)
        except GitError:
            for target in targets:  # also one whose git was cut off behind its move
                with suppress(GitError):
                    _lead_back([target])
            raise


def _move(targets: Sequence[Target], moved: list[Target]) -> NotLanded | None:
    """Move those that have not; `moved` has each that has."""
    left = [target for target in targets if target not in moved]
    for target in left:
        hindered = _hindrance(target)
        if hindered is not None:
            return _take_back(hindered, moved)
    reached(Place.GROUP_CHECKED)
    for target in left:
        try:
            words = "agentdeck: land together"
            target.git.update_ref(target.ref, target.new, target.old, message=words)
        except RefMoved as fault:  # by somebody who does not know of our lock
            return _take_back(_moved(target, fault.found), moved)
        moved.append(target)
        reached(Place.GROUP_MOVED)
    return None


def _in_order(targets: Sequence[Target]) -> list[Git]:
    """Each repository once, in an order that every engine has."""
    gits = {str(target.git.common): target.git for target in targets}
    return [gits[name] for name in sorted(gits)]


def _has_moved(target: Target) -> bool:
    tip = target.git.ref_tip(target.ref)
    if tip is None or not target.git.has(target.new):
        return False
    return tip == target.new or target.git.is_ancestor(target.new, tip)


def _hindrance(target: Target) -> NotLanded | None:
    """What keeps a target from moving now."""
    if not target.git.has(target.new):
        # No ref holds a build, so whoever prunes the repository takes it: it is built again.
        return NotLanded(target, f"{target.new[:12]} is gone", target.old)
    tip, where = target.git.branch_state(target.branch)
    if tip != target.old:
        return _moved(target, tip)
    where = where or target.git.busy_with(target.branch)
    if where is not None:
        words = f"{target.name} is checked out at {where}"
        return NotLanded(target, words)
    return None


def _moved(target: Target, found: str | None) -> NotLanded:
    if found is None or not target.git.is_ancestor(target.old, found):
        # Going on from there would drop what has landed. Only a person can know what is meant.
        return NotLanded(target, went_back(target.branch, found, target.old))
    return NotLanded(target, f"{target.name} was moved to {found[:12]}", found)


def _take_back(hindered: NotLanded, moved: Sequence[Target]) -> NotLanded:
    """Lead the targets that have moved back, so that none has landed, and say why."""
    back, stays = _lead_back(moved)
    why = f"; {stays[0].name} has moved already and is in use" if stays else ""
    reason = f"{hindered.reason}{why}"
    return NotLanded(hindered.target, reason, hindered.found, tuple(back), tuple(stays))


def _lead_back(moved: Sequence[Target]) -> tuple[list[Target], list[Target]]:
    """Lead back what nobody uses; which went back, and which stay."""
    back: list[Target] = []
    stays: list[Target] = []
    for target in reversed(moved):
        tip, where = target.git.branch_state(target.branch)
        if tip != target.new or (where or target.git.busy_with(target.branch)) is not None:
            stays.append(target)
            continue
        try:
            words = "agentdeck: take back what could not land together"
            target.git.update_ref(target.ref, target.old, target.new, message=words)
        except RefMoved:
            stays.append(target)
            continue
        back.append(target)
        reached(Place.GROUP_TAKEN_BACK)
    return back, stays


def went_back(target: str, found: str | None, expected: str) -> str:
    """What was done to a target by hand, and the command that undoes it."""
    if found is None:
        return f"{target} is gone; `git branch {target} {expected[:12]}` brings it back"
    return (
        f"{target} was moved by hand to {found[:12]}, which lacks what has landed; "
        f"`git branch -f {target} {expected[:12]}` brings it back"
    )


__all__ = ["NotLanded", "Target", "land_together", "went_back"]
