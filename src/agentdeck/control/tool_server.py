"""The socket on which agents of this machine call tools of agentdeck: the engine's side.

Rules:
- It answers `hello` and `tool` alone: who may call tools may not command the run.
- Each call proves by its secret whose it is; the rest is done by `engine.tool_desk`.
- A call waits for its answer at most `MAX_TOOL_WAIT_S`, and is made again with the same key.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import ClassVar

from agentdeck.control import protocol as rpc
from agentdeck.control.protocol import Code
from agentdeck.control.server import ControlServer, EnginePort
from agentdeck.control.session import Fault
from agentdeck.core.tool_calls import Outcome
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.tool_desk import Call, ToolDesk


class ToolServer(ControlServer):
    """Answers the agents of one run until it is closed."""

    methods: ClassVar[Mapping[str, rpc.Method]] = {
        "hello": rpc.METHODS["hello"],
        "tool": rpc.Method(rpc.ToolParams, Outcome, "Calls a tool for an attempt.", changes=True),
    }

    def __init__(self, engine: EnginePort, folder: RunFolder) -> None:
        """It listens at the socket for tools of `folder`."""
        super().__init__(engine, folder, path=folder.tool_socket)
        self._functions = {"hello": self._hello, "tool": self._tool}
        self._desk = ToolDesk(engine, folder)

    async def close(self) -> None:
        """Stop listening, end every connection, and take socket and folder away."""
        await super().close()
        with contextlib.suppress(OSError):
            self._folder.tool_socket.parent.rmdir()

    async def _tool(self, params: rpc.ToolParams) -> Outcome:
        if not self._desk.proves(params.task, params.attempt, params.secret):
            raise Fault(Code.FORBIDDEN, "the call does not prove of which attempt it is")
        if not 0 <= params.wait_s <= rpc.MAX_TOOL_WAIT_S:
            raise Fault(Code.PARAMS, f"tool: wait_s must be 0 to {rpc.MAX_TOOL_WAIT_S:g}")
        return await self._desk.carry_out(
            Call(
                params.task,
                params.attempt,
                params.tool,
                bytes(params.arguments),
                params.key,
                params.wait_s,
            )
        )


__all__ = ["ToolServer"]
