"""What is painted: the cells that changed and no others, and the answer to a key before all else.

Everything that goes to the terminal is kept here, cell by cell, beside what the whole screen is.
Time stands until a test moves it, and nothing looks at anything by itself: what is painted was
asked for by the test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.segment import Segment
from rich.style import Style
from tests.tui.sample_journal import Story, large, middle, write_run
from textual.geometry import Region
from textual.message import Message
from textual.message_pump import MessagePump
from textual.messages import Update
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget

from agentdeck.core.events import Recorded
from agentdeck.core.ids import TaskId
from agentdeck.tui.app import DeckApp
from agentdeck.tui.model import Clock
from agentdeck.tui.pacing import Pacing
from agentdeck.tui.painting import CellCompositor, CellsUpdate, repaint
from agentdeck.tui.presentation.agents import agent_row
from agentdeck.tui.presentation.deck import Deck as Moment
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.plan_view import PlanView
from agentdeck.tui.screens.room import RoomScreen
from agentdeck.tui.snapshot import FixedSource
from agentdeck.tui.widgets import agents_pane
from agentdeck.tui.widgets.agents_pane import AgentsPane
from agentdeck.tui.widgets.plan_pane import Outline, PlanPane
from agentdeck.tui.widgets.task_pane import TaskPane

FRAMES = 50  # that are waited for at the most

Cell = tuple[str, Style | None]


class Painted(NamedTuple):
    """One frame: which cells were sent, and which of them were others than before."""

    cells: set[tuple[int, int]]
    changed: set[tuple[int, int]]

    @property
    def lines(self) -> set[int]:
        return {y for _, y in self.cells}

    def within(self, region: Region) -> set[tuple[int, int]]:
        return {at for at in self.cells if region.contains(*at)}


class Screen:
    """A terminal that understands what the room sends."""

    def __init__(self, room: RoomScreen) -> None:
        self.room = room
        self.cells = self.whole()
        self.frames: list[Painted] = []
        compositor = room._compositor
        assert isinstance(compositor, CellCompositor)
        whole, part = compositor.render_full_update, compositor.render_partial_update

        def full(simplify: bool = False) -> object:
            found = whole(simplify)
            self.take({(x, y): c for y, row in enumerate(self.whole()) for x, c in enumerate(row)})
            return found

        def partial() -> CellsUpdate | None:
            found = part()
            if found is not None:
                self.take(
                    {
                        (piece.x + at, piece.y): cell
                        for piece in found.pieces
                        for at, cell in enumerate(cells_of(piece.strip))
                    }
                )
            return found

        compositor.render_full_update = full  # type: ignore[method-assign,assignment]
        compositor.render_partial_update = partial  # type: ignore[method-assign]

    def take(self, sent: dict[tuple[int, int], Cell]) -> None:
        changed = {(x, y) for (x, y), cell in sent.items() if self.cells[y][x] != cell}
        for (x, y), cell in sent.items():
            self.cells[y][x] = cell
        self.frames.append(Painted(set(sent), changed))

    def whole(self) -> list[list[Cell]]:
        return [cells_of(strip) for strip in self.room._compositor.render_strips()]

    def text(self) -> str:
        return "\n".join("".join(char for char, _ in row) for row in self.cells)


def cells_of(strip: Strip) -> list[Cell]:
    """A cell for each column; the second one of a wide character has no text."""
    found: list[Cell] = []
    for segment in strip:
        for char in segment.text:
            found.append((char, segment.style))
            found += [("", segment.style)] * (Segment(char).cell_length - 1)
    return found


class Silent(FixedSource):
    """Nothing happens any more, and nobody waits for it."""

    async def follow(self, after: int = 0) -> AsyncIterator[list[Recorded]]:
        if after < 0:  # never: events have numbers from 1
            yield []


class Deck:
    """A room whose time a test moves."""

    def __init__(self, app: DeckApp, pilot: Pilot[None], time: list[float]) -> None:
        self.app, self.pilot, self._time = app, pilot, time
        self.screen = Screen(app.room)

    async def quiet(self) -> None:
        """All that was asked for is painted."""
        for _ in range(FRAMES):
            before = len(self.screen.frames)
            await self.pilot.pause()
            await self.app.workers.wait_for_complete()
            room = self.app.room
            asked = room._dirty_widgets or room._layout_required or room._repaint_required
            if not asked and before == len(self.screen.frames):
                return
        raise AssertionError("it never ceases to paint")

    async def look(self, seconds: float = 0.0) -> list[Painted]:
        """The frames of one redraw of the run, some time later."""
        self._time[0] += seconds
        self.screen.frames.clear()
        self.app._dirty = True
        self.app.draw_if_needed()
        await self.quiet()
        return self.screen.frames

    async def press(self, *keys: str) -> list[Painted]:
        self.screen.frames.clear()
        await self.pilot.press(*keys)
        await self.quiet()
        return self.screen.frames


@asynccontextmanager
async def room(
    told: Story, folder: Path, patch: pytest.MonkeyPatch, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[Deck]:
    """A deck over a run, as it is once everything has been painted."""
    patch.setattr(Pacing, "start", lambda _: None)
    time = [told.history[-1].at + 1.0]
    app = DeckApp(
        write_run(told, folder),
        Silent(),
        clock=Clock(source=lambda: time[0]),
        ascii_only=False,
        preload=told.history,
    )
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        deck = Deck(app, pilot, time)
        await deck.quiet()
        _ = await deck.look(1.0)  # what became visible while it was laid out is painted twice
        yield deck


async def test_a_moment_in_which_nothing_changed_paints_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with room(middle(), tmp_path, monkeypatch) as deck:
        assert await deck.look() == []


@pytest.mark.parametrize("size", [(120, 36), (200, 60), (80, 24)])
async def test_a_second_that_passes_paints_only_the_cells_of_clocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """At rest: some digits and turning signs, each line of them once, in one frame."""
    async with room(middle(), tmp_path, monkeypatch, size) as deck:
        frames = await deck.look(1.0)
        assert len(frames) == 1
        (frame,) = frames
        assert frame.changed
        assert frame.lines == {y for _, y in frame.changed}
        # From a sign to the digits behind it is painted at once; that is all there is besides.
        assert len(frame.cells) < size[0] * size[1] / 25


@pytest.mark.parametrize("size", [(120, 36), (200, 60), (80, 24)])
async def test_a_second_that_passes_is_no_message_to_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """Each widget with a clock would get one and send one: that costs more than its cells."""
    async with room(middle(), tmp_path, monkeypatch, size) as deck:
        post, posted = MessagePump.post_message, list[Message]()

        def noted(pump: MessagePump, message: Message) -> bool:
            posted.append(message)
            return post(pump, message)

        monkeypatch.setattr(MessagePump, "post_message", noted)
        frames = await deck.look(1.0)
        assert len(frames) == 1
        assert [each for each in posted if isinstance(each, Update)] == []
        await deck.press("j")  # what follows from a key goes the framework's way
        assert [each for each in posted if isinstance(each, Update)] != []


@pytest.mark.parametrize(
    ("told", "view"),
    [(middle, PlanView.GRAPH), (large, PlanView.OUTLINE), (large, PlanView.TIMELINE)],
)
async def test_what_was_painted_piece_by_piece_is_the_whole_screen(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told: Callable[[], Story],
    view: PlanView,
) -> None:
    """Whatever is pressed while time passes: no cell on the terminal is out of date."""
    async with room(told(), tmp_path, monkeypatch) as deck:
        deck.app.room.query_one(PlanPane).turn_to(view)
        for keys in ("j", "j", "3", "j", "4", "1", "d", "l", "z", "z", "."):
            _ = await deck.press(keys)
            _ = await deck.look(1.0)
        for widget in deck.app.room.query("*"):
            widget._styles_cache.clear()
        assert deck.screen.cells == deck.screen.whole()
        assert deck.app.room.selected is not None
        assert deck.app.room.selected in deck.screen.text()


async def test_a_key_that_moves_the_cursor_is_answered_by_three_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First: two rows of the plan and the name over the task. The log and the rest come behind."""
    async with room(large(), tmp_path, monkeypatch) as deck:
        plan, task = deck.app.room.query_one(PlanPane), deck.app.room.query_one(TaskPane)
        outline = plan.query_one(Outline)
        _ = await deck.press("j")
        first, *others = await deck.press("j")
        assert {at for at in first.cells if not outline.region.contains(*at)} == first.within(
            Region(task.region.x, task.region.y, task.region.width, 1)
        )
        assert len({y for _, y in first.within(outline.region)}) == 2
        assert others, "what follows is painted too"
        named = deck.screen.text().split("\n")[task.region.y]
        assert str(deck.app.room.selected) in named


