"""The agent as somebody to talk to: requests with answers, through the SDK's connection.

Rules:
- A request that fails says why: `AgentError` when the agent answers with an error, `Failed` when it
  is gone, `TimeoutError` when it stays silent for longer than it may.
- Answers come back as plain tables. The SDK's models would drop what they do not know, and agents
  send more than the schema has.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from acp import RequestError
from acp.client.router import build_client_router
from acp.connection import Connection
from acp.interfaces import Client
from acp.meta import CLIENT_METHODS
from acp.router import Route

from agentdeck.engine.acp.agent_process import AgentProcess
from agentdeck.engine.acp.hands import Hands
from agentdeck.engine.acp.outcome import AgentError
from agentdeck.engine.acp.patience import within
from agentdeck.engine.acp.raw_log import RawLog
from agentdeck.engine.acp.transport import AgentTransport


class Peer:
    """One connection."""

    def __init__(
        self, agent: AgentProcess, log: RawLog, hands: Hands, told: Callable[[str, Any], None]
    ) -> None:
        router = build_client_router(cast("Client", hands))
        router.add_route(
            Route(CLIENT_METHODS["session_request_permission"], hands.permit, "request")
        )
        self._connection = Connection(router, AgentTransport(agent, log, told))

    async def request(
        self, method: str, params: dict[str, Any], patience_s: float | None = None
    ) -> Any:
        """The result of a request.

        Args:
            method: of the protocol.
            params: its parameters.
            patience_s: how long the answer may take, in seconds; None = as long as it takes.

        Raises:
            AgentError: the agent answered with an error.
            ConnectionError: it is gone.
            TimeoutError: it did not answer in time.
        """
        asking = self._connection.send_request(method, params)
        try:
            return await (asking if patience_s is None else within(patience_s, asking))
        except RequestError as error:
            raise AgentError(error.code, str(error), error.data) from error

    async def notify(self, method: str, params: dict[str, Any]) -> None:
        """Tell the agent something.

        Raises:
            ConnectionError: it is gone.
        """
        await self._connection.send_notification(method, params)

    async def close(self) -> None:
        """Stop listening, and give up requests that are still being worked on."""
        with suppress(Exception):  # of a handler that was just answering an agent that is gone
            await self._connection.close()
