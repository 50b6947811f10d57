"""A clock that only a test moves. It never goes back."""

from __future__ import annotations

from typing import Final

START_S: Final = 1_700_000_000.0  # seconds since the epoch; any fixed moment, so that runs repeat


class ManualClock:
    """Seconds since the epoch, as far as the code under test can tell."""

    def __init__(self, now: float = START_S) -> None:
        self._now = now

    def __call__(self) -> float:
        """The present moment, seconds since the epoch: the shape of `time.time`."""
        return self._now

    @property
    def now(self) -> float:
        """The present moment, seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Let time pass, and say what time it is then. Raises ValueError for a negative time."""
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds} s")
        self._now += seconds
        return self._now

    def advance_to(self, moment: float) -> float:
        """Let time pass until `moment`; a moment that has passed already changes nothing."""
        self._now = max(self._now, moment)
        return self._now