async def test_what_follows_from_a_key_is_not_in_its_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log of the task is opened once its name is on the screen."""
    async with room(middle(), tmp_path, monkeypatch) as deck:
        app = deck.app
        log = app.room.query_one(TaskPane).reader.view
        app.room.select(TaskId("S-2"))
        await deck.quiet()
        before = log._source
        deck.screen.frames.clear()
        app.room.select(TaskId("S-1"))
        assert log._source is before
        await deck.quiet()
        assert log._source is not before
        first, *others = deck.screen.frames
        assert not first.within(log.region)
        assert any(frame.within(log.region) for frame in others)


async def test_many_keys_at_once_are_followed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks that are only passed by are not opened: the last one is."""
    async with room(middle(), tmp_path, monkeypatch) as deck:
        shown: list[str] = []
        pane = deck.app.room.query_one(TaskPane)
        show = pane.show

        def noted(moment: Moment) -> None:
            shown.append(str(moment.selected))
            show(moment)

        monkeypatch.setattr(pane, "show", noted)
        monkeypatch.setattr(deck.app.room._catching_up, "_watch", lambda: 0.0)
        deck.app.room._catching_up._done_at = 0.0
        for name in ("S-1", "S-2", "S-5", "S-6"):
            deck.app.room.select(TaskId(name))
        await deck.quiet()
        assert shown == ["S-6"]


