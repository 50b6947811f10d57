"""The MCP servers an agent is given, read from a JSON file. Pure: text in, protocol out.

Rules: the file holds either a list as the protocol wants it, or the table that agents keep in
`.mcp.json`: `{"mcpServers": {NAME: {"command", "args", "env"} | {"type", "url", "headers"}}}`.
"""

from __future__ import annotations

import json
from typing import Any

from agentdeck.core.errors import UsageError


def read_servers(text: str) -> list[dict[str, Any]]:
    """Servers in the form of the protocol.

    Raises:
        UsageError: the text is neither of the two.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise UsageError(f"the file of MCP servers is no JSON: {fault}") from fault
    if isinstance(found, dict):
        table = found.get("mcpServers")
        if isinstance(table, dict):
            return [_server(name, entry) for name, entry in table.items()]
    elif isinstance(found, list) and all(isinstance(entry, dict) for entry in found):
        return found
    raise UsageError(
        "the file of MCP servers holds neither a list nor a table `mcpServers`",
        hint="write it like the .mcp.json of your agent",
    )


def _server(name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not ({"command", "url"} & set(entry)):
        raise UsageError(f"MCP server {name} has neither a command nor a url")
    if "command" in entry:
        return {
            "name": name,
            "command": entry["command"],
            "args": entry.get("args") or [],
            "env": _pairs(name, entry.get("env")),
        }
    kind = entry.get("type") or "http"
    return {
        "type": "http" if kind == "streamable-http" else kind,
        "name": name,
        "url": entry["url"],
        "headers": _pairs(name, entry.get("headers")),
    }


def _pairs(name: str, table: Any) -> list[dict[str, str]]:
    if table is None:
        return []
    if not isinstance(table, dict):
        raise UsageError(f"MCP server {name}: env and headers are tables of texts")
    return [{"name": key, "value": str(value)} for key, value in table.items()]
