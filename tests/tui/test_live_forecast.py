"""The forecast on the screen: it comes by itself, moves with the run, and is right at its end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from tests.tui.sample_journal import begun, finished, large, middle, write_run

from agentdeck.control import simulated
from agentdeck.control.simulated import MAX_TICK_S, SimulatedSource
from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, Outcome, Recorded
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Defaults, Plan, QueueRules
from agentdeck.core.times import TaskTimes
from agentdeck.plans.forecast.chance import Chance
from agentdeck.plans.forecast.durations import Durations
from agentdeck.plans.forecast.history import History
from agentdeck.plans.forecast.monte_carlo import Forecast, TaskForecast, spread_of
from agentdeck.plans.forecast.outlook import Outlook
from agentdeck.testing.builders import plan, task
from agentdeck.tui import forecasting
from agentdeck.tui.app import DeckApp
from agentdeck.tui.forecasting import Forecasting
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.presentation.brief import brief_lines
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.forecast import (
    critical_path,
    expected_end,
    task_words,
    time_words,
)
from agentdeck.tui.presentation.header import header_line
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.snapshot import FixedSource, _text, draw

START: Final = 1_000_000.0
WAIT_S: Final = 30.0
A, B, C, D = map(TaskId, "ABCD")


def model_of(history: list[Recorded], past_s: float = 0.0) -> Model:
    """A model whose clock stands `past_s` behind its last event."""
    model = Model(Clock(history[-1].at + past_s))
    model.take(history)
    return model


def moment(model: Model, selected: str | None = None) -> Deck:
    return model.moment(
        TaskId(selected) if selected else None, offline="", folded=frozenset(), simulated=""
    )


def at_once(history: list[Recorded], past_s: float = 0.0) -> Model:
    model = model_of(history, past_s)
    Forecasting(model, None).at_once()
    return model


def told(model: Model) -> bool:
    return model.outlook is not None


def fetched(found: Forecasting) -> bool:
    """Wait for the forecast under way; is there another outlook now?"""
    until = time.monotonic() + WAIT_S
    while found._thread is not None and found._thread.is_alive():
        assert time.monotonic() < until
        time.sleep(0.002)
    return found.tick()


# --- what is said ---------------------------------------------------------------------------------


def test_nothing_is_said_before_the_first_start_and_after_the_end() -> None:
    for story in (begun(), finished()):
        model = at_once(story.history)
        assert model.outlook is None
        assert expected_end(moment(model)) is None


def test_the_end_is_that_of_the_possible_worlds() -> None:
    """A time ahead, with a spread; the same one whenever the clock stands."""
    one, other = at_once(middle().history), at_once(middle().history)
    found = expected_end(moment(one))
    assert found is not None
    assert found.at > one.clock.now()
    assert found.spread_s > 0
    assert found == expected_end(moment(other))


def test_the_forecast_learns_from_what_was_measured() -> None:
    """Tasks that took a fifteenth of their estimate: the gates, one after the other, are what is
    left. 174 times 82 s, not 174 quarters of an hour with four agents; and where they are gated in
    batches, less than a third of that.
    """
    began, *later = large().history
    assert isinstance(began.event, e.RunStarted)
    replace = msgspec.structs.replace
    alone = replace(began.event.plan, queue=QueueRules(batch=1))
    ends = []
    for of in (alone, began.event.plan):
        model = at_once([replace(began, event=replace(began.event, plan=of)), *later])
        found = expected_end(moment(model))
        assert found is not None
        ends.append(found.at - model.clock.now())
    assert ends[0] == pytest.approx(174 * 82, rel=0.05)
    assert ends[1] < ends[0] / 3


def test_a_pause_takes_the_time_off_the_header() -> None:
    """An outlook of a moment ago is no longer told; after the pause it is."""
    model = at_once(middle().history)
    assert "ETA 12:" in text_of(header_line(moment(model), 200))
    model.take([Recorded(model.state.seq + 1, model.state.at, e.RunPaused("you"))])
    assert "ETA —" in text_of(header_line(moment(model), 200))
    model.take([Recorded(model.state.seq + 1, model.state.at, e.RunResumed("you"))])
    assert "ETA 12:" in text_of(header_line(moment(model), 200))


def test_an_end_that_is_over_is_now() -> None:
    model = at_once(middle().history)
    late = model.state.at + 100_000
    deck = Deck(model.state, late, frozen=True, outlook=model.outlook)
    found = expected_end(deck)
    assert found is not None
    assert found.at == late


def outlook_of(model: Model, criticality: dict[str, float]) -> Outlook:
    """An outlook of which only the criticality matters, and an end in 10 and in 20 minutes."""
    tasks = {
        TaskId(name): TaskForecast(0.0, 600.0, 1200.0, share) for name, share in criticality.items()
    }
    expected = Forecast(10, spread_of([600.0, 1200.0]), tasks, None, 0, 0)
    return Outlook(model.clock.now(), expected, {})


def test_the_brief_says_when_a_task_ends_and_how_often_it_decides() -> None:
    model = model_of(middle().history)
    model.outlook = outlook_of(model, {"S-1": 0.764, "S-2": 0.0})
    brief = [text_of(line) for line in brief_lines(moment(model, "S-1"), 80)]
    assert brief.count("Outlook") == 1
    assert "expected end 12:41 (half), 12:51 (8 of 10)" in brief
    assert "decides the end of the run in 76% of cases" in brief
    assert task_words(moment(model), TaskId("S-2")) == [
        "expected end 12:41 (half), 12:51 (8 of 10)"
    ]
    for settled_or_unknown in ("CORE-001", "W-2"):
        assert task_words(moment(model), TaskId(settled_or_unknown)) == []


def test_an_end_on_another_day_says_so() -> None:
    """Noon of the first of January; the run may end in 10 minutes, or in two days."""
    model = model_of(begun().history)
    deck = moment(model)
    assert time_words(deck, model.clock.now() + 11 * 3600) == "23:00"
    assert time_words(deck, model.clock.now() + 12 * 3600) == "00:00 +1d"
    assert time_words(deck, model.clock.now() + 48 * 3600) == "12:00 +2d"


def test_the_path_that_is_lit_is_the_one_that_decides() -> None:
    """Not the longest one, once it is known better; W-1 needs S-1, S-2 and S-3 alike."""
    model = model_of(middle().history)
    assert critical_path(moment(model))
    model.outlook = outlook_of(model, {"S-1": 0.1, "S-2": 0.8, "S-3": 0.1, "W-1": 1.0, "S-9": 0.2})
    assert critical_path(moment(model)) == ["S-2", "W-1"]


# --- hints on the screen --------------------------------------------------------------------------


async def test_a_slow_task_is_called_slow_in_one_place(tmp_path: Path) -> None:
    """Below the plan, behind why it stands where it stands; the brief beside it is silent."""
    story = middle()
    story.wait(2_400)
    story.progress("S-1", 23_500, 0.3, "Edit src/session/stream.py", 16)
    folder = write_run(story, tmp_path, logs=False)
    picture = await draw(
        folder, story.history, size=(200, 60), kind=".txt", screen="brief", selected="S-1"
    )
    plan_pane = " ".join(line.split("││")[0].strip("│ ") for line in picture.splitlines())
    expected = "Slower than its siblings: tasks like it take 5 to 8 min. S-1 works for 44 min"
    assert expected in " ".join(plan_pane.split())
    assert picture.count("Slower") == picture.count("5 to 8 min") == 1


def test_what_comes_back_is_told_in_the_brief_of_whom_it_met() -> None:
    story = middle()
    for name in ("S-1", "S-2"):
        story.end(name, code=1)
        story.tell(e.TaskFailed(TaskId(name), 1, FailureClass.CRASH, "exit 1"))
    story.tell(e.TaskResumeAsked(TaskId("S-9"), "you"), e.AttemptThawed(TaskId("S-9"), 1))
    story.end("S-9", code=1)
    story.tell(e.TaskFailed(TaskId("S-9"), 1, FailureClass.CRASH, "exit 1"))
    model = model_of(story.history)
    words = "ended by the same cause, crash: S-1, S-2, S-9"
    for name, expected in (("S-1", 1), ("S-9", 1), ("W-2", 0)):
        brief = " ".join(text_of(line) for line in brief_lines(moment(model, name), 200))
        assert brief.count(words) == expected


# --- in the background ----------------------------------------------------------------------------


class Slow:
    """Past runs that are read until somebody lets go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reads = 0

    def __call__(self) -> History:
        self.reads += 1
        assert self.go.wait(WAIT_S)
        return History()


