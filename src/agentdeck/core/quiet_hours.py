"""Hours of the day in which nobody is told: `22:00-07:00`, by the clock on the wall.

Rules: they go over midnight where the end is before the beginning. Both are the same moment every
day, also where the clock is put forward or back in between; who knows the zone works with it.
"""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Final, NamedTuple

_HOURS: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)")


class QuietHours(NamedTuple):
    """From when until when, by the wall clock. `end` itself is not quiet any more."""

    begin: time
    end: time


def quiet_hours(text: str) -> QuietHours | None:
    """What `22:00-07:00` means; None = it is written in another way, or says nothing."""
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, to_hour, to_minute = (int(part) for part in found.groups())
    hours = QuietHours(time(hour, minute), time(to_hour, to_minute))
    return None if hours.begin == hours.end else hours


def quiet_until(hours: QuietHours, wall: datetime) -> datetime | None:
    """When the quiet of this moment ends, or None where it is not quiet.

    Args:
        hours: which.
        wall: what the clock on the wall shows, without a zone.
    """
    now = wall.time()
    if hours.begin < hours.end:
        return datetime.combine(wall, hours.end) if hours.begin <= now < hours.end else None
    if now >= hours.begin:
        return datetime.combine(wall + timedelta(days=1), hours.end)
    return datetime.combine(wall, hours.end) if now < hours.end else None


__all__ = ["QuietHours", "quiet_hours", "quiet_until"]
