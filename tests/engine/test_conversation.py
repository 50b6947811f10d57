"""Speaking to real processes: the prompt, messages, the end, and engines that die in between."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.turning import until

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.events import Recorded
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Defaults, Plan, Task
from agentdeck.core.state import Attempt, RunState, TaskState
from agentdeck.engine import said, watching
from agentdeck.engine.create import create_run, open_engine, run_engine
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import Journal
from agentdeck.engine.loop import Engine

A = TaskId("A")
PATIENCE_S = 60.0
FAKE = Path(__file__).with_name("talking_agent.py")
CLAUDE = Adapter("talker", output="claude", input=Input.CLAUDE)


def git(repo: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    path.mkdir()
    git(path, "init", "--quiet")
    (path / "README").write_text("hello\n")
    git(path, "add", "-A")
    git(path, "commit", "--quiet", "-m", "first")
    return path


def talker(tmp_path: Path, prompt: str, **fields: object) -> Plan:
    """A plan of one task, done by the fake; what it hears is kept in `heard`."""
    agent = Agent(
        AgentName("talker"),
        command=(sys.executable, str(FAKE)),
        env={"HEARD": str(tmp_path / "heard")},
        adapter=CLAUDE,
    )
    defaults = Defaults(agent=AgentName("talker"), retries=0)
    task = Task(A, "Talk", prompt)
    return Plan("p", (task,), agents=(agent,), defaults=defaults, **fields)  # type: ignore[arg-type]


def heard(tmp_path: Path) -> list[str]:
    """What the fake was told, the oldest first."""
    file = tmp_path / "heard"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


class Running:
    """An engine turning in the background of a test; `kill` is what a crash leaves."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder

    async def __aenter__(self) -> Engine:
        self.engine = open_engine(self.folder)
        self.task = asyncio.create_task(run_engine(self.engine))
        return self.engine

    async def __aexit__(self, *_: object) -> None:
        self.engine.stop("test")
        await asyncio.wait_for(self.task, PATIENCE_S)


def attempt(state: RunState) -> Attempt:
    found = state.tasks[A].attempt
    assert found is not None
    return found


def ended(state: RunState) -> bool:
    return state.outcome is not None


def history(folder: RunFolder) -> list[Recorded]:
    journal = Journal(folder.journal)
    try:
        return list(journal.history())
    finally:
        journal.close()


def kinds(folder: RunFolder, *wanted: type[e.Event]) -> list[type[e.Event]]:
    return [type(r.event) for r in history(folder) if isinstance(r.event, wanted)]


async def test_an_agent_is_given_its_prompt_and_ends_when_its_input_is_closed(
    repo: Path, tmp_path: Path
) -> None:
    """One turn: prompt, result, closed input, exit 0, landed. Nobody had to stop it."""
    folder = create_run(repo, talker(tmp_path, "! write f x\n! commit"), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, ended)
        state = engine.state
    assert state.tasks[A].state is TaskState.LANDED
    found = attempt(state).exit
    assert found is not None
    assert (found.code, found.ok) == (0, True)
    assert len(heard(tmp_path)) == 1
    assert "! write f x" in heard(tmp_path)[0]
    order = (e.AttemptLaunched, e.MessageDelivered, e.TurnEnded, e.InputClosed, e.AttemptExited)
    assert kinds(folder, *order) == list(order)


async def test_a_prompt_larger_than_a_pipe_comes_whole(repo: Path, tmp_path: Path) -> None:
    """A pipe holds 64 KiB; the engine goes on while more than that is written."""
    prompt = "! write f x\n" + "x" * 55_000 + "\N{SNOWMAN}" * 4_000 + "\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, ended)
        state = engine.state
    assert state.tasks[A].state is TaskState.LANDED
    assert heard(tmp_path) == [(folder.attempt(A, 1) / "prompt.md").read_text()]
    assert len(heard(tmp_path)[0].encode()) > 65_536


async def test_what_is_said_in_a_turn_is_part_of_it(repo: Path, tmp_path: Path) -> None:
    """It is heard while the agent works, and no turn of its own is waited for."""
    prompt = "! write f x\n! say I am at it\n! sleep 3\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
        await engine.submit(c.Steer(A, "and mind the tests"))
        await until(engine, ended)
        state = engine.state
    assert state.tasks[A].state is TaskState.LANDED
    assert heard(tmp_path)[1:] == ["and mind the tests"]
    assert attempt(state).turns == 1
    assert len(state.tasks[A].attempts) == 1


