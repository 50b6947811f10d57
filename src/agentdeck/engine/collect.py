"""Taking an agent's work out of its worktree: everything committed, on the branch, on top of base.

Rules:
- What the agent left uncommitted is committed for it, without hooks and without signing.
- The branch of the attempt ends where HEAD is. If the agent wandered off (detached, or on a branch
  of its own) its commits are brought over by compare-and-swap; its own branch stays where it is.
- A branch that was deleted by hand is put back to where HEAD was last: the worktree remembers it.
- What cannot be taken is a fault, said in one sentence; then nothing is moved and nothing is lost.
- What went into the stash, or into a repository inside the worktree, is no work: it is said so.
- An agent may have taken in the target, by a merge or a rebase. Then its own work is what is on top
  of that: commits and files are counted from there.
- A worktree that lost its `.git` file is not touched: git would find somebody else's repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.events import FileTouched
from agentdeck.engine.git import Git, GitError, GitKilled, RefMoved
from agentdeck.engine.linked_tree import LinkedTree, Status, in_progress, linked
from agentdeck.engine.salvage import last_head


@dataclass(frozen=True, slots=True)
class Collected:
    """The work of one attempt."""

    head: str  # the last commit; the base when there is none
    tree: str
    commits: int  # on top of the base
    files: tuple[FileTouched, ...]  # base against head; a rename is two paths
    left_uncommitted: int = 0  # files that were committed for the agent
    fault: str | None = None  # why the work could not be taken
    merged: str = ""  # the commit of the target that it has taken in; "" = none after its base


LINK_MODE: Final = "160000"


class _CannotTake(Exception):
    """The sentence for `Collected.fault`."""


def collect(
    git: Git,
    worktree: Path,
    branch: str,
    base: str,
    *,
    message: str,
    target: str | None = None,
    detached: bool = False,
) -> Collected:
    """Take what an agent made. Doing it twice finds the same, if the target is where it was.

    Args:
        git: the repository.
        worktree: of the attempt; no process of the agent works in it any more.
        branch: of the attempt, short name.
        base: the commit that the work started from.
        message: for the commit of what was left uncommitted.
        target: the commit that the target is at; None = the work cannot have taken it in.
        detached: the agent was put off its branch, so that no ref was in its reach: the branch is
            where it was then, and goes to where HEAD is.

    Raises:
        GitKilled: a signal ended a git. That is no fault of the work: it can be taken again.
    """
    try:
        tree = linked(git, worktree)
        with tree.hold():
            tree.drop_stale_locks(branch)
            head, left = _bring_home(tree, branch, base, message, detached=detached)
        merged = _merged(git, base, head, target)
        work = _measured(git, merged or base, head, left, merged)
        if not work.commits and _is_stashed(git, branch):
            raise _CannotTake("the agent put its work into git's stash and left nothing to take")
        if work.files and (link := _dead_link(git, base, head)):
            raise _CannotTake(
                f"{link} is a repository of its own, of which only a link to a commit was taken: "
                "nobody else can get its files"
            )
        return work
    except GitKilled:
        raise
    except (_CannotTake, EnvironmentFault) as fault:
        head = git.ref_tip(f"refs/heads/{branch}") or base
        return Collected(head, git.tree_of(head), 0, (), fault=str(fault))


def _bring_home(
    tree: LinkedTree, branch: str, base: str, message: str, *, detached: bool
) -> tuple[str, int]:
    """Commit what is left, and end on the branch. Returns the head and how many files were left."""
    status = tree.status_at_end()
    begun = in_progress(tree.git_dir)
    if begun is not None:
        more = f", with conflicts in {', '.join(status.unmerged[:3])}" if status.unmerged else ""
        raise _CannotTake(f"the agent left a {begun} in progress{more}")
    if status.unmerged:
        raise _CannotTake(f"the agent left conflicts in {', '.join(status.unmerged[:3])}")
    if status.oid is None and status.branch == branch and _bring_back(tree, branch):
        status = tree.status_at_end()
    if status.oid is None:
        raise _CannotTake(f"the agent left HEAD on {status.branch}, a branch without a commit")
    left = tuple(path for path in status.dirty if not path.endswith("/"))
    head = status.oid
    at_home = status.branch == branch
    if left:
        if not at_home and status.branch is not None:
            tree.run("checkout", "--detach", "--quiet")  # the other branch is not ours to move
        head = _commit(tree, status, message)
    if not at_home:
        head = _to_branch(tree, branch, head, base, detached=detached)
    return head, len(left) if head != status.oid else 0


def _bring_back(tree: LinkedTree, branch: str) -> bool:
    """Put a branch that somebody has deleted to where HEAD was last; whether that is known."""
    last = last_head(tree.git_dir)
    if last is None or not tree.git.has(last):
        return False
    message = "agentdeck: a branch that was deleted"
    tree.git.update_ref(f"refs/heads/{branch}", last, None, message=message)
    return True


def _commit(tree: LinkedTree, status: Status, message: str) -> str:
    tree.add_all(status)
    args = ("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--file=-")
    done = tree.run(*args, stdin=message, check=False, write=True)
    head = tree.run("rev-parse", "HEAD").text
    if done.code != 0 and head == status.oid and tree.status().changed:
        raise GitError(("commit",), done.code, done.err)
    return head  # the same as before when the change was none, such as line endings


def _to_branch(tree: LinkedTree, branch: str, head: str, base: str, *, detached: bool) -> str:
    """Make the branch hold what HEAD holds, and HEAD be on the branch."""
    ref = f"refs/heads/{branch}"
    tip = tree.git.ref_tip(ref)
    behind = tip is not None and tip != head and tree.git.is_ancestor(head, tip)
    if tip is not None and behind and not detached:
        tree.run("checkout", "--quiet", branch)  # HEAD has nothing that the branch lacks
        return tip
    if not tree.git.is_ancestor(base, head):
        raise _CannotTake(f"HEAD ({head[:12]}) does not contain the base {base[:12]}")
    if tip is not None and not detached and not tree.git.is_ancestor(tip, head):
        raise _CannotTake(
            f"both {branch} ({tip[:12]}) and HEAD ({head[:12]}) have commits of their own"
        )
    if tip != head:
        try:
            tree.git.update_ref(ref, head, tip, message="agentdeck: commits from a moved HEAD")
        except RefMoved as moved:
            raise _CannotTake(f"{branch} moved while its work was taken: {moved}") from None
    tree.run("symbolic-ref", "HEAD", ref)  # the same commit: index and files stay as they are
    return head


def _merged(git: Git, base: str, head: str, target: str | None) -> str:
    """The newest commit of the target that the work holds; empty where that is its base."""
    if target is None or base in (target, head):
        return ""
    found = git.run("merge-base", target, head, check=False).text
    newer = found not in ("", base, head) and git.is_ancestor(base, found)
    return found if newer else ""


def _is_stashed(git: Git, branch: str) -> bool:
    """Is something of this branch in the stash, which all worktrees share?"""
    said = git.run("log", "--walk-reflogs", "--format=%gs", "refs/stash", "--", check=False)
    starts = (f"WIP on {branch}: ", f"On {branch}: ")
    return any(line.startswith(starts) for line in said.text.splitlines())


def _dead_link(git: Git, base: str, head: str) -> str | None:
    """A path that the work has made a link to a commit, though no submodule is known there."""
    flags = ("--raw", "-z", "--no-renames", "--no-ext-diff", "--no-abbrev")
    fields = git.run("diff", *flags, base, head, "--").fields
    links = [path for row, path in zip(fields[::2], fields[1::2], strict=True) if _is_link(row)]
    if not links:
        return None
    asked = ("config", f"--blob={head}:.gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    known = {field.partition("\n")[2] for field in git.run(*asked, check=False).fields}
    return next((path for path in links if path not in known), None)


def _is_link(row: str) -> bool:
    """`:old-mode new-mode …` of a diff: is the new one that of a link to a commit?"""
    return row.split(" ")[1] == LINK_MODE


def _measured(git: Git, base: str, head: str, left: int, merged: str) -> Collected:
    if head == base:
        return Collected(head, git.tree_of(head), 0, (), left)
    flags = ("--left-right", "--no-commit-header", "--format=%m %H %T")
    rows = [
        row.split(" ") for row in git.run("rev-list", *flags, f"{base}...{head}").text.split("\n")
    ]
    if rows == [[""]] or any(mark == "<" for mark, _, _ in rows):
        raise _CannotTake(f"the branch was moved off its base {base[:12]}: it is at {head[:12]}")
    tree = next(tree for _, commit, tree in rows if commit == head)
    files = git.diffstat(base, head)
    commits = len(rows) if files or not merged else 0  # a merge that keeps nothing of the work
    return Collected(head, tree, commits, files, left, merged=merged)
