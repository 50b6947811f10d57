"""A deck over a real run: an engine in a process of its own, and a `claude` that is first on PATH.

Headless (`-p`) that `claude` is the scripted agent in the voice of Claude Code; called otherwise it
is what a person would see on a screen, and leaves a file behind.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot

from agentdeck.control import blocking
from agentdeck.control.catalog import equipped
from agentdeck.control.runs import fold_run
from agentdeck.control.scratch_repo import make_repo
from agentdeck.control.source import LiveSource
from agentdeck.control.start import ensure_engine
from agentdeck.core import commands as c
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskRun, TaskState
from agentdeck.engine.agent_place import PACKAGE
from agentdeck.engine.create import create_run
from agentdeck.engine.folders import RunFolder
from agentdeck.plans.reader import read_plan
from agentdeck.tui.app import DeckApp
from agentdeck.tui.snapshot import _text

PATIENCE_S = 60.0
SCRIPTED = PACKAGE / "testing" / "scripted_agent.py"
A = TaskId("A")


def put_claude_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `claude` for engines and for people."""
    binary = folder / "bin" / "claude"
    binary.parent.mkdir()
    binary.write_text(
        "#!/bin/sh\n"
        f'case "$1" in -p) exec {sys.executable} {SCRIPTED} --speak claude "$@";; esac\n'
        'printf "%s\\n" "$@" > ../words; echo by hand > by-hand.txt\n'
    )
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", str(binary.parent), prepend=":")
    monkeypatch.setenv("AGENTDECK_USER", "kim")


def made_run(
    folder: Path,
    script: str,
    more: str = "",
    agent: str = "claude",
    *,
    task: str = "",
    root: Path | None = None,
) -> RunFolder:
    """A run of one task with this script; below `folder`, unless a root for runs is given."""
    repo = folder / "repo"
    repo.mkdir()
    make_repo(repo, {"README.md": "hello\n"})
    text = (
        f'version = 1\n[plan]\nname = "p"\n[defaults]\nagent = "{agent}"\nretries = 0\n'
        f'{more}\n[[task]]\nid = "A"\ntitle = "Ask"\n{task}\nprompt = """\n{script}\n"""\n'
    )
    return create_run(
        repo, equipped(read_plan(text, file="p.toml")), text, root=root or folder / "runs"
    )


def git(folder: RunFolder, *args: str) -> str:
    """What git says in the run's repository."""
    argv = ["git", "-C", fold_run(folder).checkout, *args]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


class LiveDeck:
    """A deck that follows an engine."""

    def __init__(self, app: DeckApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def state(self) -> RunState:
        return self.app.model.state

    @property
    def task(self) -> TaskRun:
        return self.state.tasks[A]

    @property
    def toasts(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]

    @property
    def screen(self) -> str:
        return _text(self.app)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"waited for {what}; {self.toasts}\n{self.screen}"
            await self.pilot.pause(0.02)

    async def is_in(self, state: TaskState) -> None:
        await self.until(
            lambda: A in self.state.tasks and self.task.state is state, f"a task that is {state}"
        )

    async def sees(self, words: str) -> None:
        await self.until(lambda: words in self.screen, repr(words))

    async def is_back(self) -> None:
        await self.until(lambda: self.app.screen.id == "room", "the end of the dialog")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def live_deck(
    folder: RunFolder, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[LiveDeck]:
    """The deck at work; afterwards nothing of its run is left."""
    await asyncio.to_thread(ensure_engine, folder)
    source = LiveSource(folder)
    app = DeckApp(folder, source, ascii_only=False)
    try:
        async with app.run_test(size=size) as pilot:
            yield LiveDeck(app, pilot)
    finally:
        await source.close()
        await asyncio.to_thread(end_run, folder)


def end_run(folder: RunFolder) -> None:
    """Stop what is at work, and the engine."""
    with suppress(DeckError), blocking.connect(folder) as client:
        with suppress(DeckError):
            client.send(c.EndRun())
        deadline = time.monotonic() + PATIENCE_S
        while fold_run(folder).outcome is None and time.monotonic() < deadline:
            time.sleep(0.05)
        client.stop("the test is over")
