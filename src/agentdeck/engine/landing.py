"""Commits that land: built without a checkout, moved onto the target, brought into the base.

Rules:
- A commit is built from two commits by `merge-tree`; no worktree is touched. What was gated is what
  lands: the very commit, moved onto the target by compare-and-swap, as a child of what was there.
- A branch that somebody has checked out is never moved under their feet. It goes forward only by
  `merge --ff-only` in that worktree, after a guard looked at all that could be in the way.
- The guard counts ignored files too: git would overwrite them without a word.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import RefusedError
from agentdeck.engine import half_promotion
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.git import (
    CHECKOUT_TIMEOUT_S,
    COMMAND_TIMEOUT_S,
    KEEP,
    Git,
    GitError,
    GitKilled,
    RefMoved,
    is_oid,
)
from agentdeck.engine.linked_tree import LinkedTree, in_progress

ATTRIBUTES_FROM_TREE: Final = (2, 41)  # the first git with --attr-source
SIGNING_TIMEOUT_S: Final = 20.0  # a key that asks for a passphrase would hold up every other git
PROMOTE: Final = "agentdeck: promote"  # in the reflog of the base
FOLDER_LIMIT: Final = 1_000  # files looked at in a folder that is in the way; one is enough


@dataclass(frozen=True, slots=True)
class Built:
    """The exact commit that would land."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """It does not merge."""

    files: tuple[str, ...]
    messages: tuple[str, ...]  # git's own, such as `CONFLICT (content): Merge conflict in a.py`
    tree: str = ""  # with git's markers in the files


@dataclass(frozen=True, slots=True)
class Landed:
    """The target holds the commit."""

    commit: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The target was not where it was expected, and was not touched. None: it does not exist."""

    found: str | None


class LandRefused(RefusedError):
    """The target must not be moved, or not onto this commit; the message says why."""


@dataclass(frozen=True, slots=True)
class Promoted:
    """The base holds the target."""

    commit: str
    how: str  # `ref`, `merge` in the worktree that has it, or `already`


@dataclass(frozen=True, slots=True)
class Waiting:
    """It cannot be done now; the reason names what is in the way."""

    reason: str


@dataclass(frozen=True, slots=True)
class Diverged:
    """The base has commits that the target lacks."""

    base_commit: str


def commit_of(
    git: Git,
    tree: str,
    parents: Sequence[str],
    message: str,
    *,
    sign: bool = False,
    env: Mapping[str, str] | None = None,
) -> Built:
    """A commit of a tree; no ref holds it yet.

    Args:
        git: the repository.
        tree: what it holds.
        parents: its parents, the first one first.
        message: of the commit.
        sign: with the user's key.
        env: added to the environment, such as another author.

    Raises:
        GitError: it could not be made, or not be signed in time.
    """
    args = [word for parent in parents for word in ("-p", parent)]
    if sign:
        args.append("-S")
    limit_s = SIGNING_TIMEOUT_S if sign else COMMAND_TIMEOUT_S
    text = message.replace(chr(0), "")
    made = git.run("commit-tree", tree, *args, stdin=text, write=True, env=env, timeout_s=limit_s)
    if parents:
        git.note_parent(made.text, parents[0])
    return Built(made.text, tree)


def merged_tree(
    git: Git, tip: str, head: str, *, env: Mapping[str, str] | None = None
) -> str | Conflict:
    """The tree of a merge, without a commit.

    Fields of git's answer: the tree, conflicted names, an empty one, then the messages.
    """
    args = ["merge-tree", "--write-tree", "-z", "--name-only", "--messages", tip, head]
    if git.version >= ATTRIBUTES_FROM_TREE:  # else git reads .gitattributes where it runs
        args.insert(0, f"--attr-source={tip}")
    done = git.run(*args, check=False, env=env)
    fields = done.fields
    # An unknown commit exits 1 as a conflict does, but names no tree.
    if done.code not in (0, 1) or not fields or not is_oid(fields[0]):
        raise GitError(args, done.code, done.err)
    if done.code == 0:
        return fields[0]
    end = fields.index("") if "" in fields else len(fields)
    paths = dict.fromkeys(fields[1:end])
    messages = []
    for where, kind, text in _messages(fields[end + 1 :]):
        if kind.startswith("CONFLICT"):
            messages.append(text.strip())
            if not paths:
                paths.update(dict.fromkeys(where))
    return Conflict(tuple(paths), tuple(messages), fields[0])


