"""A deck that begins with a checkpoint: the run at once, its past a moment later, and nothing half.

`Held` keeps the reading of the past back until a test lets it go on.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tui.sample_journal import STARTED_AT, Story, finished, middle, write_run
from textual.pilot import Pilot

from agentdeck.control.event_log import EventLog
from agentdeck.control.runs import AT_ONCE, Beginning, beginning, has_ended
from agentdeck.core.checkpoint import packed, unpacked
from agentdeck.core.events import Outcome, Recorded, RunFinished
from agentdeck.core.fold import fold
from agentdeck.core.ids import TaskId
from agentdeck.engine.checkpoint_file import code_mark, write
from agentdeck.engine.folders import RunFolder
from agentdeck.engine.journal import JournalError
from agentdeck.tui import recalling
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock, Model
from agentdeck.tui.pacing import Pacing
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.presentation.load_summary import _tokens
from agentdeck.tui.presentation.spending_summary import _courses
from agentdeck.tui.presentation.timeline import Timeline
from agentdeck.tui.presentation.verdict_history import verdict_lines
from agentdeck.tui.snapshot import FixedSource, _text
from agentdeck.tui.widgets.header_bar import HeaderBar

PATIENCE_S = 60.0


def known(model: Model) -> list[Any]:
    """Everything that those tell who follow a run from its beginning."""
    state, bins = model.state, model.rates.bins
    attempts = [(task.id, n.number) for task in state.tasks.values() for n in task.attempts]
    return [
        model.reader.history(),
        model.setbacks.hints(state),
        [model.tracks.of(task) for task in state.tasks],
        model.tracks.closed_at,
        vars(bins) if bins is not None else None,
        [list(model.rates.of(*attempt)) for attempt in attempts],
        list(model.gates),
    ]


def whole(history: Sequence[Recorded]) -> Model:
    model = Model()
    model.take(history)
    return model


@settings(max_examples=20)
@given(st.data())
def test_a_past_read_in_any_pieces_is_the_whole(data: st.DataObject) -> None:
    """Wherever the checkpoint stands, and however what happens mixes with what has happened."""
    story = data.draw(st.sampled_from([middle(), finished()]))
    history = story.history
    cut = data.draw(st.integers(1, len(history)))
    model = Model()
    model.begin(unpacked(packed(fold(history[:cut]))))
    told = 0
    rest = history[cut:]
    while told < len(rest) or not model.whole:
        if model.whole or (told < len(rest) and data.draw(st.booleans())):
            size = data.draw(st.integers(1, 40))
            model.take(rest[told : told + size])
            told += size
        else:
            assert model.reading
            assert (model.rates.bins, list(model.gates)) == (None, [])
            read, size = model.recalled, data.draw(st.integers(1, 40))
            model.recall(history[read : min(read + size, model.taken)])
    assert model.state == story.state
    assert model.taken == model.recalled == len(history)
    assert known(model) == known(whole(history))
    assert not model.reading


# --- where it begins ------------------------------------------------------------------------------


def with_checkpoint(story: Story, root: Path, cut: int) -> tuple[RunFolder, Beginning]:
    folder = write_run(story, root)
    write(folder, code_mark(), cut, packed(fold(story.history[:cut])))
    return folder, beginning(folder)


def test_a_run_begins_with_its_checkpoint(tmp_path: Path) -> None:
    """And with what has happened since, up to a bound: the first picture needs no other event."""
    story = middle()
    folder, begins = with_checkpoint(story, tmp_path, 40)
    assert begins == (fold(story.history[:40]), story.history[40:], len(story.history))
    folder.checkpoint.unlink()
    assert beginning(folder) == (None, story.history[:AT_ONCE], len(story.history))


def test_the_end_of_a_run_is_found_in_its_checkpoint(tmp_path: Path) -> None:
    """And behind it, where that was written on the way."""
    story = middle()
    story.tell(RunFinished(outcome=Outcome.STOPPED))
    for number, cut in enumerate((40, len(story.history))):
        folder, _ = with_checkpoint(story, tmp_path / str(number), cut)
        assert has_ended(folder)
    folder, _ = with_checkpoint(middle(), tmp_path / "open", 40)
    assert not has_ended(folder)


# --- while it is read -----------------------------------------------------------------------------


def deck_of(model: Model, history: Sequence[Recorded]) -> Deck:
    found = model.moment(TaskId("S-4"), offline="", folded=frozenset())
    return replace(found, now=history[-1].at, frozen=True)


def of_gates(deck: Deck) -> str:
    return said(verdict_lines(deck, 100))


def of_spending(deck: Deck) -> str:
    return said(_courses(deck, 100))


def of_load(deck: Deck) -> str:
    return text_of(_tokens(deck, deck.now - 600.0, 20))


def of_timeline(deck: Deck) -> str:
    return Timeline(deck).words


def said(lines: Sequence[Any]) -> str:
    return "\n".join(text_of(line) for line in lines)


@pytest.mark.parametrize("words", [of_gates, of_spending, of_load, of_timeline])
def test_what_is_not_known_yet_is_not_told(words: Callable[[Deck], str]) -> None:
    """You should see how far the reading is in place of figures, and the figures afterwards."""
    history = middle().history
    model = Model()
    model.begin(fold(history[:40]))
    model.recall(history[:20])
    expected = whole(history)
    assert "reads what has happened: 20 of 40 events" in words(deck_of(model, history))
    model.recall(history[20:40])
    model.take(history[40:])
    assert words(deck_of(model, history)) == words(deck_of(expected, history))
    assert "reads" not in words(deck_of(model, history))


class Held:
    """The reading of the past: it goes on when it is let."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.asked = threading.Event()
        self.fault: JournalError | None = None
        self._read = EventLog.read

    def read(self, log: EventLog, first: int, count: int) -> list[Recorded]:
        self.asked.set()
        assert self.may.wait(PATIENCE_S)
        if self.fault is not None:
            raise self.fault
        return self._read(log, first, count)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    found = Held()

    def read(log: EventLog, first: int, count: int) -> list[Recorded]:
        return found.read(log, first, count)

    monkeypatch.setattr(EventLog, "read", read)
    monkeypatch.setattr(recalling, "PIECE", 11)
    yield found
    found.may.set()  # also when a test has failed: a thread waits for it


