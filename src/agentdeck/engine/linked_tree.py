"""A worktree of ours, seen from git: where it stands, and commands that cannot stray from it.

Rules:
- Before anything runs, the `.git` file of the worktree must lead to an entry of this repository
  that leads back. Were it missing, git would go on upward and might find the user's checkout.
- Every command names git directory and worktree, so it cannot stray even if the file goes away.
- Private files (copied or linked from the user's checkout) are named in an excludes file in the
  entry; every command here uses it, so they are in no status and in no commit.
- Who changes a worktree holds its lock: a `flock` in its entry, which the git children inherit.
- In a worktree that a sandboxed agent had, git does not look into repositories inside of it: their
  settings name programs, which would run out here.
- An agent may write in its entry. Its word is not taken for where the repository is, and links and
  pipes in it are removed before git writes there: git would follow one that stands for a log.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.git import (
    CHECKOUT_TIMEOUT_S,
    LOCK_TIMEOUT_S,
    Git,
    GitError,
    GitResult,
    first_line,
    hold_flock,
    is_oid,
)
from agentdeck.engine.plain_files import copy_plain

PIPE_PATIENCE_S: Final = 15.0  # with a status, before somebody looks what it may wait for
ENTRY_BYTES: Final = 256 * 1024 * 1024  # of one file of an entry; the index of 1,000,000 files
READ_BY_GIT: Final = frozenset({".gitattributes", ".gitignore", ".gitmodules", ".mailmap"})
_NOT_INSIDE: Final = ("-c", "diff.ignoreSubmodules=dirty")
_IN_PROGRESS: Final = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "sequencer": "cherry-pick or revert",
    "BISECT_LOG": "bisect",
}


@dataclass(frozen=True, slots=True)
class Status:
    """Where a worktree stands."""

    oid: str | None  # None: HEAD is on a branch without a commit
    branch: str | None  # short name; None: detached
    changed: tuple[str, ...]  # tracked paths, staged or not, unmerged ones too
    untracked: tuple[str, ...]  # a path that ends in `/` is a repository inside the worktree
    unmerged: tuple[str, ...]

    @property
    def dirty(self) -> tuple[str, ...]:
        """Every path that is not as HEAD has it."""
        return self.changed + self.untracked


def in_progress(git_dir: Path) -> str | None:
    """What a person or an agent has begun and not ended in this worktree, such as `rebase`."""
    return next((what for name, what in _IN_PROGRESS.items() if (git_dir / name).exists()), None)


def forget_progress(git_dir: Path) -> None:
    """End whatever is in progress in a worktree of ours, and drop its own list of past heads."""
    for name in (*_IN_PROGRESS, "BISECT_START", "MERGE_MSG", "MERGE_MODE", "MERGE_AUTOSTASH"):
        found = git_dir / name
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)
    (git_dir / "logs" / "HEAD").unlink(missing_ok=True)


def linked(git: Git, path: Path) -> LinkedTree:
    """The linked worktree at `path`, once it is certain that it is one of this repository.

    Raises:
        EnvironmentFault: its `.git` file is missing, or leads elsewhere.
    """
    pointer = path / ".git"
    if pointer.is_dir():
        raise _foreign(path, "has a repository of its own in it")
    said = first_line(pointer)
    if not said.startswith("gitdir: "):
        raise _foreign(path, "has lost its .git file")
    git_dir = Path(os.path.normpath(path / said.removeprefix("gitdir: ")))
    if git_dir.parent != git.common / "worktrees" or not git_dir.is_dir():
        raise _foreign(path, f"points to {git_dir}")
    back = Path(os.path.normpath(git_dir / first_line(git_dir / "gitdir")))
    if back.parent.resolve() != path.resolve():
        raise _foreign(path, f"uses the git directory of {back.parent}")
    return LinkedTree(git, path, git_dir)


class LinkedTree:
    """A worktree of ours. Its commands name git directory and worktree, so none can stray."""

    def __init__(self, git: Git, path: Path, git_dir: Path) -> None:
        self.git = git
        self.path = path
        self.git_dir = git_dir
        self._fds: tuple[int, ...] = ()

    @property
    def excludes_file(self) -> Path:
        """Where the names of private files stand, if there are any."""
        return self.git_dir / "agentdeck.excludes"

    @property
    def excludes(self) -> Path | None:
        """What `core.excludesFile` must be for git to pass over private files; None: not needed."""
        return self.excludes_file if self.excludes_file.exists() else None

    @property
    def distrusted(self) -> bool:
        """Was it ever given to a sandboxed agent? That stands beside it, out of its reach."""
        return self._mark.exists()

    def distrust(self) -> None:
        """Note that a sandboxed agent gets it."""
        self._mark.touch(mode=0o600)

    @property
    def _mark(self) -> Path:
        return self.path.with_name(f"{self.path.name}.boxed")

    @contextmanager
    def hold(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Have the worktree alone, also against an orphaned git of a killed engine."""
        _drop_strangers(self.git_dir)
        with hold_flock(self.git_dir / "agentdeck.lock", timeout_s) as fd:
            self._fds = (fd,)
            try:
                yield
            finally:
                self._fds = ()

    def run(
        self,
        *args: str,
        stdin: str | None = None,
        check: bool = True,
        write: bool = False,
        env: Mapping[str, str] | None = None,
        timeout_s: float = CHECKOUT_TIMEOUT_S,
    ) -> GitResult:
        """Run a git command here. See `Git.run`."""
        place = [f"--git-dir={self.git_dir}", f"--work-tree={self.path}"]
        place += _NOT_INSIDE if self.distrusted else ()
        excludes = self.excludes
        return self.git.run(
            *place,
            *(("-c", f"core.excludesFile={excludes}") if excludes else ()),
            *args,
            cwd=self.path,
            git_dir=self.git_dir,
            stdin=stdin,
            check=check,
            write=write,
            env={"GIT_COMMON_DIR": str(self.git.common)} | dict(env or {}),
            fds=self._fds,
            timeout_s=timeout_s,
        )

    def status(
        self,
        *settings: str,
        env: Mapping[str, str] | None = None,
        timeout_s: float = CHECKOUT_TIMEOUT_S,
    ) -> Status:
        """Where it stands, with every untracked file by name."""
        asked = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--no-renames")
        args = (*settings, "status", *asked, "--ignore-submodules=dirty")
        return _parse_status(self.run(*args, env=env, timeout_s=timeout_s).fields)

    def status_at_end(self) -> Status:
        """As `status`, where nobody works any more: what git would wait at for ever is removed."""
        try:
            return self.status(timeout_s=PIPE_PATIENCE_S)
        except GitError as fault:
            if fault.code is not None:
                raise
        self.drop_pipes()
        return self.status()

    def drop_pipes(self) -> None:
        """Remove what is in the place of a file that git reads, and is no file.

        A pipe named `.gitattributes` would have every git here wait for somebody to write into it.
        No commit can hold one.
        """
        for folder, _, names in os.walk(self.path):
            for name in READ_BY_GIT.intersection(names):
                file = Path(folder, name)
                mode = file.lstat().st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                    file.unlink()

    def add_all(
        self,
        status: Status,
        *settings: str,
        env: Mapping[str, str] | None = None,
        timeout_s: float = CHECKOUT_TIMEOUT_S,
    ) -> None:
        """Put every change of the worktree into its index, save repositories inside it.

        Those would become links to commits that nobody else can get. Paths are named one by one:
        `git add --all` would run git in each repository that is a link already, with the filters
        of its own configuration, which is an agent's.
        """
        named = (path for path in status.dirty if not path.endswith("/"))
        text = "".join(f"{path}\0" for path in dict.fromkeys(named))
        if text:
            words = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
            self.run(*settings, *words, stdin=text, env=env, timeout_s=timeout_s)

    def show_hidden(self) -> None:
        """Make status see files that were marked as assume-unchanged or skip-worktree."""
        sparse = (self.git_dir / "info" / "sparse-checkout").exists()
        marks = rb"^[a-z]" if sparse else rb"^[a-zS]"
        if re.search(marks, self.run("ls-files", "-v").out, re.MULTILINE):
            (self.git_dir / "index").unlink(missing_ok=True)
            self.run("reset", "--mixed", "--quiet")

    def drop_stale_locks(self, branch: str | None = None) -> None:
        """Remove lock files that a killed git has left. Only while `hold` has the worktree."""
        stale = [self.git_dir / "index.lock", self.git_dir / "HEAD.lock"]
        if branch:
            stale.append(self.git.common / "refs" / "heads" / f"{branch}.lock")
        for file in stale:
            file.unlink(missing_ok=True)


