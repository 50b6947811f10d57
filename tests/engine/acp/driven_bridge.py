"""A bridge in this process, talking to a fake agent that is a real process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agentdeck.engine.acp.bridge import run
from agentdeck.engine.acp.command_line import Options
from agentdeck.engine.acp.outcome import Outcome
from agentdeck.engine.acp.raw_log import RawLog

FAKE_AGENT = Path(__file__).with_name("fake_agent.py")
WAIT_S = 60.0  # a bound, not a wish: two shared cores can be slow
Steps = list[dict[str, Any]]


def fake_agent(**options: Any) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", str(FAKE_AGENT), json.dumps(options))


class Drive:
    """One bridge: what it logs, and what is said to it."""

    def __init__(self, folder: Path, steps: Steps | str, **options: Any) -> None:
        self.worktree = folder / "worktree"
        self.worktree.mkdir(exist_ok=True)
        self.log_file = folder / "raw.log"
        prompt = folder / "prompt.md"
        prompt.write_text(steps if isinstance(steps, str) else json.dumps(steps))
        options.setdefault("agent", fake_agent())
        self.options = Options(prompt_file=prompt, cwd=self.worktree, **options)
        self._stdin, self._control = os.pipe()
        self._fd = os.open(self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.task = asyncio.ensure_future(
            run(self.options, RawLog(self._fd, time.monotonic), self._stdin)
        )

    def say(self, **line: Any) -> None:
        self.write(json.dumps(line).encode() + b"\n")

    def write(self, data: bytes) -> None:
        os.write(self._control, data)

    def end_input(self) -> None:
        os.close(self._control)
        self._control = -1

    @property
    def lines(self) -> list[bytes]:
        return self.log_file.read_bytes().splitlines()

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What is in the log as an envelope; every such line is whole."""
        return [json.loads(line) for line in self.lines if line.startswith(b'{"dir"')]

    def of(self, direction: str) -> list[dict[str, Any]]:
        return [found["msg"] for found in self.messages if found["dir"] == direction]

    @property
    def said(self) -> list[str]:
        """The texts of the agent's messages."""
        found = [message.get("params", {}) for message in self.of("agent") if "id" not in message]
        updates = [params["update"] for params in found if "update" in params]
        return [u["content"]["text"] for u in updates if isinstance(u, dict) and "content" in u]

    @property
    def notes(self) -> list[str]:
        return [found["text"] for found in self.of("bridge") if found["type"] == "note"]

    def sent(self, method: str) -> list[dict[str, Any]]:
        """Parameters of our requests of one method."""
        return [found["params"] for found in self.of("client") if found.get("method") == method]

    async def seen(self, condition: Callable[[Drive], Any]) -> None:
        """Wait until something is in the log."""
        async with asyncio.timeout(WAIT_S):
            while not condition(self):
                assert not self.task.done(), self.log_file.read_text()
                await asyncio.sleep(0.01)

    async def asked(self, number: int = 1) -> None:
        """Wait until the agent has asked for so many permissions."""
        await self.seen(lambda d: len(requests(d.of("agent"))) >= number)

    async def outcome(self) -> Outcome:
        return await asyncio.wait_for(self.task, WAIT_S)

    async def close(self) -> None:
        if self._control >= 0:
            self.end_input()
        self.task.cancel()
        await asyncio.wait({self.task})
        os.close(self._fd)


def requests(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [m for m in messages if m.get("method") == "session/request_permission"]


Begin = Callable[..., Drive]
