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
_ODD: Final = re.compile(r"(?:^|/)(?:\.?/|\.\Z)")  # an empty part, or one that is a dot
_NOTHING: Final[frozenset[str]] = frozenset()
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
            start, end = self._beginning(literal_prefix(pattern))
            found = _NOTHING
            if self._may_look(end - start + 1) and end > start:
                found = frozenset(p for p in self.paths[start:end] if covers((pattern,), p))
            self._known[pattern] = found
        return found

    def _beginning(self, prefix: str) -> tuple[int, int]:
        """From where to where the paths begin with `prefix`."""
        paths = self.paths
        start = bisect_left(paths, prefix)
        if start == len(paths) or not paths[start].startswith(prefix):
            return start, start
        return start, bisect_left(paths, prefix + _LAST, start) if prefix else len(paths)

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
    if _ODD.search(pattern):
        return ""  # not the way git writes paths; `covers` reads it nevertheless
    wild = _WILD.search(pattern)
    if wild is None:
        return pattern
    # `src/**` and `src/*` may end before a slash, so the folder's name is what is sure.
    return pattern[: wild.start()].rpartition("/")[0]
