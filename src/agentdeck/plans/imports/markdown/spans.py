"""Weeks and days that a group of tasks is planned for: `Week 1-2`, `WEEK 12–16`, `Days 3 to 5`.

Rules:
- Both ends belong to it: `Week 1-2` are two weeks.
- Two spans follow each other when the later one starts after the end of the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

MAX_LAST: Final = 400  # a plan with a later week or day is a typing error

_SECONDS: Final = {"week": 604_800.0, "day": 86_400.0}
_SPAN: Final = re.compile(
    r"\b(week|wk|day)s?\s{0,3}#?(\d{1,3})(?:\s{0,3}(?:-|–|—|\bto\b|\bthrough\b|\.\.)\s{0,3}"
    r"(?:week|wk|day)?s?\s{0,2}(\d{1,3}))?(?![\d.])",
    re.IGNORECASE,
)


class Span(msgspec.Struct, frozen=True):
    """Weeks or days, both ends included, counted from 1."""

    unit: str  # `week` or `day`
    first: int
    last: int

    @property
    def length_s(self) -> float:
        """How long it is, in seconds."""
        return (self.last - self.first + 1) * _SECONDS[self.unit]

    @property
    def name(self) -> str:
        """As a person writes it."""
        span = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{self.unit.capitalize()} {span}"


def span_of(text: str) -> Span | None:
    """The first span in a text, or None."""
    match = _SPAN.search(text)
    if match is None:
        return None
    first = int(match[2])
    last = int(match[3] or match[2])
    if not 0 <= first <= last <= MAX_LAST:
        return None
    return Span("day" if match[1].lower() == "day" else "week", first, last)


def in_order(spans: Sequence[Span]) -> bool:
    """Does each span start after the end of the one before? One alone does not."""
    return len(spans) > 1 and all(a.unit == b.unit and a.last < b.first for a, b in pairwise(spans))
