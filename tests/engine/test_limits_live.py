"""Limits, sessions and fallbacks on real processes: what an engine makes of what agents say."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core.events import FailureClass, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.state import Account, RunState, TaskState
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.loop import Engine
from agentdeck.plans.reader import read_plan

PATIENCE_S = 60.0
MINUTE_S, DAY_S = 60.0, 86_400
A, B = TaskId("A"), TaskId("B")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    for words in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=path, check=True, capture_output=True)
    return path


class Running:
    """An engine turning in the background of a test."""

    def __init__(self, repo: Path, root: Path, text: str) -> None:
        self.folder: RunFolder = create_run(repo, read_plan(text, file="p.toml"), "", root=root)

    async def __aenter__(self) -> Engine:
        self.engine = open_engine(self.folder)
        self.task = asyncio.create_task(run_engine(self.engine))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)


def landed(repo: Path, state: RunState, name: str) -> str:
    """A file on the target."""
    show = ["git", "show", f"{state.target}:{name}"]
    return subprocess.run(show, cwd=repo, check=True, capture_output=True, text=True).stdout


# It says what it was given, and fails its first attempt.
TALKER = r"""
version = 1
[plan]
name = "talk"
[agents.talker]
output = "scripted"
command = ["sh", "-c", '''
echo '{"type":"start","session":"s-1"}'
echo '{"type":"usage","in":100,"out":10,"usd":0.5}'
echo '{"type":"result","ok":false,"cause":"turn limit","detail":"30 turns"}'
exit 1
''', "sh"]
resume = ["sh", "-c", '''
RESUMED
''', "sh", "{session}", "{prompt_file}"]
[[task]]
id = "A"
title = "Write the file"
prompt = "A BRIEF THAT IS KNOWN"
agent = "talker"
"""
GOES_ON = r"""
echo "{\"type\":\"start\",\"session\":\"$1\"}"
echo '{"type":"usage","in":40,"out":5,"usd":0.25}'
cat "$2" > told.txt
echo '{"type":"result","ok":true}'
"""
FORGOT = r"""
echo "No conversation found with session ID $1" >&2
exit 1
"""


async def test_a_retry_goes_on_in_the_session_and_is_told_only_what_is_new(
    repo: Path, tmp_path: Path
) -> None:
    """The second process resumes, reads no brief, and counts only what it used itself."""
    text = TALKER.replace("RESUMED", GOES_ON)
    async with Running(repo, tmp_path / "runs", text) as engine:
        await until(engine, lambda state: state.outcome is not None)
        state = engine.state
        assert state.outcome is Outcome.COMPLETE
        first, second = state.tasks[A].attempts
        assert (first.cause, second.resumed) == (FailureClass.TURN_LIMIT, "s-1")
        assert (second.tokens_in, second.usd) == (40, 0.25)
        told = landed(repo, state, "told.txt")
    assert "You were interrupted (turn limit):" in told
    assert "BRIEF" not in told


async def test_a_forgotten_session_is_followed_by_a_new_one_at_no_cost(
    repo: Path, tmp_path: Path
) -> None:
    """With one retry: the crash takes it, the forgotten session does not, the third decides."""
    text = TALKER.replace("RESUMED", FORGOT) + "retries = 1\n"
    async with Running(repo, tmp_path / "runs", text) as engine:
        await until(engine, lambda state: state.tasks[A].state is TaskState.FAILED)
        causes = [attempt.cause for attempt in engine.state.tasks[A].attempts]
        sessions = [attempt.resumed for attempt in engine.state.tasks[A].attempts]
    assert causes == [FailureClass.TURN_LIMIT, FailureClass.SESSION, FailureClass.TURN_LIMIT]
    assert sessions == [None, "s-1", None]


# The first says that it waits for its service, and works on when a file is there.
LIMITED = r"""
version = 1
[plan]
name = "limits"
[agents.hosted]
output = "scripted"
account = "acme"
command = ["sh", "-c", '''
if [ "$1" = A ]; then
  echo '{"type":"limit","cause":"rate limit","detail":"HTTP 429","utilization":0.9}'
  until [ -e GO ]; do sleep 0.05; done
fi
echo done > "$1.txt"
echo '{"type":"result","ok":true}'
''', "sh", "{task}"]
[defaults]
agent = "hosted"
[[task]]
id = "A"
title = "A"
[[task]]
id = "B"
title = "B"
after = "C"
[[task]]
id = "C"
title = "C"
agent = "other"
[agents.other]
output = "scripted"
command = ["sh", "-c", '''
until [ -e LIMITED ]; do sleep 0.05; done
echo done > C.txt
echo '{"type":"result","ok":true}'
''']
"""


async def test_what_a_live_agent_says_holds_back_the_others_of_its_account(
    repo: Path, tmp_path: Path
) -> None:
    """A works on; B, which could start, waits for the account until a person reopens it."""
    go, limited = tmp_path / "go", tmp_path / "limited"
    text = LIMITED.replace("GO", str(go)).replace("LIMITED", str(limited))
    async with Running(repo, tmp_path / "runs", text) as engine:
        await until(engine, lambda state: "acme" in state.accounts)
        await until(engine, lambda state: not state.accounts["acme"].open)
        limited.touch()
        await until(engine, lambda state: state.tasks[B].state is TaskState.READY)
        state = engine.state
        assert state.tasks[A].state is TaskState.WORKING
        assert state.accounts["acme"].utilization == 0.9
        assert not state.tasks[B].attempts
        await engine.submit(c.ReopenAccount("acme"))
        await until(engine, lambda state: state.tasks[B].state is TaskState.LANDED)
        assert state.tasks[A].state is TaskState.WORKING
        go.touch()
        await until(engine, lambda state: state.outcome is not None)
        assert [len(task.attempts) for task in engine.state.tasks.values()] == [1, 1, 1]


FALLBACK = r"""
version = 1
[plan]
name = "fallback"
[agents.poor]
output = "scripted"
account = "acme"
fallback = ["rich"]
command = ["sh", "-c", '''
echo '{"type":"result","ok":false,"cause":"quota","detail":"none left"}'
exit 1
''']
[agents.rich]
output = "scripted"
command = ["sh", "-c", '''
echo done > "$1.txt"
echo '{"type":"result","ok":true}'
''', "sh", "{task}"]
[defaults]
agent = "poor"
retries = 0
[[task]]
id = "A"
title = "A"
[[task]]
id = "B"
title = "B"
after = "A"
"""


async def test_another_agent_takes_over_and_the_next_task_does_not_try_in_vain(
    repo: Path, tmp_path: Path
) -> None:
    async with Running(repo, tmp_path / "runs", FALLBACK) as engine:
        await until(engine, lambda state: state.outcome is not None)
        tasks = engine.state.tasks
        assert [attempt.agent for attempt in tasks[A].attempts] == ["poor", "rich"]
        assert [attempt.agent for attempt in tasks[B].attempts] == ["rich"]
        assert tasks[B].attempts[0].why == "rich in place of poor: acme is out of quota"


# Both fall silent for good; A has told that its service keeps it waiting.
SILENT = r"""
version = 1
[plan]
name = "silence"
[agents.hosted]
output = "scripted"
account = "acme"
command = ["sh", "-c", '''
echo '{"type":"limit","cause":"rate limit","detail":"HTTP 429","resets_at":RESETS_AT}'
exec sleep 600
''']
[agents.alone]
output = "scripted"
command = ["sleep", "600"]
[defaults]
timeout = "9h"
retries = 0
[[task]]
id = "A"
title = "A"
agent = "hosted"
idle_timeout = "10m"
[[task]]
id = "B"
title = "B"
agent = "alone"
idle_timeout = "20m"
"""


async def test_silence_is_not_idleness_while_the_account_is_limited(
    repo: Path, tmp_path: Path
) -> None:
    """A may be silent for half as long as B, and outlasts it until a person reopens its account."""
    text = SILENT.replace("RESETS_AT", str(int(time.time()) + DAY_S))
    async with Running(repo, tmp_path / "runs", text) as engine:
        ahead_s = 0.0
        engine.clock = lambda: time.time() + ahead_s
        await until(engine, lambda state: not state.accounts.get("acme", Account(name="")).open)
        await until(engine, lambda state: state.tasks[B].state is TaskState.WORKING)
        ahead_s += 30 * MINUTE_S
        await until(engine, lambda state: state.tasks[B].state is TaskState.FAILED)
        assert engine.state.tasks[B].attempts[0].cause is FailureClass.IDLE
        assert engine.state.tasks[A].attempts[0].limit is None
        await engine.submit(c.ReopenAccount("acme"))
        ahead_s += 30 * MINUTE_S
        await until(engine, lambda state: state.tasks[A].state is TaskState.FAILED)
        assert engine.state.tasks[A].attempts[0].cause is FailureClass.IDLE
