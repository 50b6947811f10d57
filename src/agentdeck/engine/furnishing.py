"""Brings single paths into a worktree from elsewhere: a copy, a link, a clone.

Rules:
- Nothing in the worktree is overwritten, and nothing outside of it is written: a tracked link could
  lead a write to anywhere.
- What is not there is left out.
- The standard library alone: this is sent to machines that have nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from agentdeck.core.errors import UsageError
from agentdeck.engine.cloning import clone


def copy_in(source: Path, worktree: Path, name: str) -> bool:
    """Copy a file or a link, with its mode. Was it there?"""
    goal = worktree / name
    if name.endswith("/") or os.path.lexists(goal) or not stays_inside(worktree, goal):
        return False
    if not (source.is_symlink() or source.is_file()):
        return False  # a socket or a pipe, or it went away meanwhile
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, goal, follow_symlinks=False)
    return True


def link_in(source: Path, worktree: Path, name: str) -> bool:
    """Link to a path below `source`. Was it there?

    Raises:
        UsageError: it leads out of `source`.
    """
    if name.startswith("/") or ".." in name.split("/") or not name.strip("/."):
        raise UsageError(
            f"[worktree] link has {name!r}, which leads out of {source}",
            hint="name files or folders below the top folder of the repository",
        )
    found, goal = source / name, worktree / name
    if not found.exists() or os.path.lexists(goal) or not stays_inside(worktree, goal):
        return False
    goal.parent.mkdir(parents=True, exist_ok=True)
    goal.symlink_to(found)
    return True


def clone_in(source: Path, worktree: Path, name: str) -> str | None:
    """Clone one path of dependencies; where it is now below the worktree, or None.

    Raises:
        UsageError: it leads out of `source`, and is not absolute.
    """
    plain = name.rstrip("/")
    path = Path(plain).expanduser()
    if ".." in path.parts or not path.name:
        raise UsageError(
            f"[worktree] cache has {name!r}, which leads nowhere",
            hint="name folders below the top folder of the repository, or absolute ones",
        )
    goal = path.name if path.is_absolute() else plain
    if not (source / path).exists() or os.path.lexists(worktree / goal):
        return None
    if not stays_inside(worktree, worktree / goal):
        return None
    clone(source / path, worktree / goal)
    return goal


def stays_inside(worktree: Path, goal: Path) -> bool:
    """A tracked link in the worktree could lead a write to anywhere."""
    return goal.parent.resolve().is_relative_to(worktree.resolve())


def exclude_line(path: str) -> str:
    """A path below the worktree as a line of an excludes file, that matches nothing else."""
    return "/" + re.sub(r"([\\*?\[\]! #])", r"\\\1", path)


__all__ = ["clone_in", "copy_in", "exclude_line", "link_in", "stays_inside"]
