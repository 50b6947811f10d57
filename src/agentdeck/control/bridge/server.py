"""The bridge: a run over HTTP and WebSocket, for dashboards on this machine.

Rules:
- Nobody comes in without the token, a request has to name this server as its host, and a page has
  to be of an origin that was named (`control.door`).
- What is read comes from the journal; what changes something goes to the engine as it is.
- All is bounded: sockets, calls under way, the size of a request, how long one waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from aiohttp import web
from aiohttp.typedefs import Middleware

from agentdeck import __version__
from agentdeck.control import protocol as rpc
from agentdeck.control import readings
from agentdeck.control.bridge.feed import feed
from agentdeck.control.bridge.view import RunView
from agentdeck.control.client import RunClient
from agentdeck.control.door import TokenDoor, is_everywhere, names_of
from agentdeck.control.exposition import CONTENT_TYPE
from agentdeck.control.http_log import keep_quiet
from agentdeck.control.protocol import METHODS, Code
from agentdeck.control.runs import RunFolder
from agentdeck.core.codec import encode_recorded
from agentdeck.core.errors import DeckError, NotFoundError
from agentdeck.core.ids import TaskId
from agentdeck.core.unreadable import UNREADABLE

MAX_SOCKETS: Final = 32  # at once
MAX_CALLS: Final = 8  # for the engine, under way at once
CALL_S: Final = rpc.MAX_WAIT_S + 30.0  # for one of them
STATUS_S: Final = 3.0  # for an engine to say how it is, before its journal is asked
SEEN_S: Final = 2.0  # for an event to come from the journal; half a second where nothing happens
HEARTBEAT_S: Final = 15.0  # between two pings of a socket; who does not answer is gone
MAX_DIGITS: Final = 19  # of a number in an address: 2**62 has so many
MAX_HEARD: Final = 4096  # bytes of a message from a socket: nothing is expected
SHUTDOWN_S: Final = 1.0  # for answers under way when the bridge ends
PROTOCOL: Final = "agentdeck.v1"  # the subprotocol of the socket
BEARER: Final = "agentdeck.bearer."  # a subprotocol that carries the token: browsers set no header
PATHS: Final = ("/status", "/tasks", "/queue", "/inbox", "/plan", "/events", "/metrics")
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a bridge lets happen."""

    token: str
    read_only: bool = False  # no command, and the engine is not ended
    open_metrics: bool = False  # `/metrics` needs no token
    origins: tuple[str, ...] = ()  # of pages that may use it


