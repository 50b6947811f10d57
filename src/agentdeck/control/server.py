"""The engine's side of the control socket.

Rules:
- Everything is bounded: clients, requests in flight of one client, the length of a line, the size
  of an answer, how long a call waits, how long a client that does not read is kept.
- A bad request is answered and costs nobody else anything; a line that is no request at all, or is
  too long, ends its connection.
- Commands are the engine's to decide; nothing here looks at what they mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import msgspec

from agentdeck import __version__
from agentdeck.control import protocol as rpc
from agentdeck.control import socketfile
from agentdeck.control.budget_report import budget_lines
from agentdeck.control.protocol import Code
from agentdeck.control.words import state_word
from agentdeck.core.codec import encode_recorded
from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import DeckError, EnvironmentFault, RefusedError
from agentdeck.core.events import Recorded
from agentdeck.core.explain import explain, standstill
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder

MAX_CLIENTS: Final = 64
MAX_IN_FLIGHT: Final = 16  # requests of one client; a deck has two: a long poll and a command
SEND_S: Final = 30.0  # for a client to read an answer; then it is dropped

log = logging.getLogger("agentdeck.engine")


class EnginePort(Protocol):
    """What a server needs of an engine."""

    @property
    def state(self) -> RunState:
        """The live state, to be read only."""

    def read(self, after: int, limit: int) -> list[Recorded]:
        """Stored events behind number `after`."""

    async def wait_past(self, seq: int, timeout_s: float) -> int:
        """Wait for an event behind `seq`; the latest number."""

    async def submit(self, command: AnyCommand) -> int:
        """Carry out a command; raises Refused."""

    def stop(self, reason: str) -> None:
        """End in good order; agents live on."""

    def busy(self) -> bool:
        """Is a step in flight?"""


class _Fault(Exception):
    """An error that is answered."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class ControlServer:
    """Answers clients of one run until it is closed."""

    def __init__(
        self,
        engine: EnginePort,
        folder: RunFolder,
        *,
        peer_uid: Callable[[socket.socket], int | None] = socketfile.peer_uid,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`peer_uid` is who is at the other end of a connection; None = not known."""
        self._engine = engine
        self._folder = folder
        self._peer_uid = peer_uid
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._inode: tuple[int, int] | None = None
        self._sessions: set[_Session] = set()

    @property
    def client_count(self) -> int:
        """Connected clients that have asked for something. A probe that only connects is none."""
        return sum(session.spoke and not session.leaves for session in self._sessions)

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            EnvironmentFault: the socket cannot be made, or another engine answers on it.
        """
        path = self._folder.socket
        listening = socketfile.listen(path)
        found = path.stat()
        self._inode = (found.st_dev, found.st_ino)
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listening, limit=rpc.MAX_REQUEST
        )

    async def close(self) -> None:
        """Stop listening, end every connection, and take the socket file away."""
        if self._server is not None:
            self._server.close()
        for session in list(self._sessions):
            session.end()
        path = self._folder.socket
        with contextlib.suppress(OSError):
            found = path.lstat()
            if (found.st_dev, found.st_ino) == self._inode:
                path.unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(self, reader, writer)
        fault = self._admission(writer)
        if fault is not None:
            await session.reject(fault)
            return
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    def _admission(self, writer: asyncio.StreamWriter) -> _Fault | None:
        uid = self._peer_uid(writer.get_extra_info("socket"))
        if uid is not None and uid != os.getuid():
            return _Fault(Code.FORBIDDEN, f"this run belongs to user {os.getuid()}, not to {uid}")
        if len(self._sessions) >= MAX_CLIENTS:
            message = f"{MAX_CLIENTS} clients are connected already"
            return _Fault(Code.BUSY, message, "close a control room")
        return None

    # --- methods ------------------------------------------------------------------------------

    async def answer(self, request: rpc.Request) -> Any:
        """The result of one call; raises `_Fault` or a DeckError."""
        method = self._methods().get(request.method)
        if method is None:
            known = ", ".join(self._methods())
            raise _Fault(Code.METHOD, f"no method {request.method[:60]!r}", f"known: {known}")
        wanted, carry_out = method
        try:
            params = rpc.read_params(request.params, wanted)
        except msgspec.MsgspecError as error:
            raise _Fault(Code.PARAMS, f"{request.method}: {error}") from error
        return await carry_out(params)

    def _methods(self) -> dict[str, tuple[Any, Callable[[Any], Awaitable[Any]]]]:
        return {
            "hello": (rpc.HelloParams, self._hello),
            "command": (rpc.CommandParams, self._command),
            "events.since": (rpc.EventsParams, self._events),
            "explain": (rpc.ExplainParams, self._explain),
            "status": (rpc.Nothing, self._status),
            "stop": (rpc.StopParams, self._stop),
        }

    async def _hello(self, params: rpc.HelloParams) -> rpc.Hello:
        if params.protocol < rpc.PROTOCOL:
            raise _Fault(
                Code.VERSION,
                f"this engine speaks protocol {rpc.PROTOCOL}, the client up to {params.protocol}",
                f"use agentdeck {__version__} or newer",
            )
        return rpc.Hello(rpc.PROTOCOL, __version__, self._folder.run, os.getpid())

    async def _command(self, params: rpc.CommandParams) -> rpc.Seq:
        return rpc.Seq(await self._engine.submit(params.command))

    async def _events(self, params: rpc.EventsParams) -> rpc.Events:
        if not 1 <= params.limit <= rpc.MAX_EVENTS:
            raise _Fault(Code.PARAMS, f"events.since: limit must be 1 to {rpc.MAX_EVENTS}")
        if not 0 <= params.wait_s <= rpc.MAX_WAIT_S:
            raise _Fault(Code.PARAMS, f"events.since: wait_s must be 0 to {rpc.MAX_WAIT_S:g}")
        if params.after < 0:
            raise _Fault(Code.PARAMS, "events.since: after must not be negative")
        last = await self._engine.wait_past(params.after, params.wait_s)
        new = self._engine.read(params.after, params.limit) if last > params.after else []
        batch: list[msgspec.Raw] = []
        size = 0
        for recorded in new:
            raw = encode_recorded(recorded)
            if batch and size + len(raw) > rpc.BATCH_BYTES:
                break
            batch.append(msgspec.Raw(raw))
            size += len(raw)
        return rpc.Events(batch, last)

    async def _explain(self, params: rpc.ExplainParams) -> rpc.Sentence:
        try:
            return rpc.Sentence(explain(self._engine.state, params.task, self._clock()))
        except KeyError:
            message = f"there is no task {params.task[:80]!r}"
            raise _Fault(Code.NOT_FOUND, message, "`agentdeck status` lists them") from None

    async def _status(self, _: rpc.Nothing) -> rpc.Status:
        state = self._engine.state
        return rpc.Status(
            run=self._folder.run,
            plan=state.plan.name,
            state=state_word(state, alive=True),
            landed=sum(1 for _ in state.in_state(TaskState.LANDED)),
            tasks=len(state.tasks),
            seq=state.seq,
            busy=self._engine.busy(),
            clients=self.client_count,
            why=standstill(state) or "",
            budgets=budget_lines(state),
        )

    async def _stop(self, params: rpc.StopParams) -> rpc.Nothing:
        self._engine.stop(params.reason)
        return rpc.Nothing()


