"""Git on the machine where an agent works: without an engine, with the standard library alone.

Rules: no hook, monitor or editor of anybody runs for us, nothing is collected, nothing signs. What
an agent left uncommitted is committed for it; what cannot be taken is said in one sentence.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.environment import child_environment
from agentdeck.engine.private_files import make_private

GIT_S: Final = 30 * 60.0  # of one git: a checkout of 50,000 files on a slow disk takes minutes
_BEGUN: Final = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}
_QUIET: Final = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "protocol.file.allow": "always",
    "advice.detachedHead": "false",
}


class RunGit(Protocol):
    """One git command; what it printed."""

    def __call__(
        self, where: Path, *args: str, stdin: str | None = None, ok: tuple[int, ...] = (0,)
    ) -> str:
        """As `run_git`."""


class CannotTake(Exception):
    """The sentence that says why nothing of the work can be taken."""


def bring_home(tree: Path, branch: str, start: str, message: str, git: RunGit) -> tuple[str, int]:
    """Commit what is left. The commit that has all of the work, and how many files were left.

    Args:
        git: runs one git command: in the sandbox of the agent, if there is one.
    """
    git_dir = tree / ".git"
    if git_dir.is_symlink() or not (git_dir / "HEAD").is_file():
        raise CannotTake("the agent removed the repository it worked in")
    begun = next((word for name, word in _BEGUN.items() if (git_dir / name).exists()), None)
    if begun is not None:
        raise CannotTake(f"the agent left a {begun} in progress")
    (git_dir / "index.lock").unlink(missing_ok=True)  # of a git that was killed with its agent
    status = git(tree, "status", "--porcelain=v2", "-z", "--untracked-files=all").split("\0")
    if any(row.startswith("u ") for row in status):
        raise CannotTake("the agent left conflicts")
    left = sum(row[:2] in ("1 ", "2 ", "? ") for row in status)
    head = git(tree, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1))
    if not head:
        raise CannotTake("the agent left HEAD on a branch without a commit")
    if left:
        git(tree, "add", "--all")
        git(
            tree,
            *("commit", "--quiet", "--no-verify", "--allow-empty-message", "--file=-"),
            stdin=message,
            ok=(0, 1),
        )
        head = git(tree, "rev-parse", "HEAD")
    tip = git(tree, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}", ok=(0, 1))
    if tip and tip != head and not is_ancestor(git, tree, tip, head):
        if left or not is_ancestor(git, tree, head, tip):
            raise CannotTake(f"both {branch} and HEAD have commits of their own")
        head = tip
    if not is_ancestor(git, tree, start, head):
        raise CannotTake(f"its work does not contain {start[:12]}, where it began")
    return head, left


def is_ancestor(git: RunGit, tree: Path, old: str, new: str) -> bool:
    """Is a commit in the history of another, or that one?"""
    return not git(tree, "rev-list", "--max-count=1", old, f"^{new}")


def run_git(
    where: Path,
    *args: str,
    stdin: str | None = None,
    ok: tuple[int, ...] = (0,),
    inside: Callable[[list[str]], Sequence[str]] | None = None,
) -> str:
    """One git command; what it printed, without white space around it.

    Args:
        inside: makes of a command one that enters a sandbox.
    """
    flags = [part for key, value in _QUIET.items() for part in ("-c", f"{key}={value}")]
    env = child_environment(os.environ, tag="agentdeck-outpost", extra={}, cwd=str(where))
    command = ["git", *flags, *args]
    done = subprocess.run(
        command if inside is None else inside(command),
        cwd=where,
        input=None if stdin is None else stdin.encode(),
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        env=env,
        timeout=GIT_S,
        check=False,
        start_new_session=True,
    )
    if done.returncode not in ok:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise EnvironmentFault(
            f"git {args[0]} failed with exit {done.returncode}: {'; '.join(said)}",
            hint=f"in {where} on {socket.gethostname()}",
        )
    return os.fsdecode(done.stdout).strip()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Have a file alone; it is made if it is not there."""
    make_private(file.parent)
    fd = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


__all__ = ["CannotTake", "bring_home", "is_ancestor", "locked", "run_git"]
