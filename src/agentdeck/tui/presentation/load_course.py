"""What a machine and its agents did in the last minutes: shares and rates from looks at totals.

Rules:
- Two looks make a point: what was used between them, over the time between them. A process that has
  ended takes its seconds with it, so a total that falls counts as nothing used.
- Bounded: `KEPT_POINTS` points. Of a time that nobody has looked at nothing is known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from agentdeck.control.load import AgentUse, Look
from agentdeck.core.ids import TaskId

KEPT_POINTS: Final = 450  # a quarter of an hour, with a look every two seconds
GAP_S: Final = 30.0  # looks further apart make no point: the machine slept, or the deck looked back

Key = tuple[TaskId, int]  # an attempt


class AgentPoint(NamedTuple):
    """One agent between two looks."""

    cores: float  # busy for it, 1.0 = all of one
    rss_bytes: int
    processes: int
    log_bps: float  # bytes a second, written to its log


class Point(NamedTuple):
    """The machine between two looks."""

    at: float  # seconds since the epoch, of the later one
    cores: float  # busy
    memory: float  # share that is used, 0 to 1
    agents: dict[Key, AgentPoint]

    @property
    def by_agents(self) -> float:
        """Cores that were busy for agents."""
        return sum(agent.cores for agent in self.agents.values())


Of = Callable[[Point], float | None]


class LoadCourse:
    """The latest points."""

    def __init__(self) -> None:
        self.latest: Look | None = None
        self.points: deque[Point] = deque(maxlen=KEPT_POINTS)
        self._agents: dict[
            tuple[Key, float, int], list[float | None]
        ] = {}  # as of the latest point

    def add(self, look: Look) -> None:
        """Take in another look."""
        before, self.latest = self.latest, look
        self._agents.clear()
        if before is None:
            return
        passed_s = look.at - before.at
        whole_s = look.whole_s - before.whole_s
        if not 0 < passed_s <= GAP_S or whole_s <= 0:
            return
        share = max(0.0, look.busy_s - before.busy_s) / whole_s
        memory = look.used_bytes / look.memory_bytes if look.memory_bytes else 0.0
        agents = {
            key: _between(before.agents[key], use, passed_s)
            for key, use in look.agents.items()
            if key in before.agents
        }
        self.points.append(Point(look.at, min(1.0, share) * look.cores, memory, agents))

    def cores_of(self, agent: Key, span_s: float, count: int) -> list[float | None]:
        """How many cores an agent has kept busy, up to the latest point, as `course` tells it.

        It is asked for with every drawing and changes with every point: so it is kept till then.
        """
        found = self._agents.get((agent, span_s, count))
        if found is None:
            until = self.points[-1].at if self.points else 0.0
            found = filled(self.course(agent_cores(agent), until - span_s, until, count))
            self._agents[agent, span_s, count] = found
        return found

    @property
    def now(self) -> Point | None:
        """The latest one."""
        return self.points[-1] if self.points else None

    def course(self, of: Of, since: float, until: float, count: int) -> list[float | None]:
        """The means of a figure in `count` equal stretches of a time; None = nobody looked.

        Args:
            of: the figure of a point; None = it has none.
            since: seconds since the epoch.
            until: likewise, later.
            count: stretches, at least 1.
        """
        sums, points = [0.0] * count, [0] * count
        step_s = (until - since) / count
        for point in self.points:
            number = int((point.at - since) / step_s) if step_s > 0 else -1
            if point.at < since or not 0 <= number < count + 1:
                continue
            value = of(point)
            if value is not None:
                sums[min(count - 1, number)] += value
                points[min(count - 1, number)] += 1
        return [total / n if n else None for total, n in zip(sums, points, strict=True)]


def agent_cores(key: Key) -> Of:
    """How many cores an agent keeps busy."""

    def of(point: Point) -> float | None:
        found = point.agents.get(key)
        return found.cores if found is not None else None

    return of


def filled(values: Sequence[float | None]) -> list[float | None]:
    """A stretch between two known ones is as the one before it: looks are not that regular."""
    found = list(values)
    for at in range(1, len(found) - 1):
        if found[at] is None and found[at + 1] is not None:
            found[at] = found[at - 1]
    return found


def _between(before: AgentUse, now: AgentUse, passed_s: float) -> AgentPoint:
    return AgentPoint(
        max(0.0, now.cpu_s - before.cpu_s) / passed_s,
        now.rss_bytes,
        now.processes,
        max(0, now.log_bytes - before.log_bytes) / passed_s,
    )
