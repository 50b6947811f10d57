"""One MCP server over stdin and stdout, whatever its tools are: the only place that knows the SDK.

Rules:
- stdout belongs to the protocol; what the SDK logs goes to stderr.
- A call that cannot be carried out is an answer with `isError`, which its model can read; only what
  is no call at all is an error of the protocol.
- While a call waits, a client that asked for progress is told in each `PROGRESS_S` that it does.
- It ends when its client hangs up.
- When other tools may be called than the client was told, it is told so (`list_changed`): at once
  where it speaks the protocol of before 2026-07-28, and later ones where it listens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import mcp_types as types
import msgspec
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.stdio import stdio_server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError

from agentdeck import __version__
from agentdeck.core.errors import DeckError
from agentdeck.core.offered import Offered, Reply, Resource, Unfit, read_arguments

PROGRESS_S: Final = 5.0  # clients give up after 60 s of silence, the most impatient after 10 s
INVALID_PARAMS: Final = -32602
ABOUT: Final = "agentdeck/"  # before the names of what is said about a resource
MAX_LISTENING: Final = 8  # streams of changes; one client has one, and perhaps an old one
NOT_FOUND: Final = -32002  # as the protocol numbers a resource that there is not


class Face(Protocol):
    """What is served."""

    instructions: str
    resources: Sequence[Resource]
    templates: Sequence[Resource]

    async def offered(self) -> Sequence[Offered]:
        """The tools that may be called now."""

    async def call(self, name: str, arguments: msgspec.Struct) -> Reply:
        """Carry out one call; a DeckError is told to the caller."""

    async def read(self, uri: str) -> Reply | None:
        """The text of a resource, and data about it; None = there is none of this address."""


async def serve(face: Face) -> None:
    """Answer one client until it hangs up."""
    server = Server(
        "agentdeck",
        version=__version__,
        instructions=face.instructions,
        **handlers(face),
    )
    async with stdio_server() as (read, write):
        changes = NotificationOptions(tools_changed=True)
        await server.run(read, write, server.create_initialization_options(changes))


def handlers(face: Face) -> dict[str, Any]:
    """What the SDK calls, by its names."""
    changes = InMemorySubscriptionBus()
    listed: list[str] = []  # what the client knows of, once it has asked

    async def list_tools(_: Any, __: Any) -> types.ListToolsResult:
        tools = await face.offered()
        listed[:] = [tool.name for tool in tools]
        return types.ListToolsResult(tools=[types.Tool.model_validate(tool.told) for tool in tools])

    async def call_tool(context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        tools = {tool.name: tool for tool in await face.offered()}
        if listed and listed != list(tools):
            listed[:] = list(tools)
            await context.session.send_tool_list_changed()  # to clients of before 2026-07-28
            await changes.publish(ToolsListChanged())
        tool = tools.get(params.name)
        if tool is None:
            known = ", ".join(tools)
            raise MCPError(INVALID_PARAMS, f"there is no tool {params.name[:60]!r} ({known})")
        try:
            arguments = read_arguments(tool, params.arguments)
            reply = await _meanwhile(context, face.call(tool.name, arguments))
        except Unfit as unfit:
            reply = Reply(str(unfit), ok=False)
        except DeckError as error:
            hint = f" ({error.hint})" if error.hint else ""
            reply = Reply(f"{error.message}{hint}", ok=False)
        return types.CallToolResult(
            content=[types.TextContent(text=reply.text)],
            structured_content=reply.data,
            is_error=not reply.ok,
        )

    async def list_resources(_: Any, __: Any) -> types.ListResourcesResult:
        return types.ListResourcesResult(
            resources=[
                types.Resource(
                    name=each.name,
                    uri=each.uri,
                    description=each.description,
                    mime_type=each.mime,
                )
                for each in face.resources
            ]
        )

    async def list_templates(_: Any, __: Any) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(
            resource_templates=[
                types.ResourceTemplate(
                    name=each.name,
                    uri_template=each.uri,
                    description=each.description,
                    mime_type=each.mime,
                )
                for each in face.templates
            ]
        )

    async def read_resource(
        _: Any, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        try:
            found = await face.read(params.uri)
        except DeckError as error:
            raise MCPError(NOT_FOUND, error.message) from error
        if found is None:
            raise MCPError(NOT_FOUND, f"there is no resource {params.uri[:200]}")
        content = types.TextResourceContents(
            uri=params.uri,
            text=found.text,
            mime_type="text/plain",
            _meta={f"{ABOUT}{name}": value for name, value in (found.data or {}).items()} or None,
        )
        return types.ReadResourceResult(contents=[content])

    found: dict[str, Any] = {
        "on_list_tools": list_tools,
        "on_call_tool": call_tool,
        "on_subscriptions_listen": ListenHandler(changes, max_subscriptions=MAX_LISTENING),
    }
    if face.resources or face.templates:
        found["on_list_resources"] = list_resources
        found["on_list_resource_templates"] = list_templates
        found["on_read_resource"] = read_resource
    return found


async def _meanwhile(context: Any, call: Awaitable[Reply]) -> Reply:
    """Wait for a call, and tell a client that asked for it that it goes on."""
    running = asyncio.ensure_future(call)
    try:
        beats = 0
        while not running.done():
            await asyncio.wait({running}, timeout=PROGRESS_S)
            if not running.done():
                beats += 1
                waited = beats * PROGRESS_S
                await context.session.report_progress(waited, None, f"waiting for {waited:g} s")
        return running.result()
    finally:
        running.cancel()


def run(make: Callable[[], Awaitable[Face]]) -> None:
    """Serve what `make` makes until the client hangs up."""

    async def main() -> None:
        await serve(await make())

    asyncio.run(main())


__all__ = ["Face", "handlers", "run", "serve"]