def test_never_two_forecasts_at_once_and_the_past_is_read_once() -> None:
    """While one is made `tick` comes back at once and starts nothing."""
    past, model = Slow(), model_of(middle().history)
    found = Forecasting(model, past)
    assert not found.tick()
    thread = found._thread
    for _ in range(50):
        assert not found.tick()  # one that waited would never come back: `past` holds it
    assert found._thread is thread
    assert not told(model)
    past.go.set()
    assert fetched(found)
    assert told(model)
    assert not found.tick()
    assert found._thread is None  # it rests
    found._next_at = 0.0
    found.tick()
    assert fetched(found)
    assert past.reads == 1


def test_it_rests_twenty_times_as_long_as_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    """And five seconds at the least."""
    model = model_of(middle().history)
    found = Forecasting(model, None)
    monkeypatch.setattr(found, "_took_s", 0.0)
    for took, least in ((0.0, 5.0), (2.0, 40.0)):
        found._thread, found._took_s = threading.Thread(), took
        found.tick()
        assert found._next_at - time.monotonic() == pytest.approx(least, abs=0.5)


def test_while_no_task_moves_on_it_rests_far_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What agents report meanwhile does not wake it; a task that has moved on does."""
    monkeypatch.setattr(forecasting, "QUIET_S", 1e6)  # however slow the machine is
    told = middle()
    model = model_of(told.history)
    found = Forecasting(model, None)
    found.tick()
    assert fetched(found)
    assert found._quiet_s >= max(forecasting.QUIET_S, forecasting.QUIET_TIMES * found._took_s)
    found._next_at = time.monotonic()  # it has rested as long as it took
    told.progress("S-1", 24_000, 0.30, "Edit src/session/stream.py", 16)
    model.take(told.history)
    assert not found.tick()
    thread = found._thread
    assert thread is None
    told.end("S-1")
    model.take(told.history)
    found.tick()
    assert fetched(found)


def test_a_large_plan_is_told_from_fewer_worlds() -> None:
    """Within the budget, but never from fewer than `LEAST_SAMPLES` while there is time."""
    small, big = model_of(middle().history), model_of(large(400).history)
    samples = []
    for model in (small, big):
        found = Forecasting(model, None)
        found.tick()
        assert fetched(found)
        assert model.outlook is not None
        assert model.outlook.expected is not None
        samples.append(model.outlook.expected.samples)
        assert found._took_s < forecasting.MOST_S + 1
    assert forecasting.LEAST_SAMPLES <= samples[1] < samples[0]


def test_a_forecast_that_fails_is_said_and_not_tried_again() -> None:
    """The screen goes on without."""

    def broken() -> History:
        raise OSError("the disk is on fire")

    model = model_of(middle().history)
    found = Forecasting(model, broken)
    found.tick()
    assert not fetched(found)
    assert found.problem == "OSError: the disk is on fire"
    found._next_at = 0.0
    found.tick()
    assert found._thread is None
    assert model.outlook is None


def test_after_the_end_of_the_deck_no_other_world_is_made() -> None:
    model = model_of(middle().history)
    found = Forecasting(model, None)
    found.close()
    found.tick()
    assert fetched(found)
    assert model.outlook is not None
    assert model.outlook.expected is not None
    assert model.outlook.expected.samples == 1


async def test_leaving_does_not_wait_for_a_forecast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even for one that would never end."""
    past = Slow()
    monkeypatch.setattr(DeckApp, "_past", lambda _: past())
    story = middle()
    app = DeckApp(write_run(story, tmp_path), FixedSource(story.history))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(lambda: app.forecasting._thread is not None)
        thread = app.forecasting._thread
        assert thread is not None
        assert thread.daemon  # else the process would wait for it at its very end
        await pilot.press("q")
        await pilot.pause()
    assert thread.is_alive()  # it was left, not waited for
    past.go.set()


