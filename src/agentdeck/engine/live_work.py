"""What each live branch holds just now, as a commit; also what nobody has committed yet.

Rules:
- Only looking: files, index, HEAD and refs of a worktree stay as they are, to the byte. What is
  uncommitted becomes a commit in a scratch store that the repository never gets, by way of a copy
  of the index. The copy is kept from look to look: git notes in it which files it need not read.
- Uncommitted files that are as they were are not read again, unless they are as young as the last
  look: a clock may not tell two changes apart that follow so fast.
- The same content on the same HEAD is the same commit each time: author and dates are fixed.
- A worktree that cannot be read, or holds more than is worth reading, is not guessed at: its
  commits are looked at, or nothing, and the note says so.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.words import first_line
from agentdeck.engine.git import Git, GitError, is_oid
from agentdeck.engine.linked_tree import LinkedTree, Status, in_progress, linked
from agentdeck.engine.plain_files import copy_plain

MAX_FILES: Final = 2_000  # uncommitted ones of one worktree; more is a build nobody ignores
MAX_BYTES: Final = 64 * 1024 * 1024  # of those; they are written once more
STORE_BYTES: Final = 256 * 1024 * 1024  # of all uncommitted files until the store is made anew
YOUNG_S: Final = 2.0  # a change of a file that is no older may be followed by one that looks alike
READ_TIMEOUT_S: Final = 10.0  # of one git that reads; 50,000 files take a second
_ONE_FILE: Final = ("-c", "core.splitIndex=false")  # else git may write beside the agent's index
_FIXED: Final = (("NAME", "agentdeck"), ("EMAIL", "agentdeck@localhost"), ("DATE", "@0 +0000"))
_NOBODY: Final = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in _FIXED
}
INDEX_BYTES: Final = 256 * 1024 * 1024  # of a worktree; that of 1,000,000 files has 100 MB
SIZE: Final = 2  # where a mark has it
MAX_SEEN: Final = 64  # worktrees that are remembered though nothing of them is live any more

Mark = tuple[int, ...]  # times of change, size and identity of a file; () = there is none


class _LeftOut(Exception):
    """Why uncommitted files are not looked at."""


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


@dataclass(slots=True)
class _Seen:
    """What is remembered of a worktree."""

    index: Mark = ()  # of which a copy is kept
    work: tuple[object, ...] = ()  # HEAD, index and uncommitted files that made `commit`
    commit: str = ""


class WorkReader:
    """Reads live branches again and again, with a folder for what git writes. For one thread."""

    def __init__(self, git: Git, folder: Path) -> None:
        """`folder` is there, and is removed by whoever made it."""
        self._git = git
        self._folder = folder
        self._seen: dict[str, _Seen] = {}  # by the name of the worktree's git folder
        self._written = 0  # bytes of uncommitted files in the store, about
        self.store = self._new_store()

    def begin(self, branches: Sequence[Live]) -> None:
        """Start anew when the store or the number of worktrees in it has become large."""
        if self._written > STORE_BYTES // 2 or len(self._seen) > MAX_SEEN + len(branches):
            shutil.rmtree(self._folder)
            self._folder.mkdir()
            self._seen.clear()
            self._written = 0
            self.store = self._new_store()

    def stand_of(self, live: Live) -> Stand:
        """What a branch holds. Never raises for what is wrong with its worktree."""
        if live.worktree is None:
            return Stand(live.name, live.commit)
        try:
            tree = linked(self._git, live.worktree)
            env = self._private_index(tree)
            status = tree.status(*_ONE_FILE, env=env, timeout_s=READ_TIMEOUT_S)
        except (EnvironmentFault, OSError) as fault:
            return Stand(live.name, None, note=first_line(str(fault)))
        if status.oid is None:
            return Stand(live.name, None, note="its HEAD is on a branch without a commit")
        files = tuple(path for path in status.dirty if not path.endswith("/"))
        if not files:
            return Stand(live.name, status.oid)
        try:
            commit = self._work(tree, status, files)
        except _LeftOut as why:
            note = f"without what is uncommitted: {why}"
            return Stand(live.name, status.oid, note=note)
        return Stand(live.name, commit, len(files))

    def _new_store(self) -> ScratchStore:
        return ScratchStore(self._folder / "work", self._git.common / "objects")

    def _private_index(self, tree: LinkedTree) -> dict[str, str]:
        """The environment of a git that uses a copy of the worktree's index, and may improve it."""
        seen = self._seen.setdefault(tree.git_dir.name, _Seen())
        copy, mark = self._index_of(tree), mark_of(tree.git_dir / "index")
        if mark != seen.index or not mark:
            copy.unlink(missing_ok=True)
            if mark:
                # With its times: git takes a file that changed after them for changed.
                copy_plain(tree.git_dir / "index", copy, INDEX_BYTES)
            seen.index = mark
        return {"GIT_INDEX_FILE": str(copy), "GIT_OPTIONAL_LOCKS": "1"}

    def _index_of(self, tree: LinkedTree) -> Path:
        return self._folder / f"index-{tree.git_dir.name}"

    def _work(self, tree: LinkedTree, status: Status, files: Sequence[str]) -> str:
        """The commit of what is in the worktree. Raises _LeftOut."""
        begun = in_progress(tree.git_dir)
        if begun is not None:
            raise _LeftOut(f"a {begun} is in progress")
        if len(files) > MAX_FILES:
            raise _LeftOut(f"more than {MAX_FILES} files")
        seen = self._seen[tree.git_dir.name]
        marks = {name: mark_of(tree.path / name) for name in files}
        work = (status.oid, seen.index, *marks.items())
        if work == seen.work:
            return seen.commit
        size = sum(mark[SIZE] for mark in marks.values() if mark)
        if size > MAX_BYTES:
            raise _LeftOut(f"more than {MAX_BYTES // 1024 // 1024} MiB")
        if self._written + size > STORE_BYTES:
            raise _LeftOut(f"others have more than {STORE_BYTES // 1024 // 1024} MiB")
        self._written += size
        young = any(max(mark[:2]) > _young_ns() for mark in marks.values() if mark)
        try:
            commit = self._as_commit(tree, status)
        except (GitError, OSError) as fault:
            raise _LeftOut(f"it could not be read: {first_line(str(fault))}") from None
        seen.work, seen.commit = (() if young else work), commit
        return commit

    def _as_commit(self, tree: LinkedTree, status: Status) -> str:
        """All that is in the worktree, as a commit on top of HEAD, in the scratch store."""
        copy = self._index_of(tree)
        index = copy.with_name(f"{copy.name}.add")
        env = {**self.store.env, **_NOBODY, "GIT_INDEX_FILE": str(index)}
        try:
            if copy.exists():
                shutil.copy2(copy, index)
            tree.add_all(status, *_ONE_FILE, env=env, timeout_s=READ_TIMEOUT_S)
            content = tree.run(*_ONE_FILE, "write-tree", env=env, timeout_s=READ_TIMEOUT_S).text
            assert status.oid is not None
            args = ("commit-tree", content, "-p", status.oid)
            made = tree.run(*args, stdin="Uncommitted\n", env=env, timeout_s=READ_TIMEOUT_S)
        finally:
            index.unlink(missing_ok=True)
            index.with_name(f"{index.name}.lock").unlink(missing_ok=True)
        if not is_oid(made.text):
            raise GitError(args, made.code, made.err)
        return made.text


def mark_of(file: Path) -> Mark:
    """What tells that a file has not changed; () when there is none."""
    try:
        found = file.lstat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode


def _young_ns() -> int:
    return int((time.time() - YOUNG_S) * 1e9)
