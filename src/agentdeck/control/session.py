"""One connection to the control socket: lines in, answers out, and what it may hold meanwhile.

Rules:
- What a client makes the engine keep is counted: the line it has begun, requests that are not
  answered, answers that it has not read. Where all clients together are over `HELD_BYTES`, the one
  with the most is hung up on.
- A connection that says nothing whole in `FIRST_WORD_S`, a line that does not end in `LINE_S`, and
  an answer that is not read in `SEND_S` end it. So nobody can take all places by doing nothing.
- A line that is no request, or is too long, ends it as well; other faults are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final, Protocol

from agentdeck.control import protocol as rpc
from agentdeck.control.protocol import Code
from agentdeck.core.errors import DeckError, EnvironmentFault, NotFoundError, RefusedError
from agentdeck.core.unreadable import UNREADABLE

MAX_IN_FLIGHT: Final = 16  # requests of one client; a deck has two: a long poll and a command
SEND_S: Final = 30.0  # for a client to read an answer; then it is dropped
FIRST_WORD_S: Final = 10.0  # from connecting to the first request; a client asks at once
LINE_S: Final = 30.0  # for a line to end that was begun; the longest takes milliseconds
# Of all clients together. One may need the longest answer and the longest request at once.
HELD_BYTES: Final = 2 * (rpc.MAX_ANSWER + rpc.MAX_REQUEST)
CHUNK: Final = 64 * 1024  # bytes read at once
MAX_TOLD: Final = 16_000  # characters of an error: it may quote what was sent

log = logging.getLogger("agentdeck.engine")


class Fault(Exception):
    """An error that is answered."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class Answering(Protocol):
    """What a session needs of the server."""

    async def answer(self, request: rpc.Request) -> Any:
        """The result of one call; raises `Fault` or a DeckError."""

    def relieve(self) -> None:
        """End the connection that holds the most, where all hold too much."""


class Session:
    """One connection."""

    def __init__(
        self, server: Answering, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._reader, self._writer = server, reader, writer
        self._buffer = bytearray()  # of what was read; at most a line, and a chunk
        self._pending = 0  # bytes of requests and answers
        self._sending = asyncio.Lock()
        self._in_flight: set[asyncio.Task[None]] = set()
        self.spoke = False
        self.leaves = False  # it will ask nothing more
        self.heard_at = _now()  # when it last asked something

    @property
    def held(self) -> int:
        """Bytes that are kept for it."""
        return len(self._buffer) + self._pending

    def silent_s(self) -> float:
        """For how many seconds it has asked nothing; 0 while an answer is due."""
        return 0.0 if self._in_flight else _now() - self.heard_at

    async def run(self) -> None:
        """Answer until the other end hangs up."""
        try:
            while line := await self._next_line():
                if not await self._take(line):
                    break
            self.leaves = True
            await self._rest()
        except (OSError, asyncio.CancelledError):  # TimeoutError is one
            pass  # gone, too slow, or the engine ends
        finally:
            self.end()

    async def reject(self, fault: Fault) -> None:
        """Say why, and hang up."""
        with contextlib.suppress(OSError):
            await self._send(rpc.error_line(None, fault.code, fault.message, fault.hint))
        self.end()

    def end(self) -> None:
        """Hang up; what is in flight is given up, its commands are decided all the same."""
        for task in self._in_flight:
            task.cancel()
        self._writer.close()

    def abort(self) -> None:
        """Hang up at once; what was to be sent is dropped."""
        self._buffer.clear()
        self._writer.transport.abort()
        self.end()

    async def _next_line(self) -> bytes:
        """The next line with its end; what is left at the end of the stream; empty = no more."""
        searched, begun = 0, _now()
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > rpc.MAX_REQUEST:
                break
            if not searched:
                begun = _now()
            async with asyncio.timeout_at(self._until(begun)):
                chunk = await self._reader.read(CHUNK)
            if not chunk:
                rest = bytes(self._buffer)
                self._buffer.clear()
                return rest
            self._buffer += chunk
            self._server.relieve()
        if end > rpc.MAX_REQUEST or end < 0:
            words = f"a request has at most {rpc.MAX_REQUEST:,} bytes"
            self._buffer.clear()
            await self._send(rpc.error_line(None, Code.INVALID, words))
            return b""
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    def _until(self, begun: float) -> float | None:
        """When patience ends, on the loop's clock; None = never."""
        if self._buffer:
            return begun + LINE_S
        return None if self.spoke else self.heard_at + FIRST_WORD_S

    async def _take(self, line: bytes) -> bool:
        """Start one request. False = hang up."""
        if not line.strip():
            return True
        try:
            request = rpc.read_request(line)
        except UNREADABLE as error:
            code, words = rpc.misread(error)
            await self._send(rpc.error_line(None, code, words))
            return False
        self.spoke, self.heard_at = True, _now()
        if len(self._in_flight) >= MAX_IN_FLIGHT:
            message = f"{MAX_IN_FLIGHT} requests of this client are in flight already"
            await self._send(rpc.error_line(request.id, Code.BUSY, message, "wait for an answer"))
            return True
        task = asyncio.create_task(self._answer(request, len(line)))
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)
        return True

    async def _rest(self) -> None:
        """The other end writes no more, but may still read."""
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _answer(self, request: rpc.Request, size: int) -> None:
        self._pending += size
        try:
            line = await self._answer_line(request)
            size += len(line)
            self._pending += len(line)
            self._server.relieve()
            with contextlib.suppress(OSError):
                await self._send(line)
        finally:
            self._pending -= size

    async def _answer_line(self, request: rpc.Request) -> bytes:
        number = request.id
        try:
            return rpc.answer_line(number, await self._server.answer(request))
        except Fault as fault:
            return _error(number, fault.code, fault.message, fault.hint)
        except RefusedError as refused:
            return _error(number, Code.REFUSED, refused.message, refused.hint)
        except NotFoundError as fault:
            return _error(number, Code.NOT_FOUND, fault.message, fault.hint)
        except EnvironmentFault as fault:
            return _error(number, Code.ENVIRONMENT, fault.message, fault.hint)
        except DeckError as fault:
            return _error(number, Code.INTERNAL, fault.message, fault.hint)
        except asyncio.CancelledError:
            if _being_cancelled():
                raise
            return _error(number, Code.GONE, "the engine has just stopped")
        except Exception as error:  # one bad call must not end the server
            log.exception("call of %s failed", request.method[:60])
            words = f"the engine failed at {request.method[:60]}: {type(error).__name__}"
            return _error(number, Code.INTERNAL, words, "engine.log has the rest")

    async def _send(self, line: bytes) -> None:
        try:
            async with self._sending, asyncio.timeout(SEND_S):
                self._writer.write(line)
                await self._writer.drain()
        except TimeoutError:  # it does not read: the answers must not pile up here
            self._writer.transport.abort()


def _error(number: int | str | None, code: Code, message: str, hint: str = "") -> bytes:
    if len(message) > MAX_TOLD:
        message = f"{message[:MAX_TOLD]}…"
    return rpc.error_line(number, code, message, hint[:MAX_TOLD])


def _now() -> float:
    return asyncio.get_running_loop().time()


def _being_cancelled() -> bool:
    """Is it this call that is cancelled, and not just the future it waited for?"""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


__all__ = ["MAX_IN_FLIGHT", "Answering", "Fault", "Session"]
