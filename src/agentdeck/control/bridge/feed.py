"""Events of a run over one WebSocket, from a cursor on.

Rules:
- One message is one event, as `events.since` gives it. They come once each, in order.
- Back pressure: the next events are read from the journal when the last ones are on their way. A
  client that takes none for `SEND_S` is hung up on; with its cursor it can come again.
- What a client says is not looked at.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import WSCloseCode, web

from agentdeck.control.bridge.view import RunView
from agentdeck.core.codec import encode_recorded
from agentdeck.core.errors import DeckError

BATCH: Final = 200  # events read at once
SEND_S: Final = 30.0  # for a client to take an event
WAIT_S: Final = 30.0  # between two looks without news
CURSOR_LOST: Final = 4409  # a close code of ours: the journal ends before the cursor
MAX_REASON: Final = 120  # bytes; a close frame has room for 123


async def feed(
    request: web.Request, socket: web.WebSocketResponse, view: RunView, after: int
) -> None:
    """Send events behind number `after` until one side hangs up."""
    sending = asyncio.create_task(_send(socket, view, after))
    hearing = asyncio.create_task(_hear(socket))
    try:
        await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done() and isinstance(sending.exception(), TimeoutError):
            if request.transport is not None:
                request.transport.abort()  # it reads nothing, not even a goodbye
            return
    finally:
        for task in (sending, hearing):
            task.cancel()
        _ = await asyncio.gather(sending, hearing, return_exceptions=True)


async def _send(socket: web.WebSocketResponse, view: RunView, after: int) -> None:
    while not socket.closed:
        try:
            batch = await view.read(after, BATCH)
            lost = not batch and not await view.has(after)
        except DeckError as fault:
            await _close(socket, WSCloseCode.INTERNAL_ERROR, fault.message)
            return
        for recorded in batch:
            async with asyncio.timeout(SEND_S):
                await socket.send_str(encode_recorded(recorded).decode())
            after = recorded.seq
        if batch:
            continue
        if lost:
            last = view.state.seq
            await _close(socket, CURSOR_LOST, f"there is no event {after}: the last one is {last}")
            return
        _ = await view.wait_past(after, WAIT_S)


async def _hear(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass


async def _close(socket: web.WebSocketResponse, code: int, why: str) -> None:
    reason = why.encode()[:MAX_REASON].decode(errors="ignore")
    _ = await socket.close(code=code, message=reason.encode())


__all__ = ["CURSOR_LOST", "feed"]
