"""The search: what is found while one types, where enter leads, and what is said meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.tui.sample_journal import Story, middle, write_run
from tests.tui.test_room_keys import Room, room
from tests.tui.test_room_pictures import SIZES, compare
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Input

from agentdeck.control.search.finder import Hit, Piece
from agentdeck.control.search.indexer import Progress
from agentdeck.control.search.wanted import Kind
from agentdeck.core.errors import EnvironmentFault
from agentdeck.core.ids import TaskId
from agentdeck.tui.model import Model
from agentdeck.tui.palette import DeckCommands
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import cells, text_of
from agentdeck.tui.presentation.search import (
    SearchView,
    around_lines,
    empty_words,
    help_lines,
    progress_line,
)
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.screens.room import RoomScreen
from agentdeck.tui.screens.search import SearchScreen
from agentdeck.tui.snapshot import draw
from agentdeck.tui.widgets.diff_view import DiffView
from agentdeck.tui.widgets.log_reader import LogReader
from agentdeck.tui.widgets.row_list import LinesView, RowList
from agentdeck.tui.widgets.styled import Pane
from agentdeck.tui.widgets.task_pane import Goal, TaskPane


def rows(deck: Room) -> list[str]:
    view = deck.app.screen._view  # type: ignore[attr-defined]
    return [text_of(view.row(key, 110)).rstrip() for key in view.keys]


def shows(deck: Room, kind: type[Screen[None]]) -> bool:
    return isinstance(deck.app.screen, kind)


async def look_for(deck: Room, text: str) -> None:
    deck.app.screen.query_one(Input).value = text
    await deck.pilot.pause()
    async with asyncio.timeout(60):
        while deck.app.screen._busy:  # type: ignore[attr-defined]
            await deck.pilot.pause(0.01)


@asynccontextmanager
async def searching(tmp_path: Path, text: str) -> AsyncIterator[Room]:
    async with room(tmp_path, middle(), logs=True) as deck:
        await deck.press("ctrl+f")
        assert shows(deck, SearchScreen)
        await look_for(deck, text)
        yield deck


def line_at_hand(deck: Room) -> str:
    reader = deck.app.room.query_one(LogReader)
    here = reader.view.here
    assert here is not None
    return str(reader._text_of(here))


async def test_enter_goes_to_the_line_in_the_log(tmp_path: Path) -> None:
    """The task is selected, its log is in front, the cursor is on the line and the word is marked
    there; n would go on from it. A log that is shown already is gone to as well.
    """
    async with searching(tmp_path, "migrations") as deck:
        assert rows(deck) == [" log   S-3#1  12:28:50  ▸ Write migrations/0007_retry.sql"]
        await deck.press("enter")
        assert shows(deck, RoomScreen)
        assert (deck.selected, deck.app.room.pane) == ("S-3", "task")
        assert deck.app.room.query_one(TaskPane).tab == "log"
        assert "migrations/0007_retry.sql" in line_at_hand(deck)
        assert deck.app.room.query_one(LogReader)._find == "migrations"
        await deck.press("ctrl+f")
        await look_for(deck, "policy in:logs")
        await deck.press("enter")
        assert "The policy needs a new column" in line_at_hand(deck)


async def test_an_earlier_attempt_opens_as_a_page(tmp_path: Path) -> None:
    """The room shows the latest one only; the page has what stands around the hit. Rows are chosen
    while one types; after tab the keys of the room act on the chosen task.
    """
    async with searching(tmp_path, "payload task:S-4") as deck:
        number = next(n for n, row in enumerate(rows(deck)) if "S-4#1" in row)
        await deck.press(*["down"] * number, "up", "down", "enter")
        assert shows(deck, Reading)
        lines = [text_of(line) for line in deck.app.screen.query_one(LinesView)._lines]
        assert any("payload formats" in line for line in lines)
        assert any("session_manager.py" in line for line in lines)
        await deck.press("escape")
        assert shows(deck, SearchScreen)
        await deck.press("x")
        assert deck.app.screen.query_one(Input).value == "payload task:S-4x"
        await deck.press("backspace", "tab")
        assert deck.app.screen.query_one(RowList).has_focus
        await deck.press("d")
        assert shows(deck, RoomScreen)
        assert (deck.selected, deck.app.room.query_one(TaskPane).tab) == ("S-4", "diff")


async def test_other_kinds_lead_to_their_tabs(tmp_path: Path) -> None:
    """Also in the past of the run."""
    async with searching(tmp_path, "queue in:tasks") as deck:
        task = deck.app.screen.task_here  # type: ignore[attr-defined]
        await deck.press("enter")
        assert (deck.selected, deck.app.room.query_one(TaskPane).tab) == (task, "brief")
        await deck.press("B")
        await deck.press("ctrl+f")
        await look_for(deck, "429 in:events")
        await deck.press("enter")
        assert deck.app.room.query_one(TaskPane).tab == "history"


def no_fts5(*_: object, **__: object) -> list[Hit]:
    raise EnvironmentFault("no full-text search", hint="get another Python")


async def test_keys_say_why_nothing_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing can be searched the frame says so, once. When the screen is gone, so is the
    process that has read the run.
    """
    async with searching(tmp_path, "okapi") as deck:
        await deck.press("enter")
        assert deck.toasts == ["Nothing is found."]
        await look_for(deck, "")
        await deck.press("enter")
        assert deck.toasts[-1] == "Nothing is looked for yet."
        monkeypatch.setattr("agentdeck.tui.screens.search.find", no_fts5)
        await look_for(deck, "x")
        frame = deck.app.screen.query_one("#search-list", Pane)
        assert "no full-text search: get another Python" in str(frame.border_subtitle)
        index = deck.app.screen._index  # type: ignore[attr-defined]
        assert index._process.alive
        await deck.press("escape")
        assert shows(deck, RoomScreen)
        assert not index._process.alive


