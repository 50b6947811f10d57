"""When a deck under test has done all that it does by itself.

Textual's pilot takes a process that uses little CPU for an idle one, in steps of 20 ms. On a busy
machine a deck that waits for its turn looks just like that, and on an idle one most of the 20 ms
are waited for nothing. The event loop knows better: what it has ready, and which timers are due.

Rules: threads and other processes are not seen here; who needs those waits for what they bring.
What follows from a key comes after the frame that answers it, and frames are paced: so it is asked
of the deck itself whether it waits for one (`FOLLOWS`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from textual.screen import Screen

from agentdeck.tui.pacing import CatchingUp

SOON_S: Final = 0.02  # a timer due by then belongs to what goes on: redraws come 1/60 s later
TIMERS_S: Final = 0.06  # for such timers in all: some come again and again
FRAME_S: Final = 0.005  # between two questions whether what follows has come
FOLLOWS_S: Final = 20.0  # for it, on a machine that does much else
LOOKS: Final = 3  # in a row that find nothing: a reply may be on its way through the selector


FOLLOWS: list[CatchingUp] = []  # of the decks of a test


async def until_quiet(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Return when nothing is ready to run and no timer is due soon.

    Args:
        min_sleep: passed over; the pilot says it.
        max_sleep: seconds, even if it never gets quiet.
    """
    loop: Any = asyncio.get_running_loop()
    await _until_caught_up(loop)
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
    await _until_caught_up(loop)


async def _until_caught_up(loop: Any) -> None:
    until = loop.time() + FOLLOWS_S
    while any(map(_is_due, FOLLOWS)) and loop.time() < until:
        await asyncio.sleep(FRAME_S)


def _is_due(follows: CatchingUp) -> bool:
    """Will it come by itself? Behind a dialog, or of a deck that is closed, no frame is painted."""
    screen = getattr(follows._act, "__self__", None)
    return follows.waits and isinstance(screen, Screen) and screen.is_running and screen.is_current