def _messages(fields: Sequence[str]) -> Iterator[tuple[Sequence[str], str, str]]:
    """Each message of merge-tree -z: a count, so many paths, the kind, the text."""
    at = 0
    while at < len(fields) and fields[at].isdigit():
        end = at + 1 + int(fields[at])
        if end + 1 >= len(fields):
            return
        yield fields[at + 1 : end], fields[end], fields[end + 1]
        at = end + 2


def land(git: Git, target_ref: str, new: str, expected_old: str) -> Landed | Moved:
    """Move the target from `expected_old` to `new`.

    Args:
        git: the repository.
        target_ref: `refs/heads/…`.
        new: a commit whose first parent is `expected_old`.
        expected_old: the commit that the target is at.

    Raises:
        LandRefused: the target is checked out, or `new` is no child of `expected_old`.
    """
    branch = target_ref.removeprefix("refs/heads/")
    if git.first_parent(new) != expected_old:
        raise LandRefused(
            f"{new[:12]} was not built on {expected_old[:12]}, where {branch} was expected",
            hint="build it again on the target",
        )
    with git.writing():
        tip, where = git.branch_state(branch)
        if tip == new:
            return Landed(new)
        if tip != expected_old:
            return Moved(tip)
        where = where or git.busy_with(branch)
        if where is not None:
            raise LandRefused(
                f"{branch} is checked out at {where}", hint=f"switch to another branch in {where}"
            )
        reached(Place.LANDING_CHECKED)
        try:
            git.update_ref(target_ref, new, expected_old, message="agentdeck: land")
        except RefMoved as moved:
            return Moved(moved.found)
        return Landed(new)


def landed_already(git: Git, target_ref: str, new: str) -> bool:
    """Whether the target holds `new`: how a restarted engine learns what became of a landing."""
    tip = git.ref_tip(target_ref)
    return tip is not None and git.is_ancestor(new, tip)


def keep_ref(git: Git, run: str, task: str, n: int, head: str) -> str:
    """Hold the head of an attempt for ever, and return the name of the ref."""
    ref = f"{KEEP}/{run}/{task}.{n}"
    git.keep(ref, head)
    return ref


def promote(git: Git, target_ref: str, base_branch: str) -> Promoted | Waiting | Diverged:
    """Bring the target into the base branch, if nothing of anybody's is in the way."""
    with git.writing():
        target = git.ref_tip(target_ref)
        base, where = git.branch_state(base_branch)
        if target is None:
            return Waiting(f"{target_ref.removeprefix('refs/heads/')} does not exist")
        if base is None:
            return Waiting(f"there is no branch {base_branch} to bring the work into")
        tree = None if where is None or not where.is_dir() else _tree_at(git, where)
        if (reason := half_promotion.put_right(git, base_branch, base, tree)) is not None:
            return Waiting(reason)
        if git.is_ancestor(target, base):
            return Promoted(base, "already")
        if not git.is_ancestor(base, target):
            if git.run("merge-base", base, target, check=False).code == 1:
                return Waiting(f"{base_branch} has no common history with the target any more")
            return Diverged(base)
        if (lock := _lock_on(git, base_branch, tree)) is not None:
            return Waiting(_locked(lock))
        busy = git.busy_with(base_branch)
        if busy is not None:
            return Waiting(f"{base_branch} is being rebased or bisected at {busy}")
        reached(Place.PROMOTION_CHECKED)
        if where is not None:
            return _fast_forward(git, where, base_branch, base, target)
        try:
            with half_promotion.noted(git, base_branch, base, target):
                git.update_ref(f"refs/heads/{base_branch}", target, base, message=PROMOTE)
        except RefMoved:
            return Waiting(f"{base_branch} moved just now")
        return Promoted(target, "ref")


