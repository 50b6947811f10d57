"""Landings that stand in git and not in the journal: what the commits of the target say themselves.

Rules:
- Each commit of a landing names its run, task and attempt. Only what is on the first-parent line of
  the target above the last landing that is known counts, and only where that line begins there.
- A commit that says nothing, or names a task that is not known, moves the target all the same.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.events import Recorded
from agentdeck.core.fold import apply
from agentdeck.core.ids import RepoName, TaskId
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import RunState
from agentdeck.engine.git import Git

MAX_COMMITS: Final = 10_000  # a run lands some thousands at most
MAX_PIECES: Final = 1_000  # of one batch; a batch has at most some dozens
_END: Final = "\x1e"  # between two commits
_KEYS: Final = ("Run", "Task", "Attempt", "Reverts")
_FORMAT: Final = "%x00".join((
    "%H",
    "%T",
    "%P",
    *(f"%(trailers:key=Agentdeck-{key},valueonly,separator=%x2C)" for key in _KEYS),
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Commit:
    id: str
    tree: str
    parents: tuple[str, ...]
    run: str
    task: str
    attempt: str
    reverts: str


def found_landings(git: Git, state: RunState) -> list[e.LandingFound]:
    """What the target holds above the last landing that `state` knows, in the order it came in.

    Empty where the target is gone, or does not hold that landing: then nobody can say.
    """
    tip = git.ref_tip(f"refs/heads/{state.target}")
    if tip is None or tip == state.tip or not git.is_ancestor(state.tip, tip):
        return []
    found: list[e.LandingFound] = []
    known = copy.deepcopy(state)
    for commit in _line(git, state.tip, tip, MAX_COMMITS):
        told = False
        for event in _pieces(git, state, commit):
            try:
                apply(known, Recorded(known.seq + 1, known.at, event))
            except (StaleEvent, KeyError):
                continue
            found.append(event)
            told = True
        if not told:
            plain = e.LandingFound(commit.id, commit.tree, repo=state.lane)
            apply(known, Recorded(known.seq + 1, known.at, plain))
            found.append(plain)
    return found


def _pieces(git: Git, state: RunState, commit: _Commit) -> Iterator[e.LandingFound]:
    """Whom one landing brings in, or takes back."""
    if commit.run != state.run:
        return
    if commit.task or commit.reverts:
        yield _landing(state.lane, commit, commit, "")
    elif len(commit.parents) == 2:  # a batch, or commits of the base
        first, second = commit.parents
        for piece in _line(git, first, second, MAX_PIECES):
            if piece.run == state.run and (piece.task or piece.reverts):
                yield _landing(state.lane, commit, piece, piece.id)


def _landing(repo: RepoName, commit: _Commit, piece: _Commit, merge: str) -> e.LandingFound:
    return e.LandingFound(
        commit.id,
        commit.tree,
        TaskId(piece.task or piece.reverts),
        int(piece.attempt) if piece.attempt.isdecimal() else None,
        merge,
        undone=not piece.task,
        repo=repo,
    )


def _line(git: Git, old: str, new: str, most: int) -> list[_Commit]:
    flags = ("--first-parent", "--reverse", f"--format={_FORMAT}{_END}")
    said = git.run("log", *flags, f"--max-count={most}", f"{old}..{new}", "--").text
    commits = []
    for row in said.split(_END):
        fields = row.lstrip("\n").split("\0")
        if len(fields) == 3 + len(_KEYS):
            commits.append(_Commit(fields[0], fields[1], tuple(fields[2].split()), *fields[3:]))
    return commits


__all__ = ["found_landings"]
