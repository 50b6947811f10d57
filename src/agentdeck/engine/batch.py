"""Batches: several pieces of work folded into one commit that is a child of the target.

Rules:
- The pieces are merged one after the other into a chain. Who does not merge is left out, with the
  pieces that were folded in before it, unless it does not even merge with the target itself.
- The commit that lands has the target as its first parent and the end of the chain as its second:
  `git log --first-parent` and `git bisect --first-parent` see only commits that were gated, and the
  chain below keeps the merge of each piece with its own message.
- What the commit of one piece looks like is a matter of style (`engine.joining`). A single piece is
  that commit and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from agentdeck.core.events import Hunks
from agentdeck.engine import landing
from agentdeck.engine.conflict_hunks import hunks_of
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.git import Git
from agentdeck.engine.joining import Style, join

PLAIN: Final = Style()
Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Piece(Generic[Name]):
    """Work that is to be folded in."""

    name: Name
    head: str
    message: str  # of its merge
    style: Style | None = None  # None = that of the batch


@dataclass(frozen=True, slots=True)
class LeftOut(Generic[Name]):
    """A piece that does not merge."""

    name: Name
    files: tuple[str, ...]
    behind: tuple[Name, ...]  # folded in before it; () = it does not merge with the target
    hunks: tuple[Hunks, ...] = ()  # where it does not merge with the target


@dataclass(frozen=True, slots=True)
class Batch(Generic[Name]):
    """What has become of the pieces."""

    built: landing.Built | None  # None = none of them merges
    names: tuple[Name, ...]  # that are in it, in this order
    merges: tuple[str, ...]  # the commit that brings in each
    left_out: tuple[LeftOut[Name], ...]


def fold(
    git: Git,
    tip: str,
    pieces: Sequence[Piece[Name]],
    *,
    message: str,
    style: Style = PLAIN,
) -> Batch[Name]:
    """Fold pieces into one commit on top of `tip`.

    Args:
        git: the repository.
        tip: the first parent: what the target is at, or will be.
        pieces: in the order in which they come in; at least one.
        message: of the commit, where it holds more than one.
        style: what the commits look like.
    """
    names: list[Name] = []
    merges: list[landing.Built] = []
    left_out: list[LeftOut[Name]] = []
    top = tip
    for piece in pieces:
        made = join(git, top, piece.head, piece.message, piece.style or style)
        if isinstance(made, landing.Conflict):
            alone = made if top == tip else landing.merged_tree(git, tip, piece.head)
            if isinstance(alone, landing.Conflict):
                left_out.append(LeftOut(piece.name, alone.files, (), hunks_of(git, alone)))
            else:
                left_out.append(LeftOut(piece.name, made.files, tuple(names)))
            continue
        names.append(piece.name)
        merges.append(made)
        top = made.commit
        reached(Place.BATCH_FOLDED)
    built = merges[-1] if merges else None
    if built is not None and len(merges) > 1:
        parents = (tip, built.commit)
        built = landing.commit_of(git, built.tree, parents, message, sign=style.signed)
    return Batch(built, tuple(names), tuple(each.commit for each in merges), tuple(left_out))


__all__ = ["Batch", "LeftOut", "Piece", "fold"]
