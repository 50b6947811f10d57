"""Which words of a changed line are different, and which removed line an added one replaces.

Algorithms:
- Words: the greedy comparison of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations",
  Algorithmica 1, 1986, on the words of two lines. It gives up after `MAX_EDITS` edits, and lines of
  more than `MAX_WORDS` words are not compared: such lines are marked as wholes.
- Pairs: each removed line takes the first of the next few added ones that has half of its words
  (Dice's coefficient on multisets of words, names twice), so pairs never cross.

Rules: pure and bounded. What has too little in common is not marked word by word: everything would
be, and that says nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

MAX_WORDS: Final = 400  # of one line; longer ones are data or were made by a program
MAX_EDITS: Final = 60  # words put in and taken out; bounds a pair of lines to about a millisecond
LEAST_KEPT: Final = 0.3  # of the characters of both lines, but blanks: less is another line
ALIKE: Final = 0.5  # share of words from which on an added line is taken for a removed one
WINDOW: Final = 6  # added lines that are looked at for one removed line
MAX_BLOCK: Final = 60  # lines of a block on one side; longer ones are paired by their place
_WORD: Final = re.compile(r"\w+|\s+|[^\w\s]")

Range = tuple[int, int]  # of characters: from, and up to
Ranges = tuple[Range, ...]


def changed_words(old: str, new: str) -> tuple[Ranges, Ranges] | None:
    """What of a line was changed, as ranges of the old and of the new one.

    Returns: None where the lines are too long or too different to compare word by word.
    """
    if len(old) > MAX_WORDS * 40 or len(new) > MAX_WORDS * 40:
        return None
    a, b = _WORD.findall(old), _WORD.findall(new)
    if len(a) > MAX_WORDS or len(b) > MAX_WORDS:
        return None
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    end = 0
    while end < min(len(a), len(b)) - start and a[-1 - end] == b[-1 - end]:
        end += 1
    kept = _kept(a[start : len(a) - end], b[start : len(b) - end])
    if kept is None:
        return None
    same_a = {*range(start), *range(len(a) - end, len(a)), *(start + x for x, _ in kept)}
    same_b = {*range(start), *range(len(b) - end, len(b)), *(start + y for _, y in kept)}
    size = sum(len(word) for word in (*a, *b) if not word.isspace())
    alike = sum(len(a[x]) for x in same_a if not a[x].isspace())
    if size and 2 * alike / size < LEAST_KEPT:
        return None
    return _ranges(a, same_a), _ranges(b, same_b)


def _kept(a: Sequence[str], b: Sequence[str]) -> list[tuple[int, int]] | None:
    """The places of a longest common subsequence; None when it takes too many edits."""
    n, m = len(a), len(b)
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(min(MAX_EDITS, n + m) + 1):
        trace.append(dict(furthest))
        for k in range(-edits, edits + 1, 2):
            x = _step(furthest, k, edits)
            while x < n and x - k < m and a[x] == b[x - k]:
                x += 1
            furthest[k] = x
            if x >= n and x - k >= m:
                return _back(trace, n, m)
    return None


def _step(furthest: dict[int, int], k: int, edits: int) -> int:
    down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
    return furthest[k + 1] if down else furthest[k - 1] + 1


def _back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        furthest, k = trace[edits], x - y
        down = k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])
        before = k + 1 if down else k - 1
        from_x = furthest[before] if edits else 0
        from_y = from_x - before if edits else 0
        while x > from_x and y > from_y:
            x, y = x - 1, y - 1
            found.append((x, y))
        x, y = from_x, from_y
    return found


def _ranges(words: Sequence[str], same: set[int]) -> Ranges:
    """The words that are not the same, in runs; blanks between two of them belong to the run."""
    found: list[Range] = []
    at, bridge = 0, False
    for number, word in enumerate(words):
        if number not in same:
            if bridge and found:
                found[-1] = (found[-1][0], at + len(word))
            else:
                found.append((at, at + len(word)))
            bridge = True
        elif not word.isspace():
            bridge = False
        at += len(word)
    return tuple(found)


def pairs(gone: Sequence[str], come: Sequence[str]) -> list[tuple[int, int]]:
    """Which removed line each added one replaces, in rising order on both sides.

    One line in the place of one is always a pair. O(lines x `WINDOW`).
    """
    if len(gone) == len(come) == 1:
        return [(0, 0)]
    if max(len(gone), len(come)) > MAX_BLOCK:
        return [(n, n) for n in range(min(len(gone), len(come)))] if len(gone) == len(come) else []
    bags = [Counter(_words(line)) for line in come]
    found: list[tuple[int, int]] = []
    free = 0
    for number, line in enumerate(gone):
        bag = Counter(_words(line))
        for other in range(free, min(free + WINDOW, len(come))):
            if _alike(bag, bags[other]) >= ALIKE:
                found.append((number, other))
                free = other + 1
                break
    return found


def _words(line: str) -> list[str]:
    """What tells a line from others: its signs once, its names and numbers twice."""
    found = [word for word in _WORD.findall(line[: MAX_WORDS * 4]) if not word.isspace()]
    return found + [word for word in found if word[0].isalnum() or word[0] == "_"]


def _alike(one: Counter[str], other: Counter[str]) -> float:
    size = one.total() + other.total()
    return 2 * (one & other).total() / size if size else 1.0
