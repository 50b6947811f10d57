"""Footprints: which files a task says it touches, and whether two of them can meet.

Rules: a pattern is a path below the repository with `*`, `?`, `[…]` inside a segment and `**` for
any number of segments. A pattern that ends in `/` is the whole folder. When in doubt two patterns
overlap: a task that waits needlessly costs minutes, two agents in one file cost both their work.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

MAX_STARS: Final = 12  # in a pattern of an agent: what two can have in common costs their product
CACHE_SIZE: Final = 65_536  # pairs; a plan of 500 tasks with 4 patterns each asks far fewer at once


# `[` opens a set only if a `]` follows that is not its first member, as in `fnmatch`.
_SET = re.compile(r"\[!?+\]?+[^\]]*+\]")
_PIECE = re.compile(rf"{_SET.pattern}|\*+|.", re.DOTALL)


@lru_cache(maxsize=4096)
def _segments(pattern: str) -> tuple[str, ...]:
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    if pattern.endswith("/") or not parts:
        parts.append("**")
    return tuple(parts)


@lru_cache(maxsize=CACHE_SIZE)
def _texts_meet(one: str, two: str) -> bool:
    """Can one text match both single-segment patterns? A `[…]` counts as any character."""
    one, two = (_SET.sub("?", text) for text in (one, two))
    reached = {(0, 0)}
    pending = [(0, 0)]
    while pending:
        i, j = pending.pop()
        if i == len(one) and j == len(two):
            return True
        a, b = one[i : i + 1], two[j : j + 1]
        following = []
        if a == "*":
            following += [(i + 1, j)] + ([(i, j + 1)] if b else [])
        if b == "*":
            following += [(i, j + 1)] + ([(i + 1, j)] if a else [])
        if a and b and a != "*" and b != "*" and (a == b or "?" in (a, b)):
            following.append((i + 1, j + 1))
        for point in following:
            if point not in reached:
                reached.add(point)
                pending.append(point)
    return False


@lru_cache(maxsize=CACHE_SIZE)
def patterns_overlap(one: str, two: str) -> bool:
    """Can one path match both patterns? O(product of their lengths)."""
    a, b = _segments(one), _segments(two)
    reached = {(0, 0)}
    pending = [(0, 0)]
    while pending:
        i, j = pending.pop()
        if i == len(a) and j == len(b):
            return True
        following: list[tuple[int, int]] = []
        if i < len(a) and a[i] == "**":
            following += [(i + 1, j)] + ([(i, j + 1)] if j < len(b) else [])
        if j < len(b) and b[j] == "**":
            following += [(i, j + 1)] + ([(i + 1, j)] if i < len(a) else [])
        if i < len(a) and j < len(b) and "**" not in (a[i], b[j]) and _texts_meet(a[i], b[j]):
            following.append((i + 1, j + 1))
        for point in following:
            if point not in reached:
                reached.add(point)
                pending.append(point)
    return False


def overlap(one: Iterable[str], two: Iterable[str]) -> str | None:
    """The first pattern of `one` that can meet a pattern of `two`, or None."""
    others = tuple(two)
    for pattern in one:
        if any(patterns_overlap(pattern, other) for other in others):
            return pattern
    return None


def _piece_expression(piece: str) -> str:
    """One letter, `?` or set of a segment as a regular expression that never crosses a slash."""
    if piece == "?":
        return "[^/]"
    if len(piece) > 1:
        return "(?!/)" + fnmatch.translate(piece).removeprefix("(?s:")[:-3]  # 3: `)` and the end
    return re.escape(piece)


def _segment_expression(segment: str) -> str:
    """A segment as a regular expression; behind it comes a slash, or the end of the path.

    What stands between two stars is taken where it is found first, and no other place is tried (an
    atomic group). Agents name patterns, too: with every place tried ten stars take hours.
    """
    runs = [""]
    for piece in _PIECE.findall(segment):
        if piece.startswith("*"):
            runs.append("")
        else:
            runs[-1] += _piece_expression(piece)
    first, *others = runs
    if not others:
        return first
    return first + "".join(f"(?>[^/]*?{run})" for run in others[:-1]) + f"[^/]*{others[-1]}"


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    """Likewise, what stands between two `**` is taken where it is found first."""
    runs: list[list[str]] = [[]]
    for segment in _segments(pattern):
        if segment != "**":
            runs[-1].append(_segment_expression(segment))
        elif len(runs) == 1 or runs[-1]:
            runs.append([])
    first, *others = ("/".join(run) for run in runs)
    if not others:
        return re.compile(rf"{first}\Z", re.DOTALL)
    *middle, last = others
    if not last and not middle:
        return re.compile(rf"{first}(?:/.*)?\Z" if first else r".*\Z", re.DOTALL)
    ends = rf"(?:[^/]*/)*{last}\Z" if last else rf"(?:[^/]*/)*?{middle.pop()}(?:/.*)?\Z"
    found = (f"{first}/" if first else "") + "".join(f"(?>(?:[^/]*/)*?{run}/)" for run in middle)
    return re.compile(found + ends, re.DOTALL)


def covers(patterns: Iterable[str], path: str) -> bool:
    """Does one of the patterns match this path below the repository?"""
    return any(_expression(pattern).match(path) for pattern in patterns)


def fault_of(pattern: str) -> str | None:
    """Why a pattern names no files of the repository, or None."""
    if not pattern.strip():
        return "it is empty"
    if not pattern.isprintable():
        return "it has a character that stands in no line"
    if pattern.startswith(("/", "\\", "~")):
        return "it is not below the top of the repository"
    if ".." in re.split(r"[/\\]", pattern):
        return 'it leaves the repository with ".."'
    return None
