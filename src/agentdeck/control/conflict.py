"""What two commits disagree about, in the lines of both: git's own merge, without a checkout.

Rules:
- Read-only as far as refs, index and worktrees go; git keeps the objects of the merge it tried.
- Blocking, for a thread. Bounded: `MAX_FILES` files of `MAX_BYTES`, `MAX_HUNKS` hunks, and each
  side of one at most `MAX_LINES` lines; what is left out is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentdeck.engine.git import Git, GitError, is_oid
from agentdeck.engine.landing import ATTRIBUTES_FROM_TREE

MAX_FILES: Final = 20
MAX_BYTES: Final = 512 * 1024  # of one file; larger ones are no text that a person merges
MAX_HUNKS: Final = 100  # in all
MAX_LINES: Final = 200  # of one side of a hunk
CONTEXT: Final = 3  # lines before and after a hunk, as in a diff
_STYLE: Final = ("-c", "merge.conflictStyle=merge")
_OURS, _SPLIT, _THEIRS = "<<<<<<< ", "=======", ">>>>>>> "


@dataclass(frozen=True, slots=True)
class Hunk:
    """One place where both have changed the same lines."""

    line: int  # of its first line in the merged file, from 1
    before: tuple[str, ...]
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    after: tuple[str, ...]
    left_out: int = 0  # lines of both sides


@dataclass(frozen=True, slots=True)
class FileInConflict:
    """One file that does not merge."""

    path: str
    hunks: tuple[Hunk, ...]
    note: str = ""  # why there are none to show


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """Everything that two commits disagree about."""

    files: tuple[FileInConflict, ...]
    messages: tuple[str, ...] = ()  # git's own
    left_out: int = 0  # files


def read_conflict(repo: Path, tip: str, head: str) -> MergeConflict:
    """Merge `head` into `tip` on trial; no files when they merge by now.

    Raises:
        GitError: a commit is gone, or git fails.
    """
    git = Git.discover(repo)
    args = [*_STYLE, "merge-tree", "--write-tree", "-z", "--name-only", "--messages", tip, head]
    if git.version >= ATTRIBUTES_FROM_TREE:
        args.insert(0, f"--attr-source={tip}")
    done = git.run(*args, check=False)
    fields = done.fields
    if done.code not in (0, 1) or not fields or not is_oid(fields[0]):
        raise GitError(args, done.code, done.err)
    if done.code == 0:
        return MergeConflict(())
    end = fields.index("") if "" in fields else len(fields)
    paths = list(dict.fromkeys(fields[1:end]))
    said = tuple(text.strip() for text in fields[end + 1 :] if text.startswith("CONFLICT"))
    found: list[FileInConflict] = []
    left = MAX_HUNKS
    for path in paths[:MAX_FILES]:
        one = _file(git, fields[0], path, left)
        left -= len(one.hunks)
        found.append(one)
    return MergeConflict(tuple(found), said, len(paths) - len(found))


def _file(git: Git, tree: str, path: str, most: int) -> FileInConflict:
    size = git.run("cat-file", "-s", f"{tree}:{path}", check=False)
    if size.code != 0:
        return FileInConflict(path, (), "one side has removed or renamed it")
    if int(size.text) > MAX_BYTES:
        return FileInConflict(path, (), f"it is larger than {MAX_BYTES // 1024} KiB")
    blob = git.run("cat-file", "blob", f"{tree}:{path}").out
    lines = blob.decode("utf-8", "replace").split("\n")
    hunks = tuple(hunk for hunk, _ in zip(hunks_of(lines), range(most), strict=False))
    note = "" if hunks else "it holds no conflicted lines: only a name, a mode or binary data clash"
    return FileInConflict(path, hunks, note)


def hunks_of(lines: Sequence[str]) -> Iterator[Hunk]:
    """The hunks of a file with conflict markers, first to last."""
    at = 0
    while at < len(lines):
        if not lines[at].startswith(_OURS):
            at += 1
            continue
        split = _find(lines, at, _SPLIT)
        end = _find(lines, split, _THEIRS)
        if end >= len(lines):
            return
        ours, theirs = lines[at + 1 : split], lines[split + 1 : end]
        shown = ours[:MAX_LINES], theirs[:MAX_LINES]
        yield Hunk(
            at + 1,
            tuple(_outside(lines[max(0, at - CONTEXT) : at][::-1]))[::-1],
            tuple(shown[0]),
            tuple(shown[1]),
            tuple(_outside(lines[end + 1 : end + 1 + CONTEXT])),
            len(ours) + len(theirs) - len(shown[0]) - len(shown[1]),
        )
        at = end + 1


def _find(lines: Sequence[str], after: int, mark: str) -> int:
    """The next line that is, or begins with, a marker; the length when there is none."""
    for at in range(after + 1, len(lines)):
        if lines[at] == mark or (mark != _SPLIT and lines[at].startswith(mark)):
            return at
    return len(lines)


def _outside(lines: Sequence[str]) -> Iterator[str]:
    """Lines up to the next marker."""
    for line in lines:
        if line.startswith((_OURS, _THEIRS)):
            return
        yield line


__all__ = ["FileInConflict", "Hunk", "MergeConflict", "hunks_of", "read_conflict"]
