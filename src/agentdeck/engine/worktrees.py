"""Worktrees for attempts, from a pool of warm ones; and scratch worktrees for gates.

Rules:
- A slot (`w01`, `w02`, …) is a linked worktree that is used by one task after the other: making one
  costs a whole checkout, using it again only what differs.
- Who has a slot stands in a small file beside it, written atomically, so a new engine knows it too.
- Nothing of an agent is thrown away: before a slot is wiped, uncommitted files become a commit, and
  each commit that no ref holds gets a ref below `refs/agentdeck/keep/<run>/`.
- `worktree add` runs alone in the repository; the checkout that follows runs beside others.
- A git that is killed while it adds a worktree leaves an entry whose HEAD is no commit, and then
  every `git gc` of the person fails. Such an entry goes at once, or when the next engine begins.
- A prepared worktree was looked at afterwards: right branch, right commit, nothing else in it.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.core.errors import EnvironmentFault, RefusedError
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.failpoint_places import Place, reached
from agentdeck.engine.git import CHECKOUT_TIMEOUT_S, KEEP, Git, GitError, first_line, is_oid
from agentdeck.engine.linked_tree import LinkedTree, Status, forget_progress, linked
from agentdeck.engine.plain_files import read_plain
from agentdeck.engine.private_files import PRIVATE_DIR, write_private
from agentdeck.engine.salvage import commits_of, snapshot, unheld
from agentdeck.engine.worktree_files import furnish, write_excludes

RECORD_VERSION: Final = 1  # changes when an older agentdeck could not read the file
RECORD_BYTES: Final = 1024 * 1024  # of one; it names the private files of a worktree
NAMED_FILES: Final = 3  # in a sentence about a worktree that is not clean
_WARMING: Final = "warm:"  # owner of a slot that is being made ahead of need; no task id has a `:`


@dataclass(frozen=True, slots=True)
class Prepared:
    """A worktree that stands on its branch."""

    path: Path
    branch: str
    base: str  # the commit that the work starts from
    excludes: Path | None = None  # as core.excludesFile for git in it: keeps private files out
    private: tuple[str, ...] = ()  # copied or linked from the user's checkout


@dataclass(frozen=True, slots=True)
class Unsaved:
    """A worktree that was not removed, and what would have been lost."""

    path: Path
    reason: str


class _Slot(msgspec.Struct, frozen=True):
    """The file beside a slot."""

    owner: str | None = None  # None: idle
    used: bool = True  # it may hold somebody's work, so it is secured before it is wiped
    branch: str | None = None
    base: str | None = None
    private: tuple[str, ...] = ()
    version: int = RECORD_VERSION


class Worktrees:
    """The slots of one run. Safe to use from many threads."""

    def __init__(self, git: Git, root: Path, *, run: str) -> None:
        self._git = git
        self._root = root.resolve()
        self._run = run
        _make_root(self._root)
        _tidy(git, self._root)
        self._mutex = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}
        self._slots = {file.stem: _read_slot(file) for file in self._root.glob("w*.json")}
        for folder in self._root.glob("w*/"):
            if re.fullmatch(r"w\d+", folder.name):
                self._slots.setdefault(folder.name, _Slot())

    def count(self) -> int:
        """How many worktrees there are, idle or not."""
        with self._mutex:
            return len(self._slots)

    def path_of(self, name: str) -> Path | None:
        """The worktree that a task has, or None."""
        with self._mutex:
            return next((self._root / s for s, r in self._slots.items() if r.owner == name), None)

    def standing(self, name: str) -> Prepared | None:
        """The worktree that a task has as it is, if it is whole and on a branch; else None."""
        with self._mutex:
            mine = [slot for slot, record in self._slots.items() if record.owner == name]
        record = self._slots[mine[0]] if mine else _Slot()
        if not mine or record.branch is None or record.base is None:
            return None
        try:
            return _prepared(linked(self._git, self._root / mine[0]), record)
        except EnvironmentFault:
            return None

    def prepare(
        self,
        name: str,
        branch: str,
        base: str,
        *,
        copy: Sequence[str] = (),
        link: Sequence[str] = (),
        cache: Sequence[str] = (),
        leaves: Sequence[str] = (),
        fresh: bool = True,
    ) -> Prepared:
        """Give a task a worktree on its branch. Doing it twice does no harm.

        Args:
            name: the task; it keeps its worktree until `release`.
            branch: short name; made, or moved once what it held is kept.
            base: the commit to start from.
            copy: see `furnish`.
            link: see `furnish`.
            cache: see `furnish`.
            leaves: see `write_excludes`.
            fresh: start at `base`; else go on in the worktree, or at least on the branch, as it is.

        Raises:
            RefusedError: the branch is checked out in a worktree that is not of this run.
            EnvironmentFault: git or the disk could not do it, or the result was not clean.
        """
        slot, path = self._claim(name, branch)
        start = base if is_oid(base) else self._git.resolve(base)
        with self._having(slot, start) as tree:
            record = self._slots[slot]
            if record.used and record.branch == branch and not fresh:
                tree.drop_stale_locks(branch)
                return _prepared(tree, record)
            if record.used:
                self._secure(tree, record, name)
                self._write(slot, msgspec.structs.replace(record, used=False))
            tip, where = self._git.branch_state(branch)
            if where is not None and where.resolve() != path:
                self._leave(where, branch)
            if tip is not None and not fresh:
                start = self._git.run("merge-base", start, tip).text
            elif tip is not None and tip != start and not self._git.is_ancestor(tip, start):
                self._keep(name, tip)
            goal = tip if tip is not None and not fresh else start
            tree.drop_stale_locks(branch)
            tree.excludes_file.unlink(missing_ok=True)
            _switch(tree, "-B", branch, goal)
            _check(tree.status(), path, goal, branch)
            private = furnish(self._git, path, copy, link, cache)
            if private or leaves:
                write_excludes(self._git, tree.excludes_file, private, leaves)
            done = _Slot(owner=name, branch=branch, base=start, private=private)
            self._write(slot, done)
            return _prepared(tree, done)

    def release(self, name: str) -> None:
        """Make the slot of a task idle; whatever it holds is on a ref afterwards."""
        with self._mutex:
            slot = next((s for s, r in self._slots.items() if r.owner == name), None)
        if slot is None:
            return
        with self._having(slot, self._slots[slot].base or "HEAD") as tree:
            record = self._slots[slot]
            status = self._secure(tree, record, name)
            # An idle slot must not keep a person from checking the branch out.
            if status.oid is None:
                pass  # on a branch without a commit: nothing to check out
            elif status.dirty:
                tree.run("checkout", "--detach", "--force", "--quiet")
            elif status.branch is not None:
                tree.run("update-ref", "--no-deref", "HEAD", status.oid)  # files stay as they are
            reached(Place.SLOT_SECURED)
            self._write(slot, _Slot(used=False, branch=record.branch))

    def fill(self, n: int, base: str) -> int:
        """Have at least `n` idle slots at or near `base`. Returns how many were made."""
        with self._mutex:
            missing = max(0, n - sum(record.owner is None for record in self._slots.values()))
        for number in range(missing):
            slot, _ = self._claim(f"{_WARMING}{number}", None, new=True)
            try:
                with self._having(slot, base) as tree:
                    _switch(tree, "--detach", base)
            finally:  # also where it could not be made: whoever needs it makes it
                self._write(slot, _Slot(used=False))
        return missing

    def remove_all(self) -> tuple[Unsaved, ...]:
        """Remove every slot whose content is on refs. Returns those that had to stay."""
        return tuple(filter(None, map(self._remove, sorted(self._slots))))

    # --- slots ---------------------------------------------------------------------------------

    def _claim(self, name: str, branch: str | None, *, new: bool = False) -> tuple[str, Path]:
        with self._mutex:
            mine = [slot for slot, record in self._slots.items() if record.owner == name]
            idle = [slot for slot, record in self._slots.items() if record.owner is None]
            # One that had this branch before needs the smallest change.
            idle.sort(key=lambda slot: (self._slots[slot].branch != branch, slot))
            chosen = mine or ([] if new else idle)
            slot = chosen[0] if chosen else self._next_slot()
            before = self._slots.get(slot, _Slot(used=False))
            self._put(slot, msgspec.structs.replace(before, owner=name))
            reached(Place.SLOT_CLAIMED)
            return slot, self._root / slot

    def _next_slot(self) -> str:
        taken = [int(slot[1:]) for slot in self._slots if slot[1:].isdigit()]
        return f"w{max(taken, default=0) + 1:02}"

    def _write(self, slot: str, record: _Slot) -> None:
        with self._mutex:
            self._put(slot, record)

    def _put(self, slot: str, record: _Slot) -> None:
        file = self._root / f"{slot}.json"
        temp = file.with_suffix(".tmp")
        write_private(temp, msgspec.json.encode(record))
        temp.replace(file)
        self._slots[slot] = record

    @contextmanager
    def _having(self, slot: str, start: str) -> Iterator[LinkedTree]:
        """Have a slot alone, against threads and orphans. Made if there is none, else mended."""
        with self._mutex:
            turn = self._turns.setdefault(slot, threading.Lock())
        with turn:
            tree = self._open(self._root / slot, start)
            with tree.hold():
                yield tree

    def _open(self, path: Path, start: str) -> LinkedTree:
        if self._slots[path.name].branch is not None:  # it was complete once
            with suppress(EnvironmentFault):
                return linked(self._git, path)
        with self._git.writing():  # an orphaned `worktree add` may be at work until now
            _drop_half_made(self._git, path)
            with suppress(EnvironmentFault):
                return linked(self._git, path)
            entry = _entry_of(self._git, path)
            if entry is None:
                if path.is_dir() and any(path.iterdir()):
                    path.rename(_beside(path, "lost"))
                _add(self._git, path, start, f"agentdeck run {self._run}")
                return linked(self._git, path)
            return self._mend(path, entry)

    def _mend(self, path: Path, entry: Path) -> LinkedTree:
        """Lead the folder of a slot back to its entry, and put aside what was there instead."""
        pointer, folder_gone = path / ".git", not path.is_dir()
        path.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(pointer):
            pointer.rename(_beside(path, "foreign"))
        pointer.write_text(f"gitdir: {entry}\n")
        tree = linked(self._git, path)
        if folder_gone:  # HEAD and the index are all there is: do not take that for deletions
            with tree.hold():
                tree.drop_stale_locks()
                tree.run("checkout", "--force", "--quiet", "--detach")
        return tree

    def _leave(self, where: Path, branch: str) -> None:
        """Take an idle slot off a branch. Only a crash between two steps leaves one there."""
        with self._mutex:
            record = self._slots.get(where.name) if where.parent == self._root else None
        if record is None or record.owner is not None:
            raise RefusedError(
                f"branch {branch} is checked out at {where}",
                hint=f"check out something else there, or remove it: git worktree remove {where}",
            )
        tree = linked(self._git, where)
        with tree.hold():
            self._secure(tree, record, branch.replace("/", "-"))
            tree.run("checkout", "--detach", "--force", "--quiet")

    def _remove(self, slot: str) -> Unsaved | None:
        path = self._root / slot
        entry = _entry_of(self._git, path)
        if path.is_dir():
            try:
                tree = linked(self._git, path)
            except EnvironmentFault as fault:
                return Unsaved(path, fault.message)
            with tree.hold():
                dirty = tree.status().dirty
            if dirty:
                return Unsaved(path, f"has uncommitted files: {_named(dirty)}")
            if lost := unheld(self._git, commits_of(tree.git_dir)):
                return Unsaved(path, f"has commits that no ref holds: {_named(lost)}")
        if entry is not None:
            args = ("worktree", "remove", "--force", "--force", str(path))
            self._git.run(*args, write=True, timeout_s=CHECKOUT_TIMEOUT_S)
        with self._mutex:
            for kind in ("json", "boxed"):
                (self._root / f"{slot}.{kind}").unlink(missing_ok=True)
            del self._slots[slot]
        return None

    # --- nothing is lost -----------------------------------------------------------------------

    def _secure(self, tree: LinkedTree, record: _Slot, name: str) -> Status:
        """Put everything in a slot on a ref, and end whatever was in progress there."""
        tree.drop_stale_locks(record.branch)
        tree.show_hidden()
        status = tree.status_at_end()
        commits = commits_of(tree.git_dir)
        if status.oid is not None:
            commits.append(status.oid)
        if status.dirty:
            commits.append(snapshot(tree, status, name))
        for commit in unheld(self._git, commits):
            self._keep(name, commit)
        forget_progress(tree.git_dir)
        return status

    def _keep(self, name: str, commit: str) -> None:
        self._git.keep(f"{KEEP}/{self._run}/{name}.left-{commit[:12]}", commit)


class ScratchTrees:
    """Detached worktrees in which gates run on exact commits, used again and again.

    Two gates must not have the same slot at once; who hands out the names sees to that.
    """

    def __init__(self, git: Git, root: Path, size: int) -> None:
        self._git = git
        self._root = root.resolve()
        self._size = size
        self._mutex = threading.Lock()
        _make_root(self._root)
        _tidy(git, self._root)

    def checkout(self, slot_name: str, commit: str) -> Path:
        """The folder of a slot, with exactly the files of a commit in it.

        Raises:
            RefusedError: there are `size` slots already, and this is not one of them.
            EnvironmentFault: git or the disk could not do it, or the result was not clean.
        """
        path = self._root / slot_name
        with self._mutex:
            known = {folder.name for folder in self._root.iterdir() if folder.is_dir()}
            if slot_name not in known and len(known) >= self._size:
                raise RefusedError(
                    f"all {self._size} scratch worktrees are in use, none is named {slot_name!r}",
                    hint="wait for a gate to end",
                )
            path.mkdir(exist_ok=True)
        tree = self._open(path, commit)
        with tree.hold():
            tree.drop_stale_locks()
            forget_progress(tree.git_dir)
            _switch(tree, "--detach", commit)
            _check(tree.status(), path, commit, None)
        return path

    def remove_all(self) -> None:
        """Remove them all: nothing in them is anybody's work."""
        for path in sorted(folder for folder in self._root.iterdir() if folder.is_dir()):
            if _entry_of(self._git, path) is not None:
                self._git.run("worktree", "remove", "--force", "--force", str(path), write=True)
            shutil.rmtree(path, ignore_errors=True)

    def _open(self, path: Path, commit: str) -> LinkedTree:
        with self._git.writing():  # an orphaned `worktree add` may be at work until now
            _drop_half_made(self._git, path)
            with suppress(EnvironmentFault):
                return linked(self._git, path)
            shutil.rmtree(path, ignore_errors=True)
            _add(self._git, path, commit, "agentdeck gate")
            return linked(self._git, path)


