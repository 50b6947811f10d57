"""The tools of an agent as its server offers them; their arguments are in `core.tool_calls`."""

from __future__ import annotations

from typing import Final

from agentdeck.core.tool_calls import ARGUMENTS
from agentdeck.mcp.offered import Offered

OFFERED: Final = {
    name: Offered(
        name,
        arguments,
        reads_only=name == "wait_for_answer",
        idempotent=name not in ("ask_person", "propose_task"),
        at_once=True,
    )
    for name, arguments in ARGUMENTS.items()
}

__all__ = ["OFFERED"]
