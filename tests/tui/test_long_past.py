"""A run with a long past is opened: its events come in batches, and are not a film."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from tests.tui.sample_journal import identity, middle, write_run
from textual.pilot import Pilot

from agentdeck.control.runs import has_ended, last_event
from agentdeck.core.events import EngineStarted, Outcome, Recorded, RunFinished
from agentdeck.tui.app import DeckApp
from agentdeck.tui.presentation.line import text_of
from agentdeck.tui.snapshot import FixedSource, _text
from agentdeck.tui.widgets.header_bar import HeaderBar


class InTwoHalves(FixedSource):
    """A history whose second half comes when it is let."""

    def __init__(self, history: list[Recorded]) -> None:
        super().__init__(history)
        self.half = len(history) // 2
        self.rest = asyncio.Event()

    async def follow(self, after: int = 0) -> AsyncIterator[list[Recorded]]:
        """One half, then the other."""
        yield [recorded for recorded in self.history[: self.half] if recorded.seq > after]
        await self.rest.wait()
        yield self.history[self.half :]
        await asyncio.Event().wait()


async def until(app: DeckApp, pilot: Pilot[None], seq: int) -> None:
    """The deck knows so many events, and has drawn what it draws of them."""
    async with asyncio.timeout(30):
        while app.model.state.seq < seq:
            await asyncio.sleep(0)
    app.draw_if_needed()
    await pilot.pause()


async def test_half_of_the_past_is_not_drawn(tmp_path: Path) -> None:
    """You should see how many events are read, and no task, until all that was there is read.

    Then the task is chosen that needs a person at the end, and not one that did on the way.
    """
    story = middle()
    folder = write_run(story, tmp_path)
    source = InTwoHalves(story.history)
    app = DeckApp(folder, source, past=len(story.history), theme_folders=(), keys_file=tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(app, pilot, source.half)
        header = text_of(app.room.query_one(HeaderBar)._line)
        assert f"{source.half} of {len(story.history)} events" in header
        assert "CORE-001" not in _text(app)
        assert app.room.selected is None
        source.rest.set()
        await until(app, pilot, len(story.history))
        assert "CORE-001" in _text(app)
        assert app.room.selected == app.room.moment().waiting_for_me[0].id


def test_the_end_is_found_without_a_fold(tmp_path: Path) -> None:
    """A run has ended if its last events say so, also when an engine came and went since."""
    story = middle()
    assert not has_ended(write_run(story, tmp_path / "open"))
    story.tell(RunFinished(outcome=Outcome.STOPPED))
    story.tell(EngineStarted(identity(7), "1.0"))
    folder = write_run(story, tmp_path / "ended")
    assert has_ended(folder)
    assert last_event(folder) == len(story.history)
