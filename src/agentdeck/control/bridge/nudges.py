"""Tells whoever reads a journal that there is something new in it, at the moment when it is there.

Rules:
- The engine is asked, where there is one, and only what its last event is: the journal is read.
- An engine whose run has ended is left alone: a connection would keep it.
- Nobody depends on it: without an engine, or with one that does not answer, the journal is looked
  at as often as it would be anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from agentdeck.control.client import RunClient
from agentdeck.control.runs import RunFolder
from agentdeck.core.errors import DeckError
from agentdeck.core.state import RunState

WAIT_S: Final = 20.0  # of one question
APART_S: Final = 1.0  # between two looks whether an engine is there
BREATH_S: Final = 0.05  # for a reader to come to what it was told of


async def nudge(folder: RunFolder, state: RunState, look: Callable[[], None]) -> None:
    """Call `look` for each event that `state` has not, until it is cancelled."""
    while True:
        if state.outcome is None:
            try:
                engine = await RunClient.open(folder)
                try:
                    await _listen(engine, state, look)
                finally:
                    await engine.close()
            except DeckError:
                pass  # there is none, or it has just ended
        await asyncio.sleep(APART_S)


async def _listen(engine: RunClient, state: RunState, look: Callable[[], None]) -> None:
    while state.outcome is None:
        found = await engine.raw_events(state.seq, limit=1, wait_s=WAIT_S)
        if found.last > state.seq:
            look()
        await asyncio.sleep(BREATH_S)


__all__ = ["nudge"]
