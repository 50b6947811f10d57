"""A bridge in this process, and a browser that says what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

from agentdeck.control.bridge.server import Bridge, Rules
from agentdeck.engine.folders import RunFolder

TOKEN = "a-token-of-a-test-0123456789"
KEY = {"Authorization": f"Bearer {TOKEN}"}


class Served:
    """A bridge, and a browser that says what it is told to."""

    runner: web.AppRunner

    def __init__(self, bridge: Bridge, session: aiohttp.ClientSession) -> None:
        self.bridge, self.session = bridge, session

    async def get(self, path: str, headers: dict[str, str] = KEY, method: str = "GET") -> Any:
        """Status and body."""
        url = self.bridge.address + path
        async with asyncio.timeout(20), self.session.request(method, url, headers=headers) as said:
            self.headers = said.headers
            return said.status, await said.text()

    async def read(self, path: str) -> Any:
        status, text = await self.get(path)
        assert status == 200, text
        return json.loads(text)

    async def call(self, method: str, **params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": "mine", "method": method, "params": params}
        url = f"{self.bridge.address}/rpc"
        async with asyncio.timeout(20), self.session.post(url, json=body, headers=KEY) as said:
            assert said.status == 200
            answer = await said.json()
            assert answer["id"] == "mine"
            return answer

    def follow(self, after: str = "0", **how: Any) -> Any:
        how.setdefault("headers", KEY)
        return self.session.ws_connect(f"{self.bridge.address}/ws?after={after}", **how)


@contextlib.asynccontextmanager
async def serving(
    folder: RunFolder, rules: Rules | None = None, port: int = 0, host: str = "127.0.0.1"
) -> AsyncIterator[Served]:
    listening = socket.create_server((host, port))
    bridge = Bridge(folder, listening, rules or Rules(TOKEN))
    runner = web.AppRunner(await bridge.app(lambda: None), shutdown_timeout=1.0)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    async with aiohttp.ClientSession() as session:
        served = Served(bridge, session)
        served.runner = runner
        yield served
    await runner.cleanup()
    listening.close()
