"""Which live branches would collide if they were merged now, and in which files.

Rules:
- It looks and changes nothing: what git writes on the way goes into a scratch store, which is gone
  when the watch is closed. Nothing here takes a lock, moves a ref or decides anything.
- Every pair of branches is asked about, and each branch with the target, as a landing would merge
  it. Who has nothing beyond the target collides with nobody.
- A look is bounded in branches and in time. What was not found out is counted, never called clean.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Final, Self

from agentdeck.core.errors import EnvironmentFault
from agentdeck.engine.git import Git, is_oid
from agentdeck.engine.live_work import READ_TIMEOUT_S, Live, Stand, WorkReader
from agentdeck.engine.pair_merges import Asking, Files, Merges, Pair

MAX_BRANCHES: Final = 64  # 2,080 pairs, about half a second
MAX_NAMED: Final = 100  # files of one collision that are told by name
LOOK_S: Final = 20.0  # of one look; on a slow disk the next one goes on where it stopped

_Names = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Collision:
    """Two that do not merge."""

    one: str
    other: str | None  # None: the target
    files: Files  # at most `MAX_NAMED`; none where git names none
    more: int = 0  # files beyond those


@dataclass(frozen=True, slots=True)
class Look:
    """What was found."""

    tip: str  # of the target
    branches: tuple[Stand, ...]
    collisions: tuple[Collision, ...]  # with the target first, then in the order of the branches
    asked: int  # pairs of commits that git was asked about; the others were known
    unknown: int  # pairs of branches of which it could not be found out
    fault: str = ""  # why, as git says it


class CollisionWatch:
    """Looks again and again at the branches of one repository. For one thread at a time."""

    def __init__(self, git: Git, look_s: float = LOOK_S) -> None:
        """Make the scratch store. A look takes `look_s` seconds at most. Raises OSError."""
        self._git = git
        self._look_s = look_s
        self._known = Merges()
        self._scratch = tempfile.TemporaryDirectory(prefix="agentdeck-collisions-")
        folder = Path(self._scratch.name, "read")
        folder.mkdir()
        self._reader = WorkReader(git, folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove everything that was written."""
        self._scratch.cleanup()

    def look(self, tip: str, branches: Sequence[Live]) -> Look:
        """Look at all pairs of branches, and at each with the target.

        Args:
            tip: the commit that the target is at.
            branches: with names of their own; those beyond `MAX_BRANCHES` are not compared.

        Raises:
            EnvironmentFault: there is no such tip, or git cannot be run.
        """
        deadline = time.monotonic() + self._look_s
        stands = self._existing(tip, self._stands(branches, deadline))
        pairs = _pairs(tip, stands)
        wanted = list(dict.fromkeys(pairs.values()))
        self._known.forget_all_but(wanted)
        asking = Asking(self._git, tip, self._reader.store, deadline)
        asking.ask([pair for pair in wanted if pair not in self._known.files], self._known)
        return Look(
            tip=tip,
            branches=tuple(self._marked(stand) for stand in stands),
            collisions=tuple(self._collisions(pairs)),
            asked=asking.asked,
            unknown=sum(pair not in self._known.files for pair in pairs.values()),
            fault=asking.fault,
        )

    def _stands(self, branches: Sequence[Live], deadline: float) -> Iterator[Stand]:
        self._reader.begin(branches)
        for number, live in enumerate(branches):
            if number >= MAX_BRANCHES:
                yield Stand(live.name, None, note=f"only {MAX_BRANCHES} branches are compared")
            elif time.monotonic() > deadline:
                yield Stand(live.name, None, note="there was no time to look at it")
            else:
                yield self._reader.stand_of(live)

    def _existing(self, tip: str, stands: Iterator[Stand]) -> list[Stand]:
        """The same, without commits that are not there: to git they would be conflicts."""
        found = list(stands)
        names = dict.fromkeys([tip, *(stand.commit or "" for stand in found)])
        text = "".join(f"{name}\n" for name in names if is_oid(name))
        args = ("cat-file", "--batch-check=%(objectname) %(objecttype)")
        found_out = self._git.run(
            *args, stdin=text, env=self._reader.store.env, timeout_s=READ_TIMEOUT_S
        )
        rows = found_out.text.splitlines()
        commits = {row.removesuffix(" commit") for row in rows if row.endswith(" commit")}
        if tip not in commits:
            raise EnvironmentFault(
                f"{self._git.checkout} has no commit {tip!r}, where the target should be",
                hint="was it moved or pruned?",
            )
        return [
            stand
            if stand.commit is None or stand.commit in commits
            else Stand(stand.name, None, note=f"there is no commit {stand.commit!r} any more")
            for stand in found
        ]

    def _collisions(self, pairs: Mapping[_Names, Pair]) -> Iterator[Collision]:
        for (one, other), pair in pairs.items():
            files = self._known.files.get(pair)
            if files is not None:
                yield Collision(one, other, files[:MAX_NAMED], len(files[MAX_NAMED:]))

    def _marked(self, stand: Stand) -> Stand:
        if stand.commit not in self._known.strangers:
            return stand
        return replace(stand, note="it shares no history with the target")


def _pairs(tip: str, stands: Sequence[Stand]) -> dict[_Names, Pair]:
    """What to compare, and as which commits: a target as a landing has it, others in one order."""
    own = [(s.name, s.commit) for s in stands if s.commit is not None and s.commit != tip]
    found: dict[_Names, Pair] = {(name, None): (tip, commit) for name, commit in own}
    for (one, first), (other, second) in combinations(own, 2):
        if first != second:
            found[one, other] = (min(first, second), max(first, second))
    return found
