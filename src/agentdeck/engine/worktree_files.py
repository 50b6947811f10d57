"""What a fresh worktree gets from the user's checkout besides commits: copies, links and clones.

Rules:
- Only untracked files are copied, with their mode: git itself says which ones match. Symbolic
  links are copied as links. Nothing in the worktree is overwritten, and nothing outside written.
- What was put there is private: an excludes file keeps it out of status and of commits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from agentdeck.core.errors import UsageError
from agentdeck.engine.furnishing import clone_in, copy_in, exclude_line, link_in
from agentdeck.engine.git import Git

INCLUDE_FILE: Final = ".worktreeinclude"  # at the top of the checkout; patterns as in .gitignore


def furnish(
    git: Git,
    worktree: Path,
    copy: Sequence[str],
    link: Sequence[str],
    cache: Sequence[str] = (),
) -> tuple[str, ...]:
    """Bring what was asked for, and what `.worktreeinclude` names, into a worktree.

    Args:
        git: names the checkout that things come from.
        worktree: its top folder.
        copy: globs as in git's pathspecs (`**` crosses folders); a folder stands for all in it.
        link: paths below the checkout; one that does not exist is left out.
        cache: paths below the checkout, or absolute ones, which come to the top of the worktree;
            one that does not exist is left out. Each is cloned, so nobody else sees what is
            written into it.

    Returns:
        The paths that are private now, below the worktree.

    Raises:
        UsageError: a pattern or path leads out of the checkout.
    """
    wanted = untracked(git, copy)
    copied = [name for name in wanted if copy_in(git.checkout / name, worktree, name)]
    linked = [name.strip("/") for name in link if link_in(git.checkout, worktree, name)]
    cloned = [goal for name in cache if (goal := clone_in(git.checkout, worktree, name))]
    return (*copied, *linked, *cloned)


def write_excludes(
    git: Git, file: Path, private: Sequence[str], leaves: Sequence[str] = ()
) -> None:
    """Write what `excludes` says."""
    text = excludes(git, private, leaves)
    file.write_text(text, encoding="utf-8", errors="surrogateescape")


def excludes(git: Git, private: Sequence[str], leaves: Sequence[str] = ()) -> str:
    """An excludes file that names private paths after the user's own global patterns.

    git reads only one such file (`core.excludesFile`), so this one has to hold both.

    Args:
        private: paths below the worktree.
        leaves: patterns of what agents leave there for themselves, as in .gitignore.
    """
    own = git.run("config", "--type=path", "--get", "core.excludesFile", check=False).text
    config_home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    users = Path(own) if own else Path(config_home) / "git" / "ignore"
    text = users.read_text(encoding="utf-8", errors="surrogateescape") if users.is_file() else ""
    lines = "".join(f"{pattern}\n" for pattern in leaves)
    lines += "".join(f"{exclude_line(path)}\n" for path in private)
    return f"{text.rstrip()}\n{lines}"


def untracked(git: Git, globs: Sequence[str]) -> list[str]:
    """The untracked files of the checkout that these globs match, or `.worktreeinclude`.

    Raises:
        UsageError: a pattern leads out of the checkout.
    """
    return list(dict.fromkeys(_untracked(git, globs)))


def _untracked(git: Git, globs: Sequence[str]) -> Iterator[str]:
    asked = ("ls-files", "-z", "--others")
    if globs:
        bad = next((g for g in globs if g.startswith("/") or ".." in g.split("/") or not g), None)
        if bad is not None:
            raise UsageError(
                f"[worktree] copy has {bad!r}, which leads out of {git.checkout}",
                hint="name files below the top folder of the repository",
            )
        specs = (f":(top,glob){pattern.rstrip('/')}" for pattern in globs)
        yield from git.run(*asked, "--", *specs, cwd=git.checkout).fields
    if (git.checkout / INCLUDE_FILE).is_file():
        chosen = ("--ignored", f"--exclude-from={INCLUDE_FILE}")
        yield from git.run(*asked, *chosen, cwd=git.checkout).fields
