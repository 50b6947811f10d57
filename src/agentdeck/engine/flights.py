"""Steps in flight: what is being done now, compared with what should be.

Rules:
- Equal steps are one step. What is missing is started, what is no longer wanted is cancelled.
- Cancelling is a wish: a thread in a git call goes on until the call returns. Until then nothing
  new is started for the same subject, so two performers never meet in one worktree.
- A step that has just ended is not started again at once, however it ended (`REST_S`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from agentdeck.core.steps import IOStep, TellHook, Watch
from agentdeck.engine.enginelog import log

REST_S: Final = 1.0  # from the end of a step until the same step may start again

Perform = Callable[[IOStep], Awaitable[None]]
Ended = Callable[[IOStep, BaseException | None], None]


def subject(step: IOStep) -> str:
    """What a step works on. Two steps of one subject never overlap, save watching and acting."""
    task = getattr(step, "task", None)
    if task is not None:
        # Watching goes on beside freezing, stopping and delivering.
        return f"watch:{task}" if isinstance(step, Watch) else f"task:{task}"
    entry = getattr(step, "entry", None)
    return "queue" if entry is not None else step.key


class Flights:
    """The steps in flight of one engine."""

    def __init__(self, perform: Perform, ended: Ended, clock: Callable[[], float]) -> None:
        """`ended` is called once for each flight, with its exception if it had one."""
        self._perform = perform
        self._ended = ended
        self._clock = clock
        self._tasks: dict[IOStep, asyncio.Task[None]] = {}
        self._cancelled: set[IOStep] = set()
        self._rest_until: dict[IOStep, float] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def acting(self) -> bool:
        """Is a step under way that changes something? Watching and telling do not."""
        return any(not isinstance(step, Watch | TellHook) for step in self._tasks)

    def steer(self, wanted: Iterable[IOStep]) -> float | None:
        """Start and cancel until `wanted` is what goes on.

        Returns:
            When to ask again although nothing has happened (a resting step), or None.
        """
        now = self._clock()
        steps = list(dict.fromkeys(wanted))
        keep = set(steps)
        for step in list(self._tasks):
            if step not in keep and step not in self._cancelled:
                self._cancelled.add(step)
                self._tasks[step].cancel()
        self._rest_until = {s: t for s, t in self._rest_until.items() if s in keep and t > now}
        busy = {subject(step) for step in self._tasks}
        for step in steps:
            if step in self._tasks or step in self._rest_until or subject(step) in busy:
                continue
            busy.add(subject(step))
            self._start(step)
        return min(self._rest_until.values(), default=None)

    def _start(self, step: IOStep) -> None:
        log.debug("begun: %s", step.key)
        flight = asyncio.create_task(self._fly(step), name=step.key)
        self._tasks[step] = flight
        # Not at the end of `_fly`: a flight cancelled before its first line never runs any.
        flight.add_done_callback(lambda done: self._landed(step, done))

    async def _fly(self, step: IOStep) -> None:
        await self._perform(step)

    def _landed(self, step: IOStep, flight: asyncio.Task[None]) -> None:
        # A cancelled one was not wanted any more, or the engine stops: nothing to report. Of the
        # others the ring must hear, whatever it was.
        error = None if flight.cancelled() else flight.exception()
        log.debug("%s: %s", "cancelled" if flight.cancelled() else "ended", step.key)
        self._tasks.pop(step, None)
        self._cancelled.discard(step)
        self._rest_until[step] = self._clock() + REST_S
        self._ended(step, error)

    async def land_all(self, timeout_s: float) -> None:
        """Cancel everything and wait, at most `timeout_s` seconds, until it has ended."""
        flights = list(self._tasks.values())
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights, timeout=timeout_s)