async def test_what_is_written_meanwhile_is_found(tmp_path: Path) -> None:
    """The same words, the next time that the process is asked for what is new."""
    async with searching(tmp_path, "badger") as deck:
        assert rows(deck) == []
        with (deck.app.folder.attempt(TaskId("S-3"), 1) / "raw.log").open("a") as log:
            log.write('{"type": "text", "text": "A badger came."}\n')
        deck.app.screen._again()  # type: ignore[attr-defined]
        async with asyncio.timeout(60):
            while not rows(deck):
                await deck.pilot.pause(0.01)
        assert [row.split()[:2] for row in rows(deck)] == [["log", "S-3#1"]]


async def test_the_palette_searches_everything_for_what_was_typed(tmp_path: Path) -> None:
    """It is offered below all that has the words in its name."""
    async with room(tmp_path, middle(), logs=True) as deck:
        provider = DeckCommands(deck.app.screen)
        found = [hit async for hit in provider.search("queue")]
        assert str(found[-1].text) == "Search everything for queue"
        assert all(getattr(hit, "score", 0) > found[-1].score for hit in found[:-1])
        found[-1].command()
        await deck.press()
        assert deck.app.screen.query_one(Input).value == "queue"
        await look_for(deck, "queue")
        assert any("Dead letter" in row for row in rows(deck))


DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,3 @@\n one\n+two\n three\n"


async def test_a_hit_in_the_diff_is_gone_to_once_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The diff is made in a thread: the goal waits for it; once it is there it is met at once."""
    monkeypatch.setattr("agentdeck.control.repo.diff_of", lambda *_: DIFF)
    async with room(tmp_path, middle()) as deck:
        view = deck.app.room.query_one(DiffView)
        for line in (2, 3):
            deck.app.room.look_at(Goal(TaskId("S-2"), "diff", file="x.py", line=line))
            await deck.press()
            assert (view.rows[view.cursor].file, view.rows[view.cursor].line) == ("x.py", line)


# --- what is drawn -------------------------------------------------------------------------------


def hit(run: str, task: str, *pieces: Piece, **more: object) -> Hit:
    told: dict[str, object] = {
        "kind": Kind.LOGS, "attempt": 1, "place": 0, "file": "", "line": 0, "at": None,
    }  # fmt: skip
    return Hit(run=run, task=task, snippet=pieces, **{**told, **more})  # type: ignore[arg-type]


def deck_of(told: Story) -> Deck:
    model = Model()
    model.take(told.history)
    return Deck(model.state, told.history[-1].at, frozen=True)


WIDE = (
    hit("r1", "S-1", Piece("数" * 50), Piece("字", hit=True), more=12),
    hit("r1", "L" * 64, Piece("x" * 300), file="src/" + "deep/" * 30 + "file.py", line=7),
    hit("r0", "", Piece("an event of the run"), kind=Kind.EVENTS, attempt=0, at=1.0),
)


@pytest.mark.parametrize("width", [30, 76, 116, 196])
def test_no_row_is_wider_than_its_pane(width: int) -> None:
    view = SearchView(deck_of(middle()), WIDE, "r1")
    assert view.headings == {view.keys[2]}
    assert [text_of(view.row(view.keys[2], 50)).strip()] == ["past run r0"]
    drawn = [view.row(key, width) for key in view.keys]
    drawn += [line for key in view.keys for line in view.detail(key, width)]
    drawn += help_lines(width) + around_lines([(True, "数字 " * 99)], ("字",), width)
    assert max(cells(line) for line in drawn) <= width


def test_what_is_said_of_the_index() -> None:
    assert text_of(progress_line(None)) == "reading the run"
    assert text_of(progress_line(Progress("logs", 2, 5))) == "logs 40 % read"
    assert text_of(progress_line(Progress("index", ready=True))) == ""
    assert text_of(progress_line(Progress("index", ready=True, fault="no FTS5"))) == "no FTS5"
    assert "another deck reads" in text_of(progress_line(Progress("index", waits=True)))
    assert "the rest is being read" in empty_words("x", Progress("logs", 2, 5))
    assert empty_words("x", Progress("index", ready=True)).startswith("Nothing has that.")


# --- pictures ------------------------------------------------------------------------------------


async def picture(tmp_path: Path, size: str, text: str) -> str:
    """The clock of the run stands, so nothing is read after the first time."""

    async def type_it(pilot: Pilot[None]) -> None:
        await pilot.app.workers.wait_for_complete()
        pilot.app.screen.query_one(Input).value = text
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()

    told = middle()
    folder = write_run(told, tmp_path)
    long = folder.attempt(told.state.tasks["S-2"].id, 1) / "raw.log"  # type: ignore[index]
    with long.open("a") as file:
        for number in range(20):
            content = [{"type": "text", "text": f"Payload {number}: sessions, retries and guides"}]
            message = {"id": f"m{number}", "content": content}
            file.write(json.dumps({"type": "assistant", "message": message}) + "\n")
    return await draw(
        folder, told.history, size=SIZES[size], kind=".svg", screen="search", steps=type_it
    )


@pytest.mark.parametrize("size", SIZES)
async def test_what_was_found(tmp_path: Path, size: str) -> None:
    """You should see the line with "payload", rows of several logs with the word marked in each, at
    S-2's fifth "+16 more" at the right, and the chosen one below with its task's title.
    """
    compare(f"search-{size}.svg", await picture(tmp_path, size, "payload"))


async def test_an_empty_search(tmp_path: Path) -> None:
    """You should see what will stand in the rows, and below what can be typed."""
    compare("search-empty-80x24.svg", await picture(tmp_path, "80x24", ""))
