"""Connections that have not brought the token: for how long they may stay, and how many.

Rules:
- Who has not come in within `FIRST_WORD_S` is hung up on, whatever half of a request they sent.
- At most `MAX_CONNECTIONS` are open. Where one more comes, the stranger that came first makes
  room; where there is no stranger, who comes is hung up on. So nobody without the token can keep
  those out who have it, and nobody uses up what the process may open.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

MAX_CONNECTIONS: Final = 128  # at once: sockets, calls, dashboards and who knocks
FIRST_WORD_S: Final = 10.0  # from connecting to the token; a client asks at once


class Guests:
    """Lets connections in, and knows which of them are strangers."""

    def __init__(self, server: web.Server) -> None:
        """`server` makes what answers a connection."""
        self._server = server
        self._strangers: dict[RequestHandler, None] = {}  # the first to come first

    def admit(self) -> asyncio.Protocol:
        """What answers a new connection."""
        there = self._server.connections
        if len(self._strangers) > MAX_CONNECTIONS:  # some have left by themselves
            self._strangers = {one: None for one in self._strangers if one in there}
        if len(there) >= MAX_CONNECTIONS:
            stranger = next((one for one in self._strangers if one in there), None)
            if stranger is None:
                return _Refusal()
            self._hang_up(stranger)
        guest = self._server()
        self._strangers[guest] = None
        asyncio.get_running_loop().call_later(FIRST_WORD_S, self._hang_up, guest)
        return guest

    def welcome(self, request: web.Request) -> None:
        """Who sends this request has brought the token."""
        self._strangers.pop(request.protocol, None)

    def _hang_up(self, guest: RequestHandler) -> None:
        """If it is still a stranger."""
        if guest in self._strangers:
            del self._strangers[guest]
            guest.force_close()


class _Refusal(asyncio.Protocol):
    """Hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


__all__ = ["FIRST_WORD_S", "MAX_CONNECTIONS", "Guests"]
