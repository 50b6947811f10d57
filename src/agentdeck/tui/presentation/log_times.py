"""A time somebody types to go to in a log: `12:40`, `+5m`, `50%`.

Rules: pure. A time of day is the first one at or after the attempt's start.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

SYNTAX: Final = "a time is 12:40, 12:40:05, +5m, +1h20m or 50%"
_CLOCK: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_SINCE: Final = re.compile(r"\+(?=\d)(?:(\d{1,4})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s?)?")
_SHARE: Final = re.compile(r"(\d{1,3})(?:\.\d+)?%")


class Goal(NamedTuple):
    """Where to go: a time in seconds since the epoch, or a share of the log, 0 to 1."""

    at: float | None = None
    share: float | None = None


def goal_of(text: str, started_at: float | None, *, utc: bool) -> Goal | str:
    """What was typed, or a sentence that says what is wrong with it.

    Args:
        text: what was typed.
        started_at: of the attempt, seconds since the epoch.
        utc: times of day are UTC; else of this place.
    """
    text = text.strip().lower()
    if found := _SHARE.fullmatch(text):
        return Goal(share=min(100, int(found[1])) / 100)
    clock, since = _CLOCK.fullmatch(text), _SINCE.fullmatch(text)
    if clock is None and since is None:
        return SYNTAX
    if started_at is None:
        return "when this attempt began is not known: a share such as 50% can be gone to"
    if since is not None:
        hours, minutes, seconds = (int(part or 0) for part in since.groups())
        return Goal(at=started_at + hours * 3600 + minutes * 60 + seconds)
    assert clock is not None
    start = datetime.fromtimestamp(started_at, UTC).astimezone(UTC if utc else None)
    hour, minute, second = (int(part or 0) for part in clock.groups())
    wanted = start.replace(hour=hour, minute=minute, second=second, microsecond=0)
    exact = 1 if clock[3] else 60  # 12:40 is all of that minute
    if wanted + timedelta(seconds=exact) <= start:
        wanted += timedelta(days=1)
    return Goal(at=wanted.timestamp())
