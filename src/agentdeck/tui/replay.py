"""A run seen again: its events come at the pace of their times, faster, or one by one.

Rules:
- Time passes at `speed` times its own pace. A silence longer than `SILENCE_S` on the watch of the
  person is cut to that: nights pass in two seconds.
- Where the run was read from does not matter, and nothing is ever written. Events that a live run
  adds meanwhile are added at the end.
- Journals are in the order of their numbers; a clock that was set back does not turn time around.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Final

from agentdeck.core import events as e
from agentdeck.core.event_words import told_of
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.tui.presentation.replay import Mark, ReplayMoment

SILENCE_S: Final = 2.0  # without an event, on the watch of who looks
WHOLE_S: Final = 60.0  # in which a run is played, unless a speed is wished
MIN_SPEED: Final = 0.1
MAX_SPEED: Final = 100_000.0
FASTER: Final = 2.0
SCRUB: Final = 0.05  # of the run, with one key
_FAILED: Final = (e.TaskFailed, e.EntryEjected)


class Replay:
    """Where one is in a run's history, and how time passes."""

    def __init__(
        self,
        history: Iterable[Recorded],
        *,
        speed: float | None = None,
        live: bool = False,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        """Stands at the first event, and plays.

        Args:
            history: the events of the run from its beginning.
            speed: seconds of the run in one second; None = all of it in about a minute.
            live: there is a present to come back to.
            real: the watch of who looks, seconds.
        """
        self.events: list[Recorded] = []
        self._times: list[float] = []
        self._marks: list[tuple[int, bool]] = []  # events by number of place, and whether failed
        self.live = live
        self._real = real
        self._looked_at = real()
        self.add(history)
        span = self._times[-1] - self._times[0] if self._times else 0.0
        wished = span / WHOLE_S if speed is None else speed
        self.speed = min(MAX_SPEED, max(1.0 if speed is None else MIN_SPEED, wished))
        self.playing = True
        self.count = min(1, len(self.events))
        self._at = self._times[0] if self._times else 0.0

    def add(self, batch: Iterable[Recorded]) -> None:
        """The run has gone on. Events that are known already are passed over."""
        for recorded in batch:
            if self.events and recorded.seq <= self.events[-1].seq:
                continue
            before = self._times[-1] if self._times else recorded.at
            event = recorded.event
            if isinstance(event, _FAILED):
                self._marks.append((len(self.events), True))
            elif isinstance(event, e.EntryLanded) and event.task is not None:
                self._marks.append((len(self.events), False))
            self.events.append(recorded)
            self._times.append(max(before, recorded.at))

    def now(self) -> float:
        """The time in the run, seconds since the epoch."""
        return self._at

    def tick(self) -> bool:
        """Let time pass up to now on the watch. Is something else to be seen?"""
        real = self._real()
        passed, self._looked_at = real - self._looked_at, real
        if not self.playing or not self.events:
            return False
        self._at += passed * self.speed
        if self.count < len(self.events):
            self._at = max(self._at, self._times[self.count] - SILENCE_S * self.speed)
        self.count = max(self.count, bisect_right(self._times, self._at))
        if self.count == len(self.events):
            self._at, self.playing = self._times[-1], False
        return True

    def toggle(self) -> None:
        """Play or stand still; at the end from the beginning again."""
        if not self.playing and self.count == len(self.events):
            self.seek(1)
        self.playing = not self.playing
        self._looked_at = self._real()

    def change_speed(self, factor: float) -> None:
        """Let time pass `factor` times as fast as now, within bounds."""
        self.speed = min(MAX_SPEED, max(MIN_SPEED, self.speed * factor))

    def seek(self, count: int) -> None:
        """Go to where so many events have happened."""
        self.count = max(min(1, len(self.events)), min(len(self.events), count))
        if self.count:
            self._at = self._times[self.count - 1]

    def step(self, by: int) -> None:
        """So many events on, or back, and stand still."""
        self.playing = False
        self.seek(self.count + by)

    def scrub(self, share: float) -> None:
        """Go to a share of the run's time, 0 to 1."""
        if self.events:
            first, last = self._times[0], self._times[-1]
            self._at = first + (last - first) * min(1.0, max(0.0, share))
            self.count = max(1, bisect_right(self._times, self._at))

    def jump(self, by: int) -> bool:
        """To the next landing or failure, or the one before. False: there is none."""
        # With what was stored together with it: between these nothing fits.
        ends = [bisect_right(self._times, self._times[at]) for at, _ in self._marks]
        if by > 0:
            found = next((end for end in ends if end > self.count), None)
        else:
            found = next((end for end in reversed(ends) if end < self.count), None)
        if found is None:
            return False
        self.playing = False
        self.seek(found)
        return True

    def moment(self) -> ReplayMoment:
        """Where it is, for the screen."""
        marks = tuple(Mark(self._share(self._times[at]), failed) for at, failed in self._marks)
        return ReplayMoment(
            at=self._at,
            share=self._share(self._at),
            count=self.count,
            total=len(self.events),
            playing=self.playing,
            speed=self.speed,
            what=_words(self.events[self.count - 1].event) if self.count else "",
            marks=marks,
            live=self.live,
        )

    def _share(self, at: float) -> float:
        first, last = self._times[0], self._times[-1]
        return (at - first) / (last - first) if last > first else 1.0


def _words(event: AnyEvent) -> str:
    """`T-3 the agent ended (exit 0)`, as in the list of events."""
    told = told_of(event)
    return f"{told.about} {told.words}" if told.about else told.words


__all__ = ["FASTER", "SCRUB", "Replay"]
