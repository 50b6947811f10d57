"""Hours in which nobody is told, by the clock on the wall."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from agentdeck.core.quiet_hours import QuietHours, quiet_hours, quiet_until


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("22:00-07:00", QuietHours(time(22), time(7))),
        (" 12:30 - 13:00 ", QuietHours(time(12, 30), time(13))),
        ("00:00-23:59", QuietHours(time(0), time(23, 59))),
        ("22:00-22:00", None),  # always, or never?
        ("24:00-07:00", None),
        ("22-7", None),
        ("2:00-07:00", None),
        ("", None),
    ],
)
def test_how_hours_are_written(text: str, means: QuietHours | None) -> None:
    assert quiet_hours(text) == means


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        ("22:00-07:00", "2026-03-01T21:59", None),
        ("22:00-07:00", "2026-03-01T22:00", "2026-03-02T07:00"),
        ("22:00-07:00", "2026-12-31T23:59", "2027-01-01T07:00"),
        ("22:00-07:00", "2026-03-01T06:59", "2026-03-01T07:00"),
        ("22:00-07:00", "2026-03-01T07:00", None),
        ("12:00-13:00", "2026-03-01T12:30", "2026-03-01T13:00"),
        ("12:00-13:00", "2026-03-01T13:00", None),
        ("12:00-13:00", "2026-03-01T11:59", None),
    ],
)
def test_until_when_it_is_quiet(hours: str, now: str, until: str | None) -> None:
    meant = quiet_hours(hours)
    assert meant is not None
    ends = quiet_until(meant, datetime.fromisoformat(now))
    assert ends == (None if until is None else datetime.fromisoformat(until))
