"""Engines that turn beside a test: wait for what they should come to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from agentdeck.core.explain import explain
from agentdeck.core.state import RunState
from agentdeck.engine.create import open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.loop import Engine

PATIENCE_S = 90.0  # on idle cores nearly everything takes under five
LOOK_S = 1.0  # a state that depends on the clock alone is seen this late at most


async def until(
    engine: Engine, condition: Callable[[RunState], bool], patience_s: float = PATIENCE_S
) -> None:
    """Wait for a condition; something else turns the engine."""
    try:
        async with asyncio.timeout(patience_s):
            while not condition(engine.state):
                await engine.wait_past(engine.state.seq, LOOK_S)
                await asyncio.sleep(0)  # one that has died answers at once: let the time run out
    except TimeoutError:
        state = engine.state
        stands = "; ".join(explain(state, name, engine.clock()) for name in state.tasks)
        asked = state.promote_reason if state.promote_wanted else ""
        raise AssertionError(
            f"not within {patience_s:.0f} s: {state.outcome or 'not finished'}; {stands}; {asked}"
        ) from None


class Running:
    """An engine of a run, turning in the background of a test."""

    def __init__(self, folder: RunFolder) -> None:
        self.engine = open_engine(folder)

    async def __aenter__(self) -> Engine:
        self.task = asyncio.create_task(run_engine(self.engine))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)


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
