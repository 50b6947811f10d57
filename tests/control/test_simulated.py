"""A simulated run as a source of events: its time, its folder, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import pytest

from agentdeck.control import simulated
from agentdeck.control.simulated import (
    MAX_SPEED,
    MAX_TICK_S,
    MIN_SPEED,
    SimulatedSource,
    fitting_speed,
)
from agentdeck.core import commands as c
from agentdeck.core.decide import Refused
from agentdeck.core.errors import EnvironmentFault, NotFoundError
from agentdeck.core.events import Outcome, Recorded
from agentdeck.core.fold import fold
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Defaults, Land, Plan
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.times import TaskTimes, Try
from agentdeck.testing.builders import plan, task

START: Final = 1_000_000.0
A, B = TaskId("A"), TaskId("B")
PLAN: Final = plan(task("A src/a.py", estimate_s=100.0), task("B<A", estimate_s=50.0))


class Watch:
    """Real time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source looks at its watch all the time."""
    monkeypatch.setattr(simulated, "TICK_S", 0.001)


class Played:
    """A source that is followed, and the state that its events fold into."""

    def __init__(self, source: SimulatedSource, watch: Watch) -> None:
        self.source, self.watch = source, watch
        self.history: list[Recorded] = []

    @property
    def state(self) -> RunState:
        return fold(self.history)

    async def follow(self) -> None:
        async for batch in self.source.follow():
            assert batch
            self.history += batch

    async def pass_real(self, seconds: float) -> None:
        """Let so much real time pass, in ticks that all count, until all of it was seen."""
        for _ in range(round(seconds / MAX_TICK_S)):
            self.watch.now += MAX_TICK_S
            await self.look()

    async def look(self) -> None:
        """Wait until the source has looked at its watch, and what followed was taken in."""
        looks = self.watch.looks
        await self.until(lambda: self.watch.looks > looks)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                await asyncio.sleep(0.001)

    def log(self, name: TaskId, attempt: int = 1) -> str:
        return (self.source.folder.attempt(name, attempt) / "raw.log").read_text()


@asynccontextmanager
async def played(of: Plan = PLAN, **fields: Any) -> AsyncIterator[Played]:
    watch = Watch()
    found = {"speed": 10.0, "started_at": START, "real": watch, **fields}
    source = SimulatedSource(of, found.pop("times", None), **found)
    run = Played(source, watch)
    following = asyncio.create_task(run.follow())
    try:
        await run.until(lambda: bool(run.history))
        yield run
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        await source.close()


async def test_virtual_time_passes_as_often_as_the_speed_says() -> None:
    """3 real seconds at 10x are 30 virtual ones; at 20x, 3 more make 90."""
    async with played() as run:
        await run.pass_real(3)
        assert run.source.now() == START + 30
        run.source.change_speed(2)
        await run.pass_real(3)
        assert run.source.now() == START + 90
        assert run.state.tasks[A].state is TaskState.WORKING
        await run.pass_real(1)
        assert run.state.tasks[A].landed_at == START + 100


async def test_a_jump_of_real_time_counts_for_one_tick() -> None:
    """A laptop that slept for an hour goes on where the run was."""
    async with played() as run:
        run.watch.now += 3600
        await run.look()
        assert run.source.now() == START + 10 * MAX_TICK_S


async def test_time_stands_still_once_nothing_can_happen_by_itself() -> None:
    async with played() as run:
        await run.pass_real(1)
        await run.source.send(c.Pause(A))
        await run.pass_real(5)
        assert run.state.tasks[A].state is TaskState.PAUSED
        assert run.source.now() == START + 10
        await run.source.send(c.Resume(A))
        await run.pass_real(20)
        assert run.state.outcome is Outcome.COMPLETE
        assert run.state.finished_at == run.source.now() == START + 150


async def test_a_whole_run_leaves_logs_that_say_what_they_are() -> None:
    async with played(text="# my plan") as run:
        await run.pass_real(5)
        half = run.log(A)
        assert half.startswith("[simulated] A: Do A\n")
        assert half.endswith("\n")
        await run.pass_real(11)
        whole = run.log(A)
        assert whole.startswith(half)
        assert len(whole) > len(half)
        assert "edits src/a.py" in whole
        assert run.source.folder.plan.read_text() == "# my plan"


async def test_a_try_that_fails_says_so_in_its_log() -> None:
    times = {A: TaskTimes((Try(20), Try(20)))}
    of = plan("A", defaults=Defaults(backoff_s=1.0))
    async with played(of, times=times) as run:
        await run.pass_real(6)
        assert run.log(A).endswith("[simulated] this simulated try fails\n")
        assert "fails" not in run.log(A, 2)
        assert run.state.outcome is Outcome.COMPLETE


async def test_the_folder_is_gone_when_it_is_over() -> None:
    async with played() as run:
        folder = run.source.folder.path
        assert folder.stat().st_mode & 0o077 == 0
        await run.pass_real(1)
    assert not folder.parent.exists()


async def test_wishes_are_decided_as_by_an_engine() -> None:
    """Skip works at once; what the engine would refuse is refused with its reason."""
    async with played() as run:
        await run.source.send(c.Skip(B))
        with pytest.raises(Refused, match="A is working: stop it first"):
            await run.source.send(c.Skip(A))
        await run.pass_real(11)
        assert run.state.tasks[B].state is TaskState.SKIPPED
        assert run.state.outcome is Outcome.COMPLETE


async def test_what_needs_a_repository_is_refused() -> None:
    async with played() as run:
        await run.pass_real(11)
        with pytest.raises(Refused, match="simulated: nothing is brought into main"):
            await run.source.send(c.Promote())


async def test_a_virtual_person_approves_in_the_time_that_is_given() -> None:
    times = {A: TaskTimes((Try(20),), approve_s=30)}
    async with played(plan("A", land=Land.APPROVE), times=times) as run:
        await run.pass_real(4)
        assert run.state.tasks[A].state is TaskState.PROPOSED
        await run.pass_real(2)
        assert run.state.tasks[A].landed_at == START + 50


async def test_it_explains_as_an_engine_does() -> None:
    async with played() as run:
        assert await run.source.explain(B) == "B waits for A, which is working"
        with pytest.raises(NotFoundError, match="there is no task 'X'"):
            await run.source.explain(TaskId("X"))


async def test_a_follower_that_comes_late_hears_everything_once() -> None:
    async with played() as run:
        await run.pass_real(16)
        again: list[Recorded] = []
        async for batch in run.source.follow(after=3):
            again += batch
            if again[-1].seq == run.history[-1].seq:
                break
        assert again == run.history[3:]


async def test_no_room_for_logs_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
    with pytest.raises(EnvironmentFault, match="cannot write its logs"):
        SimulatedSource(PLAN, speed=1.0)


@pytest.mark.parametrize(
    ("makespan_s", "speed"),
    [(0, 1), (30, 1), (60, 1), (600, 10), (9600, 160), (84600, 1400), (1e12, MAX_SPEED)],
)
def test_a_whole_run_takes_about_a_minute(makespan_s: float, speed: float) -> None:
    assert fitting_speed(makespan_s) == speed


@pytest.mark.parametrize(("speed", "said"), [(0.5, "0.5x"), (1, "1x"), (1400, "1,400x")])
async def test_the_label_names_the_speed(speed: float, said: str) -> None:
    async with played(speed=speed) as run:
        assert run.source.label == f"simulated, {said}"
        run.source.change_speed(1e9)
        assert run.source.speed == MAX_SPEED
        run.source.change_speed(1e-9)
        assert run.source.speed == MIN_SPEED
