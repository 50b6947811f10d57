"""What would be lost if a worktree went away, and how it is put where nothing loses it.

Rules: a commit is lost when no ref reaches it, whatever a worktree's HEAD or reflog says: those go
with the worktree. Commits that an agent amended or reset away count too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from agentdeck.engine.git import Git, first_line, is_oid
from agentdeck.engine.linked_tree import LinkedTree, Status
from agentdeck.engine.plain_files import read_plain

REFLOG_ENTRIES: Final = 1_000  # looked at, from the newest; one task makes tens
REFLOG_BYTES: Final = 64 * 1024 * 1024  # of them all; a line has 200
_ASIDE: Final = ("rebase-merge/autostash", "rebase-apply/autostash", "MERGE_AUTOSTASH")


def snapshot(tree: LinkedTree, status: Status, name: str) -> str:
    """A commit of all that is in the worktree, on top of HEAD; no branch moves."""
    tree.add_all(status)
    content = tree.run("write-tree", write=True).text
    parent = ("-p", status.oid) if status.oid else ()
    text = f"Left uncommitted in the worktree of {name}\n"
    return tree.run("commit-tree", content, *parent, stdin=text, write=True).text


def commits_of(git_dir: Path) -> list[str]:
    """Commits that only this worktree may know of: its reflog, and what a rebase put aside."""
    found = _heads(git_dir)
    found += [first_line(git_dir / name) for name in _ASIDE]
    return [oid for oid in dict.fromkeys(found) if is_oid(oid) and oid.strip("0")]


def last_head(git_dir: Path) -> str | None:
    """The commit that the HEAD of a worktree was at last, also where its branch is no more."""
    return next((oid for oid in reversed(_heads(git_dir)) if is_oid(oid) and oid.strip("0")), None)


def _heads(git_dir: Path) -> list[str]:
    """What its HEAD was at, the latest last."""
    try:
        lines = read_plain(git_dir / "logs" / "HEAD", REFLOG_BYTES).splitlines()[-REFLOG_ENTRIES:]
    except OSError:  # none, or no file of git's
        return []
    return [os.fsdecode(line[41:81]) for line in lines]


def unheld(git: Git, commits: Iterable[str]) -> list[str]:
    """The newest of those commits that no ref reaches; the others are in their history."""
    text = "".join(f"{commit}\n" for commit in dict.fromkeys(commits))
    if not text:
        return []
    flags = ("--parents", "--ignore-missing", "--stdin", "--not", "--glob=refs/*")
    rows = [line.split() for line in git.run("rev-list", *flags, stdin=text).text.splitlines()]
    older = {parent for row in rows for parent in row[1:]}
    return [row[0] for row in rows if row[0] not in older]
