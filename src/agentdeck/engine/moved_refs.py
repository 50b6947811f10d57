"""What an attempt did to refs of others, found afterwards by comparing them with what they were.

Rules:
- A ref was moved by an attempt if it is at a commit that only this attempt has made, and is neither
  its own branch nor a new one of a name of its own choice. Nobody else could have brought it there
  but by hand, so a person is asked.
- A branch that belongs to this run is put back, by compare-and-swap: the run knows where it has to
  be. What belongs to others is left as it is, and said.
- Of the base a loss of commits is said, whoever it was. That other refs move is no news: people
  work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.events import RefMove, RefsTouched
from agentdeck.core.ids import TaskId
from agentdeck.engine.git import OUR_REFS, Git, RefMoved
from agentdeck.engine.linked_tree import LinkedTree
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import write_private
from agentdeck.engine.ref_guard import refused
from agentdeck.engine.salvage import commits_of

BEFORE: Final = "refs.before"  # below an attempt's folder
MAX_BYTES: Final = 256 * 1024 * 1024  # of the kept refs: two million of them
MAX_NAMED: Final = 20  # refs of one kind in an event; the rest is counted
MAX_MADE: Final = 10_000  # commits of one attempt that are looked at, the newest first
_WATCHED: Final = ("refs/heads", "refs/tags", "refs/stash", "refs/notes", "refs/replace")


def note_refs(git: Git, folder: Path) -> None:
    """Keep where all refs are, before an attempt begins."""
    rows = (f"{commit} {ref}\n" for ref, commit in refs_of(git).items())
    write_private(folder / BEFORE, os.fsencode("".join(rows)))


def refs_of(git: Git) -> dict[str, str]:
    """The refs that are watched, and where they are."""
    found = git.run("for-each-ref", "--format=%(objectname) %(refname)", *_WATCHED)
    return _rows(found.out)


def touched(
    tree: LinkedTree,
    folder: Path,
    task: TaskId,
    attempt: int,
    *,
    own: str,
    base: str,
    head: str,
    known: Mapping[str, str],
    base_ref: str,
) -> RefsTouched | None:
    """What the attempt did to refs of others; branches of this run are back where they belong.

    Args:
        tree: its worktree, with no process of the agent left.
        folder: of the attempt.
        task: whose attempt it is.
        attempt: its number.
        own: its own branch, the whole name.
        base: the commit that it started from.
        head: its work.
        known: the branches of this run that agentdeck alone moves now, and where they have to be.
        base_ref: the whole name of the base, which may be no branch.
    """
    before, now = _noted(folder), refs_of(tree.git)
    if before is None:
        return None
    suspects = {
        ref: commit
        for ref, commit in now.items()
        if ref != own
        and commit != before.get(ref)
        and (ref in before or ref in known or ref.startswith(OUR_REFS))
    }
    made = _made(tree, base, head, known.values()) if suspects else frozenset()
    moved = [
        RefMove(ref, known.get(ref, before.get(ref, "")), commit)
        for ref, commit in suspects.items()
        if commit in made
    ]
    changed = (
        [] if any(m.ref == base_ref for m in moved) else _lost(tree.git, base_ref, before, now)
    )
    names = refused(folder)
    if not (moved or changed or names):
        return None
    moved = [_put_back(tree.git, move) if move.ref in known else move for move in moved]
    more = max(0, len(names) - MAX_NAMED) + max(0, len(moved) - MAX_NAMED)
    return RefsTouched(
        task, attempt, names[:MAX_NAMED], tuple(moved[:MAX_NAMED]), tuple(changed), more
    )


def _made(tree: LinkedTree, base: str, head: str, others: Iterable[str]) -> frozenset[str]:
    """The commits that only this attempt has: its work, and what it has thrown away again."""
    heads = [head, *commits_of(tree.git_dir)]
    theirs = [f"^{commit}" for commit in (base, *others)]
    text = "".join(f"{commit}\n" for commit in dict.fromkeys([*heads, *theirs]))
    flags = ("--ignore-missing", f"--max-count={MAX_MADE}", "--stdin")
    return frozenset(tree.git.run("rev-list", *flags, stdin=text).text.split())


def _lost(git: Git, ref: str, before: Mapping[str, str], now: Mapping[str, str]) -> list[RefMove]:
    """The base, if it has lost commits."""
    old, new = before.get(ref, ""), now.get(ref, "")
    if not old or old == new or (new and git.is_ancestor(old, new)):
        return []
    return [RefMove(ref, old, new)]


def _put_back(git: Git, move: RefMove) -> RefMove:
    try:
        git.update_ref(move.ref, move.old, move.new, message="agentdeck: not moved by its owner")
    except RefMoved:
        return move  # somebody is at it: it is not ours alone any more
    return msgspec.structs.replace(move, back=True)


def _noted(folder: Path) -> dict[str, str] | None:
    try:
        return _rows(read_plain(folder / BEFORE, MAX_BYTES))
    except OSError:
        return None


def _rows(data: bytes) -> dict[str, str]:
    found = {}
    for line in data.splitlines():
        commit, _, ref = os.fsdecode(line).partition(" ")
        found[ref] = commit
    return found
