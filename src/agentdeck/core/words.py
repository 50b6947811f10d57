"""Small words that every sentence needs."""

from __future__ import annotations

from collections.abc import Iterable


def first_line(text: str) -> str:
    """The first line of a text that may have a log's tail."""
    return text.split("\n", 1)[0]


def listed(names: Iterable[str], most: int) -> str:
    """`A, B and 3 more`: the first `most` of them."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def short_duration(seconds: float) -> str:
    """A duration as people say it: `45 s`, `12 min`, `3 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
