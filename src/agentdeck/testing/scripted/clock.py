"""Times as vendors write them."""

from __future__ import annotations

import time


def stamp() -> str:
    """Now, in UTC with milliseconds: 2026-11-21T03:13:44.037Z."""
    now = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f"{whole}.{int(now * 1000) % 1000:03}Z"


def milliseconds() -> int:
    """Since the epoch."""
    return int(time.time() * 1000)


def hour(at: float) -> str:
    """A time of day on a clock of twelve hours: 3:28 PM."""
    return time.strftime("%I:%M %p", time.localtime(at)).lstrip("0")


def span(seconds: float) -> str:
    """A stretch of time: 3h12m45s."""
    whole = int(seconds)
    return f"{whole // 3600}h{whole // 60 % 60}m{whole % 60}s"
