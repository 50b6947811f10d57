"""A run seen again: how its time passes, what the deck shows of it, and the way back to now."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from tests.tui.live_run import A, live_deck, made_run, put_claude_on_path
from tests.tui.sample_journal import Story, finished, middle, write_run
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot

from agentdeck.control.runs import RunFolder
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import Recorded
from agentdeck.core.fold import fold
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import plan
from agentdeck.tui.app import DeckApp
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.replay import bar_place, replay_line
from agentdeck.tui.replay import MAX_SPEED, SILENCE_S, Replay
from agentdeck.tui.screens.full_screen import OF_THE_DECK
from agentdeck.tui.screens.inbox import InboxScreen
from agentdeck.tui.snapshot import FixedSource, _text, draw
from agentdeck.tui.widgets.task_pane import TaskPane

START = 1_000_000.0


class Watch:
    """What the person's watch says."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def paused_at(*times: float) -> list[Recorded]:
    """Events of no other meaning at these times."""
    return [
        Recorded(number, START + at, e.RunPaused("you")) for number, at in enumerate(times, start=1)
    ]


def test_time_passes_at_its_speed_and_stops_at_the_end() -> None:
    watch = Watch()
    replay = Replay(paused_at(0, 10, 20), speed=10, real=watch)
    seen = []
    for at in (0.5, 1.0, 1.5, 2.5):
        watch.at = at
        replay.tick()
        seen.append((replay.count, replay.now() - START, replay.playing))
    assert seen == [(1, 5, True), (2, 10, True), (2, 15, True), (3, 20, False)]
    assert not replay.tick()


def test_a_long_silence_is_cut() -> None:
    """A night without an event passes in two seconds."""
    watch = Watch()
    replay = Replay(paused_at(0, 36_000), speed=10, real=watch)
    watch.at = 0.1
    replay.tick()
    assert replay.now() == START + 36_000 - SILENCE_S * 10
    watch.at = 0.1 + SILENCE_S
    replay.tick()
    assert replay.count == 2


def test_a_clock_that_was_set_back_does_not_turn_time() -> None:
    watch = Watch()
    replay = Replay(paused_at(0, 50, 10, 60), speed=10, real=watch)
    replay.seek(3)
    assert replay.now() == START + 50
    watch.at = 1.0
    replay.tick()
    assert replay.count == 4


def test_play_at_the_end_begins_again() -> None:
    replay = Replay(paused_at(0, 1))
    replay.step(5)
    assert (replay.count, replay.playing) == (2, False)
    replay.toggle()
    assert (replay.count, replay.playing) == (1, True)


def test_the_speed_has_bounds() -> None:
    replay = Replay(paused_at(0, 600))
    assert replay.speed == 10  # the whole of it in a minute
    replay.change_speed(1e9)
    assert replay.speed == MAX_SPEED


def test_an_empty_history_stands_still() -> None:
    replay = Replay([])
    replay.step(1)
    replay.scrub(0.5)
    assert not replay.jump(1)
    assert (replay.count, replay.tick()) == (0, False)


def test_jumps_go_from_landing_to_failure_and_back() -> None:
    story = finished()
    replay = Replay(story.history)
    kinds = (e.EntryLanded, e.TaskFailed, e.EntryEjected)
    times = {told.at for told in story.history if isinstance(told.event, kinds)}
    there = [replay.now() for _ in iter(lambda: replay.jump(1), False)]
    assert there == sorted(times)
    back = [replay.now() for _ in iter(lambda: replay.jump(-1), False)]
    assert back == there[-2::-1]
    assert not replay.playing


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_line_is_as_wide_as_the_screen(width: int) -> None:
    """And a click on the last cell of the bar is in the bar."""
    moment = Replay(middle().history, live=True).moment()
    line = replay_line(moment, width, utc=True)
    assert cells(line) == width
    assert "1 of " in text_of(line)
    place = bar_place(moment, width, utc=True)
    if place is not None:
        start, size = place
        assert text_of(line)[start] == "●"
        assert start + size < width


