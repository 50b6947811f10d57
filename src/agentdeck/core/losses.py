"""Losses: lines that others have landed and that some work, after it took them in, takes away.

Rules:
- A line counts as landed by others if the target has it more often than the commit from which the
  work began. It is lost if the work has it less often than the target.
- What the work had taken away before it was repaired is its task, and no loss.
- White space does not count, nor does a line without a word, such as a bracket.
- A line that stands elsewhere now was moved. One whose words all stand in one new line of its file
  was gone on with: `f(a)` in `f(a, b)`. Neither is lost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from agentdeck.core.events import Loss

MAX_FILES: Final = 20  # that are named; a person decides long before
MAX_LINES: Final = 10  # of one file that are shown
LINE_CHARS: Final = 160  # of one line

_WORD = re.compile(r"\w+")
Lines = Sequence[str]


class Versions(msgspec.Struct, frozen=True):
    """The lines of one file at four commits; none where it does not exist."""

    base: Lines  # where the work began
    before: Lines  # the work, before the target was taken in
    target: Lines  # what was taken in
    after: Lines  # the work as it is


def lost(files: Mapping[str, Versions]) -> tuple[Loss, ...]:
    """What others have landed and the work takes away, by path. O(lines).

    Args:
        files: each file that differs between the target and the work.
    """
    moved_to = _count(line for each in files.values() for line in _new(each))
    found: list[Loss] = []
    for path, each in sorted(files.items()):
        gone = list(_lost_of(each, moved_to))
        if gone and len(found) < MAX_FILES:
            shown = tuple(line[:LINE_CHARS] for line in gone[:MAX_LINES])
            found.append(Loss(path, shown, len(gone)))
    return tuple(found)


def _lost_of(each: Versions, moved_to: Counter[str]) -> Iterable[str]:
    target = _count(each.target)
    landed = target - _count(each.base)
    own = _count(each.base) - _count(each.before)
    missing = (target - _count(each.after)) & landed
    missing -= own
    carried = [_words(line) for line in _new(each)]
    for line in each.target:
        bare = _bare(line)
        if missing[bare] <= 0:
            continue
        missing[bare] -= 1
        if moved_to[bare] > 0:
            moved_to[bare] -= 1
        elif (words := _words(line)) and not any(words <= others for others in carried):
            yield line


def _new(each: Versions) -> Iterable[str]:
    """What the work adds to the target."""
    return (_count(each.after) - _count(each.target)).elements()


def _count(lines: Iterable[str]) -> Counter[str]:
    return Counter(_bare(line) for line in lines)


def _bare(line: str) -> str:
    return " ".join(line.split())


def _words(line: str) -> Counter[str]:
    return Counter(_WORD.findall(line))


__all__ = ["Versions", "lost"]
