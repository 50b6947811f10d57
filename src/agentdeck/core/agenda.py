"""What is going to happen in a timetable, moment for moment.

Rules:
- Time only goes forward: nothing is put at the moment that it is, or at one before it.
- What happens at one moment is handed out together, sorted, so that the order in which it was put
  there makes no difference.
- Most of it happens in the next round of the same second; that is kept apart, as nothing has to be
  compared with it.
"""

from __future__ import annotations

from heapq import heappop, heappush

from agentdeck.core.moments import Moment

Happening = tuple[int, int, int]  # what, which task, which time


class Agenda:
    """What is to come. Putting and taking take O(log moments)."""

    def __init__(self) -> None:
        self.now: Moment = (0.0, 0)
        self.next_round: list[Happening] = []  # may be added to
        self._moments: list[Moment] = []  # heap: the others at which something happens
        self._happenings: dict[Moment, list[Happening]] = {}

    def at(self, moment: Moment, what: int, which: int = 0, number: int = 0) -> None:
        """Something happens at a moment."""
        found = self._happenings.get(moment)
        if found is None:
            self._happenings[moment] = [(what, which, number)]
            heappush(self._moments, moment)
        else:
            found.append((what, which, number))

    def after(self, seconds: float, what: int, which: int, number: int = 0) -> None:
        """Something happens so many seconds from now; what takes no time, in the next round."""
        now = self.now[0]
        ends = now + seconds
        if ends > now:
            self.at((ends, 0), what, which, number)
        else:
            self.next_round.append((what, which, number))

    def go_on(self) -> list[Happening]:
        """Go to the next moment at which something happens. Returns that; empty = nothing does."""
        moments = self._moments
        if self.next_round:
            self.now = now = (self.now[0], self.now[1] + 1)
            found, self.next_round = self.next_round, []
            if moments and moments[0] == now:
                found += self._happenings.pop(heappop(moments))
        elif moments:
            self.now = now = heappop(moments)
            found = self._happenings.pop(now)
        else:
            return []
        if len(found) > 1:
            found.sort()
        return found