# --- in the deck ---------------------------------------------------------------------------------


async def look_back(pilot: Pilot[None], *keys: str) -> None:
    """Press `B`, and keys once the past is there."""
    app = pilot.app
    assert isinstance(app, DeckApp)
    await pilot.press("B")
    await app.workers.wait_for_complete([w for w in app.workers if w.group == "replay"])
    await pilot.pause()
    await pilot.press(*keys)
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_the_past_of_a_run(tmp_path: Path, size: str) -> None:
    """You should see the room as it was when two tasks had landed; the header says `replay`, the
    line above the keys the time, the bar with what landed and failed, the event, and `B now`.
    """
    story = middle()
    folder = write_run(story, tmp_path)

    async def steps(pilot: Pilot[None]) -> None:
        await look_back(pilot, "{", "'", "'", "'")

    picture = await draw(folder, story.history, size=SIZES[size], kind=".svg", steps=steps)
    compare(f"replay-{size}.svg", picture)


async def test_each_event_is_what_the_journal_folds_to(tmp_path: Path) -> None:
    """Forwards, backwards, by the bar: the state is that of the events up to there."""
    story = middle()
    app = DeckApp(write_run(story, tmp_path), FixedSource(), replay=Replay(story.history, speed=1))
    async with app.run_test(size=(120, 36)) as pilot:
        replay = app.looking_back.replay
        assert replay is not None
        await pilot.press("space")  # it stands
        for keys in (("semicolon",) * 9, ("comma",) * 4, ("}",) * 8, ("'",), ('"',), ("{",)):
            await pilot.press(*keys)
            while not app.looking_back.arrived:
                await pilot.pause()
            assert app.model.state == fold(story.history[: replay.count]), keys
        await pilot.click("#replay", offset=(60, 0))
        assert 0 < replay.moment().share < 1
        await pilot.press("plus", "plus", "minus")
        assert replay.speed == 2


async def test_keys_act_from_a_screen_beside_the_room(tmp_path: Path) -> None:
    """What the deck does by itself it does there; a key of the room brings the room back first."""
    story = middle()
    app = DeckApp(write_run(story, tmp_path), FixedSource(), replay=Replay(story.history, speed=1))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("space")
        app.looking_back.scrub(0.9)
        for name in sorted(OF_THE_DECK - {"leave", "command_palette"}):
            app.act(f"{name}(1)" if name.startswith("replay_") and name != "replay_turn" else name)
            await pilot.pause()
            while app.screen is not app.room:
                _ = app.pop_screen()
                await pilot.pause()
        for key in ("V", "g", "comma"):
            await pilot.press("exclamation_mark")
            await pilot.pause()
            assert isinstance(app.screen, InboxScreen)
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, InboxScreen) == (key == "comma")


async def test_nothing_can_be_done_in_the_past(tmp_path: Path) -> None:
    """Keys that command say so, and nothing is sent; `B` has no present to go to."""
    story = middle()
    source = FixedSource()
    app = DeckApp(write_run(story, tmp_path), source, replay=Replay(story.history, speed=1))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        told = []
        for key in ("r", "x", "P", "M", "dollar_sign", "B"):
            await pilot.press(key)
            await pilot.pause()
            (remark,) = app._notifications
            told.append(remark.message)
        assert told[:5] == ["This is the past of the run."] * 5
        assert "only a replay is open" in told[5].lower()
        assert source.sent == []


