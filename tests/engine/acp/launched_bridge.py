"""A bridge below a launcher, as the engine starts it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tests.engine.acp.driven_bridge import WAIT_S, Steps, fake_agent

from agentdeck.engine.acp.command_line import Options, bridge_argv
from agentdeck.engine.agent_stdin import write_stdin
from agentdeck.engine.environment import TAG_VARIABLE
from agentdeck.engine.processes import Child, Finished, launch, read_exit

Stdin = Literal["null", "fifo"]


class Attempt:
    """A bridge below a launcher, in a folder as the engine makes it."""

    def __init__(self, folder: Path, name: str = "attempt", **env: str) -> None:
        self.folder = folder / name
        self.worktree = folder / "worktree"
        self.worktree.mkdir(exist_ok=True)
        self.env = env
        self.wait_s = WAIT_S
        self.tag = f"tag-{folder.name}-{os.getpid()}"

    def start(self, steps: Steps, stdin: Stdin = "fifo", **agent: Any) -> Child:
        """With the fake agent, and its steps as the prompt."""
        return self.start_agent(fake_agent(**agent), json.dumps(steps), stdin)

    def start_agent(
        self, agent: Sequence[str], prompt: str, stdin: Stdin = "fifo", **options: Any
    ) -> Child:
        """With any agent, in the environment of this process and `self.env`."""
        file = self.folder.with_suffix(".prompt")
        file.write_text(prompt)
        chosen = Options(prompt_file=file, cwd=self.worktree, agent=tuple(agent), **options)
        env = {**os.environ, **self.env, TAG_VARIABLE: self.tag}
        argv = bridge_argv(sys.executable, chosen)
        return launch(self.folder, argv, self.worktree, env, stdin=stdin)

    def say(self, **line: Any) -> None:
        write_stdin(self.folder, json.dumps(line).encode() + b"\n")

    @property
    def text(self) -> str:
        return (self.folder / "raw.log").read_text()

    @property
    def messages(self) -> list[dict[str, Any]]:
        lines = self.text.split("\n")
        return [json.loads(line) for line in lines[:-1] if line.startswith('{"dir"')]

    async def until(self, word: str) -> None:
        async with asyncio.timeout(self.wait_s):
            while word not in self.text:
                assert read_exit(self.folder) is None, self.text
                await asyncio.sleep(0.02)

    async def exit(self) -> Finished:
        async with asyncio.timeout(self.wait_s):
            while (found := read_exit(self.folder)) is None:
                await asyncio.sleep(0.02)
        return found
