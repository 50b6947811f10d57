"""Times in plan files: `"30min"`, `"1h30m"`, `"45s"`, `"1.5h"`, `"2 days"`, or a number of seconds.

Grammar: one or more amounts, each a decimal number followed by a unit, largest unit first, no unit
twice, spaces allowed between everything. Units are `w d h min s`, with the usual other spellings;
`m` means minutes. A bare number in quotes is refused, because nobody can know its unit.
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

EXAMPLES: Final = '"30min", "1h30m", "45s", "1.5h", "2 days", or a number of seconds'
MAX_DURATION_S: Final = 366 * 86400.0  # seconds; a year. Longer is a typing error
MAX_LENGTH: Final = 64  # characters of a duration; longer is not one
KNOWN: Final = 4096  # texts whose seconds are kept; a large plan says few different ones, often

_SECONDS: Final = {"w": 604_800, "d": 86400, "h": 3600, "min": 60, "s": 1}
_SPELLINGS: Final = {
    "w": ("w", "wk", "wks", "week", "weeks"),
    "d": ("d", "day", "days"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "min": ("m", "min", "mins", "minute", "minutes"),
    "s": ("s", "sec", "secs", "second", "seconds"),
}
_UNIT: Final = {spelling: unit for unit, every in _SPELLINGS.items() for spelling in every}
_AMOUNT: Final = r"[0-9]+(?:\.[0-9]+)?"
_PART: Final = re.compile(rf"\s*({_AMOUNT})\s*([a-z]+)\s*", re.ASCII)
PATTERN: Final = rf"^(\s*{_AMOUNT}\s*[A-Za-z]+\s*)+$"  # for editors; coarser than `parse_duration`


@lru_cache(maxsize=KNOWN)
def parse_duration(text: str) -> float:
    """Seconds that `text` says.

    Raises:
        ValueError: `text` is not a duration; the message says what is wrong with it.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError("too long for a time")
    lowered = text.strip().lower()
    if re.fullmatch(_AMOUNT, lowered, re.ASCII):
        raise ValueError(f'no unit: write "{lowered}s" or "{lowered}min"')
    total = Decimal(0)
    at = 0
    smallest = None
    while at < len(lowered):
        part = _PART.match(lowered, at)
        if part is None:
            raise ValueError("not a time")
        unit = _UNIT.get(part[2])
        if unit is None:
            raise ValueError(f'"{part[2]}" is not a unit of time (w, d, h, min, s)')
        if smallest is not None and _SECONDS[unit] >= smallest:
            raise ValueError("units must go from large to small, each once")
        smallest = _SECONDS[unit]
        total += Decimal(part[1]) * smallest
        at = part.end()
    if smallest is None:
        raise ValueError("empty")
    return float(total)


def format_duration(seconds: float) -> str:
    """A duration as a person writes it; `parse_duration` gives exactly `seconds` back.

    Args:
        seconds: finite, 0 or more. Whole seconds give `1h30min`; others plain seconds, `0.25s`.
    """
    if seconds != int(seconds):
        return f"{Decimal(repr(seconds)):f}s"
    left = int(seconds)
    parts = []
    for unit, size in _SECONDS.items():
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"
