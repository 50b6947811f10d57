"""The files of a diff as a tree: folders with their sums, files with theirs.

Rules: pure. Files keep the order of the diff, which is that of their paths; folders that hold only
one folder are one row with it. A folder's row stands where its first file is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agentdeck.tui.presentation.diff_files import DiffFile


class Leaf(NamedTuple):
    """One row of the tree."""

    depth: int
    name: str
    file: int | None  # its place in the diff; None = a folder
    added: int
    removed: int


def tree_of(files: Sequence[DiffFile]) -> list[Leaf]:
    """The rows of the tree, from the top. O(files x depth of their paths)."""
    root = _Folder("")
    for number, file in enumerate(files):
        here = root
        *folders, _ = file.path.split("/")
        here.add(file.sizes)
        for name in folders:
            here = here.folder(name)
            here.add(file.sizes)
        here.inside.append((number, file))
    rows: list[Leaf] = []
    # A stack in place of recursion: a path may have as many folders as it likes.
    waiting: list[tuple[int, _Folder | tuple[int, DiffFile]]]
    waiting = [(0, child) for child in reversed(root.inside)]
    while waiting:
        depth, child = waiting.pop()
        if isinstance(child, tuple):
            number, file = child
            name = file.path.rpartition("/")[2]
            rows.append(Leaf(depth, name, number, *file.sizes))
            continue
        name = child.name
        while len(child.inside) == 1 and isinstance(only := child.inside[0], _Folder):
            child, name = only, f"{name}/{only.name}"
        rows.append(Leaf(depth, f"{name}/", None, child.added, child.removed))
        waiting += [(depth + 1, inner) for inner in reversed(child.inside)]
    return rows


class _Folder:
    def __init__(self, name: str) -> None:
        self.name = name
        self.added = self.removed = 0
        self.inside: list[_Folder | tuple[int, DiffFile]] = []
        self._folders: dict[str, _Folder] = {}

    def folder(self, name: str) -> _Folder:
        found = self._folders.get(name)
        if found is None:
            found = self._folders[name] = _Folder(name)
            self.inside.append(found)
        return found

    def add(self, sizes: tuple[int, int]) -> None:
        self.added += sizes[0]
        self.removed += sizes[1]