class _Session:
    """One connection."""

    def __init__(
        self, server: ControlServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._sending = asyncio.Lock()
        self._in_flight: set[asyncio.Task[None]] = set()
        self.spoke = False
        self.leaves = False  # it will ask nothing more

    async def run(self) -> None:
        """Answer until the other end hangs up."""
        try:
            while line := await self._next_line():
                if not await self._take(line):
                    break
            self.leaves = True
            await self._rest()
        except (OSError, asyncio.CancelledError):
            pass  # gone, or the engine ends
        finally:
            self.end()

    async def reject(self, fault: _Fault) -> None:
        """Say why, and hang up."""
        await self._send(rpc.error_line(None, fault.code, fault.message, fault.hint))
        self.end()

    def end(self) -> None:
        """Hang up; what is in flight is given up, its commands are decided all the same."""
        for task in self._in_flight:
            task.cancel()
        self._writer.close()

    async def _next_line(self) -> bytes | None:
        try:
            return await self._reader.readline()
        except ValueError:  # longer than the reader's limit
            await self._send(
                rpc.error_line(
                    None, Code.INVALID, f"a request has at most {rpc.MAX_REQUEST:,} bytes"
                )
            )
            return None

    async def _take(self, line: bytes) -> bool:
        """Start one request. False = hang up."""
        if not line.strip():
            return True
        try:
            request = rpc.read_request(line)
        except msgspec.ValidationError as error:
            await self._send(rpc.error_line(None, Code.INVALID, f"not a request: {error}"))
            return False
        except msgspec.DecodeError as error:
            await self._send(rpc.error_line(None, Code.PARSE, f"not JSON: {error}"))
            return False
        self.spoke = True
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            message = f"{MAX_IN_FLIGHT} requests of this client are in flight already"
            await self._send(rpc.error_line(request.id, Code.BUSY, message, "wait for an answer"))
            return True
        task = asyncio.create_task(self._answer(request))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return True

    async def _rest(self) -> None:
        """The other end writes no more, but may still read."""
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _answer(self, request: rpc.Request) -> None:
        with contextlib.suppress(OSError):
            await self._send(await self._answer_line(request))

    async def _answer_line(self, request: rpc.Request) -> bytes:
        number = request.id
        try:
            return rpc.answer_line(number, await self._server.answer(request))
        except _Fault as fault:
            return rpc.error_line(number, fault.code, fault.message, fault.hint)
        except RefusedError as refused:
            return rpc.error_line(number, Code.REFUSED, refused.message, refused.hint)
        except EnvironmentFault as fault:
            return rpc.error_line(number, Code.ENVIRONMENT, fault.message, fault.hint)
        except DeckError as fault:
            return rpc.error_line(number, Code.INTERNAL, fault.message, fault.hint)
        except asyncio.CancelledError:
            if _being_cancelled():
                raise
            return rpc.error_line(number, Code.GONE, "the engine has just stopped")
        except Exception as error:  # one bad call must not end the server
            log.exception("call of %s failed", request.method[:60])
            words = f"the engine failed at {request.method[:60]}: {type(error).__name__}"
            return rpc.error_line(number, Code.INTERNAL, words, "engine.log has the rest")

    async def _send(self, line: bytes) -> None:
        try:
            async with self._sending, asyncio.timeout(SEND_S):
                self._writer.write(line)
                await self._writer.drain()
        except TimeoutError:  # it does not read: the answers must not pile up here
            self._writer.transport.abort()


def _being_cancelled() -> bool:
    """Is it this call that is cancelled, and not just the future it waited for?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


__all__ = ["MAX_CLIENTS", "MAX_IN_FLIGHT", "ControlServer", "EnginePort"]