async def until(what: Callable[[], Any]) -> None:
    limit = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < limit
        await asyncio.sleep(0.005)


# --- a whole run, played --------------------------------------------------------------------------

WIDE: Final = (
    task("A", estimate_s=600.0),
    task("B<A", estimate_s=1200.0),
    task("C<A", estimate_s=900.0),
    task("D<B,C", estimate_s=600.0),
)


class Played:
    """A deck over a simulation whose real time a test moves."""

    def __init__(self, of: Plan, times: dict[TaskId, TaskTimes] | None) -> None:
        self.real = 0.0
        self.looks = 0
        self.source = SimulatedSource(of, times, speed=60.0, started_at=START, real=self.look)
        self.app = DeckApp(self.source.folder, self.source, simulation=self.source)

    def look(self) -> float:
        self.looks += 1
        return self.real

    async def pass_virtual(self, seconds: float) -> None:
        for _ in range(round(seconds / (MAX_TICK_S * self.source.speed))):
            self.real += MAX_TICK_S
            await self._looked(self.looks)

    async def _looked(self, before: int) -> None:
        await until(lambda: self.looks > before)

    async def foretold(self) -> tuple[float, float]:
        """The end on the screen, made for this moment: seconds from the start, and the spread."""
        found = self.app.forecasting
        await until(lambda: not (found._thread is not None and found._thread.is_alive()))
        found.tick()
        found._next_at = 0.0
        found.tick()
        await until(lambda: not (found._thread is not None and found._thread.is_alive()))
        found.tick()
        end = expected_end(self.app.room.moment())
        assert end is not None
        return end.at - START, end.spread_s

    async def header(self) -> str:
        self.app.draw()
        await asyncio.sleep(0)
        return _text(self.app).splitlines()[0]


