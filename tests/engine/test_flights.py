"""What goes on is what should: started once, cancelled when unwanted, never two on one subject."""

from __future__ import annotations

import asyncio

import pytest

from agentdeck.core.ids import EntryId, GateName, TaskId
from agentdeck.core.plan import GateWhen
from agentdeck.core.steps import (
    BuildEntry,
    Collect,
    Freeze,
    IOStep,
    LandEntry,
    Launch,
    Prepare,
    RunGate,
    Watch,
)
from agentdeck.engine.flights import REST_S, Flights

A, B = TaskId("A"), TaskId("B")
WAIT_S = 5.0  # bound of every wait for a condition


class Field:
    """Performers that go on until they are told to end, and a record of what happened."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.started: list[IOStep] = []
        self.ended: list[tuple[IOStep, BaseException | None]] = []
        self.ending: dict[IOStep, asyncio.Future[None]] = {}
        self.stubborn: dict[IOStep, asyncio.Event] = {}
        self.flights = Flights(self.perform, self.note, lambda: self.now)

    async def perform(self, step: IOStep) -> None:
        self.started.append(step)
        self.ending[step] = asyncio.get_running_loop().create_future()
        try:
            await self.ending[step]
        finally:
            if step in self.stubborn:  # as a thread in a git call: it ends when it ends
                await self.stubborn[step].wait()

    def note(self, step: IOStep, error: BaseException | None) -> None:
        self.ended.append((step, error))

    async def steer(self, *wanted: IOStep) -> float | None:
        """Steer, and let every flight come as far as it can."""
        again = self.flights.steer(wanted)
        await settle()
        return again


async def settle() -> None:
    """Let everything run that can: no flight here waits for anything real."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def field() -> Field:
    return Field()


async def test_equal_steps_are_one_step(field: Field) -> None:
    """Asked for twice at once, and again later: it goes on once."""
    await field.steer(Prepare(A, 1), Prepare(A, 1))
    await field.steer(Prepare(A, 1))
    assert field.started == [Prepare(A, 1)]
    assert len(field.flights) == 1
    assert field.ended == []


async def test_a_step_that_is_wanted_no_more_is_cancelled(field: Field) -> None:
    """The others go on; it is told as ended once, and without an error."""
    await field.steer(Prepare(A, 1), Prepare(B, 1))
    await field.steer(Prepare(B, 1))
    assert field.ended == [(Prepare(A, 1), None)]
    assert field.ending[Prepare(A, 1)].cancelled()
    assert len(field.flights) == 1


async def test_a_step_cancelled_before_its_first_line_is_over_too(field: Field) -> None:
    """Else its subject would be taken for ever."""
    field.flights.steer([Prepare(A, 1)])
    field.flights.steer([])
    await settle()
    assert (field.started, len(field.flights)) == ([], 0)
    assert field.ended == [(Prepare(A, 1), None)]
    await field.steer(Launch(A, 1))
    assert field.started == [Launch(A, 1)]


async def test_nothing_of_a_subject_starts_while_a_cancelled_step_is_still_ending(
    field: Field,
) -> None:
    """Two performers never meet in one worktree; other subjects do not wait."""
    slow = Prepare(A, 1)
    field.stubborn[slow] = asyncio.Event()
    await field.steer(slow)
    for _ in range(3):
        await field.steer(Collect(A, 1), Prepare(B, 1))
    assert field.started == [slow, Prepare(B, 1)]
    assert len(field.flights) == 2
    field.stubborn[slow].set()
    await settle()
    assert field.ended == [(slow, None)]
    await field.steer(Collect(A, 1), Prepare(B, 1))
    assert field.started == [slow, Prepare(B, 1), Collect(A, 1)]


