"""What an attempt needs for tools of agentdeck: a file that proves who calls, and its MCP servers.

Rules:
- Both files lie in the attempt's folder, for their owner alone (0600). The secret is in no
  argument, no variable and no event.
- A launch that is done again after a crash finds the pass of the one before, and keeps it.
- The file of MCP servers holds those that the plan names for the agent, and ours. An agent that has
  no place for such a file is told in `AGENTDECK_MCP` where it is.
- The socket lies in a short folder of its own, which a sandbox shows: there is nothing but it in
  there, and it answers calls of tools alone.
"""

from __future__ import annotations

import importlib.util
import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from agentdeck.agents.launching import Place
from agentdeck.core.adapter import Adapter
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import RunId, TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.tool_calls import ToolPass, tools_of
from agentdeck.core.unreadable import UNREADABLE
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.private_files import write_private

PASS: Final = "tools.json"  # noqa: S105 - a file name
SERVERS: Final = "mcp.json"
MCP_VARIABLE: Final = "AGENTDECK_MCP"
SERVER: Final = "agentdeck"  # as an agent calls ours
SECRET_BYTES: Final = 32
MAX_PASS: Final = 64 * 1024  # bytes; it has about 400
MAX_SERVERS: Final = 4 * 1024 * 1024  # bytes of a plan's file of MCP servers


def have_sdk() -> bool:
    """Is the MCP SDK installed where agents find it? It is not loaded."""
    return importlib.util.find_spec("mcp") is not None


def refuse_without_sdk(plan: Plan) -> None:
    """Raise EnvironmentFault where the plan gives tools to agents that cannot be served."""
    if plan.tools.given and not have_sdk():
        raise EnvironmentFault(
            "[tools] gives agents tools of agentdeck, and the MCP SDK is not installed",
            hint="pip install 'agentdeck[mcp]', or take [tools] out of the plan",
        )


def note_pass(run: RunFolder, plan: Plan, task: TaskId, attempt: int, folder: Path) -> ToolPass:
    """Write the pass of an attempt, unless it has one."""
    file = folder / PASS
    known = read_pass(folder)
    if known is not None:
        return known
    made = ToolPass(
        str(run.tool_socket),
        RunId(run.run),
        task,
        attempt,
        secrets.token_hex(SECRET_BYTES),
        tools_of(plan.tools.given),
        plan.tools.wait_s,
    )
    write_private(file, msgspec.json.encode(made))
    return made


def read_pass(folder: Path) -> ToolPass | None:
    """The pass of the attempt of `folder`; None where it has none that can be read."""
    return read_pass_file(folder / PASS)


def read_pass_file(file: Path) -> ToolPass | None:
    """The pass that is in a file; None where there is none."""
    try:
        with file.open("rb") as opened:
            return msgspec.json.decode(opened.read(MAX_PASS), type=ToolPass)
    except (OSError, *UNREADABLE):
        return None


def note_servers(folder: Path, named: str | None) -> str:
    """Write the file of MCP servers of an attempt: those of the file `named`, and ours.

    Raises:
        EnvironmentFault: the plan's own file cannot be read as one.
    """
    args = ["-P", "-m", "agentdeck.mcp.attempt", str(folder / PASS)]
    file = folder / SERVERS
    write_private(file, servers_text(named, sys.executable, args))
    return str(file)


def servers_text(named: str | None, command: str, args: list[str]) -> str:
    """The content of a file of MCP servers: those of the file `named`, and ours.

    Raises:
        EnvironmentFault: the plan's own file cannot be read as one.
    """
    ours = {"command": command, "args": args}
    found: Any = {"mcpServers": {}} if named is None else _read(Path(named))
    merged: Any
    if isinstance(found, list):
        merged = [*found, {"name": SERVER, **ours, "env": []}]
    else:
        merged = {**found, "mcpServers": {**found["mcpServers"], SERVER: ours}}
    return json.dumps(merged, indent=1) + "\n"


def with_tools(place: Place, adapter: Adapter, folder: Path | str) -> Place:
    """The place of an agent that is given its tools in the way that its adapter knows, if any."""
    if adapter.takes("mcp"):
        return msgspec.structs.replace(place, mcp=f"{folder}/{SERVERS}")
    return msgspec.structs.replace(place, tools=f"{folder}/{PASS}")


def _read(file: Path) -> list[Any] | Mapping[str, Any]:
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(MAX_SERVERS))
    except (OSError, ValueError, RecursionError) as error:
        raise EnvironmentFault(f"the file of MCP servers {file} cannot be read: {error}") from error
    if isinstance(found, list):
        return found
    if isinstance(found, dict) and isinstance(found.get("mcpServers", {}), dict):
        return {"mcpServers": {}, **found}
    raise EnvironmentFault(
        f"{file} holds neither a list nor a table `mcpServers`",
        hint="write it like the .mcp.json of your agent",
    )


__all__ = [
    "MCP_VARIABLE",
    "PASS",
    "SERVERS",
    "have_sdk",
    "note_pass",
    "note_servers",
    "read_pass",
    "read_pass_file",
    "refuse_without_sdk",
    "servers_text",
    "with_tools",
]
