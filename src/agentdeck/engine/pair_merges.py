"""Whether pairs of commits merge, and which files keep them from it: many pairs for one git.

Rules:
- What was found out is kept by the two commits, which never change, and not asked again.
- Pairs go to `merge-tree --stdin` in lots; what it writes is in a scratch store that is removed
  after each lot. Its marks are the reverse of its exit status: 1 = merges, 0 = does not.
- A pair that git cannot merge at all ends that git before its time. The pair is set apart, the rest
  is asked again. A commit that shares no history with the target would end one git after the other,
  so none of its pairs is asked any more.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, takewhile
from typing import Final

from agentdeck.core.words import first_line
from agentdeck.engine.git import Git, GitError, is_oid
from agentdeck.engine.landing import ATTRIBUTES_FROM_TREE, Conflict, merged_tree
from agentdeck.engine.live_work import ScratchStore

LOT: Final = 64  # pairs for one git, which bounds what lies in the scratch store at once
MAX_ENDED: Final = 16  # times that a git may end before its time until we leave it at that
LEAST_S: Final = 0.1  # for a git that starts shortly before the time is up

Pair = tuple[str, str]
Files = tuple[str, ...]


@dataclass(slots=True)
class Merges:
    """What is known of pairs of commits."""

    files: dict[Pair, Files | None] = field(default_factory=dict)  # None: they merge
    strangers: set[str] = field(default_factory=set)  # commits without history of the target

    def forget_all_but(self, pairs: Sequence[Pair]) -> None:
        """Keep what is known of these, so that it cannot grow."""
        self.files = {pair: self.files[pair] for pair in pairs if pair in self.files}
        self.strangers.intersection_update(chain.from_iterable(pairs))


class Asking:
    """One round of questions to git."""

    def __init__(self, git: Git, tip: str, store: ScratchStore, deadline: float) -> None:
        """Ask about commits in the repository or in `store`, until `deadline` (monotonic)."""
        self._git = git
        self._tip = tip
        self._work = store
        self._deadline = deadline
        self._ended = 0
        self.asked = 0  # pairs that git was given
        self.fault = ""  # what it said when it could not answer

    def ask(self, pairs: Sequence[Pair], known: Merges) -> None:
        """Find out about pairs, and add it to what is known. May leave some out."""
        waiting = list(pairs)
        while waiting and self._ended < MAX_ENDED and time.monotonic() < self._deadline:
            lot, waiting = waiting[:LOT], waiting[LOT:]
            lot = [pair for pair in lot if known.strangers.isdisjoint(pair)]
            answers = self._lot(lot) if lot else []
            known.files.update(zip(lot, answers, strict=False))
            if len(answers) == len(lot):
                continue
            self._ended += 1
            culprit = lot[len(answers)]
            known.strangers.update(c for c in culprit if c != self._tip and self._is_strange(c))
            waiting = lot[len(answers) + 1 :] + waiting

    def _lot(self, pairs: Sequence[Pair]) -> list[Files | None]:
        """The answers for as many of the pairs as git got to."""
        folder = self._work.folder.with_name("merged")
        store = ScratchStore(folder, self._work.folder, self._git.common / "objects")
        args = ["merge-tree", "--write-tree", "--stdin", "--name-only", "--no-messages"]
        if self._git.version >= ATTRIBUTES_FROM_TREE:
            args.insert(0, f"--attr-source={self._tip}")
        text = "".join(f"{one} {other}\n" for one, other in pairs)
        try:
            left = max(LEAST_S, self._deadline - time.monotonic())
            done = self._git.run(*args, stdin=text, check=False, env=store.env, timeout_s=left)
            found = list(_answers(done.out))[: len(pairs)]
            self.asked += len(found)
            if len(found) < len(pairs):
                self.fault = first_line(done.err.strip())
            return [
                self._named(pair, store) if files == () else files
                for pair, files in zip(pairs, found, strict=False)
            ]
        except GitError as fault:
            self.fault = fault.message
            return []
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _named(self, pair: Pair, store: ScratchStore) -> Files:
        """The files of a conflict that is of none in particular, as its messages have them."""
        try:
            found = merged_tree(self._git, *pair, env=store.env)
        except GitError:
            return ()
        return found.files if isinstance(found, Conflict) else ()

    def _is_strange(self, commit: str) -> bool:
        return self._git.run("merge-base", self._tip, commit, check=False).code == 1


def _answers(out: bytes) -> Iterator[Files | None]:
    """Each whole answer: a mark, a tree, conflicted names, an empty field."""
    fields = iter(out.split(b"\0")[:-1])
    for mark in fields:
        tree = os.fsdecode(next(fields, b""))
        names = list(takewhile(bool, fields))
        if mark not in (b"0", b"1") or not is_oid(tree):
            return
        yield None if mark == b"1" else tuple(dict.fromkeys(map(os.fsdecode, names)))
