"""What each live branch holds just now, as a commit; also what nobody has committed yet.

Rules:
- Only looking: files, index, HEAD and refs of a worktree stay as they are, to the byte. What is
  uncommitted becomes a commit in a scratch store that the repository never gets, by way of a copy
  of the index.
- The same content on the same HEAD is the same commit each time: author and dates are fixed.
- A worktree that cannot be read, or holds more than is worth reading, is not guessed at: its
  commits are looked at, or nothing, and the note says so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.words import first_line
from agentdeck.engine.git import Git, GitError, is_oid
from agentdeck.engine.linked_tree import LinkedTree, Status, in_progress, linked

MAX_FILES: Final = 2_000  # uncommitted ones of one worktree; more is a build nobody ignores
MAX_BYTES: Final = 64 * 1024 * 1024  # of those; they are written once more on each look
READ_TIMEOUT_S: Final = 10.0  # of one git that reads; 50,000 files take a second
_FIXED: Final = (("NAME", "agentdeck"), ("EMAIL", "agentdeck@localhost"), ("DATE", "@0 +0000"))
_NOBODY: Final = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _FIXED
}


@dataclass(frozen=True, slots=True)
class Live:
    """A branch that somebody works on, or that waits to land."""

    name: str
    commit: str | None = None  # where there is no worktree to look into
    worktree: Path | None = None


@dataclass(frozen=True, slots=True)
class Stand:
    """What a live branch holds."""

    name: str
    commit: str | None  # None: it cannot be compared
    uncommitted: int = 0  # files in `commit` that are in no commit of the branch
    note: str = ""  # what was left out, and why


class ScratchStore:
    """A folder for objects that the repository must not get; it sees those of others."""

    def __init__(self, folder: Path, *others: Path) -> None:
        """Made anew. `others` are object folders, named in a file: a path may contain a `:`."""
        self.folder = folder
        (folder / "info").mkdir(parents=True)
        lines = b"".join(os.fsencode(other) + b"\n" for other in others)
        (folder / "info" / "alternates").write_bytes(lines)
        self.env = {"GIT_OBJECT_DIRECTORY": str(folder)}


def stand_of(git: Git, live: Live, store: ScratchStore) -> Stand:
    """What a branch holds. Never raises for what is wrong with its worktree."""
    if live.worktree is None:
        return Stand(live.name, live.commit)
    try:
        tree = linked(git, live.worktree)
        status = tree.status(timeout_s=READ_TIMEOUT_S)
    except EnvironmentFault as fault:
        return Stand(live.name, None, note=first_line(fault.message))
    if status.oid is None:
        return Stand(live.name, None, note="its HEAD is on a branch without a commit")
    files = tuple(path for path in status.dirty if not path.endswith("/"))
    if not files:
        return Stand(live.name, status.oid)
    why = _left_out(tree, files)
    if not why:
        try:
            return Stand(live.name, _as_commit(tree, status, store), len(files))
        except (GitError, OSError) as fault:
            why = f"it could not be read: {first_line(str(fault))}"
    return Stand(live.name, status.oid, note=f"without what is uncommitted: {why}")


def _left_out(tree: LinkedTree, files: Sequence[str]) -> str:
    """Why uncommitted files are not looked at; empty if they are."""
    begun = in_progress(tree.git_dir)
    if begun is not None:
        return f"a {begun} is in progress"
    if len(files) > MAX_FILES:
        return f"more than {MAX_FILES} files"
    size = 0
    for name in files:
        try:
            size += (tree.path / name).lstat().st_size
        except OSError:
            continue  # deleted, or it went away in between
    return f"more than {MAX_BYTES // 1024 // 1024} MiB" if size > MAX_BYTES else ""


def _as_commit(tree: LinkedTree, status: Status, store: ScratchStore) -> str:
    """All that is in the worktree, as a commit on top of HEAD, in the scratch store."""
    index = store.folder / f"index-{tree.git_dir.name}"
    env = {**store.env, **_NOBODY, "GIT_INDEX_FILE": str(index)}
    try:
        if (tree.git_dir / "index").exists():
            # With its times: git takes a file that changed after them for changed.
            shutil.copy2(tree.git_dir / "index", index)
        settings = ("-c", "core.splitIndex=false")  # else it may write beside the agent's index
        tree.add_all(status, *settings, env=env, timeout_s=READ_TIMEOUT_S)
        content = tree.run(*settings, "write-tree", env=env, timeout_s=READ_TIMEOUT_S).text
        assert status.oid is not None
        args = ("commit-tree", content, "-p", status.oid)
        made = tree.run(*args, stdin="Uncommitted\n", env=env, timeout_s=READ_TIMEOUT_S)
    finally:
        index.unlink(missing_ok=True)
    if not is_oid(made.text):
        raise GitError(args, made.code, made.err)
    return made.text
