"""How much of the optional work an analysis may do: counted, so that the answer does not depend
on how busy the machine is.

Rules: the work of one timetable is one placement for each task. A share is a number of placements;
a plan of few tasks gets many timetables for it, a plan of 100,000 gets none. What was left out is
said.
"""

from __future__ import annotations

from typing import Final

# Placements: a timetable takes about 60 microseconds for each task, so all of it takes a second.
CURVE: Final = 4_000  # makespans for other numbers of agents
SYNCS: Final = 3_000  # makespans without one sync point
CONFLICTS: Final = 3_000  # ... without one conflict
WHAT_IF: Final = 12_000  # ... without one dependency, or with one estimate halved
PATHS: Final = 200_000  # tasks walked for critical paths, where timetables are too dear
LEAST: Final = 20  # placements that even an empty plan counts for


def timetables(share: int, tasks: int) -> int:
    """How many timetables of so many tasks fit into a share."""
    return share // max(tasks, LEAST)
