"""What a repository holds and what changed together in it, read-only: for the analysis of plans.

Rules:
- GitPython is imported where it is used: it is slow to import.
- Nothing here locks, writes, fetches, or runs a program that the repository's configuration names.
- Every answer has a bound: `MAX_FILES` names, `MAX_COMMITS` commits, `MAX_OUTPUT` bytes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from agentdeck.core.errors import EnvironmentFault

if TYPE_CHECKING:
    from git import Repo

MAX_FILES: Final = 500_000  # names; the largest repositories that people check out
MAX_COMMITS: Final = 1_000  # looked at, the newest; older habits say little about the next change
MAX_OUTPUT: Final = 64 * 1024 * 1024  # bytes of one git command
CHUNK: Final = 256 * 1024  # bytes
_MARK: Final = "\x01"  # begins a commit in the output of `git log`
_CALM: Final = ("-c", "core.fsmonitor=false", "-c", "log.showSignature=false")
_ENVIRONMENT: Final = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}


def tracked_files(start: Path) -> tuple[str, ...] | None:
    """The files that git tracks around `start`, as paths below the top of the repository.

    At most `MAX_FILES`; None: `start` is in no repository.

    Raises:
        EnvironmentFault: git fails in it.
    """
    found = _opened(start)
    if found is None:
        return None
    with found as repo:
        names = _output(repo, "ls-files", "-z").split("\0")
    return tuple(name for name in names[:MAX_FILES] if name)


def changed_together(start: Path, commits: int = MAX_COMMITS) -> list[tuple[str, ...]]:
    """The files of each of the newest commits, without merges; [] where there is no commit.

    Raises:
        EnvironmentFault: no repository, or git fails in it.
    """
    found = _opened(start)
    if found is None:
        raise EnvironmentFault(f"{start} is in no git repository", hint="name one with --repo DIR")
    with found as repo:
        if not repo.head.is_valid():
            return []
        asked = ("log", "-z", "--no-merges", "--no-renames", "--name-only", "--no-show-signature")
        text = _output(repo, *asked, f"--max-count={commits}", "--format=%x01", "--")
    return list(_commits(text))


def _commits(text: str) -> Iterator[tuple[str, ...]]:
    """Each part behind a mark: names between NULs, the first one behind a line's end."""
    for part in text.split(_MARK)[1:]:
        names = tuple(name for word in part.split("\0") if (name := word.lstrip("\n")))
        if names:
            yield names


def _opened(start: Path) -> Repo | None:
    from git import Repo
    from git.exc import GitError

    try:
        return Repo(start, search_parent_directories=True)
    except (GitError, OSError, ValueError):
        return None


def _output(repo: Repo, *args: str) -> str:
    """What one git command prints, cut at the last whole name within `MAX_OUTPUT` bytes."""
    process = repo.git.execute(
        ["git", *_CALM, *args], as_process=True, env={**os.environ, **_ENVIRONMENT}
    )
    running = process.proc
    assert running is not None
    assert running.stdout is not None
    data = bytearray()
    while len(data) <= MAX_OUTPUT and (chunk := running.stdout.read(CHUNK)):
        data += chunk
    if len(data) > MAX_OUTPUT:
        running.terminate()
        running.communicate()
        data = data[:MAX_OUTPUT].rpartition(b"\0")[0]
    else:
        _, said = running.communicate()
        if running.returncode != 0:
            fault = said.decode(errors="replace").strip().splitlines()
            why = fault[-1] if fault else "no reason given"
            raise EnvironmentFault(f"git {args[0]} failed: {why}")
    return data.decode(errors="replace")
