"""When a deck under test has done all that it does by itself.

Textual's pilot takes a process that uses little CPU for an idle one, in steps of 20 ms. On a busy
machine a deck that waits for its turn looks just like that, and on an idle one most of the 20 ms
are waited for nothing. The event loop knows better: what it has ready, and which timers are due.

Rules: other processes are not seen here; who needs those waits for what they bring. Threads of
the deck are waited for (`WORKERS`), as they read what is to be seen, but not for ever: some listen,
and some are held by their test. What follows from a key comes after the frame that answers it, and
frames are paced: so it is asked of the deck itself whether it waits for one (`FOLLOWS`). Likewise
whether it still holds keys, or a screen that has not been seen (`AHEAD`); not for ever either.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from textual.screen import Screen
from textual.worker import Worker
from textual.worker_manager import WorkerManager

from agentdeck.tui.pacing import CatchingUp
from agentdeck.tui.typed_ahead import TypedAhead

SOON_S: Final = 0.02  # a timer due by then belongs to what goes on: redraws come 1/60 s later
TIMERS_S: Final = 0.06  # for such timers in all: some come again and again
FRAME_S: Final = 0.005  # between two questions whether what follows has come
FOLLOWS_S: Final = 20.0  # for it, on a machine that does much else
THREAD_S: Final = 2.0  # for a thread; one that takes longer is not waited for again
ROUNDS: Final = 20  # of threads that each bring something; some look again and again
LOOKS: Final = 3  # in a row that find nothing: a reply may be on its way through the selector


FOLLOWS: list[CatchingUp] = []  # of the decks of a test
AHEAD: list[TypedAhead] = []  # of the same
WORKERS: list[WorkerManager] = []  # of the same
_given_up: set[Worker[Any]] = set()


def forget() -> None:
    """Another test begins."""
    FOLLOWS.clear()
    AHEAD.clear()
    WORKERS.clear()
    _given_up.clear()


async def until_quiet(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Return when nothing is ready to run and no timer is due soon.

    Args:
        min_sleep: passed over; the pilot says it.
        max_sleep: seconds, even if it never gets quiet.
    """
    await _until_still(max_sleep)
    for _ in range(ROUNDS):
        if not await _a_thread_ended():
            return
        await _until_still(max_sleep)


async def _until_still(max_sleep: float) -> None:
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
    until = loop.time() + THREAD_S
    while (held := [ahead for ahead in AHEAD if _holds(ahead)]) and loop.time() < until:
        await asyncio.sleep(FRAME_S)
    for ahead in held:  # by its test: it is not waited for again
        AHEAD.remove(ahead)


async def _a_thread_ended() -> bool:
    """Wait for the threads that work. Was there one, which may have brought something to draw?"""
    at_work = {
        worker
        for manager in WORKERS
        for worker in manager
        if worker._thread_worker and not worker.is_finished
    } - _given_up
    tasks = [worker._task for worker in at_work if worker._task is not None]
    if not tasks:
        return False
    ended, _ = await asyncio.wait(tasks, timeout=THREAD_S)
    _given_up.update(worker for worker in at_work if worker._task not in ended)
    return bool(ended)


def _holds(ahead: TypedAhead) -> bool:
    """Are keys on their way, or is there a screen that nobody has seen yet?"""
    if not ahead._on or ahead._over or not ahead._app.is_running:
        return False
    return bool(ahead._held) or ahead._let_in is not None or not ahead._is_open


def _is_due(follows: CatchingUp) -> bool:
    """Will it come by itself? Behind a dialog, or of a deck that is closed, no frame is painted."""
    screen = getattr(follows._act, "__self__", None)
    return follows.waits and isinstance(screen, Screen) and screen.is_running and screen.is_current
