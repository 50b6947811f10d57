"""A simulated run in the real deck: it ends, keys work, and the screen says what it is."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest
from textual.pilot import Pilot

from agentdeck.control import simulated
from agentdeck.control.simulated import MAX_TICK_S, SimulatedSource
from agentdeck.core.events import Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.testing.builders import plan, task
from agentdeck.tui.app import DeckApp
from agentdeck.tui.palette import DeckCommands
from agentdeck.tui.snapshot import _text
from agentdeck.tui.widgets.task_pane import TaskPane

START: Final = 1_000_000.0
A, B, C = TaskId("A"), TaskId("B"), TaskId("C")
WAIT_S: Final = 30.0
PLAN: Final = plan(
    task("A src/a.py", estimate_s=100.0),
    task("B<A", estimate_s=50.0),
    task("C<B", estimate_s=50.0),
    name="small",
)


class Played:
    """A deck over a simulation whose real time a test moves."""

    def __init__(self, of: Plan) -> None:
        self.real = 0.0
        self.looks = 0
        self.source = SimulatedSource(of, speed=10.0, started_at=START, real=self.look)
        self.app = DeckApp(self.source.folder, self.source, simulation=self.source)
        self.pilot: Pilot[None] | None = None

    def look(self) -> float:
        self.looks += 1
        return self.real

    @property
    def state(self) -> RunState:
        return self.app.model.state

    async def pass_virtual(self, seconds: float) -> None:
        """Let so much virtual time pass on the screen."""
        for _ in range(round(seconds / (MAX_TICK_S * self.source.speed))):
            self.real += MAX_TICK_S
            looks, until = self.looks, time.monotonic() + WAIT_S
            while self.looks <= looks:
                assert time.monotonic() < until
                await asyncio.sleep(0.002)

    async def press(self, *keys: str) -> None:
        assert self.pilot is not None
        await self.pilot.press(*keys)
        await self.pilot.pause()
        commands = [worker for worker in self.app.workers if worker.group == "commands"]
        if commands:  # an empty list would mean all workers, and the one that follows never ends
            await self.app.workers.wait_for_complete(commands)
        await self.pass_virtual(5)

    async def screen(self) -> str:
        assert self.pilot is not None
        self.app.draw()
        await self.pilot.pause()
        return _text(self.app)

    @property
    def toasts(self) -> list[str]:
        return [notification.message for notification in self.app._notifications]


@asynccontextmanager
async def played(
    monkeypatch: pytest.MonkeyPatch, of: Plan = PLAN, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[Played]:
    monkeypatch.setattr(simulated, "TICK_S", 0.002)
    run = Played(of)
    try:
        async with run.app.run_test(size=size, notifications=True) as pilot:
            run.pilot = pilot
            await run.pass_virtual(5)
            yield run
    finally:
        await run.source.close()


async def test_a_small_plan_plays_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run completes in its 200 virtual seconds, and the header says how long it took."""
    async with played(monkeypatch) as run:
        await run.pass_virtual(220)
        assert run.state.outcome is Outcome.COMPLETE
        assert run.state.finished_at == START + 200
        header = (await run.screen()).splitlines()[0]
        assert "complete" in header
        assert "took 03:20" in header


async def test_the_header_says_that_nothing_is_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """On any screen, and before anything else."""
    async with played(monkeypatch, size=(80, 24)) as run:
        assert (await run.screen()).startswith("  simulated, 10x ")
        run.source.change_speed(60)
        assert (await run.screen()).startswith("  simulated, 600x ")


async def test_the_screen_shows_virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 60 virtual seconds the agent has worked for a minute, whatever a real clock says."""
    async with played(monkeypatch) as run:
        await run.pass_virtual(55)
        run.app.room.select(A)
        screen = await run.screen()
        assert "01:00" in screen
        assert "A works for 60 s" in screen


async def test_a_pause_freezes_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with played(monkeypatch) as run:
        run.app.room.select(A)
        await run.press("space")
        assert run.state.tasks[A].state is TaskState.PAUSED
        await run.pass_virtual(500)
        assert run.state.tasks[A].state is TaskState.PAUSED
        await run.press("space")
        await run.pass_virtual(110)
        assert run.state.tasks[A].state is TaskState.LANDED


async def test_a_skip_is_asked_and_done(monkeypatch: pytest.MonkeyPatch) -> None:
    async with played(monkeypatch) as run:
        run.app.room.select(B)
        await run.press("s")
        await run.press("enter")
        assert run.state.tasks[B].state is TaskState.SKIPPED
        assert run.state.tasks[C].state is TaskState.WORKING


async def test_what_cannot_be_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """No promotion, no branch to copy, and the diff tab says why it is empty."""
    async with played(monkeypatch) as run:
        await run.pass_virtual(220)
        run.app.room.select(A)
        await run.press("M")
        assert run.toasts == ["The run is simulated: nothing has landed anywhere."]
        await run.press("c")
        assert run.toasts == ["The run is simulated: there are no branches."]
        await run.press("d")
        assert "This run is simulated: no file" in await run.screen()


async def test_the_log_is_there_and_says_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    async with played(monkeypatch) as run:
        run.app.room.select(A)
        await run.pass_virtual(90)
        run.app.room.query_one(TaskPane).tick()
        screen = await run.screen()
        assert "[simulated] A: Do A" in screen
        assert "[simulated] edits src/a.py" in screen


async def test_the_speed_is_changed_by_the_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first two rows; a deck without a simulation has none of them."""
    async with played(monkeypatch) as run:
        commands = DeckCommands(run.app.room)
        faster, slower, other = list(commands.rows())[:3]
        assert (faster.text, slower.text) == ("Faster simulation", "Slower simulation")
        faster.run()
        assert (await run.screen()).startswith("  simulated, 20x ")
        slower.run()
        slower.run()
        assert run.source.speed == 5
        run.app.simulation = None
        assert next(commands.rows()).text == other.text