def _lock_on(git: Git, branch: str, tree: LinkedTree | None) -> Path | None:
    """A lock file of git's that keeps a branch, or the checkout that has it, from going forward."""
    places = [git.common / f"refs/heads/{branch}.lock"]
    if tree is not None:
        places += [tree.git_dir / "index.lock", tree.git_dir / "HEAD.lock"]
    return next((place for place in places if place.exists()), None)


def _locked(lock: Path) -> str:
    """It is not ours, so whether its git lives is for a person to say."""
    command = shlex.join(["rm", str(lock)])
    return f"{lock} exists: a git is at work there, or was killed; if none is, `{command}`"


def _fast_forward(git: Git, where: Path, branch: str, base: str, target: str) -> Promoted | Waiting:
    if not where.is_dir():
        return Waiting(f"{branch} is checked out at {where}, which is gone: git worktree prune")
    asked = ("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
    head, ref = git.run(*asked, cwd=where).text.splitlines()
    if ref != f"refs/heads/{branch}" or head != base:
        return Waiting(f"{where} is not on {branch} any more")
    tree = _tree_at(git, where)
    if (reason := _in_the_way(tree, base, target)) is not None:
        return Waiting(reason)
    flags = "--ff-only --quiet --no-stat --no-squash --no-autostash --no-verify-signatures"
    merge = ("merge", *flags.split(), "--no-overwrite-ignore", target)
    try:
        with half_promotion.noted(git, branch, base, target):
            done = git.run(*merge, cwd=where, check=False, write=True, timeout_s=CHECKOUT_TIMEOUT_S)
    except GitKilled as killed:
        return Waiting(f"{branch} is not brought forward yet: {killed.message}")
    if done.code == 0 and git.ref_tip(f"refs/heads/{branch}") == target:
        return Promoted(target, "merge")
    said = [line.strip() for line in done.err.splitlines() if line.strip()]
    return Waiting(f"git could not bring {branch} forward at {where}: {'; '.join(said[:3])}")


def _tree_at(git: Git, where: Path) -> LinkedTree:
    """A worktree that may be the person's own."""
    git_dir = git.run("rev-parse", "--absolute-git-dir", cwd=where).text
    return LinkedTree(git, where, Path(git_dir))


def _in_the_way(tree: LinkedTree, base: str, target: str) -> str | None:
    """What keeps a worktree from going forward, in one sentence that names it."""
    if begun := in_progress(tree.git_dir):
        return f"a {begun} is in progress at {tree.path}"
    flags = ("--name-status", "-z", "--no-renames", "--no-ext-diff")
    fields = tree.git.run("diff", *flags, base, target, "--").fields
    incoming = dict(zip(fields[1::2], fields[::2], strict=True))
    if mine := _overlap(tree.status().dirty, incoming):
        return f"{mine} has local changes at {tree.path}"
    gone = {path for path, kind in incoming.items() if kind == "D"}
    added = (path for path, kind in incoming.items() if kind == "A")
    for path in added:
        if (file := _occupant(tree.path, path, gone)) is not None:
            return f"{file} is in the way at {tree.path}, and git does not track it"
    return None


def _overlap(local: Iterable[str], incoming: Iterable[str]) -> str | None:
    """The first local path that is, holds, or lies below an incoming one."""
    arriving = set(incoming)
    folders = {parent for path in arriving for parent in _parents(path)}
    for name in local:
        path = name.rstrip("/")
        if path in arriving or path in folders or any(p in arriving for p in _parents(path)):
            return path
    return None


def _occupant(top: Path, path: str, gone: set[str]) -> str | None:
    """The untracked, perhaps ignored file that an added path would overwrite."""
    for parent in _parents(path):
        place = top / parent
        if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
            return None if parent in gone else parent
    place = top / path
    if not place.is_dir() or place.is_symlink():
        return path if os.path.lexists(place) else None
    for seen, file in enumerate(place.rglob("*")):
        name = file.relative_to(top).as_posix()
        if (not file.is_dir() or file.is_symlink()) and name not in gone:
            return name
        if seen > FOLDER_LIMIT:
            return path
    return None


def _parents(path: str) -> Iterator[str]:
    """`a/b/c` → `a`, `a/b`."""
    at = path.find("/")
    while at != -1:
        yield path[:at]
        at = path.find("/", at + 1)
