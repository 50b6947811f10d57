"""What ended runs have left behind, and taking it away.

Rules:
- Only runs that have ended and have no engine are cleaned.
- Work that is in neither the target nor the base is unlanded: it is named, and goes only when that
  was asked for by itself.
- What is deleted is what was listed: a ref that has moved in between stays.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control.runs import fold_run
from agentdeck.control.socketfile import answers
from agentdeck.core.errors import DeckError, EnvironmentFault, RefusedError
from agentdeck.core.ids import RepoName
from agentdeck.core.lanes import lanes
from agentdeck.core.plan import OWN_REPO
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.git import Git
from agentdeck.engine.linked_tree import linked
from agentdeck.engine.worktrees import Worktrees

BRANCHES: Final = "refs/heads/deck"
KEPT: Final = "refs/agentdeck"


class Leftover(msgspec.Struct, frozen=True):
    """A ref of a run."""

    ref: str
    commit: str
    subject: str
    landed: bool  # its work is in the target or the base, or a later attempt of it is
    repo: RepoName = OWN_REPO


class Litter(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a run has left behind."""

    run: str
    folder: str
    worktrees: tuple[str, ...] = ()  # of all its repositories
    changed: tuple[str, ...] = ()  # worktrees with changes that were never committed
    refs: tuple[Leftover, ...] = ()
    gone: tuple[RepoName, ...] = ()  # repositories that are not where they were

    @property
    def unlanded(self) -> tuple[str, ...]:
        """What would be lost, in words."""
        refs = [f"{_named(r)} ({r.commit[:10]} {r.subject})" for r in self.refs if not r.landed]
        return (*refs, *(f"{path} (changes that were not committed)" for path in self.changed))


def litter_of(folder: RunFolder) -> Litter:
    """What this run has left behind.

    Raises:
        RefusedError: it has not ended, or an engine still has it.
        JournalError: it cannot be read.
    """
    state = fold_run(folder, whole=True)
    if answers(folder.socket) or state.outcome is None:
        raise RefusedError(
            f"run {folder.run} has not ended",
            hint=f"`agentdeck end --run {folder.run}` ends it; what landed stays",
        )
    worktrees: list[str] = []
    changed: list[str] = []
    refs: list[Leftover] = []
    gone: list[RepoName] = []
    for lane in lanes(state):
        git = _repository(lane)
        if git is None:
            gone.append(lane.lane)
            continue
        names = [str(path) for path in _worktrees(git, lane, folder)]
        gated = _scratch(folder, lane, names)
        worktrees += [name for name in names if name not in worktrees]
        changed += [tree for tree in names if tree not in gated and is_changed(git, Path(tree))]
        seen = {(left.ref, left.commit) for left in refs} if _shared(state, lane) else set()
        refs += [left for left in _refs(git, lane) if (left.ref, left.commit) not in seen]
    return Litter(
        run=folder.run,
        folder=str(folder.path),
        worktrees=tuple(worktrees),
        changed=tuple(dict.fromkeys(changed)),
        refs=tuple(refs),
        gone=tuple(gone),
    )


def clean(folder: RunFolder, litter: Litter, *, unlanded: bool) -> list[str]:
    """Delete what `litter` lists.

    Args:
        unlanded: also work that is in neither the target nor the base. Without it that work, its
            worktrees and the run's folder stay.
    Returns: what was kept, in words.
    Raises: EnvironmentFault when git or the disk refuses.
    """
    keeps = [] if unlanded else list(litter.unlanded)
    state = fold_run(folder, whole=True)
    for lane in lanes(state):
        git = None if lane.lane in litter.gone else _repository(lane)
        if git is not None:
            keeps += _clean_one(git, lane, folder, litter, unlanded=unlanded)
    if keeps:
        return keeps
    folder.socket.unlink(missing_ok=True)
    shutil.rmtree(folder.path)
    return []


