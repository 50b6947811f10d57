"""Numbers as a person reads them on a dense screen: short, and of stable width.

Rules: durations are `m:ss` below an hour and `h:mm h` above; counts are k and M from 1,000; money
has two digits after the point. What is not known is `—`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

UNKNOWN: Final = "—"


def clock_time(at: float, *, utc: bool) -> str:
    """A time of day, `13:20`."""
    zone = UTC if utc else None
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%H:%M")


def clock_seconds(at: float, *, utc: bool) -> str:
    """A time of day with seconds, `13:20:05`."""
    zone = UTC if utc else None
    return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%H:%M:%S")


def duration(seconds: float) -> str:
    """`03:40`, or `2h05` from an hour on, or `3d04` from two days on: five cells, rarely more."""
    whole = max(0, int(seconds))
    if whole < 3600:
        return f"{whole // 60:02}:{whole % 60:02}"
    if whole < 48 * 3600:
        return f"{whole // 3600}h{whole // 60 % 60:02}"
    return f"{whole // 86400}d{whole // 3600 % 24:02}"


def rough(seconds: float) -> str:
    """A span for a forecast: `8m`, `2h`."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes}m" if minutes < 90 else f"{round(minutes / 60)}h"


def count(number: int) -> str:
    """`0`, `812`, `14k`, `1.2M`: at most four cells below a thousand millions."""
    if number < 1_000:
        return str(number)
    if number < 9_950:
        return f"{number / 1_000:.1f}k"
    if number < 999_500:
        return f"{number / 1_000:.0f}k"
    if number < 9_950_000:
        return f"{number / 1_000_000:.1f}M"
    return f"{number / 1_000_000:.0f}M"


def money(usd: float) -> str:
    """`$0.21`, `$142`."""
    return f"${usd:.2f}" if usd < 100 else f"${usd:,.0f}"


def size(number: float) -> str:
    """Bytes: `812`, `14K`, `1.9G`; at most four cells below a thousand T."""
    for unit in ("", "K", "M", "G"):
        if number < 999.5:
            small = unit and number < 9.95
            return f"{number:.1f}{unit}" if small else f"{number:.0f}{unit}"
        number /= 1024
    return f"{number:.1f}T" if number < 9.95 else f"{number:.0f}T"


def plural(number: int, word: str) -> str:
    """`1 task`, `3 tasks`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
