"""Amounts in running text: times, money, tokens, shares and counts, each with where it stands.

Rules: a unit must be there, or a noun that says what is counted. A range (`8-12 hours`, `30–40%`)
is one amount. `~`, "about" and a trailing `+` make it approximate. Linear in the text.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

MAX_TEXT: Final = 2_000  # characters of one line that are looked at
MAX_AMOUNTS: Final = 32  # of one line

_UNITS: Final = {
    "min": 60.0,
    "mins": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hrs": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
    "w": 604800.0,
    "wk": 604800.0,
    "wks": 604800.0,
    "week": 604800.0,
    "weeks": 604800.0,
}
_NUMBER: Final = r"\d{1,9}(?:\.\d{1,6})?"
_ABOUT: Final = r"(?P<about>~\s?|≈\s?|\babout\s|\bapprox\.?\s|\baround\s)?"
_RANGE: Final = rf"(?P<low>{_NUMBER})(?:\s?(?:-|–|to)\s?(?P<high>{_NUMBER}))?"
_COUNTED: Final = {
    "task": "tasks",
    "tasks": "tasks",
    "agent": "agents",
    "agents": "agents",
    "concurrent": "concurrent",
    "parallel": "concurrent",
    "phases": "phases",
    "waves": "phases",
}


class Unit(Enum):
    """What an amount is of."""

    SECONDS = "seconds"
    USD = "US dollars"
    TOKENS = "tokens"
    SHARE = "a share of one"
    TASKS = "tasks"
    AGENTS = "agents"
    CONCURRENT = "at once"
    PHASES = "phases"


class Amount(msgspec.Struct, frozen=True):
    """One amount. `low` and `high` in the unit; equal unless a range was written."""

    unit: Unit
    low: float
    high: float
    approx: bool
    start: int
    end: int
    text: str


_PATTERNS: Final = (
    (Unit.USD, re.compile(rf"{_ABOUT}\$\s?{_RANGE}", re.IGNORECASE)),
    (Unit.SHARE, re.compile(rf"{_ABOUT}{_RANGE}\s?%(?P<more>\+)?", re.IGNORECASE)),
    (
        Unit.SECONDS,
        re.compile(
            rf"{_ABOUT}(?<![\w.$-]){_RANGE}(?P<more>\+)?[\s-]?"
            rf"(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})\b",
            re.IGNORECASE,
        ),
    ),
    (
        Unit.TOKENS,
        re.compile(rf"{_ABOUT}(?<![\w.$-]){_RANGE}\s?(?P<unit>[KkM])(?P<more>\+)?(?![\w])"),
    ),
    (
        Unit.TASKS,
        re.compile(
            rf"(?P<named>\b(?:phase|wave|batch|week|stage|agent|stream|option)\s)?"
            rf"{_ABOUT}(?<![\w.$-]){_RANGE}\s(?:in\s)?(?:(?:pending|open|more)\s)?"
            rf"(?P<unit>tasks?|agents?|concurrent|parallel|phases|waves)\b",
            re.IGNORECASE,
        ),
    ),
)
_OF_COUNT: Final = {
    "tasks": Unit.TASKS,
    "agents": Unit.AGENTS,
    "concurrent": Unit.CONCURRENT,
    "phases": Unit.PHASES,
}


def amounts_in(text: str) -> list[Amount]:
    """The amounts of one line, in order, none overlapping another."""
    looked_at = text[:MAX_TEXT]
    found: list[Amount] = []
    for unit, pattern in _PATTERNS:
        for match in pattern.finditer(looked_at):
            if any(match.start() < a.end and a.start < match.end() for a in found):
                continue
            if match.groupdict().get("named"):  # `Phase 2 tasks` are not two tasks
                continue
            found.append(_amount(unit, match))
            if len(found) >= MAX_AMOUNTS:
                break
    return sorted(found, key=lambda amount: amount.start)


def _amount(unit: Unit, match: re.Match[str]) -> Amount:
    groups = match.groupdict()
    scale = 1.0
    if unit is Unit.SHARE:
        scale = 0.01
    elif unit is Unit.SECONDS:
        scale = _UNITS[groups["unit"].lower()]
    elif unit is Unit.TOKENS:
        scale = 1e6 if groups["unit"] == "M" else 1e3
    elif unit is Unit.TASKS:
        unit = _OF_COUNT[_COUNTED[groups["unit"].lower()]]
    low = float(groups["low"]) * scale
    high = float(groups["high"]) * scale if groups["high"] else low
    approx = bool(groups["about"]) or bool(groups.get("more"))
    text = " ".join(match.group().split())
    return Amount(unit, low, high, approx, match.start(), match.end(), text)
