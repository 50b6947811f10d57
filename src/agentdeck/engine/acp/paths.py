"""Which paths an agent may name to us: those inside its worktree. No IO.

Rules:
- `..` is refused even where it would lead back inside, and so is a NUL. Anything called `.git`, in
  any spelling, is git's own.
- A relative path counts from the worktree. An absolute one must begin with the worktree, as it was
  given or with its symbolic links resolved.
- This judges spelling only. Links are resolved first and judged again by whoever opens the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

SHOWN_CHARS: Final = 200  # of a path in a message


class Refused(Exception):
    """We will not do what the agent asks. The message is for the agent."""


def below(roots: Iterable[str], wanted: str) -> tuple[str, ...]:
    """The names that lead from the worktree to `wanted`; none for the worktree itself.

    Args:
        roots: spellings of the worktree, absolute.
        wanted: a path as an agent wrote it.

    Raises:
        Refused: it leads elsewhere.
    """
    names = _names(wanted)
    if not wanted.startswith("/"):
        return names
    for root in roots:
        above = _names(root)
        if names[: len(above)] == above:
            return _own(names[len(above) :], wanted)
    raise Refused(f"{shown(wanted)} lies outside the worktree")


def shown(path: str) -> str:
    """A path as it may stand in a message."""
    text = repr(path)
    return text if len(text) <= SHOWN_CHARS else text[:SHOWN_CHARS] + "…"


def _names(path: str) -> tuple[str, ...]:
    if not path or "\0" in path:
        raise Refused(f"{shown(path)} is no path")
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    if ".." in names:
        raise Refused(f"{shown(path)} goes up by '..'")
    return names if path.startswith("/") else _own(names, path)


def _own(names: tuple[str, ...], wanted: str) -> tuple[str, ...]:
    if any(name.casefold() == ".git" for name in names):
        raise Refused(f"{shown(wanted)} belongs to git")
    return names