async def test_what_is_said_after_the_result_is_a_further_turn(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The input is closed after the second turn, not in the middle of it."""
    from agentdeck.engine import conversation

    monkeypatch.setattr(conversation, "TURN_MAY_FOLLOW_S", 3.0)
    prompt = "! write f x\n! say I am at it\n! sleep 1\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
        await engine.submit(c.Steer(A, "first"))  # so that the input is not closed at once
        await until(engine, lambda s: attempt(s).turns == 1)
        await engine.submit(c.Steer(A, "! write g y\n! sleep 4\n! commit"))
        await until(engine, ended)
        state = engine.state
    assert len(state.tasks[A].attempts) == 1
    assert attempt(state).turns == 2
    assert git(repo, "show", f"{state.target}:g") == "y"
    assert kinds(folder, e.TurnEnded, e.InputClosed) == [e.TurnEnded, e.TurnEnded, e.InputClosed]


async def test_what_is_said_just_before_the_result_is_a_further_turn_too(
    repo: Path, tmp_path: Path
) -> None:
    """The agent reads it after its result; its input stays open for what it asks then."""
    prompt = "! write f x\n! say I am at it\n! busy 1\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
        await engine.submit(c.Steer(A, "! write g y\n! sleep 2\n! commit"))
        await until(engine, ended)
        state = engine.state
    assert git(repo, "show", f"{state.target}:g") == "y"
    told = (e.TurnEnded, e.TurnBegan, e.InputClosed)
    assert kinds(folder, *told) == [e.TurnEnded, e.TurnBegan, e.TurnEnded, e.InputClosed]


async def test_an_engine_that_comes_back_goes_on_with_the_conversation(
    repo: Path, tmp_path: Path
) -> None:
    """The prompt is not said again, the result is heard, the input is closed."""
    prompt = "! write f x\n! say I am at it\n! sleep 2\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
    async with asyncio.timeout(PATIENCE_S):
        while '"result"' not in (folder.attempt(A, 1) / "raw.log").read_text():
            await asyncio.sleep(0.05)
    async with Running(folder) as engine:
        await until(engine, ended)
        state = engine.state
    assert state.tasks[A].state is TaskState.LANDED
    assert len(heard(tmp_path)) == 1
    assert attempt(state).turns == 1


async def test_a_result_that_was_heard_is_not_heard_as_another_one(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine goes between the result and the closed input: the next one counts one turn."""
    from agentdeck.engine import conversation

    monkeypatch.setattr(conversation, "TURN_MAY_FOLLOW_S", 600.0)
    prompt = "! write f x\n! say I am at it\n! sleep 1\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
        await engine.submit(c.Steer(A, "go on"))
        await until(engine, lambda s: attempt(s).turns == 1)
    monkeypatch.setattr(conversation, "TURN_MAY_FOLLOW_S", 0.1)
    async with Running(folder) as engine:
        await until(engine, ended)
        state = engine.state
    assert (attempt(state).turns, state.tasks[A].state) == (1, TaskState.LANDED)
    assert kinds(folder, e.TurnEnded) == [e.TurnEnded]


async def test_a_turn_that_never_comes_is_not_waited_for(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was said was taken into the turn that ended, and recorded after its end."""
    monkeypatch.setattr(watching, "TURN_BEGINS_S", 0.3)
    from agentdeck.engine import conversation, here

    monkeypatch.setattr(conversation, "TURN_MAY_FOLLOW_S", 2.0)
    prompt = "! write f x\n! say I am at it\n! sleep 1\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
        await engine.submit(c.Steer(A, "one"))
        await until(engine, lambda s: attempt(s).turns == 1)
        # As if it had been written before the end, by an engine that did not live to say so.
        with pytest.MonkeyPatch.context() as written:
            written.setattr(here, "say", lambda *_, **__: None)
            await engine.submit(c.Steer(A, "two"))
            await until(engine, lambda s: attempt(s).messages[1].delivered)
        await until(engine, ended)
        state = engine.state
    assert heard(tmp_path)[1:] == ["one"]
    assert state.tasks[A].state is TaskState.LANDED


async def test_what_comes_too_late_for_the_closed_input_is_told_with_the_next_turn(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The input was closed by an engine that did not live to record it."""
    prompt = "! write f x\n! say I am at it\n! sleep 2\n! commit"
    folder = create_run(repo, talker(tmp_path, prompt), "", root=tmp_path / "runs")
    async with Running(folder) as engine:
        await until(engine, lambda s: bool(s.tasks[A].attempts) and attempt(s).message != "")
        said.note_closed(folder.attempt(A, 1))
        await engine.submit(c.Steer(A, "! write g y"))
        await until(engine, lambda s: attempt(s).input_closed)
        from agentdeck.engine.agent_stdin import close_stdin
        from agentdeck.engine.processes import read_child

        child = read_child(folder.attempt(A, 1))
        assert child is not None
        close_stdin(child)
        await until(engine, ended)
        state = engine.state
    assert len(state.tasks[A].attempts) == 2
    assert "! write g y" in (folder.attempt(A, 2) / "prompt.md").read_text()
