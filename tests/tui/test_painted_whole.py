"""No screen is seen empty: what was there stays until what a key opens has something to show.

What is recorded is what the app hands to the terminal, each time with the whole of the screen then.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.tui.quiet_loop import until_quiet
from tests.tui.sample_journal import STARTED_AT, middle, write_run
from textual.screen import Screen

from agentdeck.control.event_log import EventLog
from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.first_picture import CONTENT_S
from agentdeck.tui.model import Clock
from agentdeck.tui.snapshot import FixedSource

WAIT_S = 60.0
LATE_ROWS = 3  # that what is found out in the background may change: a foot, a figure


def deck(tmp_path: Path) -> DeckApp:
    """The room of a run in the middle, at a moment that stands."""
    story = middle()
    return DeckApp(
        write_run(story, tmp_path, logs=True),
        FixedSource(),
        preload=story.history,
        clock=Clock(STARTED_AT + story.at),
        theme_folders=(),
        keys_file=tmp_path,
    )


def shown(screen: Screen[Any]) -> list[str]:
    return [strip.text for strip in screen._compositor.render_strips()]


def text(rows: Sequence[str]) -> str:
    return "\n".join(rows)


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """All that is painted meanwhile."""
    painted: list[list[str]] = []
    real = DeckApp._display

    def kept(self: DeckApp, screen: Screen[Any], update: Any) -> None:
        real(self, screen, update)
        if update is not None and not self._batch_count:
            painted.append(shown(screen))

    with monkeypatch.context() as patch:
        patch.setattr(DeckApp, "_display", kept)
        yield painted


# The keys before, the key, and what is seen with the first frame that it brings.
OPENS = [
    ("", "E", ("Events", "S-2", "esc")),
    ("", "S", ("Spending", "S-2", "%")),
    ("", "percent_sign", ("Load", "S-1", "claude")),
    ("", "w", ("S-1", "S-2", "esc")),
    ("", "exclamation_mark", ("Inbox", "S-4", "unit")),
    ("", "ctrl+f", ("Search", "What can be typed", "in:logs")),
    ("", "question_mark", ("Keys", "pause")),
    ("4", "v", ("Gates", "unit")),
    ("", "n", ("Add a task", "enter adds it")),
    ("4", "z", ("1 Plan", "2 S-4", "Merge queue", "S-5")),
    ("3", "z", ("1 Plan", "2 S-4", "Agents", "S-1")),
]


@pytest.mark.parametrize(("before", "key", "words"), OPENS, ids=[key for _, key, _ in OPENS])
async def test_no_screen_is_seen_before_it_has_something_to_show(
    before: str, key: str, words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """You should see what was there before the key, and then at once what it opens, all of it."""
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        app.room.select(TaskId("S-4"))
        await pilot.press(*before.split())
        await pilot.pause()
        with recorded(monkeypatch) as painted:
            await pilot.press(key)
            await pilot.pause()
        assert painted
        first, last = painted[0], painted[-1]
        for word in words:
            assert word in text(first)
        assert sum(a != b for a, b in zip(first, last, strict=True)) <= LATE_ROWS


async def test_what_is_read_for_long_is_said_and_then_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """You should see the room for a moment, then a line that the journal is being read below rows
    without words, then the events.
    """
    free = threading.Event()
    real = EventLog.some

    def slow(log: EventLog, numbers: Sequence[int]) -> list[Recorded]:
        assert free.wait(WAIT_S)
        return real(log, numbers)

    monkeypatch.setattr(EventLog, "some", slow)
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        await pilot.pause()
        with recorded(monkeypatch) as painted:
            began = time.monotonic()
            app.press("view.events")
            async with asyncio.timeout(WAIT_S):
                while not painted:
                    await asyncio.sleep(0.005)
            waited = time.monotonic() - began
        assert waited >= CONTENT_S, "a wait that is not felt changes nothing"
        assert "The journal is being read." in text(painted[0])
        free.set()
        async with asyncio.timeout(WAIT_S):
            while "The journal is being read." in text(shown(app.screen)):
                await until_quiet()
        assert "S-2" in text(shown(app.screen))


async def test_a_diff_that_takes_long_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """You should see that git is asked, and no empty pane, until it has answered."""
    free = threading.Event()

    def slow(*_: object) -> str:
        assert free.wait(WAIT_S)
        return ""

    monkeypatch.setattr("agentdeck.control.repo.diff_of", slow)
    app = deck(tmp_path)
    async with app.run_test(size=(120, 36)) as pilot:
        app.room.select(TaskId("S-4"))
        await pilot.pause()
        app.press("view.diff")
        async with asyncio.timeout(WAIT_S):
            while "Git is asked what S-4 has changed." not in text(shown(app.screen)):
                await asyncio.sleep(0.01)
        free.set()
        async with asyncio.timeout(WAIT_S):
            while "Git is asked" in text(shown(app.screen)):
                await asyncio.sleep(0.01)