def _make_root(root: Path) -> None:
    """Make a folder for worktrees, for its owner alone; one that is there stays as it is."""
    if not root.is_dir():
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=PRIVATE_DIR, exist_ok=True)


def _prepared(tree: LinkedTree, record: _Slot) -> Prepared:
    assert record.branch is not None
    assert record.base is not None
    return Prepared(tree.path, record.branch, record.base, tree.excludes, record.private)


def _add(git: Git, path: Path, commit: str, reason: str) -> None:
    """Make a linked worktree without files. `--force` twice: a dead entry is reused."""
    flags = ("--force", "--force", "--no-checkout", "--detach", "--lock", "--reason", reason)
    try:
        git.run("worktree", "add", *flags, str(path), commit, write=True)
    except GitError:
        _drop_half_made(git, path)
        raise


def _drop_half_made(git: Git, path: Path) -> None:
    """Remove the entry of a `worktree add` that was killed before HEAD stood: it holds nothing.

    Only within `git.writing()`: one that is at work has not made it to its end either.
    """
    entry = _entry_of(git, path)
    if entry is not None and _is_half_made(entry):
        shutil.rmtree(entry)
        (path / ".git").unlink(missing_ok=True)


def _is_half_made(entry: Path) -> bool:
    return not first_line(entry / "HEAD").strip("0")


