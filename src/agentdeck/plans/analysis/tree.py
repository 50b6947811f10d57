"""The files of a repository, and which of them a footprint means today.

Rules: a pattern means what `core.footprint.covers` says. Patterns without a wildcard in front are
looked up in the sorted list, so only the files below that folder are compared. The work is counted:
after `MAX_LOOKED` comparisons nothing more is looked up, and `exhausted` says so.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

from agentdeck.core.footprint import covers

MAX_LOOKED: Final = 1_000_000  # comparisons of a path; about a second
_WILD: Final = re.compile(r"[*?\[]")
_LAST: Final = "\U0010ffff"  # sorts behind everything a path holds


class Tree:
    """Paths below a repository, as git lists them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = sorted(paths)
        self.exhausted = False
        self._looked = 0
        self._known: dict[str, frozenset[str]] = {}

    def matching(self, pattern: str) -> frozenset[str]:
        """The files that a pattern means; none when the work is used up."""
        found = self._known.get(pattern)
        if found is None:
            start = bisect_left(self.paths, prefix := literal_prefix(pattern))
            end = bisect_left(self.paths, prefix + _LAST) if prefix else len(self.paths)
            found = frozenset()
            if self._may_look(end - start + 1):
                found = frozenset(p for p in self.paths[start:end] if covers((pattern,), p))
            self._known[pattern] = found
        return found

    def shared(self, one: str, two: str) -> frozenset[str]:
        """The files that both patterns mean."""
        first, second = self.matching(one), self.matching(two)
        return first & second if self._may_look(min(len(first), len(second))) else frozenset()

    def _may_look(self, paths: int) -> bool:
        self._looked += paths
        self.exhausted = self.exhausted or self._looked > MAX_LOOKED
        return not self.exhausted


def literal_prefix(pattern: str) -> str:
    """What every path that the pattern means begins with."""
    parts = pattern.split("/")
    if any(part in ("", ".") for part in parts[:-1]) or parts[-1] == ".":
        return ""  # not the way git writes paths; `covers` reads it nevertheless
    wild = _WILD.search(pattern)
    if wild is None:
        return pattern
    # `src/**` and `src/*` may end before a slash, so the folder's name is what is sure.
    return pattern[: wild.start()].rpartition("/")[0]
