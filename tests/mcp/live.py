"""A run with an engine of its own, for tests of tools and of `agentdeck mcp`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agentdeck.control import blocking, start
from agentdeck.control.creating import create_run
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.testing.settling import settle

A = TaskId("A")
HEAD = 'version = 1\n[plan]\nname = "tools"\n[defaults]\nagent = "scripted"\nretries = 0\n'


def plan_text(script: str, *, tools: str = "", more: str = "") -> str:
    """A plan of one task with a script."""
    table = f"[tools]\n{tools}\n" if tools else ""
    task = f'[[task]]\nid = "A"\ntitle = "First"\nfiles = ["a/"]\nprompt = """\n{script}\n"""\n'
    return f"{HEAD}{table}{task}{more}"


@contextmanager
def running(tmp_path: Path, text: str) -> Iterator[RunFolder]:
    """A run of the plan; its engine and agents are ended afterwards."""
    repo = tmp_path / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    folder = create_run(repo, read_plan(text, file="tools.toml"), text)
    start.ensure_engine(folder)
    try:
        yield folder
    finally:
        with suppress(DeckError):
            start.ensure_engine(folder)
            with blocking.connect(folder) as client:
                if fold_run(folder).outcome is None:
                    client.send(c.EndRun())
                    settle(lambda: fold_run(folder).outcome is not None, "the end of the run")
                client.stop("the test is over")


def state_of(folder: RunFolder) -> RunState:
    return fold_run(folder)


def reaches(folder: RunFolder, task: str, state: TaskState) -> None:
    def there() -> bool:
        return fold_run(folder).tasks[TaskId(task)].state is state

    def what() -> str:
        found = fold_run(folder).tasks[TaskId(task)]
        return f"{task} to be {state}; it is {found.state}: {found.reason}"

    settle(there, what)


def send(folder: RunFolder, *commands: c.AnyCommand) -> None:
    with blocking.connect(folder) as client:
        for command in commands:
            client.send(command)


def landed_file(folder: RunFolder, path: str) -> str:
    """A file of what has landed."""
    state = fold_run(folder)
    argv = ["git", "--git-dir", state.repo, "show", f"{state.target}:{path}"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