@asynccontextmanager
async def played(
    monkeypatch: pytest.MonkeyPatch, of: Plan, times: dict[TaskId, TaskTimes] | None = None
) -> AsyncIterator[Played]:
    monkeypatch.setattr(simulated, "TICK_S", 0.002)
    run = Played(of, times)
    try:
        async with run.app.run_test(size=(160, 40)):
            await run.pass_virtual(30)
            yield run
    finally:
        await run.source.close()


async def test_agents_that_keep_their_word_are_foretold_to_the_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end stands still from the first forecast on, and is the one that comes."""
    async with played(monkeypatch, plan(*WIDE, agents_limit=4)) as run:
        for _ in range(4):
            end_s, spread_s = await run.foretold()
            assert end_s == pytest.approx(2400, abs=90)
            assert spread_s < 60
            assert "ETA " in await run.header()
            assert "ETA —" not in await run.header()
            await run.pass_virtual(540)
        await run.pass_virtual(600)
        state = run.app.model.state
        assert state.outcome is Outcome.COMPLETE
        assert state.finished_at == START + 2400


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_forecast_of_chancy_work_closes_in_on_its_end(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """It moves while the run goes on, gets surer, and at the end is right within its spread."""
    uncertain = plan(*WIDE, agents_limit=4, defaults=Defaults(agent=AgentName("claude"), retries=0))
    times = Durations(uncertain).drawn(Chance(seed))
    async with played(monkeypatch, uncertain, times) as run:
        ends: list[tuple[float, float]] = []
        while run.app.model.state.outcome is None:
            ends.append(await run.foretold())
            await run.pass_virtual(120)
        finished_at = run.app.model.state.finished_at
        assert finished_at is not None
        end_s = finished_at - START
        assert len({round(end / 60) for end, _ in ends}) > 3
        assert ends[-1][1] < ends[0][1]
        last, spread_s = ends[-1]
        # The spread is that of the middle of all worlds; one in two or three lies outside of it.
        assert abs(last - end_s) <= max(1.5 * spread_s, 0.05 * end_s)
        first, first_spread_s = ends[0]
        assert abs(first - end_s) <= 4 * first_spread_s
        assert "took" in await run.header()
