"""The line that shows where a replay is: time, what happened, and the whole run as a bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agentdeck.tui.presentation.figures import clock_seconds
from agentdeck.tui.presentation.line import EMPTY, Line, Span, cells, cut, plain

LEAST_BAR: Final = 12  # cells; below it is left out
GAP: Final = Span("  ")


@dataclass(frozen=True)
class Mark:
    """Something in the run that a person looks for."""

    share: float  # of the run's time, 0 to 1
    failed: bool  # else it landed


@dataclass(frozen=True)
class ReplayMoment:
    """Where a replay is."""

    at: float  # seconds since the epoch
    share: float  # of the run's time, 0 to 1
    count: int  # events that have happened
    total: int
    playing: bool
    speed: float  # seconds of the run in one second
    what: str  # the latest event, in words
    marks: tuple[Mark, ...] = ()
    live: bool = False  # the run goes on behind it
    back: str = "B"  # the key that comes back to it

    @property
    def label(self) -> str:
        """What the header says: `replay 60x`."""
        return f"replay {self.speed:,.3g}x"


def replay_line(moment: ReplayMoment, width: int, *, utc: bool) -> Line:
    """The line in exactly `width` cells. What happened has half of the room, the bar the rest."""
    left, right = _sides(moment, utc=utc)
    room = width - cells(left) - cells(right) - 4
    what = cut(plain(moment.what), max(0, min(room // 2, room - LEAST_BAR - 2)))
    told: Line = (Span(what, "muted"), GAP) if what else EMPTY
    room = width - cells(left) - cells(right) - cells(told) - 4
    bar = _bar(moment, room) if room >= LEAST_BAR else (Span(" " * max(0, room)),)
    return (Span(" "), *left, *bar, GAP, *told, *right, Span(" "))


def bar_place(moment: ReplayMoment, width: int, *, utc: bool) -> tuple[int, int] | None:
    """Where the bar begins on the line, and its cells; None where it is left out."""
    line = replay_line(moment, width, utc=utc)
    left, _ = _sides(moment, utc=utc)
    start = 1 + cells(left)
    bar = [span for span in line if span.role.startswith("replay")]
    return (start, cells(bar)) if bar else None


def _sides(moment: ReplayMoment, *, utc: bool) -> tuple[Line, Line]:
    sign = Span("▶", "state-working bold") if moment.playing else Span("‖", "state-paused bold")
    left = (sign, GAP, Span(clock_seconds(moment.at, utc=utc), "bold"), GAP)
    figures = f"{moment.count:,} of {moment.total:,}"
    back = (GAP, Span(moment.back, "key bold"), Span(" now", "muted")) if moment.live else EMPTY
    return left, (Span(figures, "muted"), GAP, Span(f"{moment.speed:,.3g}x", "accent"), *back)


def _bar(moment: ReplayMoment, width: int) -> Line:
    """The run from its start to its end; failures and landings where they were."""
    head = min(width - 1, int(moment.share * width))
    signs: dict[int, str] = {}
    for mark in moment.marks:
        cell = min(width - 1, int(mark.share * width))
        if mark.failed or signs.get(cell) != "✖":
            signs[cell] = "✖" if mark.failed else "✔"
    found: list[Span] = []
    for cell in range(width):
        played = cell <= head
        sign = "●" if cell == head else signs.get(cell, "━" if played else "─")
        role = {"●": "accent bold", "✖": "state-failed", "✔": "state-landed"}.get(
            sign, "accent" if played else "faint"
        )
        found.append(Span(sign, f"replay {role}"))
    return tuple(found)


__all__ = ["Mark", "ReplayMoment", "bar_place", "replay_line"]
