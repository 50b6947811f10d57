"""The wall of tails: the ends of the logs of all agents at work, on screens wide enough for it.

Rules: the tiles are made for a screen that begins with room for them, else when there is room for
the first time: on most screens there never is, and they would take a fifth of the first picture.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Grid
from textual.message import Message

from agentdeck.core.ids import TaskId
from agentdeck.core.state import LIVE
from agentdeck.tui.presentation.agents import who
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.line import Span
from agentdeck.tui.presentation.rendered_source import RenderedSource
from agentdeck.tui.presentation.titles import title_of
from agentdeck.tui.widgets.log_view import LogView
from agentdeck.tui.widgets.row_list import LinesView
from agentdeck.tui.widgets.styled import Pane, roles_of
from agentdeck.tui.widgets.task_pane import AttemptFolders, log_end, log_source

TILES: Final = 4  # two by two; more are not read, only looked at


class Tile(Pane):
    """The tail of one agent."""

    def __init__(self, number: int) -> None:
        super().__init__(id=f"tile-{number}", classes="tile")
        self._subject: object = None
        self._source: RenderedSource | None = None
        self._again: Callable[[], None] | None = None  # for another width

    class Chosen(Message):
        """It was clicked."""

        def __init__(self, tile: Tile, *, twice: bool) -> None:
            super().__init__()
            self.tile = tile
            self.twice = twice

    def compose(self) -> ComposeResult:
        """One view."""
        yield self._view

    @cached_property
    def _view(self) -> LogView:
        view = LogView(placeholder="Nothing was written yet.")
        view.can_focus = False
        return view

    def show(self, deck: Deck, task: TaskId, folder: AttemptFolders) -> None:
        """Follow the task's agent, with a title of its own."""
        attempt = deck.state.tasks[task].attempt
        if attempt is None:
            return
        name = (
            deck.sign(task),
            Span(" "),
            Span(task, "bold"),
            Span(f" {title_of(deck.state.spec(task))}"),
        )
        time = duration(attempt.worked_s(deck.now))
        self.set_titles(name, (Span(f"{who(attempt)} {time}", "muted"),))
        self.follow(deck, task, folder)

    def follow(self, deck: Deck, task: TaskId, folder: AttemptFolders) -> None:
        """Follow the log of the task's latest attempt."""
        attempt = deck.state.tasks[task].attempt
        if attempt is None:
            return
        self._again = partial(self.follow, deck, task, folder)
        view = self._view
        subject = (task, attempt.number, view.size.width, id(roles_of(self)))
        source, until = self._source, log_end(deck, attempt)
        same = subject == self._subject and (source is None or source.end_at(until))
        if not same and view.size.width > 8:
            self._subject = subject
            if self._source is not None:
                self._source.close()
            self._source = log_source(
                folder, deck, attempt, task, width=view.size.width, roles=roles_of(self)
            )
            view.set_source(self._source)

    def leave(self) -> None:
        """Follow nobody, and let go of the file."""
        self._subject, self._again = None, None
        if self._source is not None:
            self._source.close()
            self._source = None

    def tick(self) -> bool:
        """Look for new lines. Was there any?"""
        return self.display and self._view.tick()

    def on_resize(self) -> None:
        """Lines are wrapped elsewhere."""
        super().on_resize()
        if self._again is not None and self.display:
            self.call_after_refresh(self._again)

    def on_click(self, event: events.Click) -> None:
        """It is chosen; twice, to be looked at."""
        self.post_message(self.Chosen(self, twice=event.chain == 2))

    def on_unmount(self) -> None:
        """Let go of the file."""
        self.leave()


class TailsPane(Grid):
    """Up to four tiles, those of the agents that were first to start; a task keeps its tile."""

    def __init__(self, folder: AttemptFolders, *, at_once: bool) -> None:
        """`at_once`: there is room for it from the beginning."""
        super().__init__(id="tails")
        self._folder = folder
        self._at_once = self._whole = at_once
        self._latest: Deck | None = None  # that was to be shown before there were tiles
        self._tasks: list[TaskId | None] = [None] * TILES

    def compose(self) -> ComposeResult:
        """The tiles, and what is said without agents."""
        if self._at_once:
            yield from self._tiles
        yield self._nobody

    @cached_property
    def _tiles(self) -> list[Tile]:
        return [Tile(number) for number in range(TILES)]

    @cached_property
    def _nobody(self) -> LinesView:
        view = LinesView(id="no-tails")
        view.can_focus = False
        return view

    async def on_show(self) -> None:
        """There is room for it."""
        if not self._whole:
            await self.mount_all(self._tiles, before=0)
            self._whole = True
            if self._latest is not None:
                self.show(self._latest)

    def show(self, deck: Deck) -> None:
        """Show this moment."""
        if not self._whole:
            self._latest = deck
            return
        self._latest = None
        live = [
            task.id for task in deck.state.in_state(*LIVE) if task.attempt and task.attempt.live
        ]
        self._tasks = [task if task in live else None for task in self._tasks]
        fresh = [task for task in live if task not in self._tasks]
        for number, task in enumerate(self._tasks):
            if task is None and fresh:
                self._tasks[number] = fresh.pop(0)
        shown = sum(task is not None for task in self._tasks)
        self.set_class(shown == 1, "-one")
        self.set_class(shown == 2, "-two")
        for tile, task in zip(self._tiles, self._tasks, strict=True):
            tile.display = task is not None
            if task is not None:
                tile.show(deck, task, self._folder)
        self._nobody.display = shown == 0
        self._nobody.show(
            lambda _: [(Span("The logs of the agents at work run here.", "muted"),)], "empty"
        )

    def tick(self) -> bool:
        """Look for new lines of all tiles. Was there any?"""
        found = [tile.tick() for tile in self._tiles] if self._whole else []  # all of them look
        return any(found)
