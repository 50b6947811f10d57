"""What runs in a Dask worker: answers to the engine's questions, and slots that are held.

Rules: both are found by their name, so the worker has the same agentdeck. A slot is held for as
long as the tenancy lives on this worker, whether its engine does or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from distributed import Worker, get_worker

from agentdeck.engine.remote.outpost import act, has_begun, is_over

TOPIC: Final = "agentdeck-slot"
ROOT: Final = "agentdeck_root"  # the attribute of a worker that holds its folder
NAME: Final = "agentdeck_name"  # and the one of its name; Dask may put an address in its own
LOOK_S: Final = 0.1  # between two looks whether a slot is free again
COMES_S: Final = 20.0  # for the tenancy that a slot was asked for


async def answer(
    ask: Mapping[str, Any], body: bytes, dask_worker: Worker
) -> tuple[dict[str, Any], bytes]:
    """Answer one question of an engine."""
    return await act(getattr(dask_worker, ROOT), ask, body)


async def hold(run: str, tenancy: str, ticket: str) -> None:
    """Take a slot, tell whose it is now, and keep it until the tenancy is over."""
    worker = get_worker()
    root: Path = getattr(worker, ROOT)
    worker.log_event(TOPIC, {"ticket": ticket, "name": getattr(worker, NAME)})
    waited_s = 0.0
    while not has_begun(root, run, tenancy) and waited_s < COMES_S:
        await asyncio.sleep(LOOK_S)
        waited_s += LOOK_S
    while not is_over(root, run, tenancy):
        await asyncio.sleep(LOOK_S)


__all__ = ["NAME", "ROOT", "TOPIC", "answer", "hold"]