@pytest.mark.parametrize("view", list(PlanView))
async def test_a_cursor_that_has_gone_on_is_not_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, view: PlanView
) -> None:
    """Keys come faster than the room looks at what they chose: none of them is lost."""
    async with room(large(), tmp_path, monkeypatch) as deck:
        room_ = deck.app.room
        plan = room_.query_one(PlanPane)
        plan.turn_to(view)
        await deck.quiet()
        move = plan.view.action_walk if view is PlanView.GRAPH else plan.view.action_move  # type: ignore[attr-defined]
        step = "down" if view is PlanView.GRAPH else 1
        order = plan.order()
        here = order.index(room_.selected)  # type: ignore[arg-type]
        for _ in range(3):
            move(step)
            room_.refresh_deck()  # of a second that has passed, before the room has heard
        await deck.quiet()
        assert room_.selected == order[here + 3]


async def test_rows_of_agents_are_drawn_again_only_with_news_or_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another selection makes no row anew."""
    async with room(middle(), tmp_path, monkeypatch) as deck:
        made: list[str] = []

        def row(deck: Moment, key: str, width: int) -> Line:
            made.append(key)
            return agent_row(deck, key, width)

        monkeypatch.setattr(agents_pane, "agent_row", row)
        assert deck.app.room.query_one(AgentsPane).display
        _ = await deck.look(1.0)
        assert made
        made.clear()
        _ = await deck.press("j")
        assert made == []


async def test_a_log_that_nobody_sees_is_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind another tab it is left alone."""
    async with room(middle(), tmp_path, monkeypatch) as deck:
        view = deck.app.room.query_one(TaskPane).reader.view
        polls: list[str] = []

        def tick() -> bool:
            polls.append("log")
            return False

        monkeypatch.setattr(view, "tick", tick)
        _ = deck.app.look_at_logs()
        assert len(polls) == 1
        _ = await deck.press("d")
        _ = deck.app.look_at_logs()
        assert len(polls) == 1


def test_nothing_is_painted_of_what_is_on_no_screen() -> None:
    """A title that changes while its screen is being closed ends no deck."""
    repaint(Widget(), Region(0, 0, 3, 1))
