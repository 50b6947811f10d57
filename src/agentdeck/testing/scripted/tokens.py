"""Tokens, made up: what each reply of the model took in, found in its cache, and gave out.

Rules:
- What the agent has heard so far is its context. A reply takes in what is new in it, and finds the
  rest in the cache.
- The same script takes the same tokens in every format; how they are reported is up to the format.
"""

from __future__ import annotations

USD_PER_TOKEN = 0.000004  # made up; makes the money of a demo move
OUT_COSTS = 5.0  # times what a token taken in costs
CACHED_COSTS = 0.1  # times the same


class Tally:
    """Tokens of a reply, a turn, a process or a session."""

    __slots__ = ("cached", "fresh", "out", "replies")

    def __init__(self, fresh: int = 0, cached: int = 0, out: int = 0, replies: int = 0) -> None:
        self.fresh, self.cached, self.out, self.replies = fresh, cached, out, replies

    def add(self, other: Tally) -> None:
        """Count another one in."""
        self.fresh += other.fresh
        self.cached += other.cached
        self.out += other.out
        self.replies += other.replies

    @property
    def taken_in(self) -> int:
        """Fresh and cached."""
        return self.fresh + self.cached

    @property
    def usd(self) -> float:
        """What they cost."""
        weight = self.fresh + CACHED_COSTS * self.cached + OUT_COSTS * self.out
        return round(weight * USD_PER_TOKEN, 6)


class Meter:
    """Counts for one session in one process.

    Args:
        remembered: tokens of the session's context, from earlier processes.
        total: of the session; grows with each reply.
    """

    def __init__(self, remembered: int, total: Tally) -> None:
        self.remembered = self.context = self._known = remembered
        self.out = self._told = 0
        self.total, self.process, self.turn, self.reply = total, Tally(), Tally(), Tally()

    def open_turn(self, heard: int) -> None:
        """A prompt of so many tokens came in."""
        self.context += heard
        self.turn = Tally()

    def open_reply(self) -> None:
        """The model begins to answer; what it takes in is known now."""
        self.reply = Tally(self.context - self._known, self._known, 0, 1)
        self._known = self.context

    def close_reply(self) -> None:
        """The model has answered."""
        self.reply.out, self._told = self.out - self._told, self.out
        for tally in (self.turn, self.process, self.total):
            tally.add(self.reply)
