"""When a deck under test has done all that it does by itself.

Textual's pilot takes a process that uses little CPU for an idle one, in steps of 20 ms. On a busy
machine a deck that waits for its turn looks just like that, and on an idle one most of the 20 ms
are waited for nothing. The event loop knows better: what it has ready, and which timers are due.

Rules: threads and other processes are not seen here; who needs those waits for what they bring.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

SOON_S: Final = 0.02  # a timer due by then belongs to what goes on: redraws come 1/60 s later
TIMERS_S: Final = 0.06  # for such timers in all: some come again and again
LOOKS: Final = 3  # in a row that find nothing: a reply may be on its way through the selector


async def until_quiet(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Return when nothing is ready to run and no timer is due soon.

    Args:
        min_sleep: passed over; the pilot says it.
        max_sleep: seconds, even if it never gets quiet.
    """
    loop: Any = asyncio.get_running_loop()
    until, waited, found = loop.time() + max_sleep, 0.0, 0
    while found < LOOKS and loop.time() < until:
        await asyncio.sleep(0)
        now = loop.time()
        due = [timer.when() - now for timer in loop._scheduled if not timer.cancelled()]
        soon = min((left for left in due if left < SOON_S), default=None)
        if loop._ready:
            found = 0
        elif soon is None or waited > TIMERS_S:
            found += 1
        else:
            found = 0
            await asyncio.sleep(max(0.0, soon))
            waited += loop.time() - now
