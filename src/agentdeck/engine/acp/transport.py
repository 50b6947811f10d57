"""Carries messages between the SDK and the agent's pipes, and writes each of them down.

Rules:
- A message is in the log before anybody acts on it.
- Notifications do not reach the SDK, which would check each against its schema: they are handed to
  whoever listens, and are in the log.
- The id of a request travels to its handler in `REQUEST_ID`: the SDK does not hand it on, but it
  runs each handler in a copy of the context in which the message was received.
- An agent that asks faster than it takes answers is not read until it does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

from agentdeck.engine.acp.agent_process import AgentProcess
from agentdeck.engine.acp.messages import (
    Junk,
    Notification,
    Request,
    Response,
    read_message,
    sort,
)
from agentdeck.engine.acp.raw_log import RawLog

MAX_UNANSWERED: Final = 256  # requests of the agent at once; it usually has one
REQUEST_ID: ContextVar[str] = ContextVar("REQUEST_ID")


class AgentTransport:
    """What the SDK calls a transport."""

    def __init__(self, agent: AgentProcess, log: RawLog, told: Callable[[str, Any], None]) -> None:
        self._agent = agent
        self._log = log
        self._told = told  # called with method and params of notifications
        self._unanswered = 0
        self._room = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        """Log and write one message.

        Raises:
            ConnectionError: the agent no longer reads.
        """
        self._log.client(message)
        if "method" not in message:
            self._unanswered -= 1
            self._room.set()
        # The SDK puts exceptions and models into the data of its errors: `default`.
        text = json.dumps(message, separators=(",", ":"), default=str)
        await self._agent.send(text.encode() + b"\n")

    async def receive(self) -> dict[str, Any] | None:
        """The next request or answer; None when the agent says nothing more."""
        while True:
            while self._unanswered >= MAX_UNANSWERED:
                self._room.clear()
                await self._room.wait()
            line = await self._agent.read_line()
            if line is None or self._agent.cut:
                return None
            message = self._take(line)
            if message is not None:
                return message

    async def close(self) -> None:
        """Nothing to do: the process is ended by whoever started it."""

    def _take(self, line: bytes) -> dict[str, Any] | None:
        found = read_message(line)
        if found is None:
            if line.strip():
                self._log.foreign(line)
            return None
        self._log.agent(found)
        match sort(found):
            case Request(identifier, message):
                REQUEST_ID.set(identifier)
                self._unanswered += 1
                return message
            case Response(message):
                return message
            case Notification(method, params):
                self._told(method, params)
            case Junk(reason):
                self._log.note(f"ignored {reason}")
        return None