async def test_the_present_of_a_live_run_is_come_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking back, the run goes on: what happened meanwhile is there when one comes back."""
    put_claude_on_path(tmp_path, monkeypatch)
    async with live_deck(made_run(tmp_path, "! sleep 300")) as deck:
        await deck.is_in(TaskState.WORKING)
        await deck.press("B")
        await deck.until(lambda: deck.app.looking_back.replay is not None, "the past")
        await deck.press("{", "{", "{", "{", "{", "{", "{", "{", "{", "{")
        for _ in range(30):
            await deck.press("comma")
        assert deck.task.state is TaskState.READY
        await deck.sees("B now")
        await deck.app.source.send(c.Stop(A, by="lou"))
        replay = deck.app.looking_back.replay
        assert replay is not None
        await deck.until(
            lambda: any(isinstance(told.event, e.TaskCancelled) for told in replay.events),
            "news of the present",
        )
        assert deck.task.state is TaskState.READY
        await deck.press("B")
        await deck.is_in(TaskState.CANCELLED)
        await deck.until(lambda: "B now" not in _text(deck.app), "the line to go")


@pytest.mark.parametrize("journal_is_behind", [True, False])
async def test_no_event_is_lost_or_told_twice_on_the_way_into_the_past(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, journal_is_behind: bool
) -> None:
    """While the journal is read the run goes on: it was read before that was written, or after."""
    story = middle()
    known, news = story.history[:-5], story.history[-5:]
    told = threading.Event()

    def read(_: RunFolder) -> list[Recorded]:
        assert told.wait(30)
        return known if journal_is_behind else story.history

    monkeypatch.setattr("agentdeck.control.source.read_history", read)
    app = DeckApp(write_run(story, tmp_path), FixedSource(), preload=known)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("B")
        if journal_is_behind:
            app.take(news)
        told.set()
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "replay"])
        if not journal_is_behind:
            app.take(news)
        replay = app.looking_back.replay
        assert replay is not None
        assert replay.events == story.history
        await pilot.press("{", "{", "B")
        async with asyncio.timeout(30):
            while app.looking_back.replay is not None:
                await pilot.pause()
        assert app.model.state == fold(story.history)


async def test_a_long_way_is_gone_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is answered between them, and nothing half-folded is drawn."""
    monkeypatch.setattr("agentdeck.tui.looking_back.EVENTS_AT_ONCE", 7)
    story = middle()
    app = DeckApp(write_run(story, tmp_path), FixedSource(), replay=Replay(story.history, speed=1))
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("space")
        app.looking_back.scrub(1.0)
        assert app.model.taken < len(story.history)
        app.room.select(TaskId("S-3"))
        async with asyncio.timeout(30):
            while not app.looking_back.arrived:
                await pilot.pause()
        assert app.model.state == fold(story.history)


async def test_the_log_ends_where_its_moment_does(tmp_path: Path) -> None:
    """You should see of a log what had been understood by then: more with time, less on the way
    back, and all of it once the attempt had ended. The words are of an agent that is only plain.
    """
    said = [f"word {n} of it\n" for n in range(4)]
    ends = [sum(map(len, said[:n])) for n in range(5)]
    told = Story(plan("A", "B", agents=(Agent(AgentName("sh"), command=("sh",)),)))
    told.start("A", agent="sh")
    for offset in ends[1:4]:
        told.wait(10)
        told.tell(e.AttemptProgressed(TaskId("A"), 1, offset=offset))
    told.end("A")
    folder = write_run(told, tmp_path)
    (folder.attempt(TaskId("A"), 1) / "raw.log").write_text("".join(said), encoding="utf-8")
    app = DeckApp(folder, FixedSource(), replay=Replay(told.history, speed=1))
    counts = []
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.press("space")
        replay = app.looking_back.replay
        assert replay is not None
        first = next(r.seq for r in told.history if isinstance(r.event, e.AttemptProgressed))
        last = next(r.seq for r in told.history if isinstance(r.event, e.AttemptExited))
        for to in (first - 1, first, first + 2, first + 1, last, first):
            way = to - replay.count
            await pilot.press(*(["semicolon"] * way if way > 0 else ["comma"] * -way))
            while not app.looking_back.arrived:
                await pilot.pause()
            app.draw()
            app.room.query_one(TaskPane).tick()  # the room itself waits for some time after a key
            await pilot.pause()
            counts.append(_text(app).count(" of it"))
    assert counts == [0, 1, 3, 2, 4, 1]
