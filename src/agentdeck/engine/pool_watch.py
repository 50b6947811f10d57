"""Looks at the memory and the load of the machine for pools whose size follows them.

Rules:
- Only while the plan has such a pool: nothing is measured that nobody asks for.
- What follows from the samples is decided in `core.pools`; only a change of size is recorded.
- Memory is what the processes of the run may have: in a container up to the limit of that.
- Load is left out where the system does not say it. What reads memory is imported by the first
  look.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from contextlib import suppress
from typing import Final

from agentdeck.core.pools import SAMPLES, Sample, resized
from agentdeck.engine.setting import Setting

EVERY_S: Final = 10.0  # between two looks; three of them agree before anything changes


async def watch_pools(at: Setting) -> None:
    """Look again and again, until cancelled."""
    samples: deque[Sample] = deque(maxlen=SAMPLES)
    while True:
        if any(pool.elastic for pool in at.state.plan.pools):
            samples.append(await at.in_thread(look))
            changes = resized(at.state, tuple(samples), at.engine.clock())
            if changes:
                await at.engine.record(*changes)
        else:
            samples.clear()
        await asyncio.sleep(EVERY_S)


def look() -> Sample:
    """The machine as it is now. Milliseconds."""
    from agentdeck.engine.memory_room import room

    load = 0.0
    with suppress(OSError):
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return Sample(room().share, load)
