"""The bridge as the program that the launcher starts."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.engine.acp.driven_bridge import WAIT_S, fake_agent
from tests.engine.acp.launched_bridge import Attempt

from agentdeck.engine.acp import patience
from agentdeck.engine.acp.command_line import MODULE_ARGV
from agentdeck.engine.processes import Finished
from agentdeck.engine.stop import freeze, stop, sweep, thaw

ONCE = ["reject_once", "allow_once"]


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    """One attempt; nothing of it is left after the test."""
    found = Attempt(tmp_path)
    yield found
    sweep(found.tag)


async def test_a_conversation_through_the_launcher(attempt: Attempt) -> None:
    """Asked and answered through the FIFO that whoever is the engine opens anew each time."""
    attempt.start([{"ask": ONCE}, {"stderr": "a word\n"}])
    await attempt.until("session/request_permission")
    attempt.say(type="permission", id="1", option="o1")
    assert (await attempt.exit()).code == 0
    ended = {"type": "ended", "ok": True, "cause": None, "detail": ""}
    assert attempt.messages[-1]["msg"] == ended
    text = (attempt.folder / "raw.log").read_text()
    assert "\na word\n" in text
    assert text.endswith("}\n")


async def test_without_a_fifo_it_ends_after_its_turn(attempt: Attempt) -> None:
    attempt.start([{"say": "x"}], stdin="null")
    assert (await attempt.exit()).code == 0


async def test_a_failed_turn_is_a_failed_exit_with_its_cause(attempt: Attempt) -> None:
    attempt.start([{"fail": {"code": 429, "message": "slow down"}}])
    assert (await attempt.exit()).code == 1
    ended = {"type": "ended", "ok": False, "cause": "rate limit", "detail": "slow down"}
    assert attempt.messages[-1]["msg"] == ended


async def test_modules_of_the_worktree_do_not_become_ours(attempt: Attempt) -> None:
    """It runs there, and a repository may have an `acp.py` or a `json.py` of its own."""
    for name in ("acp.py", "agentdeck.py", "json.py", "asyncio.py", "pydantic.py"):
        (attempt.worktree / name).write_text("raise SystemExit('shadowed')\n")
    attempt.start([{"say": "x"}])
    assert (await attempt.exit()).code == 0


async def test_stop_reaches_bridge_agent_and_commands(attempt: Attempt) -> None:
    """By SIGINT to the group, well before SIGKILL: the bridge still says how it ended."""
    sleeper = {"command": sys.executable, "args": ["-c", "import time; time.sleep(600)"]}
    child = attempt.start([{"call": ["terminal/create", sleeper]}, {"say": "on"}, {"hang": 1}])
    await attempt.until('"on"')
    family = psutil.Process(child.agent.pid).children(recursive=True)
    assert len(family) == 2
    outcome = await stop(child, attempt.tag)
    assert isinstance(outcome, Finished)
    assert outcome.code == 1
    assert attempt.messages[-1]["msg"]["cause"] == "stopped"
    assert not [one for one in family if one.is_running()]


async def test_a_frozen_attempt_goes_on_where_it_was(attempt: Attempt) -> None:
    child = attempt.start([{"ask": ONCE}, {"say": "on"}])
    await attempt.until("session/request_permission")
    assert len(freeze(child, attempt.tag)) == 2
    attempt.say(type="permission", id="1", option="o1")
    thaw(child, attempt.tag)
    assert (await attempt.exit()).code == 0
    answered = [found["msg"] for found in attempt.messages if found["dir"] == "client"][-1]
    assert answered["result"]["outcome"]["optionId"] == "o1"


async def test_the_agent_ends_when_the_bridge_is_killed(attempt: Attempt) -> None:
    """Its input ends with us."""
    child = attempt.start([{"hang": 1}])
    await attempt.until("session/prompt")
    (agent,) = psutil.Process(child.agent.pid).children()
    os.kill(child.agent.pid, signal.SIGKILL)
    assert (await attempt.exit()).code == -signal.SIGKILL
    await asyncio.to_thread(agent.wait, WAIT_S)


def run_bridge(*argv: str, **env: str) -> tuple[int, dict[str, Any]]:
    """A bridge on its own: its status, and its last line."""
    done = subprocess.run(
        [sys.executable, *MODULE_ARGV, *argv],
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=WAIT_S,
        check=False,
    )
    message: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["msg"]
    return done.returncode, message


def test_a_wrong_command_line_is_said_in_the_log() -> None:
    code, ended = run_bridge("--cwd", "/")
    assert code == 2
    assert (ended["type"], ended["cause"]) == ("ended", "setup")
    assert "--prompt-file" in ended["detail"]


def test_without_the_sdk_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "acp.py").write_text("raise ImportError('broken')\n")
    (tmp_path / "prompt").write_text("[]")
    argv = ["--prompt-file", str(tmp_path / "prompt"), "--cwd", str(tmp_path)]
    code, ended = run_bridge(*argv, "--", *fake_agent(), PYTHONPATH=str(tmp_path))
    assert code == 1
    assert ended["cause"] == "setup"
    assert "pip install 'agentdeck[acp]'" in ended["detail"]


def test_the_sdk_is_imported_by_the_bridge_alone_and_after_the_agent_was_started() -> None:
    """It takes seconds, and an installation without it must still run other agents."""
    code = (
        "import sys, agentdeck.engine.acp.bridge, agentdeck.engine.performer;"
        "print([name for name in ('acp', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_waiting_is_counted_in_short_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that minutes of being frozen pass as one of them."""
    slept: list[float] = []

    async def wait(_tasks: Any, timeout: float) -> None:
        slept.append(timeout)

    monkeypatch.setattr("agentdeck.engine.acp.patience.asyncio.wait", wait)
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert not await patience.settles(4.5 * patience.TICK_S, never)
    assert sum(slept) == 4.5 * patience.TICK_S
    assert max(slept) == patience.TICK_S


async def test_what_takes_too_long_is_cancelled() -> None:
    work: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError):
        await patience.within(0.01, work)
    assert work.cancelled()
