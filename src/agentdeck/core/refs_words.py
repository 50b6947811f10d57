"""What is said of refs that an agent reached for, and of those that changed while it worked.

Rules: refs are named in short (`main` for `refs/heads/main`), a few of them; whoever reads it
learns what became of them, and how a moved one is put back. Nothing here is asked of git.
"""

from __future__ import annotations

from typing import Final

from agentdeck.core.events import RefMove, RefsTouched
from agentdeck.core.words import listed

NAMED: Final = 3  # refs in one sentence
SHORT: Final = 10  # letters of a commit
_HEADS: Final = "refs/heads/"


def sentence(found: RefsTouched) -> str:
    """All of it, on one line."""
    parts = [refused(found), moved(found) if found.moved else "", changed(found)]
    more = f"and {found.more} more refs" if found.more else ""
    return "; ".join(part for part in (*parts, more) if part) or "reached for refs of others"


def refused(found: RefsTouched) -> str:
    """Which refs it was kept from moving; empty when none."""
    if not found.refused:
        return ""
    return f"was kept from moving {listed([short(ref) for ref in found.refused], NAMED)}"


def moved(found: RefsTouched) -> str:
    """Which refs of others hold its work, and how the first that still does is put back."""
    names = listed([short(move.ref) for move in found.moved], NAMED)
    hold = "held" if all(move.back for move in found.moved) else "hold"
    hold = f"{hold}s" if len(found.moved) == 1 and hold == "hold" else hold
    return f"{names} {hold} commits of it that agentdeck did not bring there ({_way_back(found)})"


def _way_back(found: RefsTouched) -> str:
    left = next((move for move in found.moved if not move.back), None)
    if left is None:
        return "put back"
    if not left.old:
        return f"to undo: git update-ref -d {left.ref}"
    return f"to undo: git update-ref {left.ref} {left.old}"


def changed(found: RefsTouched) -> str:
    """Which refs lost commits meanwhile, by somebody; empty when none."""
    if not found.changed:
        return ""
    named = [_change(move) for move in found.changed[:NAMED]]
    left = len(found.changed) - len(named)
    return "while it worked, " + listed(named, NAMED) + (f" and {left} more" if left else "")


def short(ref: str) -> str:
    """A ref as people say it."""
    return ref.removeprefix(_HEADS)


def _change(move: RefMove) -> str:
    if not move.new:
        return f"{short(move.ref)} was deleted (it was at {move.old[:SHORT]})"
    return f"{short(move.ref)} went from {move.old[:SHORT]} back to {move.new[:SHORT]}"
