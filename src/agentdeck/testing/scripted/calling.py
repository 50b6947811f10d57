"""The instruction that calls a tool of agentdeck, in the way in which real agents do: through MCP.

Rules: the client is a process of its own, because it needs the MCP SDK and this program no library.
"""

from __future__ import annotations

import os
import sys

from agentdeck.testing.scripted.calls import SHELL, Call
from agentdeck.testing.scripted.endings import SCRIPT, Trouble

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from agentdeck.testing.scripted.work import Work

MAX_ANSWER_BYTES = 1 << 20
CALLER = "agentdeck.testing.mcp_caller"


def _call(work: Work, words: str) -> None:
    tool, _, arguments = words.partition(" ")
    servers = os.environ.get("AGENTDECK_MCP", "")
    if not servers:
        raise Trouble(SCRIPT, "`call` needs a tool, and the plan gives none in [tools]", code=2)
    call = Call(SHELL, f"mcp__agentdeck__{tool}", arguments)

    def act() -> str:
        argv = [sys.executable, "-P", "-m", CALLER, servers, tool, arguments.strip() or "{}"]
        work.answer = _output(argv)
        return work.answer

    work.use(call, act)
    work.say(f"{tool}: {work.answer}")


def _output(argv: list[str]) -> str:
    """What a program prints; it ends by itself."""
    end, start = os.pipe()
    try:
        put = [(os.POSIX_SPAWN_DUP2, start, 1), (os.POSIX_SPAWN_CLOSE, end)]
        quiet = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[quiet, *put])
    finally:
        os.close(start)
    found = b""
    while data := os.read(end, MAX_ANSWER_BYTES):
        found = (found + data)[:MAX_ANSWER_BYTES]
    os.close(end)
    os.waitpid(pid, 0)
    return found.decode("utf-8", "replace").strip()


ACTIONS: dict[str, Callable[[Work, str], None]] = {"call": _call}
