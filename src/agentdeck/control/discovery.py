"""Which repository is this? Answered from files alone, in well under a millisecond.

Rules: nothing is started and nothing imported that is slow, because `status` and the shell's
completion ask for it. What it finds is checked by git before anything is done with it.
"""

from __future__ import annotations

from pathlib import Path


def common_dir(start: Path) -> Path | None:
    """The git directory that all worktrees of the repository around `start` share, or None."""
    try:
        here = start.resolve()
        for folder in (here, *here.parents):
            found = _git_dir(folder)
            if found is not None:
                return _common(found)
    except OSError:
        pass
    return None


def checkout_dir(start: Path) -> Path | None:
    """The top folder of the checkout around `start`, or None."""
    here = start.resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)


def _git_dir(folder: Path) -> Path | None:
    dot = folder / ".git"
    if dot.is_dir():
        return dot
    if dot.is_file():  # a linked worktree, or a submodule
        kind, _, target = dot.read_text(encoding="utf-8", errors="surrogateescape").partition(":")
        return (folder / target.strip()).resolve() if kind == "gitdir" else None
    return None


def _common(git_dir: Path) -> Path:
    named = git_dir / "commondir"
    if named.is_file():
        where = named.read_text(encoding="utf-8", errors="surrogateescape").strip()
        return (git_dir / where).resolve()
    return git_dir.resolve()