def _tidy(git: Git, root: Path) -> None:
    """Remove the half-made entries of all worktrees below `root`."""
    for entry in (git.common / "worktrees").glob("*"):
        path = _leads_to(entry)
        if path is not None and path.parent == root and _is_half_made(entry):
            with git.writing():
                _drop_half_made(git, path)


def _switch(tree: LinkedTree, *where: str) -> None:
    """Check out, throwing away local changes, and remove all that the commit does not have."""
    flags = ("--force", "--quiet") + (("--no-track",) if "-B" in where else ())
    tree.run("checkout", *flags, *where)
    try:
        tree.run("clean", "-ffdxq")
    except GitError:  # folders without write permission, as some package caches make them
        for folder, _, _ in os.walk(tree.path):
            Path(folder).chmod(Path(folder).stat().st_mode | stat.S_IRWXU)
        tree.run("clean", "-ffdxq")


def _check(status: Status, path: Path, commit: str, branch: str | None) -> None:
    if status.oid != commit or status.branch != branch:
        raise EnvironmentFault(
            f"{path} is on {status.branch or 'no branch'} at {status.oid}, "
            f"but should be on {branch or 'no branch'} at {commit}",
            hint="does something else use this worktree?",
        )
    if status.dirty:
        raise EnvironmentFault(
            f"{path} is not clean right after its checkout: {_named(status.dirty)}",
            hint="filters or line ending rules change these files: git add --renormalize, commit",
        )


