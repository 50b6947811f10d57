"""Real agents call tools of agentdeck: the server is theirs, the model is scripted."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.docs.blocks import blocks_of, text_of
from tests.real_agents.trials import PATIENCE_S, Trial

from agentdeck.control.tool_server import ToolServer
from agentdeck.core import commands as c
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.create import open_engine, run_engine
from agentdeck.engine.folders import RunFolder

pytestmark = [pytest.mark.real_agents, pytest.mark.timeout(600)]

A = TaskId("A")
TOOLS = '[tools]\nask_person = "allow"\n'


async def _turn(folder: RunFolder) -> RunState:
    """Until the run has ended; whoever asks through a tool is answered in words."""
    engine = open_engine(folder)
    server = ToolServer(engine, folder)
    await server.start()
    turning = asyncio.create_task(run_engine(engine))
    try:
        async with asyncio.timeout(PATIENCE_S):
            while engine.state.outcome is None and engine.state.tasks[A].cause is None:
                attempt = engine.state.tasks[A].attempt
                if attempt is not None and attempt.questions:
                    assert attempt.questions[0].by_tool
                    await engine.submit(c.Answer(A, text="teal", by="kim"))
                await engine.wait_past(engine.state.seq, 1.0)
    finally:
        engine.stop("the trial is over")
        await asyncio.wait_for(turning, 60.0)
        await server.close()
    return engine.state


@pytest.mark.parametrize("agent", ["claude", "claude-acp", "codex", "opencode-acp", "gemini-acp"])
def test_it_asks_a_person_through_its_tool_and_goes_on_with_the_answer(
    trial: Callable[[str, str], Trial], agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trial(agent, "asks")
    monkeypatch.setattr(made, "_turn", lambda folder, _: _turn(folder))
    state = made.run({"A": ""}, more=TOOLS)
    assert state.tasks[A].state is TaskState.LANDED, state.tasks[A].reason
    assert made.landed(state, "A.txt") == "teal\n"


def test_claude_code_connects_to_the_server_that_the_docs_tell_it_of(
    trial: Callable[[str, str], Trial], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line of docs/mcp.md, typed as it stands there; its own check then finds the server."""
    made = trial("claude", "works")
    [line] = [
        block.text
        for block in blocks_of("docs/mcp.md", text_of("docs/mcp.md"))
        if block.text.startswith("claude mcp add")
    ]
    bin_folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    plan = made.repo / "plan.toml"
    plan.write_text('version = 1\n[plan]\nname = "p"\n[[task]]\nid = "A"\nprompt = "! write a"\n')
    _said(made.repo, "agentdeck", "run", "plan.toml", "--agent", "scripted", "--headless")
    words = shlex.split(line.replace("/path/to/repository", str(made.repo)))
    assert "Added stdio MCP server agentdeck" in _said(tmp_path, *words)
    assert "Connected" in _said(tmp_path, "claude", "mcp", "list")


def _said(folder: Path, *words: str) -> str:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