class Bridge:
    """Serves one run."""

    def __init__(self, folder: RunFolder, listening: socket.socket, rules: Rules) -> None:
        """A bridge on a socket that is bound already."""
        self._folder, self._listening, self._rules = folder, listening, rules
        host, port = listening.getsockname()[:2]
        names = names_of(host, port)
        self.address = f"http://{names[0]}"
        self._door = TokenDoor(rules.token, names, rules.origins, everywhere=is_everywhere(host))
        self._view: RunView | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._calls = 0

    def serve(self, ready: Callable[[], None]) -> None:
        """Serve until the process is interrupted; `ready` is called when it can be asked.

        Raises:
            JournalError: the journal cannot be read.
        """
        web.run_app(
            self.app(ready),
            sock=self._listening,
            print=None,
            access_log=None,
            shutdown_timeout=SHUTDOWN_S,
        )

    async def app(self, ready: Callable[[], None]) -> web.Application:
        """The application, for whoever runs it."""
        keep_quiet()
        app = web.Application(middlewares=[self._guarded()], client_max_size=rpc.MAX_REQUEST)
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/status", self._status),
                web.get("/tasks", self._tasks),
                web.get("/queue", self._queue),
                web.get("/inbox", self._inbox),
                web.get("/plan", self._plan),
                web.get("/events", self._events),
                web.get("/metrics", self._metrics),
                web.post("/rpc", self._rpc),
                web.get("/ws", self._socket),
            ]
        )

        async def following(_app: web.Application) -> AsyncIterator[None]:
            view = self._view = RunView(self._folder)
            task = asyncio.create_task(view.follow())
            caught_up = asyncio.create_task(view.ready())
            await asyncio.wait({task, caught_up}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            ready()
            yield
            task.cancel()
            _ = await asyncio.gather(task, return_exceptions=True)
            view.close()

        app.cleanup_ctx.append(following)
        app.on_shutdown.append(self._hang_up)
        return app

    async def _hang_up(self, _app: web.Application) -> None:
        """Say goodbye to all at once; who does not hear it is cut off when the bridge ends."""
        goodbyes = [each.close(code=1001, message=b"the bridge ends") for each in self._sockets]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_S):
                _ = await asyncio.gather(*goodbyes, return_exceptions=True)

    # --- who comes in -------------------------------------------------------------------------

    def _guarded(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            origin = request.headers.get("Origin", "")
            refusal = self._refusal(request, origin)
            try:
                answer = refusal if refusal is not None else await handler(request)
            except NotFoundError as fault:
                answer = _error(404, fault.message, fault.hint)
            except DeckError as fault:
                answer = _error(503, fault.message, fault.hint)
            except web.HTTPException as fault:
                answer = _error(fault.status, *_said_of(request, fault))
                if "Allow" in fault.headers:
                    answer.headers["Allow"] = fault.headers["Allow"]
            if not answer.prepared:
                answer.headers.update(HEADERS)
                if origin and self._door.is_origin(origin, request.headers.get("Host", "")):
                    answer.headers["Access-Control-Allow-Origin"] = origin
                    answer.headers["Vary"] = "Origin"
            return answer

        return guard

    def _refusal(self, request: web.Request, origin: str) -> web.Response | None:
        """What is said to who may not come in; None = they may."""
        host = request.headers.get("Host", "")
        if not self._door.is_host(host):
            return _error(403, "this server answers only to its own name", self.address)
        if origin and not self._door.is_origin(origin, host):
            return _error(403, "pages of this origin may not use it", "`--origin` names those")
        if request.method == "OPTIONS" and origin:
            return web.Response(
                status=204,
                headers={
                    "Access-Control-Allow-Methods": "GET, POST",
                    "Access-Control-Allow-Headers": "Authorization, Content-Type",
                },
            )
        if self._rules.open_metrics and request.path == "/metrics":
            return None
        if not self._door.fits(_token_of(request)):
            answer = _error(401, "the token is missing or wrong", "Authorization: Bearer TOKEN")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        return None

    # --- what is read -------------------------------------------------------------------------

    @property
    def view(self) -> RunView:
        """The run as it is now."""
        assert self._view is not None  # it is there before the first request
        return self._view

    async def _index(self, _: web.Request) -> web.Response:
        return _json(
            {
                "run": self._folder.run,
                "version": __version__,
                "protocol": rpc.PROTOCOL,
                "read_only": self._rules.read_only,
                "get": PATHS,
                "post": ["/rpc"],
                "socket": "/ws",
                "fault": self.view.fault.message if self.view.fault is not None else None,
            }
        )

    async def _status(self, _: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(STATUS_S):
                engine = await RunClient.open(self._folder)
                try:
                    return _json(await engine.status())
                finally:
                    await engine.close()
        except (DeckError, TimeoutError):
            alive = await self.view.engine_answers()
            return _json(readings.status_of(self.view.state, alive=alive))

    async def _tasks(self, request: web.Request) -> web.Response:
        params = rpc.TasksParams([TaskId(name) for name in request.query.getall("task", [])])
        return _json(readings.tasks_of(self.view.state, params, self.view.now))

    async def _queue(self, _: web.Request) -> web.Response:
        return _json(readings.queue_of(self.view.state, self.view.now))

    async def _inbox(self, _: web.Request) -> web.Response:
        return _json(readings.inbox_of(self.view.state, self.view.now))

    async def _plan(self, _: web.Request) -> web.Response:
        return _json(readings.plan_of(self.view.state))

    async def _events(self, request: web.Request) -> web.Response:
        after = self._after(request)
        limit = _number(request, "limit", rpc.MAX_EVENTS, least=1, most=rpc.MAX_EVENTS)
        wait_s = _number(request, "wait_s", 0, least=0, most=int(rpc.MAX_WAIT_S))
        last = await self.view.wait_past(after, wait_s)
        batch: list[msgspec.Raw] = []
        size = 0
        for recorded in await self.view.read(after, limit):
            raw = encode_recorded(recorded)
            if batch and size + len(raw) > rpc.BATCH_BYTES:
                break
            batch.append(msgspec.Raw(raw))
            last, size = max(last, recorded.seq), size + len(raw)
        return _json(rpc.Events(batch, last))

    async def _metrics(self, _: web.Request) -> web.Response:
        text = await self.view.metrics(len(self._sockets))
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        after = self._after(request)
        if len(self._sockets) >= MAX_SOCKETS:
            return _error(503, f"{MAX_SOCKETS} sockets are open already", "close one")
        answer = web.WebSocketResponse(
            protocols=(PROTOCOL,), heartbeat=HEARTBEAT_S, max_msg_size=MAX_HEARD
        )
        if not answer.can_prepare(request):
            return _error(400, "/ws is for WebSockets", "/events?after=N is for other clients")
        _ = await answer.prepare(request)
        self._sockets.add(answer)
        try:
            await feed(request, answer, self.view, after)
        finally:
            self._sockets.discard(answer)
        return answer

    def _after(self, request: web.Request) -> int:
        if request.query.get("after") == "latest":
            return self.view.state.seq
        return _number(request, "after", 0, least=0, most=2**62)

    # --- what the engine is asked -------------------------------------------------------------

    async def _rpc(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            call = rpc.read_request(body)
        except UNREADABLE as error:
            return _line(rpc.error_line(None, *rpc.misread(error)))
        method = METHODS.get(call.method)
        if self._rules.read_only and (method is None or method.changes):
            why = "this bridge only reads: it was started with --read-only"
            return _line(rpc.error_line(call.id, Code.FORBIDDEN, why))
        if self._calls >= MAX_CALLS:
            why = f"{MAX_CALLS} calls are under way already"
            return _line(rpc.error_line(call.id, Code.BUSY, why, "wait for an answer"))
        self._calls += 1
        try:
            return _line(await self._asked(call))
        finally:
            self._calls -= 1

    async def _seen(self, call: rpc.Request, answer: rpc.Answer) -> None:
        """Wait a moment until what a command led to is seen here: who reads next sees it too."""
        if call.method == "command" and isinstance(answer.result, msgspec.Raw):
            seq = rpc.read_result(answer, rpc.Seq).seq
            _ = await self.view.wait_past(seq - 1, SEEN_S)

    async def _asked(self, call: rpc.Request) -> bytes:
        try:
            engine = await RunClient.open(self._folder)
        except rpc.EngineGone as gone:
            return rpc.error_line(call.id, Code.GONE, gone.message, gone.hint)
        except DeckError as fault:
            return rpc.error_line(call.id, Code.ENVIRONMENT, fault.message, fault.hint)
        try:
            answer = await engine.ask(call.method, call.params, CALL_S)
            await self._seen(call, answer)
        except rpc.EngineGone as gone:
            return rpc.error_line(call.id, Code.GONE, gone.message, gone.hint)
        finally:
            await engine.close()
        return rpc.relayed_line(call.id, answer)


def _token_of(request: web.Request) -> str:
    """What a request brings as its token; empty = nothing."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    if request.path == "/ws":
        offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
        found = (each.strip() for each in offered)
        return next((each[len(BEARER) :] for each in found if each.startswith(BEARER)), "")
    return ""


def _number(request: web.Request, name: str, default: int, *, least: int, most: int) -> int:
    said = request.query.get(name)
    if said is None:
        return default
    is_number = said.isascii() and said.isdigit() and len(said) <= MAX_DIGITS
    if not is_number or not least <= int(said) <= most:
        raise web.HTTPBadRequest(reason=f"{name} must be a whole number, {least} to {most}")
    return int(said)


def _said_of(request: web.Request, fault: web.HTTPException) -> tuple[str, str]:
    """What went wrong with a request, and what to do instead."""
    match fault:
        case web.HTTPNotFound():
            return f"there is no {request.path}", "GET / names the paths"
        case web.HTTPMethodNotAllowed():
            return f"{request.path} is for {' and '.join(sorted(fault.allowed_methods))}", ""
        case web.HTTPRequestEntityTooLarge():
            return f"a request has at most {rpc.MAX_REQUEST // 2**20} MiB", ""
    return fault.reason, ""


def _json(value: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _line(line: bytes) -> web.Response:
    return web.Response(body=line, content_type="application/json")


def _error(status: int, message: str, hint: str = "") -> web.Response:
    body = msgspec.json.encode({"error": {"message": message, "hint": hint}})
    return web.Response(status=status, body=body, content_type="application/json")


__all__ = ["MAX_SOCKETS", "Bridge", "Rules"]