def _entry_of(git: Git, path: Path) -> Path | None:
    """The entry in the repository for the worktree at `path`, found without its `.git` file."""
    entries = (git.common / "worktrees").glob("*")
    return next((entry for entry in entries if _leads_to(entry) == path), None)


def _leads_to(entry: Path) -> Path | None:
    """The folder of the worktree that an entry is of."""
    back = first_line(entry / "gitdir")
    return Path(os.path.normpath(entry / back)).parent if back else None


def _beside(path: Path, why: str) -> Path:
    """A name that is free, for something that is moved out of the way and kept."""
    taken = sum(1 for _ in path.parent.glob(f"{path.name}.{why}-*"))
    return path.with_name(f"{path.name}.{why}-{taken + 1}")


def _named(things: Sequence[str]) -> str:
    more = f" and {len(things) - NAMED_FILES} more" if len(things) > NAMED_FILES else ""
    return ", ".join(things[:NAMED_FILES]) + more


def _read_slot(file: Path) -> _Slot:
    try:
        found = msgspec.json.decode(read_plain(file, RECORD_BYTES), type=_Slot)
    except (OSError, *UNREADABLE):
        return _Slot()  # idle, but secured before it is used: it may hold anything
    warming = found.owner is not None and found.owner.startswith(_WARMING)
    return msgspec.structs.replace(found, owner=None) if warming else found
