"""Serves decks over HTTP on this machine: a page, its script, and a socket for each deck.

Rules:
- Each page has a deck of its own, a process that ends with its page. The run does not notice.
- Nobody comes in without having opened the link (`door`). Nothing is loaded from elsewhere, and no
  other page may show this one in a frame.
- A deck that does not end when it is told to is killed.
"""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Middleware
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from agentdeck.control.door import Door, is_everywhere, names_of
from agentdeck.control.http_log import keep_quiet

MAX_DECKS: Final = 8  # at once; each is a process of 60 MB and more
MAX_MESSAGE_BYTES: Final = 1 << 20  # of what a browser sends: keys, and what is pasted
END_S: Final = 5.0  # for a deck to end when its page is closed
SHUTDOWN_S: Final = 1.0  # for answers under way when the server ends
CELLS: Final = (20, 500)  # of a side of the screen, whatever a page asks for
POLICY: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
NO_ENTRY: Final = (
    "This link was used already, or it is an old one. A new one stands in the terminal in which "
    "`agentdeck serve` runs.\n"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DeckProcess(AppService):
    """One deck: started without a shell, and ended for certain."""

    def __init__(self, argv: Sequence[str], **how: Any) -> None:
        super().__init__(argv[0], **how)
        self._argv = argv

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,  # Ctrl-C in the terminal ends the server, and that ends decks
        )
        self._stdin = self._process.stdin
        return self._process

    async def stop(self) -> None:
        """End the deck; kills it if it does not."""
        try:
            async with asyncio.timeout(END_S):
                await super().stop()
        except TimeoutError:
            pass
        finally:
            if self._process is not None:
                with suppress(ProcessLookupError):
                    if self._process.returncode is None:
                        self._process.kill()
                await self._process.wait()


class DeckServer(Server):
    """Serves one run."""

    def __init__(
        self,
        argv: Sequence[str],
        listening: socket.socket,
        title: str,
        announce: Callable[[str], None],
        prepare: Callable[[], object],
    ) -> None:
        """A server on a socket that is bound already.

        Args:
            argv: the command of a deck; it is never given to a shell.
            listening: where browsers come to.
            title: of the page.
            announce: is told each link that is good now.
            prepare: is called before each deck, in a thread. It is not for the deck to do: what it
                starts would inherit the settings that the deck is drawn with.
        """
        host, port = listening.getsockname()[:2]
        names = names_of(host, port)
        named = names[0].removesuffix(f":{port}")
        super().__init__(argv[0], host=named, port=port, title=title)
        self._argv = argv
        self._listening = listening
        self._announce, self._prepare = announce, prepare
        self._door = Door(names, everywhere=is_everywhere(host))
        self._cookie = f"agentdeck-{port}"  # cookies are shared by all ports of a host
        self._open: set[web.WebSocketResponse] = set()

    @property
    def link(self) -> str:
        """The address that lets one browser in."""
        return f"{self.public_url}/?token={self._door.token}"

    def serve(self, debug: bool = False) -> None:  # noqa: ARG002 - the framework's
        """Serve until the process is interrupted."""
        self._announce(self.link)
        keep_quiet()
        web.run_app(
            self._make_app(),
            sock=self._listening,
            print=None,
            access_log=None,
            shutdown_timeout=SHUTDOWN_S,
        )

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded()])
        aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(Path(__file__).parent))
        app.add_routes(
            [
                web.get("/", self.handle_index, name="index"),
                web.get("/ws", self.handle_websocket, name="websocket"),
                web.static("/static", self.statics_path, name="static"),
            ]
        )
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def on_shutdown(self, app: web.Application) -> None:  # noqa: ARG002 - the framework's
        """Close every page; each ends its deck."""
        for websocket in list(self._open):
            await websocket.close(code=WSCloseCode.GOING_AWAY, message=b"the server ends")

    def _guarded(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guard(request, handler)

        return guard

    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host, origin = (request.headers.get(name, "") for name in ("Host", "Origin"))
        if not self._door.is_host(host):
            return _no_entry("This server answers only to its own name.\n")
        if request.path == "/" and "token" in request.query:
            return self._enter(request.query["token"])
        if not self._door.knows(request.cookies.get(self._cookie, "")):
            return _no_entry(NO_ENTRY)
        if request.path == "/ws" and not self._door.is_origin(origin, host):
            return _no_entry("Only a page of this server opens a deck.\n")
        return await handler(request)

    def _enter(self, token: str) -> web.StreamResponse:
        secret = self._door.enter(token)
        if secret is None:
            return _no_entry(NO_ENTRY)
        self._announce(self.link)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(self._cookie, secret, httponly=True, samesite="Lax", path="/")
        return answer

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """A page opens its deck."""
        websocket = web.WebSocketResponse(heartbeat=15, max_msg_size=MAX_MESSAGE_BYTES)
        _ = await websocket.prepare(request)
        if len(self._open) >= MAX_DECKS:
            why = f"{MAX_DECKS} decks are open already".encode()
            _ = await websocket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=why)
            return websocket
        deck = DeckProcess(
            self._argv,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=websocket.close,
            download_manager=self.download_manager,
        )
        self._open.add(websocket)
        try:
            _ = await asyncio.to_thread(self._prepare)
            await deck.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await self._process_messages(websocket, deck)
        finally:
            self._open.discard(websocket)
            await asyncio.shield(deck.stop())
        return websocket


def _cells(request: web.Request, name: str, default: int) -> int:
    least, most = CELLS
    return max(least, min(most, to_int(request.query.get(name, ""), default)))


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def _no_entry(text: str) -> web.Response:
    return web.Response(status=403, text=text)


__all__ = ["MAX_DECKS", "DeckServer"]
