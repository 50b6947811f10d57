"""What this machine and the agents at work on it use, measured at one moment.

Rules:
- Facts only, as totals since some beginning; whoever looks twice knows what was used in between.
- One look is at all processes at once; it takes milliseconds, so it belongs in a thread.
- What cannot be measured here is missing, and nothing is raised for it.
- What looks at processes is imported by the first look: a face that only names these types waits
  for nothing.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from agentdeck.core.ids import ProcessIdentity, TaskId
from agentdeck.core.state import RunState
from agentdeck.engine.folders import RunFolder

RAW_LOG: Final = "raw.log"


class AtWork(msgspec.Struct, frozen=True):
    """An attempt whose agent lives, as far as is known."""

    task: TaskId
    attempt: int
    launcher: ProcessIdentity
    process: ProcessIdentity


class AgentUse(msgspec.Struct, frozen=True):
    """What one agent with all its processes uses."""

    cpu_s: float  # seconds of one core so far
    rss_bytes: int
    processes: int
    log_bytes: int  # written so far


class Look(msgspec.Struct, frozen=True):
    """A machine at one moment."""

    at: float  # seconds since the epoch
    cores: int
    busy_s: float  # seconds in which cores were busy, over all of them, so far
    whole_s: float  # seconds of all cores so far
    load: float  # mean of what wanted to run in the last minute; 0 where nobody says
    memory_bytes: int  # of the machine, or of the container where that has less left
    used_bytes: int  # that nobody else could have
    disk_bytes: int  # where runs are kept
    free_bytes: int
    agents: dict[tuple[TaskId, int], AgentUse]


def at_work(state: RunState) -> list[AtWork]:
    """The attempts whose agents can be measured. O(tasks)."""
    return [
        AtWork(task.id, attempt.number, attempt.launcher, attempt.process)
        for task in state.tasks.values()
        if (attempt := task.attempt) is not None
        and attempt.live
        and attempt.launcher is not None
        and attempt.process is not None
    ]


def look(folder: RunFolder, run: str, agents: Sequence[AtWork]) -> Look:
    """Measure. Blocking: milliseconds; more on a machine with thousands of processes."""
    import psutil

    from agentdeck.engine.memory_room import room

    times = psutil.cpu_times()
    whole = float(sum(times[:8]))  # what guests use is in `user` already
    idle = float(times.idle) + float(getattr(times, "iowait", 0.0))
    memory = room()
    disk_bytes, free_bytes = _disk(folder)
    load = 0.0
    with suppress(OSError):
        load = os.getloadavg()[0]
    return Look(
        at=time.time(),
        cores=os.cpu_count() or 1,
        busy_s=whole - idle,
        whole_s=whole,
        load=load,
        memory_bytes=memory.whole,
        used_bytes=memory.used,
        disk_bytes=disk_bytes,
        free_bytes=free_bytes,
        agents=_agents(folder, run, agents),
    )


def _agents(
    folder: RunFolder, run: str, agents: Sequence[AtWork]
) -> dict[tuple[TaskId, int], AgentUse]:
    if not agents:
        return {}
    from agentdeck.engine.process_tree import ProcessTable, usage
    from agentdeck.engine.processes import Child
    from agentdeck.engine.setting import attempt_tag

    table, found = ProcessTable.now(), {}
    for agent in agents:
        place = folder.attempt(agent.task, agent.attempt)
        child = Child(place, agent.launcher, agent.process)
        used = usage(child, attempt_tag(run, agent.task, agent.attempt), table)
        written = 0
        with suppress(OSError):
            written = (place / RAW_LOG).stat().st_size
        found[agent.task, agent.attempt] = AgentUse(
            used.cpu_s, used.rss_bytes, used.processes, written
        )
    return found


def _disk(folder: RunFolder) -> tuple[int, int]:
    try:
        usage_of = shutil.disk_usage(folder.path)
    except OSError:
        return 0, 0
    return usage_of.total, usage_of.free