def _drop_strangers(git_dir: Path) -> None:
    """Remove from an entry what git never makes, and would follow, or wait for.

    Links (it makes none but HEAD, and never writes through it), pipes, devices and sockets. A file
    that has a second name elsewhere gets a copy of its own, before git appends to it.
    """
    for folder in (git_dir, git_dir / "logs"):
        if folder.is_symlink() or not folder.is_dir():
            continue
        for found in list(folder.iterdir()):
            how = found.lstat()
            is_head = stat.S_ISLNK(how.st_mode) and found == git_dir / "HEAD"
            if is_head or stat.S_ISDIR(how.st_mode):
                continue
            if not stat.S_ISREG(how.st_mode):
                found.unlink()
            elif how.st_nlink > 1:
                alone = found.with_name(f"{found.name}.alone")
                alone.unlink(missing_ok=True)
                copy_plain(found, alone, ENTRY_BYTES)
                alone.replace(found)


def _parse_status(fields: Sequence[str]) -> Status:
    head: dict[str, str] = {}
    found: dict[str, list[str]] = {"1": [], "u": [], "?": []}
    before_path = {"1": 8, "u": 10, "?": 1}  # fields of a line, as git-status(1) has them
    for line in fields:
        kind = line[:1]
        if kind == "#":
            _, key, value = line.split(" ", 2)
            head[key] = value
        elif kind in found:
            found[kind].append(line.split(" ", before_path[kind])[-1])
    oid, branch = head.get("branch.oid", ""), head.get("branch.head", "")
    return Status(
        oid=oid if is_oid(oid) else None,
        branch=None if branch == "(detached)" else branch,
        changed=(*found["1"], *found["u"]),
        untracked=tuple(found["?"]),
        unmerged=tuple(found["u"]),
    )


def _foreign(path: Path, what: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"the worktree {path} {what}", hint="nothing in it was touched; look at it, or start afresh"
    )
