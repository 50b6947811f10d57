"""Moments of a timetable: seconds, and the round of that second.

Rule: what takes no time still has an order. Things that happen at one moment happen in rounds, and
what a round brings about is seen by the next one.
"""

from __future__ import annotations

Moment = tuple[float, int]  # seconds, and the round of that moment


def after(moment: Moment, seconds: float) -> Moment:
    """When something ends that begins in a round. What takes no time ends in the next round."""
    at = moment[0] + seconds
    return (at, 0) if at > moment[0] else (moment[0], moment[1] + 1)


def rounds(moment: Moment, rounds: int) -> Moment:
    """So many rounds later, at the same second."""
    return (moment[0], moment[1] + rounds)


def in_parts(now: Moment, seconds: float, parts: int) -> Moment:
    """The end of a step of no time and so many parts; without parts the step takes the time."""
    ends = after(now, seconds)
    return rounds(now, 1 + parts) if parts and ends[0] == now[0] else ends
