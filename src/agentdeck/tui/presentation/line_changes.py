"""Where two lines differ, so that only these cells are painted anew.

Rules: what is said is never too little. Terminals disagree about how wide some characters are: with
one of these in a line, all of it is taken for changed.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import takewhile

from rich.cells import get_character_cell_size

from agentdeck.tui.presentation.line import Line, Span, cells


def changed_cells(before: Line, after: Line) -> tuple[int, int]:
    """The columns in which two lines differ: the first one, and the one behind the last.

    Lines are as wide as their text. Equal ones differ in `(0, 0)`.
    """
    if before == after:
        return 0, 0
    if not all(_has_cells(span.text) for span in (*before, *after)):
        return 0, max(cells(before), cells(after))
    old, new = (sum(len(span.text) for span in line) for line in (before, after))
    first = _same(before, after)
    if old != new:
        return first, max(old, new)
    backwards = (tuple(Span(s.text[::-1], s.role) for s in reversed(x)) for x in (before, after))
    return first, max(first, new - _same(*backwards))


def _same(one: Line, other: Line) -> int:
    """How many cells two lines have in common, from the left."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left == right:
            count += len(left.text)
            continue
        if left.role == right.role:
            pairs = zip(left.text, right.text, strict=False)
            count += sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        break
    return count


@lru_cache(maxsize=4_096)
def _has_cells(text: str) -> bool:
    """Has each character one cell, on every terminal?"""
    return text.isascii() or all(get_character_cell_size(char) == 1 for char in text)


__all__ = ["changed_cells"]
