"""Real agents driven by the bridge, against a model of our own on loopback.

Skipped where an agent is not installed, see `install.sh`. Each gets a home of its own and no way
out of the machine.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.acp.launched_bridge import Attempt
from tests.real_agents.model_api import LAST_WORD, ModelApi
from tests.real_agents.trials import MISSING, search_path

from agentdeck.engine.stop import sweep

# Seconds; opencode needs 40 for a turn on a busy machine.
pytestmark = [pytest.mark.real_agents, pytest.mark.timeout(900)]

WAIT_S = 240.0  # a bound for one attempt
CONTENT = "hello from the model\n"
NOWHERE = "http://127.0.0.1:9"  # a proxy that refuses: nothing leaves the machine
QUIET = {
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1",
    "IS_SANDBOX": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
}
AGENTS = {"opencode": ("opencode", "acp"), "claude-agent-acp": ("claude-agent-acp",)}


def opencode_config(api: ModelApi) -> str:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{api.url}/v1", "apiKey": "none"},
        "models": {"one": {"limit": {"context": 100_000, "output": 8000}}},
    }
    config = {"model": "own/one", "permission": {"*": "ask"}, "provider": {"own": provider}}
    return json.dumps(config)


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The command of an agent that is installed."""
    argv = AGENTS[request.param]
    if shutil.which(argv[0], path=search_path()) is None:
        pytest.skip(MISSING.format(argv[0]))
    return argv


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ModelApi]:
    with ModelApi(str(tmp_path / "worktree" / "hello.txt"), CONTENT) as found:
        yield found


@pytest.fixture
def begin(tmp_path: Path, api: ModelApi) -> Iterator[Callable[[str], Attempt]]:
    """`begin(name)`: an attempt with a home that all of this test share."""
    begun: list[Attempt] = []
    home, scratch = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    scratch.mkdir()

    def make(name: str) -> Attempt:
        one = Attempt(tmp_path, name, **QUIET)
        one.wait_s = WAIT_S
        one.env |= {"HOME": str(home), "TMPDIR": str(scratch), "PATH": search_path()}
        one.env |= {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "none"}
        one.env |= {"OPENCODE_CONFIG_CONTENT": opencode_config(api)}
        begun.append(one)
        return one

    yield make
    for one in begun:
        sweep(one.tag)


def asked(attempt: Attempt) -> dict[str, Any]:
    """The first permission request."""
    return next(
        found["msg"]
        for found in attempt.messages
        if found["msg"].get("method") == "session/request_permission"
    )


def updates(attempt: Attempt) -> list[dict[str, Any]]:
    messages = [found["msg"] for found in attempt.messages]
    return [m["params"]["update"] for m in messages if m.get("method") == "session/update"]


async def test_it_writes_a_file_when_it_is_allowed_to(
    agent: tuple[str, ...], begin: Callable[[str], Attempt]
) -> None:
    """Session, tool calls, a permission asked and given over the FIFO, the file, the end."""
    one = begin("one")
    one.start_agent(agent, "Create hello.txt")
    await one.until("session/request_permission")
    request = asked(one)
    options = {option["kind"]: option["optionId"] for option in request["params"]["options"]}
    one.say(type="permission", id=str(request["id"]), option=options["allow_once"])
    assert (await one.exit()).code == 0, one.text
    assert (one.worktree / "hello.txt").read_text() == CONTENT
    kinds = {update["sessionUpdate"] for update in updates(one)}
    assert {"tool_call", "tool_call_update", "agent_message_chunk"} <= kinds
    assert LAST_WORD in one.text
    assert one.messages[-1]["msg"]["ok"] is True


async def test_a_cancelled_session_is_taken_up_again(
    agent: tuple[str, ...], begin: Callable[[str], Attempt], api: ModelApi
) -> None:
    """Cancelled while it asks: nothing is written. Then it remembers what it was told."""
    one = begin("one")
    one.start_agent(agent, "Create hello.txt, please")
    await one.until("session/request_permission")
    one.say(type="cancel")
    assert (await one.exit()).code == 1
    assert one.messages[-1]["msg"]["cause"] == "stopped", one.text
    assert not (one.worktree / "hello.txt").exists()
    api.bodies.clear()
    two = begin("two")
    session = asked(one)["params"]["sessionId"]
    two.start_agent(agent, "Go on", session=session, permissions="allow")
    assert (await two.exit()).code == 0, two.text
    assert (two.worktree / "hello.txt").read_text() == CONTENT
    assert any("Create hello.txt, please" in body and "Go on" in body for body in api.bodies)
