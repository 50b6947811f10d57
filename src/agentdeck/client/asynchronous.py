"""`agentdeck.AsyncClient`: the same as `agentdeck.Client`, for asyncio. Calls may overlap."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from agentdeck.client.following import (
    AFTER_END_S,
    FIRST_PAUSE_S,
    MAX_PAUSE_S,
    PATIENCE_S,
    TRIES,
    WAIT_S,
    EngineGone,
    Event,
    as_events,
    folder_of,
    stored_events,
)
from agentdeck.client.wishes import Wishes
from agentdeck.control import protocol as rpc
from agentdeck.control import readings
from agentdeck.control.client import RunClient
from agentdeck.control.run_lines import EntryLine, TaskLine
from agentdeck.control.runs import RunFolder, fold_run, has_ended
from agentdeck.control.waiting_lines import WaitingLine
from agentdeck.core.commands import AnyCommand
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState

Read = TypeVar("Read")


class AsyncClient(Wishes[Coroutine[Any, Any, int]]):
    """A run. Use `of`, as an asynchronous context manager."""

    def __init__(self, folder: RunFolder, patience_s: float | None) -> None:
        """Use `of`."""
        self._folder, self._patience_s = folder, patience_s
        self._engine: RunClient | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def of(cls, where: str | Path | None = None, *, patience_s: float | None = PATIENCE_S) -> Self:
        """A client of a run; as `Client.of`. Raises NotFoundError."""
        return cls(folder_of(where), patience_s)

    @property
    def run(self) -> str:
        """The run's id."""
        return self._folder.run

    @property
    def folder(self) -> Path:
        """Where its journal, logs and worktrees are."""
        return self._folder.path

    async def send(self, command: AnyCommand) -> int:
        """Carry out a command; as `Client.send`."""
        return await (await self._connected()).send(command)

    async def status(self) -> rpc.Status:
        """The run in a few numbers."""
        return await self._read(
            lambda engine: engine.status(), lambda state: readings.status_of(state, alive=False)
        )

    async def plan(self) -> Plan:
        """The plan as it is now."""
        return (await self._read(lambda engine: engine.plan(), readings.plan_of)).plan

    async def tasks(self, *only: str) -> list[TaskLine]:
        """These tasks, or all of them, in the order of the plan. Raises NotFoundError."""
        params = rpc.TasksParams([TaskId(name) for name in only])
        found = await self._read(
            lambda engine: engine.tasks(params.tasks),
            lambda state: readings.tasks_of(state, params, state.at),
        )
        return found.tasks

    async def task(self, name: str) -> TaskLine:
        """One task. Raises NotFoundError."""
        return (await self.tasks(name))[0]

    async def queue(self) -> list[EntryLine]:
        """The merge queue, in the order in which it lands."""
        found = await self._read(
            lambda engine: engine.queue(), lambda state: readings.queue_of(state, state.at)
        )
        return found.queue

    async def inbox(self) -> list[WaitingLine]:
        """What waits for a person, the most urgent first."""
        found = await self._read(
            lambda engine: engine.inbox(), lambda state: readings.inbox_of(state, state.at)
        )
        return found.waiting

    async def explain(self, task: str) -> str:
        """Why a task stands where it stands. Raises NotFoundError."""
        params = rpc.ExplainParams(TaskId(task))
        return await self._read(
            lambda engine: engine.explain(params.task),
            lambda state: readings.sentence_of(self._folder, state, params, state.at).sentence,
        )

    async def events(self, after: int = 0, *, follow: bool = True) -> AsyncIterator[Event]:
        """Events behind number `after`, each once, in order; as `Client.events`."""
        ended = await asyncio.to_thread(has_ended, self._folder)
        while True:
            wait_s = 0.0 if not follow else AFTER_END_S if ended else WAIT_S
            batch, alive = await self._more(after, wait_s)
            for event in batch:
                after, ended = event.seq, ended or event.kind == "run.finished"
                yield event
            if batch:
                continue
            if not follow or (ended and not (alive and (await self.status()).busy)):
                return
            if not alive:
                await self._wait_for_engine()

    async def close(self) -> None:
        """Hang up. The client can be used again: it connects anew."""
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _more(self, after: int, wait_s: float) -> tuple[list[Event], bool]:
        """The next events, and whether there is an engine."""
        try:
            found = await (await self._connected()).raw_events(after, wait_s=wait_s)
        except rpc.NoAnswer:
            raise
        except EngineGone:
            return await asyncio.to_thread(stored_events, self._folder, after), False
        return as_events(found, after), True

    async def _wait_for_engine(self) -> None:
        """Until one answers, or the run has finished without it."""
        patience_s, pause_s = self._patience_s, FIRST_PAUSE_S
        deadline = None if patience_s is None else time.monotonic() + patience_s
        while True:
            try:
                await self._connected()
                return
            except EngineGone:
                if await asyncio.to_thread(has_ended, self._folder):
                    return
                if deadline is not None and time.monotonic() + pause_s > deadline:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(MAX_PAUSE_S, 2 * pause_s)

    async def _read(
        self,
        ask: Callable[[RunClient], Awaitable[Read]],
        fold: Callable[[RunState], Read],
    ) -> Read:
        """From the engine; where there is none, from the journal."""
        for _ in range(TRIES):
            try:
                return await ask(await self._connected())
            except rpc.NoAnswer:
                raise
            except EngineGone:
                continue
        return fold(await asyncio.to_thread(fold_run, self._folder))

    async def _connected(self) -> RunClient:
        async with self._opening:
            if self._engine is None or not self._engine.connected:
                await self.close()
                self._engine = await RunClient.open(self._folder)
            return self._engine


__all__ = ["AsyncClient"]
