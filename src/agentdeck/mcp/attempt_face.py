"""The MCP server of an agent on this machine; `mcp.attempt` is the door to it.

Rules:
- It speaks for the attempt of its pass alone, over the socket for tools; it knows nothing else.
- A call that asks for something has a key that is made here, once. When the engine does not answer
  it is tried again with the same key, so that nobody is asked twice.
- A call waits as long as the plan says, and then says under which id the answer can be waited for:
  a client that gives up has lost nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control import protocol as rpc
from agentdeck.control.client import RunClient
from agentdeck.control.handshake import EngineGone
from agentdeck.core import tool_calls as t
from agentdeck.core.attempt_tools import OFFERED, PROPOSES, instructions_for, reply_of
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.offered import Offered, Reply, Resource
from agentdeck.core.tool_calls import Came, Outcome, ToolPass
from agentdeck.engine.folders import RunFolder
from agentdeck.mcp.serving import run

AGAIN_S: Final = 0.5  # between two tries to reach an engine
LEAST_S: Final = 5.0  # for an engine that starts anew, however short the wait for answers is


class AttemptFace:
    """The tools of one attempt."""

    resources: Sequence[Resource] = ()
    templates: Sequence[Resource] = ()

    def __init__(self, own: ToolPass) -> None:
        self._own = own
        self._client: RunClient | None = None
        self._connecting = asyncio.Lock()
        self._tools: Sequence[Offered] = [OFFERED[name] for name in own.tools if name in OFFERED]
        self.instructions = instructions_for(own.task)

    async def offered(self) -> Sequence[Offered]:
        """Its tools: they stay as they are."""
        return self._tools

    async def call(self, name: str, arguments: msgspec.Struct) -> Reply:
        """Carry out one call."""
        key = f"c-{secrets.token_hex(6)}"
        asked = arguments.id if isinstance(arguments, t.WaitForAnswer) else key
        now = asyncio.get_running_loop().time
        until = now() + self._own.wait_s
        patience = now() + max(self._own.wait_s, LEAST_S)
        found: Outcome | None = None
        while True:
            wait_s = min(rpc.MAX_TOOL_WAIT_S, max(0.0, until - now()))
            try:
                found = await self._once(name, arguments, key, wait_s)
            except EngineGone:
                if now() >= patience:
                    break
                await asyncio.sleep(AGAIN_S)
                continue
            if found.came is not Came.WAITS or now() >= until or name == PROPOSES:
                break
        if found is None:
            raise EnvironmentFault(
                "the engine of the run does not answer", hint="go on, or try it again later"
            )
        return reply_of(found, asked, proposes=name == PROPOSES)

    async def read(self, uri: str) -> Reply | None:  # noqa: ARG002 - it has nothing to read
        """It has no resources."""
        return None

    async def _once(self, name: str, arguments: msgspec.Struct, key: str, wait_s: float) -> Outcome:
        raw = msgspec.Raw(msgspec.json.encode(arguments))
        own = self._own
        params = rpc.ToolParams(own.task, own.attempt, own.secret, name, raw, key, wait_s)
        client = await self._connected()
        return await client.call_tool(params)

    async def _connected(self) -> RunClient:
        async with self._connecting:  # calls may come side by side
            if self._client is None or not self._client.connected:
                if self._client is not None:
                    with suppress(OSError):
                        await self._client.close()
                run = RunFolder(Path("/", self._own.run))
                self._client = await RunClient.open(run, Path(self._own.socket))
            return self._client


def serve_attempt(own: ToolPass) -> None:
    """Serve the tools of a pass until the client hangs up."""

    async def make() -> AttemptFace:
        return AttemptFace(own)

    run(make)


__all__ = ["AttemptFace", "serve_attempt"]