@contextmanager
def begun(story: Story, root: Path, cut: int, news: int = 0) -> Iterator[DeckApp]:
    """A deck that begins with a checkpoint; the last `news` events have not happened yet."""
    folder, begins = with_checkpoint(story, root, cut)
    last = len(story.history) - news
    yield DeckApp(
        folder,
        FixedSource(),
        begin=begins.state,
        preload=[one for one in begins.rest if one.seq <= last],
        past=last,
        theme_folders=(),
        keys_file=root,
        clock=Clock(source=lambda: STARTED_AT + story.at),
    )


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await pilot.pause(0.01)


async def test_the_first_picture_does_not_wait_for_the_past(tmp_path: Path, held: Held) -> None:
    """You should see the run as it stands while nothing of its past was read; then all is known."""
    story = middle()
    with begun(story, tmp_path, 40) as app:
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, held.asked.is_set)
            app.draw()
            assert "CORE-001" in _text(app)
            assert app.room.selected == app.room.moment().waiting_for_me[0].id
            assert not app.model.whole
            held.may.set()
            await until(pilot, lambda: app.model.whole)
            assert app.model.state == story.state
            assert known(app.model) == known(whole(story.history))


async def test_what_happens_meanwhile_is_shown_and_kept(tmp_path: Path, held: Held) -> None:
    """The run goes on while its past is read: at the end all is known once."""
    story = middle()
    with begun(story, tmp_path, 40, news=9) as app:
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, held.asked.is_set)
            app.take(story.history[-9:])
            assert app.model.state == story.state
            held.may.set()
            await until(pilot, lambda: app.model.whole)
            assert app.model.state == story.state
            assert known(app.model) == known(whole(story.history))


async def test_looking_back_waits_for_the_past(tmp_path: Path, held: Held) -> None:
    """You should see in the header how far the reading is, then the run at any moment of it."""
    story = middle()
    with begun(story, tmp_path, 40) as app:
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, held.asked.is_set)
            await pilot.press("B")
            await until(pilot, lambda: app.looking_back.waits)
            app.draw()
            header = text_of(app.room.query_one(HeaderBar)._line)
            assert f"reads what has happened: 0 of {len(story.history)} events" in header
            assert app.looking_back.replay is None
            held.may.set()
            await until(pilot, lambda: app.looking_back.replay is not None)
            assert app.model.whole
            app.looking_back.look_at(30)
            await until(pilot, lambda: app.looking_back.arrived)
            assert app.model.state == fold(story.history[:30])
            assert known(app.model) == known(whole(story.history[:30]))


async def test_a_past_that_cannot_be_read_is_told(tmp_path: Path, held: Held) -> None:
    """The run is shown all the same, and what rests on the past says why it is not there.

    Looking back reads the journal by itself; where that goes well it needs nothing else.
    """
    story = middle()
    held.fault = JournalError("the disk is gone")
    held.may.set()
    with begun(story, tmp_path, 40) as app:
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: "cannot be read" in app.model.reading)
            assert "the disk is gone" in of_gates(deck_of(app.model, story.history))
            app.draw()
            assert "CORE-001" in _text(app)
            await pilot.press("B")
            await until(pilot, lambda: app.looking_back.replay is not None)
            await until(pilot, lambda: app.looking_back.arrived)
            assert app.model.whole
            assert known(app.model) == known(whole(story.history))


async def test_nothing_is_read_while_keys_are_pressed(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key goes first, however many there are; what is read waits for a moment without one."""
    held.may.set()
    asked, quiet_s = [], 0.0

    def since_a_key(_: Pacing) -> float:
        asked.append(quiet_s)
        return quiet_s

    monkeypatch.setattr(Pacing, "quiet_s", property(since_a_key))
    with begun(middle(), tmp_path, 40) as app:
        async with app.run_test(size=(120, 36)) as pilot:
            reading = asyncio.create_task(recalling.recall(app))
            await until(pilot, lambda: len(asked) > 5)
            assert app.model.recalled == 0
            assert not held.asked.is_set()
            quiet_s = 1.0
            await until(pilot, lambda: app.model.whole)
            await reading
