"""Engines that turn beside a test: wait for what they should come to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentdeck.core.state import RunState
from agentdeck.engine.create import run_engine
from agentdeck.engine.loop import Engine

PATIENCE_S = 90.0  # on idle cores nearly everything takes under five
LOOK_S = 1.0  # a state that depends on the clock alone is seen this late at most


async def until(
    engine: Engine, condition: Callable[[RunState], bool], patience_s: float = PATIENCE_S
) -> None:
    """Wait for a condition; something else turns the engine."""
    async with asyncio.timeout(patience_s):
        while not condition(engine.state):
            await engine.wait_past(engine.state.seq, LOOK_S)
            await asyncio.sleep(0)  # an engine that has died answers at once: let the time run out


async def work_until(
    engine: Engine, done: Callable[[RunState], bool], patience_s: float = PATIENCE_S
) -> RunState:
    """Let the engine work until `done`, then stop it in good order; the state it has then."""
    turning = asyncio.create_task(run_engine(engine))
    try:
        await until(engine, done, patience_s)
    finally:
        engine.stop("test")
        await asyncio.wait_for(turning, PATIENCE_S)
    return engine.state