def _clean_one(
    git: Git, state: RunState, folder: RunFolder, litter: Litter, *, unlanded: bool
) -> list[str]:
    """Delete what is listed of the repository from which the state is seen; what was kept."""
    keeps: list[str] = []
    mine = {str(path) for path in _worktrees(git, state, folder)}
    listed = [path for path in litter.worktrees if path in mine]
    if not unlanded:
        # Only what is on a ref goes: an agent may have left a rebase half-way, or a loose HEAD.
        trees = folder.trees(git.checkout, state.plan.worktree.root, state.lane)
        stayed = Worktrees(git, trees, run=state.run).remove_all() if trees.is_dir() else ()
        named = set(litter.changed)
        keeps += [f"{left.path} ({left.reason})" for left in stayed if str(left.path) not in named]
    for path in listed if unlanded else _scratch(folder, state, listed):
        # Doubled: a locked worktree of ours is removed too.
        git.run("worktree", "remove", "--force", "--force", path, write=True)
    git.run("worktree", "prune", write=True)
    for left in litter.refs:
        if left.repo == state.lane and (unlanded or left.landed):
            done = git.run("update-ref", "-d", left.ref, left.commit, check=False, write=True)
            if done.code != 0:
                keeps.append(f"{_named(left)} (it has moved)")
    return keeps


def _named(left: Leftover) -> str:
    return f"{left.ref} of {left.repo}" if left.repo else left.ref


def _shared(state: RunState, lane: RunState) -> bool:
    """Is this repository that of another lane too?"""
    return sum(other.repo == lane.repo for other in lanes(state)) > 1


def _scratch(folder: RunFolder, state: RunState, trees: Sequence[str]) -> list[str]:
    """Those in which gates ran: nothing in them is anybody's work."""
    home = folder.scratch_of(state.lane).resolve()
    return [tree for tree in trees if home in Path(tree).resolve().parents]


def _repository(state: RunState) -> Git | None:
    for place in (state.checkout, Path(state.repo).parent):
        try:
            git = Git.discover(Path(place))
        except DeckError:
            continue
        if git.common == Path(state.repo).resolve():
            return git
    return None


def _worktrees(git: Git, state: RunState, folder: RunFolder) -> list[Path]:
    """The repository's worktrees that belong to this run."""
    known = {a.path for task in state.tasks.values() for a in task.attempts if a.path}
    listed = git.run("worktree", "list", "--porcelain", "-z").fields
    paths = [Path(line[len("worktree ") :]) for line in listed if line.startswith("worktree ")]
    own = folder.path.resolve()
    return [path for path in paths[1:] if str(path) in known or own in path.resolve().parents]


def is_changed(git: Git, tree: Path) -> bool:
    """Are there files in no commit? An agent's settings inside of it have no say in the answer."""
    if not tree.is_dir():
        return False
    try:
        return bool(linked(git, tree).status().dirty)
    except EnvironmentFault:  # it is no worktree any more
        return False


def _refs(git: Git, state: RunState) -> list[Leftover]:
    form = "--format=%(refname)%00%(objectname)%00%(contents:subject)"
    rows = git.run("for-each-ref", form, f"{BRANCHES}/{state.run}", KEPT).out.splitlines()
    done = {
        attempt.collected.head
        for task in state.tasks.values()
        if task.state is TaskState.LANDED
        for attempt in task.attempts
        if attempt.collected is not None
    }
    homes = [t for t in (git.ref_tip(f"refs/heads/{state.target}"), _base(git, state)) if t]
    found = []
    for row in rows:
        ref, commit, subject = os.fsdecode(row).split("\0", 2)
        if state.run in ref.split("/"):
            landed = commit in done or any(git.is_ancestor(commit, home) for home in homes)
            found.append(Leftover(ref, commit, subject, landed, state.lane))
    return found


def _base(git: Git, state: RunState) -> str | None:
    return git.ref_tip(f"refs/heads/{state.base}") or git.ref_tip(state.base)
