"""Calls one tool of an MCP server and prints the answer: `... mcp_caller SERVERS TOOL JSON`.

Rules:
- It is a real client, of the SDK: what works here works for agents.
- It does what a tool of agentdeck tells its caller: where there is no answer yet, it waits for it
  by its id, again and again.
- A call that was refused is printed too, after `refused: `.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters

SERVER = "agentdeck"


async def call(server: StdioServerParameters, tool: str, arguments: dict[str, Any]) -> str:
    """The text that a call comes to, however long that takes."""
    async with Client(server) as client:
        result = await client.call_tool(tool, arguments)
        while _waits(result.structured_content):
            waited = {"id": result.structured_content["id"]}
            result = await client.call_tool("wait_for_answer", waited)
        text = "\n".join(getattr(each, "text", "") for each in result.content)
        return f"refused: {text}" if result.is_error else text


def server_of(file: Path) -> StdioServerParameters:
    """Our server, in a file of MCP servers."""
    ours = json.loads(file.read_text(encoding="utf-8"))["mcpServers"][SERVER]
    return StdioServerParameters(command=ours["command"], args=ours["args"])


def _waits(data: Any) -> bool:
    return isinstance(data, dict) and data.get("state") == "waits"


def main(arguments: Sequence[str]) -> int:
    """Call, print, and say whether that could be done."""
    servers, tool, given = arguments
    print(asyncio.run(call(server_of(Path(servers)), tool, json.loads(given))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
