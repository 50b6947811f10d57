"""A promotion whose git was killed half-way: what it left in a person's checkout is put right.

Git alone would leave that to the person: a lock file, and files of both sides.

Rules:
- Before git moves the base, a note in the repository says from where to where. It goes when that
  git has ended, whatever came of it. So a note that is found is of a git that was killed, or of an
  engine: no git of ours is at work, because each inherits the lock that is held here.
- A lock file is removed if it came after the note, is old enough, and no git of anybody is at work
  there.
- Of the files that differ, those are ours that have what the target has, or the beginning of it, or
  are gone. They are led back to the base, and the promotion begins anew. All others stay.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import psutil

from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.git import STALE_LOCK_S, Git, RefMoved
from agentdeck.engine.linked_tree import LinkedTree, in_progress
from agentdeck.engine.plain_files import read_plain

NOTE: Final = "agentdeck.promoting"  # in the repository's common git directory
NOTE_BYTES: Final = 64 * 1024  # of it: three names, of which a branch may have 255 bytes


class Note(msgspec.Struct, frozen=True):
    """What a git was started for."""

    branch: str
    base: str
    target: str


@contextmanager
def noted(git: Git, branch: str, base: str, target: str) -> Iterator[None]:
    """Keep a note while a git moves `branch`. Only within `git.writing()`.

    It stays where that git was killed: such a one could not tidy up.
    """
    file = git.common / NOTE
    aside = git.common / f"{NOTE}.new"
    with aside.open("wb") as out:
        out.write(msgspec.json.encode(Note(branch, base, target)))
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)
    try:
        yield
    except RefMoved:  # it has ended, and said why
        file.unlink(missing_ok=True)
        raise
    file.unlink(missing_ok=True)


def put_right(git: Git, branch: str, tip: str, tree: LinkedTree | None) -> str | None:
    """Mend what a killed git has left. Only within `git.writing()`.

    Args:
        git: the repository.
        branch: the base.
        tip: where it is.
        tree: the worktree that has it checked out.

    Returns:
        For what it has to wait, in a sentence; None = nothing is left.
    """
    file = git.common / NOTE
    try:
        note = msgspec.json.decode(read_plain(file, NOTE_BYTES), type=Note)
        noted_at = file.stat().st_mtime
    except FileNotFoundError:
        return None
    except (OSError, *UNREADABLE):  # agents can write here: no note of ours
        file.unlink(missing_ok=True)
        return None
    if note.branch != branch:
        return None
    waits = _drop_locks(git, branch, tree, noted_at)
    if waits is not None:
        return waits
    if tree is not None and tip == note.base:
        if in_progress(tree.git_dir):  # whoever began that looks after these files just now
            return None
        _lead_back(tree, note)
    file.unlink(missing_ok=True)
    return None


def _drop_locks(git: Git, branch: str, tree: LinkedTree | None, noted_at: float) -> str | None:
    places = [git.common / f"refs/heads/{branch}.lock"]
    if tree is not None:
        places += [tree.git_dir / "index.lock", tree.git_dir / "HEAD.lock"]
    for lock in places:
        try:
            made_at = lock.stat().st_mtime
        except FileNotFoundError:
            continue
        if made_at < noted_at:  # it was there before ours
            continue
        if time.time() - made_at < STALE_LOCK_S:
            return f"{lock} was left by a git that was killed; it goes in {STALE_LOCK_S:.0f} s"
        if tree is not None and _at_work(tree.path):
            return f"{lock} exists, and a git is at work at {tree.path}"
        lock.unlink(missing_ok=True)
    return None


def _at_work(folder: Path) -> bool:
    """Does a git that is not ours run in a worktree? Git goes to its top folder."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if not process.name().startswith("git") or process.ppid() == os.getpid():
                continue
            if Path(process.cwd()).is_relative_to(folder):
                return True
    return False


def _lead_back(tree: LinkedTree, note: Note) -> None:
    """Make those files as the base has them that the killed git has written."""
    flags = ("--name-status", "-z", "--no-renames", "--no-ext-diff")
    fields = tree.git.run("diff", *flags, note.base, note.target, "--").fields
    incoming = dict(zip(fields[1::2], fields[::2], strict=True))
    dirty = set(tree.status().dirty)
    # Those first that the base lacks: they may lie where it has a file.
    added = [path for path, kind in incoming.items() if kind == "A"]
    there = [path for path in added if path in dirty or os.path.lexists(tree.path / path)]
    gone = [path for path in there if _is_ours(tree, note.target, path)]
    for path in gone:
        _remove(tree.path, path)
    known = [path for path, kind in incoming.items() if kind != "A" and path in dirty]
    back = [path for path in known if _is_ours(tree, note.target, path)]
    if not (gone or back):
        return
    asked = ("reset", "--quiet", "--pathspec-from-file=-", "--pathspec-file-nul", note.base)
    tree.run("--literal-pathspecs", *asked, stdin=_listed([*gone, *back]), write=True)
    again = ("checkout-index", "--force", "-z", "--stdin")
    tree.run(*again, stdin=_listed(back), write=True)


def _is_ours(tree: LinkedTree, target: str, path: str) -> bool:
    """Is a file what git would have written, as far as it came?"""
    place = tree.path / path
    if not os.path.lexists(place):
        return True
    if place.is_dir() and not place.is_symlink():  # where the target has files, and the base one
        return not any(place.iterdir())
    wanted = tree.run("cat-file", "--filters", f"{target}:{path}", check=False)
    if wanted.code != 0:  # the target has no such file, so whatever it holds is not of there
        return False
    if place.is_symlink():
        return wanted.out.startswith(os.fsencode(place.readlink()))
    try:
        return wanted.out.startswith(read_plain(place, len(wanted.out)))
    except OSError:  # longer than what git would have written, or a pipe of somebody's
        return False


def _remove(top: Path, path: str) -> None:
    place = top / path
    place.unlink(missing_ok=True)
    with suppress(OSError):  # a folder that is not empty has something else in it
        for folder in place.parents:
            if folder == top:
                break
            folder.rmdir()


def _listed(paths: Sequence[str]) -> str:
    return "".join(f"{path}\0" for path in paths)


__all__ = ["noted", "put_right"]
