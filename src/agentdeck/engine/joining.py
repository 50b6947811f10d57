"""How a piece of work becomes one commit on top of another: merged, squashed or rebased.

Rules:
- The tree is that of `git merge-tree` in every style, so a verdict on it holds for all of them. A
  replay that ends in another tree, or meets a conflict on the way, is given up for a squash.
- One commit comes out, whose first parent is what it was put on. A rebased chain lies below it as
  its second parent: commits of it were never gated, so none may be a first-parent commit.
- Who wrote a commit stays its author.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agentdeck.core.plan import LandingStyle
from agentdeck.engine import landing
from agentdeck.engine.git import Git
from agentdeck.engine.landing import Built, Conflict

MAX_REPLAYED: Final = 200  # commits of one task; each takes three gits, about 10 ms
MAX_CO_AUTHORS: Final = 20


@dataclass(frozen=True, slots=True)
class Style:
    """What commits that land look like."""

    shape: LandingStyle = LandingStyle.MERGE
    signed: bool = False


@dataclass(frozen=True, slots=True)
class _Written:
    """What is kept of a commit that is made anew."""

    commit: str
    parent: str
    message: str
    author: Mapping[str, str]


def join(git: Git, top: str, head: str, message: str, style: Style) -> Built | Conflict:
    """Put the work of `head` on top of `top` as one commit.

    Args:
        git: the repository.
        top: its first parent.
        head: the work.
        message: of the commit.
        style: what comes out.
    """
    merged = landing.merged_tree(git, top, head)
    if isinstance(merged, Conflict):
        return merged
    sign = style.signed
    if style.shape is LandingStyle.MERGE:
        return landing.commit_of(git, merged, (top, head), message, sign=sign)
    if style.shape is LandingStyle.REBASE:
        replayed = _replayed(git, top, head, merged, sign=sign)
        if replayed is not None:
            return landing.commit_of(git, merged, (top, replayed), message, sign=sign)
    ends = message.rstrip("\n") + "\n" + _co_authors(git, top, head)
    return landing.commit_of(git, merged, (top,), ends, sign=sign)


def undoing(git: Git, commit: str) -> str:
    """A child of `commit` that takes back what it changed against its first parent.

    Merged into what was built on `commit` since, it is a revert: the merge base is the commit.
    """
    tree = git.tree_of(f"{commit}^1")
    return landing.commit_of(git, tree, (commit,), f"Undo {commit}").commit


def _replayed(git: Git, top: str, head: str, tree: str, *, sign: bool) -> str | None:
    """The commits of `head` made anew on `top`; None where that does not end in `tree`."""
    args = ("rev-list", "--reverse", "--topo-order", "--no-merges", f"{top}..{head}")
    names = git.run(*args, f"--max-count={MAX_REPLAYED + 1}").text.split()
    if len(names) > MAX_REPLAYED:
        return None
    at = Built(top, git.tree_of(top))
    for name in names:
        old = _written(git, name)
        if old is None:
            return None
        # What is at the end so far, as a sibling of the commit: their merge base is its parent, so
        # the merge is what a cherry-pick makes. (`merge-tree --merge-base` needs git 2.40.)
        sibling = landing.commit_of(git, at.tree, (old.parent,), "sibling")
        picked = landing.merged_tree(git, sibling.commit, old.commit)
        if isinstance(picked, Conflict):
            return None
        if picked != at.tree:
            parents = (at.commit,)
            at = landing.commit_of(git, picked, parents, old.message, sign=sign, env=old.author)
    return at.commit if at.tree == tree and at.commit != top else None


def _written(git: Git, commit: str) -> _Written | None:
    form = "--format=%P%x00%an%x00%ae%x00%ad%x00%B"
    out = git.run("show", "--no-patch", "--date=raw", form, commit).out
    parents, name, mail, date, message = os.fsdecode(out).split("\0", 4)
    if len(parents.split()) != 1:  # a root
        return None
    author = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": mail, "GIT_AUTHOR_DATE": date}
    return _Written(commit, parents, message, author)


def _co_authors(git: Git, top: str, head: str) -> str:
    """Trailers for those who wrote commits that a squash leaves out, save who commits."""
    own = git.run("var", "GIT_COMMITTER_IDENT").text.rpartition(" <")[2].partition(">")[0]
    rows = git.run("log", "--no-merges", "--format=%an <%ae>", f"{top}..{head}").text.splitlines()
    others = [row for row in dict.fromkeys(rows) if not row.endswith(f"<{own}>")]
    return "".join(f"Co-authored-by: {row}\n" for row in others[:MAX_CO_AUTHORS])


__all__ = ["Style", "join", "undoing"]