# --- in a terminal -------------------------------------------------------------------------------

TERMINAL_PLAN: Final = """
version = 1
[plan]
name = "shown"
[[task]]
id = "FIRST"
title = "The first task"
prompt = "a"
estimate = "2h"
[[task]]
id = "SECOND"
title = "The second task"
prompt = "b"
after = ["FIRST"]
estimate = "1h"
"""


class Terminal:
    """A tmux server of its own, with a simulation in a folder that is no repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._server = f"sim-{os.getpid()}-{time.monotonic_ns()}"
        self._env = {**os.environ, "TMUX_TMPDIR": str(folder), "TMPDIR": str(folder / "tmp")}
        (folder / "tmp").mkdir()

    def tmux(self, *args: str) -> str:
        argv = ["tmux", "-u", "-L", self._server, "-f", "/dev/null", *args]
        done = subprocess.run(
            argv, env=self._env, capture_output=True, text=True, timeout=WAIT_S, check=True
        )
        return done.stdout

    def start(self, *words: str) -> None:
        argv = [sys.executable, "-m", "agentdeck", "-C", str(self.folder), "simulate", *words]
        outer = '"$@"; echo "left with $?"; exec cat'
        self.tmux("new-session", "-d", "-x", "120", "-y", "36", "sh", "-c", outer, "sh", *argv)

    def wait(self, words: str) -> str:
        deadline = time.monotonic() + WAIT_S
        while not re.search(words, screen := self.tmux("capture-pane", "-p")):
            assert time.monotonic() < deadline, f"waited for {words} in\n{screen}"
            time.sleep(0.03)
        return screen


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "plan.toml").write_text(TERMINAL_PLAN)
    found = Terminal(tmp_path)
    yield found
    with suppress(subprocess.CalledProcessError):
        found.tmux("kill-server")


@pytest.mark.tmux
def test_it_plays_in_a_terminal_and_leaves_nothing(terminal: Terminal) -> None:
    """Three hours pass in a few seconds; keys work; after `q` no file of it is left."""
    terminal.start("plan.toml", "--speed", "2000")
    first = terminal.wait("simulated, 2,000x")
    assert "shown" in first.splitlines()[0]
    terminal.wait(r"\[simulated\] FIRST: The first task")
    assert list((terminal.folder / "tmp").glob("agentdeck-simulate-*"))
    last = terminal.wait("complete.*2/2.*took 3h00")
    assert last.count("\u2714") >= 3, last
    terminal.tmux("send-keys", "q")
    left = terminal.wait("left with 0")
    assert "The simulation is over; nothing was touched." in left
    assert not list((terminal.folder / "tmp").glob("agentdeck-simulate-*"))


@pytest.mark.tmux
def test_a_paused_run_stands_still_in_a_terminal(terminal: Terminal) -> None:
    terminal.start("plan.toml", "--speed", "100")
    terminal.wait("1 working")
    terminal.tmux("send-keys", "space")
    terminal.wait("paused by you; its processes are frozen")
    terminal.tmux("send-keys", "q")
    terminal.wait("left with 0")


async def test_u_takes_back_what_was_done_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """One step a press, many at once as one; what has no way back is named, then the one before."""
    async with played(monkeypatch) as run:
        assert run.app.room.context.deck.undoes == ""
        await run.press("u")
        assert "nothing here that can be taken back" in run.toasts[-1]
        limit = run.state.agents_limit
        await run.press("g", "home", "plus", "P", "V", "V", "h")
        assert (run.state.agents_limit, run.state.paused) == (limit + 1, True)
        held = [task.id for task in run.state.tasks.values() if task.held]
        assert len(held) > 1
        await run.press("u")
        assert not any(task.held for task in run.state.tasks.values())
        await run.press("u", "u")
        assert (run.state.agents_limit, run.state.paused) == (limit, False)
        assert f"Taken back: {limit + 1} agents at once." in run.toasts
        await run.press("escape", "home", "P", "x", "left", "enter")
        await run.press("u")
        assert (
            run.toasts[-1]
            == "Stop A has no way back. Before it: pause run; once more takes that back."
        )
        await run.press("u")
        assert not run.state.paused
