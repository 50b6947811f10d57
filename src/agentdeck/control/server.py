"""The engine's side of the control socket.

Rules:
- Everything is bounded: clients and what they hold together, the size of an answer, how long a call
  waits, the texts of a command. `session` bounds what one connection may do.
- A bad request is answered and costs nobody else anything.
- Where all places are taken, a client that has asked nothing for long makes room.
- Commands are the engine's to decide; nothing here looks at what they mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import msgspec

from agentdeck import __version__
from agentdeck.control import protocol as rpc
from agentdeck.control import readings, session, socketfile
from agentdeck.control.protocol import Code
from agentdeck.control.session import MAX_IN_FLIGHT, Fault, Session
from agentdeck.core.codec import encode_recorded
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import MAX_MESSAGE
from agentdeck.core.events import Recorded
from agentdeck.core.refused import Refused
from agentdeck.core.state import RunState
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder

MAX_CLIENTS: Final = 64
IDLE_S: Final = 60.0  # without a word, until a client may lose its place; a deck polls each 30 s
MAX_NAME: Final = 4_096  # characters of each text of a command that is not for an agent
_FOR_AGENTS: Final = frozenset({"text", "feedback"})  # these have at most `MAX_MESSAGE`


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


class ControlServer:
    """Answers clients of one run until it is closed."""

    methods: ClassVar[Mapping[str, rpc.Method]] = rpc.METHODS  # nothing else is answered

    def __init__(
        self,
        engine: EnginePort,
        folder: RunFolder,
        *,
        peer_uid: Callable[[socket.socket], int | None] = socketfile.peer_uid,
        clock: Callable[[], float] = time.time,
        path: Path | None = None,
    ) -> None:
        """`peer_uid` is who is at the other end of a connection; None = not known.

        `path` is where it listens; None = where faces look for it.
        """
        self._engine = engine
        self._folder = folder
        self._path = folder.socket if path is None else path
        self._peer_uid = peer_uid
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._inode: tuple[int, int] | None = None
        self._sessions: set[Session] = set()
        self._functions: dict[str, Callable[[Any], Awaitable[Any]]] = {
            "hello": self._hello,
            "status": self._status,
            "plan": self._plan,
            "tasks": self._tasks,
            "queue": self._queue,
            "inbox": self._inbox,
            "explain": self._explain,
            "events.since": self._events,
            "command": self._command,
            "stop": self._stop,
        }

    @property
    def client_count(self) -> int:
        """Connected clients that have asked for something. A probe that only connects is none."""
        return sum(client.spoke and not client.leaves for client in self._sessions)

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            EnvironmentFault: the socket cannot be made, or another engine answers on it.
        """
        listening = socketfile.listen(self._path)
        found = self._path.stat()
        self._inode = (found.st_dev, found.st_ino)
        self._server = await asyncio.start_unix_server(
            self._connected, sock=listening, limit=session.CHUNK
        )

    async def close(self) -> None:
        """Stop listening, end every connection, and take the socket file away."""
        if self._server is not None:
            self._server.close()
        for client in list(self._sessions):
            client.end()
        with contextlib.suppress(OSError):
            found = self._path.lstat()
            if (found.st_dev, found.st_ino) == self._inode:
                self._path.unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Session(self, reader, writer)
        fault = self._admission(writer)
        if fault is not None:
            await client.reject(fault)
            return
        self._sessions.add(client)
        try:
            await client.run()
        finally:
            self._sessions.discard(client)

    def _admission(self, writer: asyncio.StreamWriter) -> Fault | None:
        uid = self._peer_uid(writer.get_extra_info("socket"))
        if uid is not None and uid != os.getuid():
            return Fault(Code.FORBIDDEN, f"this run belongs to user {os.getuid()}, not to {uid}")
        if len(self._sessions) >= MAX_CLIENTS and not self._made_room():
            message = f"{MAX_CLIENTS} clients are connected already"
            return Fault(Code.BUSY, message, "close a control room")
        return None

    def _made_room(self) -> bool:
        """Is there a place again, taken from who has been silent for the longest?"""
        idlest = max(self._sessions, key=Session.silent_s)
        if idlest.silent_s() < IDLE_S:
            return False
        self._sessions.discard(idlest)
        idlest.end()
        return True

    def relieve(self) -> None:
        """End the connection that holds the most, where all hold too much."""
        if sum(each.held for each in self._sessions) > session.HELD_BYTES:
            greediest = max(self._sessions, key=lambda each: each.held)
            self._sessions.discard(greediest)
            greediest.abort()

    # --- methods ------------------------------------------------------------------------------

    async def answer(self, request: rpc.Request) -> Any:
        """The result of one call; raises `Fault` or a DeckError."""
        method = self.methods.get(request.method)
        if method is None:
            known = ", ".join(self.methods)
            raise Fault(Code.METHOD, f"no method {request.method[:60]!r}", f"known: {known}")
        try:
            params = rpc.read_params(request.params, method.params)
        except UNREADABLE as error:
            raise Fault(Code.PARAMS, f"{request.method[:60]}: {error}") from error
        return await self._functions[request.method](params)

    async def _hello(self, params: rpc.HelloParams) -> rpc.Hello:
        if params.protocol < rpc.PROTOCOL:
            raise Fault(
                Code.VERSION,
                f"this engine speaks protocol {rpc.PROTOCOL}, the client up to {params.protocol}",
                f"use agentdeck {__version__} or newer",
            )
        return rpc.Hello(rpc.PROTOCOL, __version__, self._folder.run, os.getpid())

    async def _command(self, params: rpc.CommandParams) -> rpc.Seq:
        _check_texts(params.command)
        return rpc.Seq(await self._engine.submit(params.command))

    async def _events(self, params: rpc.EventsParams) -> rpc.Events:
        if not 1 <= params.limit <= rpc.MAX_EVENTS:
            raise Fault(Code.PARAMS, f"events.since: limit must be 1 to {rpc.MAX_EVENTS}")
        if not 0 <= params.wait_s <= rpc.MAX_WAIT_S:
            raise Fault(Code.PARAMS, f"events.since: wait_s must be 0 to {rpc.MAX_WAIT_S:g}")
        if params.after < 0:
            raise Fault(Code.PARAMS, "events.since: after must not be negative")
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
        return readings.sentence_of(self._folder, self._engine.state, params, self._clock())

    async def _status(self, _: rpc.Nothing) -> rpc.Status:
        busy, clients = self._engine.busy(), self.client_count
        return readings.status_of(self._engine.state, alive=True, busy=busy, clients=clients)

    async def _plan(self, _: rpc.Nothing) -> rpc.PlanNow:
        return readings.plan_of(self._engine.state)

    async def _tasks(self, params: rpc.TasksParams) -> rpc.Tasks:
        return readings.tasks_of(self._engine.state, params, self._clock())

    async def _queue(self, _: rpc.Nothing) -> rpc.Queue:
        return readings.queue_of(self._engine.state, self._clock())

    async def _inbox(self, _: rpc.Nothing) -> rpc.Inbox:
        return readings.inbox_of(self._engine.state, self._clock())

    async def _stop(self, params: rpc.StopParams) -> rpc.Nothing:
        self._engine.stop(params.reason)
        return rpc.Nothing()


def _check_texts(command: AnyCommand) -> None:
    """Raise `Refused` where a text of a command is longer than anything a person means."""
    for name in command.__struct_fields__:
        value = getattr(command, name)
        most = MAX_MESSAGE if name in _FOR_AGENTS else MAX_NAME
        if isinstance(value, str) and len(value) > most:
            raise Refused(f"`{name}` has {len(value):,} characters; at most {most:,} are taken")


__all__ = ["MAX_CLIENTS", "MAX_IN_FLIGHT", "ControlServer", "EnginePort"]