async def test_a_cancelled_step_that_is_wanted_again_starts_anew_when_it_has_ended(
    field: Field,
) -> None:
    """Not beside itself, and not lost."""
    slow = Prepare(A, 1)
    field.stubborn[slow] = asyncio.Event()
    await field.steer(slow)
    await field.steer()
    await field.steer(slow)
    assert field.started == [slow]
    field.stubborn[slow].set()
    await settle()
    field.now += REST_S
    await field.steer(slow)
    assert field.started == [slow, slow]


GATE = RunGate(GateName("unit"), GateWhen.MERGE, "t" * 40, "c" * 40, 1)


@pytest.mark.parametrize(
    ("steps", "together"),
    [
        ((Watch(A, 1), Freeze(A, 1)), True),
        ((Freeze(A, 1), Collect(A, 1)), False),
        ((Prepare(A, 1), Launch(A, 2)), False),
        ((Launch(A, 1), Launch(B, 1)), True),
        ((BuildEntry(EntryId("A"), "t"), LandEntry(EntryId("B"), "c", "t")), False),
        ((GATE, BuildEntry(EntryId("A"), "t")), True),
    ],
)
async def test_steps_of_one_subject_do_not_overlap_save_watching(
    field: Field, steps: tuple[IOStep, IOStep], together: bool
) -> None:
    """One task, one queue; what comes first goes first."""
    await field.steer(*steps)
    assert field.started == list(steps[: 2 if together else 1])


async def test_a_step_that_ended_and_is_still_wanted_rests_first(field: Field) -> None:
    """A performer that changes nothing does not turn the ring as fast as it can."""
    step = Watch(A, 1)
    await field.steer(step)
    field.ending[step].set_result(None)
    await settle()
    assert field.ended == [(step, None)]
    assert await field.steer(step) == field.now + REST_S
    field.now += REST_S / 2
    assert await field.steer(step) == field.now + REST_S / 2
    assert field.started == [step]
    field.now += REST_S / 2
    assert await field.steer(step) is None
    assert field.started == [step, step]


async def test_a_resting_step_keeps_nobody_of_its_subject_waiting(field: Field) -> None:
    """What follows on a step that did its work starts at once."""
    await field.steer(Prepare(A, 1))
    field.ending[Prepare(A, 1)].set_result(None)
    await settle()
    assert await field.steer(Launch(A, 1)) is None
    assert field.started == [Prepare(A, 1), Launch(A, 1)]


@pytest.mark.parametrize("error", [OSError("disk"), ValueError("bug"), TimeoutError()])
async def test_an_exception_is_reported_once(field: Field, error: Exception) -> None:
    """With the step it came from; then the step is over."""
    step = Prepare(A, 1)
    await field.steer(step)
    field.ending[step].set_exception(error)
    await settle()
    await field.steer(step)
    assert field.ended == [(step, error)]
    assert len(field.flights) == 0


async def test_an_exception_on_the_way_out_is_reported_too(field: Field) -> None:
    """A cancelled performer that fails while it tidies up is no silent one."""
    fault = OSError("cannot tidy up")

    async def perform(_step: IOStep) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise fault

    flights = Flights(perform, field.note, lambda: field.now)
    flights.steer([Prepare(A, 1)])
    await settle()
    flights.steer([])
    await settle()
    assert field.ended == [(Prepare(A, 1), fault)]


async def test_landing_all_ends_everything_and_waits_no_longer_than_it_may(field: Field) -> None:
    """Those that end are told; one that does not is left behind at the bound."""
    stuck = Prepare(A, 1)
    field.stubborn[stuck] = asyncio.Event()
    await field.steer(stuck, Prepare(B, 1), Watch(B, 1))
    async with asyncio.timeout(WAIT_S):
        await field.flights.land_all(0.05)
    assert {step for step, _ in field.ended} == {Prepare(B, 1), Watch(B, 1)}
    assert len(field.flights) == 1
    field.stubborn[stuck].set()
    async with asyncio.timeout(WAIT_S):
        await field.flights.land_all(WAIT_S)
    assert len(field.flights) == 0
