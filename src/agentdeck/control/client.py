"""A face's side of the control socket, for asynchronous faces. `blocking` has the other one.

Rules:
- Any number of calls may be under way; each answer finds its call by number.
- When the connection ends, every call under way fails with `EngineGone`, and so does each new one.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from agentdeck import __version__
from agentdeck.control import protocol as rpc
from agentdeck.control.handshake import EngineGone, check_hello, gone, no_answer
from agentdeck.core.codec import decode_recorded
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.core.tool_calls import Outcome
from agentdeck.engine.folders import RunFolder

ANSWER_S: Final = 30.0  # for an answer that does not wait; a full disk makes a command slow
CONNECT_S: Final = 5.0

Result = TypeVar("Result")


class RunClient:
    """A connection to the engine of one run."""

    def __init__(
        self, folder: RunFolder, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Use `open`."""
        self.folder = folder
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[rpc.Answer]] = {}
        self._listener = asyncio.create_task(self._listen(), name="control client")

    @classmethod
    async def open(cls, folder: RunFolder, path: Path | None = None) -> RunClient:
        """Connect, and make sure that both sides speak the same protocol.

        Args:
            folder: of the run.
            path: of its socket; None = the one for faces.

        Raises:
            EngineGone: nobody answers.
            EnvironmentFault: the engine speaks another protocol, or refuses this user.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_unix_connection(
                    str(folder.socket if path is None else path), limit=rpc.MAX_ANSWER
                )
        except (OSError, TimeoutError) as error:
            raise gone(folder) from error
        client = cls(folder, reader, writer)
        try:
            await client.hello()
        except BaseException:
            await client.close()
            raise
        return client

    @property
    def connected(self) -> bool:
        """Has the connection not ended?"""
        return not self._listener.done()

    async def hello(self) -> rpc.Hello:
        """Who answers."""
        params = rpc.HelloParams(client=f"agentdeck {__version__}")
        return check_hello(await self._call("hello", params, rpc.Hello), self.folder)

    async def send(self, command: AnyCommand) -> int:
        """Carry out a command; the number of its last event, which is durable.

        Raises:
            Refused: it cannot be done now; the message says why.
            EngineGone: there is no answer. It may have been done: the journal knows.
        """
        return (await self._call("command", rpc.CommandParams(command), rpc.Seq)).seq

    async def events(
        self, after: int, *, limit: int = rpc.MAX_EVENTS, wait_s: float = 0.0
    ) -> list[Recorded]:
        """Events behind number `after`; waits up to `wait_s` seconds for the first of them."""
        found = await self.raw_events(after, limit=limit, wait_s=wait_s)
        return [decode_recorded(bytes(raw)) for raw in found.events]

    async def raw_events(
        self, after: int, *, limit: int = rpc.MAX_EVENTS, wait_s: float = 0.0
    ) -> rpc.Events:
        """The same, as they are sent, with the number of the latest one."""
        params = rpc.EventsParams(after, limit, min(wait_s, rpc.MAX_WAIT_S))
        return await self._call("events.since", params, rpc.Events, ANSWER_S + wait_s)

    async def explain(self, task: TaskId) -> str:
        """Why the task stands where it stands. Raises NotFoundError."""
        return (await self._call("explain", rpc.ExplainParams(task), rpc.Sentence)).sentence

    async def status(self) -> rpc.Status:
        """The run in a few numbers."""
        return await self._call("status", rpc.Nothing(), rpc.Status)

    async def plan(self) -> rpc.PlanNow:
        """The plan as it is now."""
        return await self._call("plan", rpc.Nothing(), rpc.PlanNow)

    async def tasks(self, only: Sequence[TaskId] = ()) -> rpc.Tasks:
        """These tasks, or all of them. Raises NotFoundError."""
        return await self._call("tasks", rpc.TasksParams(list(only)), rpc.Tasks)

    async def queue(self) -> rpc.Queue:
        """The merge queue, in the order in which it lands."""
        return await self._call("queue", rpc.Nothing(), rpc.Queue)

    async def inbox(self) -> rpc.Inbox:
        """What waits for a person, the most urgent first."""
        return await self._call("inbox", rpc.Nothing(), rpc.Inbox)

    async def call_tool(self, params: rpc.ToolParams) -> Outcome:
        """Call a tool for an attempt, on the socket for tools.

        Raises:
            Refused: the tool is not given, the arguments are wrong, or the attempt has ended.
            EngineGone: there is no answer. It may have been done: the same key asks again.
        """
        return await self._call("tool", params, Outcome, ANSWER_S + params.wait_s)

    async def stop(self, reason: str) -> None:
        """End the engine in good order; agents live on."""
        await self._call("stop", rpc.StopParams(reason), rpc.Nothing)

    async def close(self) -> None:
        """Hang up."""
        self._listener.cancel()
        self._writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._listener

    async def ask(self, method: str, params: Any, timeout_s: float = ANSWER_S) -> rpc.Answer:
        """Any method; the answer as it came, also where it is an error. Raises EngineGone."""
        if not self.connected:
            raise gone(self.folder)
        number = next(self._numbers)
        answer: asyncio.Future[rpc.Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(rpc.request_line(method, params, number))
                await self._writer.drain()
                return await answer
        except TimeoutError as error:
            raise no_answer(self.folder, timeout_s) from error
        except OSError as error:
            raise gone(self.folder) from error
        finally:
            self._waiting.pop(number, None)

    async def _call(
        self, method: str, params: Any, wanted: type[Result], timeout_s: float = ANSWER_S
    ) -> Result:
        return rpc.read_result(await self.ask(method, params, timeout_s), wanted)

    async def _listen(self) -> None:
        fault: Exception = gone(self.folder)
        try:
            while line := await self._reader.readline():
                answer = rpc.read_answer(line)
                if answer.id is None and isinstance(answer.error, rpc.RpcError):
                    fault = rpc.as_exception(answer.error)  # it was turned away
                    break
                waiting = self._waiting.get(answer.id) if isinstance(answer.id, int) else None
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
        except (OSError, ValueError):
            pass  # it hung up, or sent more than it may
        except rpc.ProtocolError as error:
            fault = error
        finally:
            self._writer.close()
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(fault)


__all__ = ["EngineGone", "RunClient"]
