"""The wall (`w`): the live logs of all agents at work, side by side.

Rules:
- Who stands where is `presentation.wall`. Only the tiles of the page that is shown are read, at
  most fifteen times a second, and none while a key is being answered.
- One tile is chosen, and the keys of tasks act on its task. Arrows and `hjkl` move between tiles,
  `[` and `]` between pages.
- A digit, `z` or two clicks give one log the whole screen; there the arrows scroll it.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import Line, wrapped
from agentdeck.tui.presentation.wall import (
    MAX_TILES,
    Place,
    Places,
    Shape,
    arranged,
    live_tasks,
    pages_for,
    shape_for,
    tile_feet,
    tile_titles,
    wall_head,
)
from agentdeck.tui.screens.full_screen import FullScreen, own_and_shared
from agentdeck.tui.widgets.agents_pane import empty_sentence
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.log_view import LogView
from agentdeck.tui.widgets.row_list import LinesView
from agentdeck.tui.widgets.tails_pane import Tile

DIGITS: Final = "123456789"
OTHER_ROWS: Final = 3  # header, head of the wall, keys
FOOTER: Final = (
    "task.steer", "task.pause", "task.stop", "task.take_over", "wall.zoom", "wall.page",
    "view.diff", "move.needs_me", "view.inbox", "run.pause", "screen.back",
    "deck.help", "deck.palette",
)  # fmt: skip


class WallTile(Tile):
    """A tile that can be the chosen one."""

    @property
    def lit(self) -> bool:
        """The chosen one is."""
        return super().lit or self.has_class("-chosen")


class WallScreen(FullScreen):
    """Tiles with logs."""

    BINDINGS: ClassVar[list[BindingType]] = own_and_shared(
        [
            Binding("escape", "leave_one", show=False),
            Binding("w,q", "back", show=False),
            Binding("left,h", "move(-1, 0)", show=False),
            Binding("right,l", "move(1, 0)", show=False),
            Binding("up,k", "move(0, -1)", show=False),
            Binding("down,j", "move(0, 1)", show=False),
            Binding("tab", "step(1)", show=False),
            Binding("shift+tab", "step(-1)", show=False),
            Binding("left_square_bracket", "page(-1)", show=False),
            Binding("right_square_bracket", "page(1)", show=False),
            Binding("enter", "open", show=False),
            Binding("z", "zoom_chosen", show=False),
            *(Binding(digit, f"zoom({digit})", show=False) for digit in DIGITS),
        ]
    )
    OWN_KEYS = frozenset((*DIGITS, "h", "j", "k", "l"))

    def __init__(self) -> None:
        super().__init__(id="wall")
        self._places: Places = ()
        self._page = 0
        self._at = 0  # the chosen place, on all pages
        self._zoomed: TaskId | None = None

    def compose(self) -> ComposeResult:
        """Header, a line, tiles, keys."""
        yield HeaderBar()
        head = LinesView(id="wall-head")
        head.can_focus = False
        yield head
        with Container(id="wall-tiles"):
            for number in range(MAX_TILES):
                yield WallTile(number)
        empty = LinesView(id="wall-empty")
        empty.can_focus = False
        yield empty
        yield KeyBar()

    def on_mount(self) -> None:
        """The chosen tile is that of the task which the room looks at, if its agent works."""
        super().on_mount()
        chosen = self.deck_app.room.selected
        live = live_tasks(self.moment())
        self._places = tuple(Place(task) for task in live)
        self._at = live.index(chosen) if chosen in live else 0
        self._page = self._at // self._shape.tiles

    # --- drawing -------------------------------------------------------------------------------

    @property
    def _room(self) -> tuple[int, int]:
        width, height = self.app.size
        return width, height - OTHER_ROWS

    @property
    def _shape(self) -> Shape:
        return Shape(1, 1) if self._zoomed else shape_for(len(self._places), *self._room)

    @property
    def _pages(self) -> int:
        return pages_for(len(self._places), self._shape.tiles)

    @property
    def _which(self) -> str:
        """`2 of 5 pages`; empty when all is on this one."""
        what = "agents" if self._zoomed else "pages"
        return f"{self._page + 1} of {self._pages} {what}" if self._pages > 1 else ""

    def refresh_deck(self) -> None:
        """Show the run as it is now."""
        deck = self.moment()
        chosen = self.chosen
        self._places = arranged(self._places, live_tasks(deck), deck.now, *self._room)
        self._keep_chosen(chosen)
        deck = self.moment()
        self.query_one(HeaderBar).show(deck)
        places, which = self._places, self._which
        head = self.query_one("#wall-head", LinesView)
        head.show(lambda width: [wall_head(deck, places, which, width)], "head")
        self._show_tiles(deck)
        self.query_one(KeyBar).show(self.context)

    def _keep_chosen(self, task: TaskId | None) -> None:
        """Stay on the task, or else on its place; the page follows."""
        tasks = [place.task if place is not None else None for place in self._places]
        if task is not None and task in tasks:
            self._at = tasks.index(task)
        elif tasks:
            near = sorted(range(len(tasks)), key=lambda n: abs(n - self._at))
            self._at = next((n for n in near if tasks[n] is not None), 0)
        else:
            self._at = 0
        if self._zoomed is not None and self._zoomed not in tasks:
            self._unzoom()
        self._page = min(self._at // self._shape.tiles, self._pages - 1)

    def _show_tiles(self, deck: Deck) -> None:
        shape, frame = self._shape, self.query_one("#wall-tiles", Container)
        frame.styles.grid_size_columns, frame.styles.grid_size_rows = shape
        first = self._page * shape.tiles
        for number, tile in enumerate(self.query(WallTile)):
            at = first + number
            inside = number < shape.tiles and at < len(self._places)
            place = self._places[at] if inside else None
            tile.display = inside
            tile.visible = place is not None  # a free place stays where it is
            if place is None:
                tile.leave()
            else:
                self._show_tile(deck, tile, place, number)
        nobody = not self._places
        frame.display = not nobody
        empty = self.query_one("#wall-empty", LinesView)
        empty.display = nobody
        if nobody:
            empty.show(lambda width: _nobody(deck, width), empty_sentence(deck))

    def _show_tile(self, deck: Deck, tile: WallTile, place: Place, number: int) -> None:
        chosen = self._page * self._shape.tiles + number == self._at
        tile.set_class(chosen, "-chosen")
        tile.set_class(place.ended_at is not None, "-ended")
        digit = DIGITS[number] if number < len(DIGITS) and not self._zoomed else ""
        marked = chosen and self._zoomed is None
        titles = tile_titles(deck, place.task, digit, tile.title_room, chosen=marked)
        tile.set_titles(*titles)
        tile.set_foot(*tile_feet(deck, place, tile.title_room))
        tile.query_one(LogView).can_focus = self._zoomed is not None
        tile.follow(deck, place.task, self.deck_app.folder)

    def tick_logs(self) -> bool:
        """Look for new lines in the tiles of this page. Was there any?"""
        found = [tile.tick() for tile in self.query(WallTile) if tile.visible]  # all of them look
        return any(found)

    # --- what is chosen ------------------------------------------------------------------------

    @property
    def chosen(self) -> TaskId | None:
        """The task of the chosen tile."""
        place = self._places[self._at] if self._at < len(self._places) else None
        return place.task if place is not None else None

    @property
    def task_here(self) -> TaskId | None:
        """The same."""
        return self.chosen

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        return Context(self.moment(), "wall", self.deck_app.keys, footer=FOOTER)

    def select(self, task: TaskId) -> None:
        """Its tile, if it has one; else the room."""
        at = next((n for n, p in enumerate(self._places) if p is not None and p.task == task), None)
        if at is None:
            self.show_in_room(task)
        else:
            self._go(at)

    def _go(self, at: int) -> None:
        self._at = at
        if self._zoomed is not None:
            self._zoomed = self.chosen
        self.refresh_deck()

    def on_tile_chosen(self, event: Tile.Chosen) -> None:
        """A tile was clicked; twice: it gets the whole screen."""
        number = list(self.query(WallTile)).index(event.tile)  # type: ignore[arg-type]
        if self._zoomed is None:
            self._go(self._page * self._shape.tiles + number)
        if event.twice:
            self.action_zoom_chosen()

    # --- keys ----------------------------------------------------------------------------------

    def act(self, key: Key) -> None:
        """The keys that move have a meaning of their own here."""
        if key.act == "wall":
            self.action_back()
        elif key.id == "wall.page":
            self.action_page(1 if self._page + 1 < self._pages else -1)
        elif key.act == "zoom" or key.id == "wall.zoom":
            self.action_zoom_chosen()
        else:
            super().act(key)

    def action_move(self, right: int, down: int) -> None:
        """To the tile beside, above or below; in a log of its own: scroll."""
        if self._zoomed is not None:
            self._scroll(right, down)
            return
        shape = self._shape
        first = self._page * shape.tiles
        row, column = divmod(self._at - first, shape.columns)
        column, row = column + right, row + down
        at = first + row * shape.columns + column
        inside = 0 <= column < shape.columns and 0 <= row < shape.rows and at < len(self._places)
        if inside and self._places[at] is not None:
            self._go(at)

    def _scroll(self, right: int, down: int) -> None:
        view = self.query(WallTile).first().query_one(LogView)
        act = {
            (0, -1): view.action_scroll_up,
            (0, 1): view.action_scroll_down,
            (-1, 0): view.action_scroll_left,
            (1, 0): view.action_scroll_right,
        }[(right, down)]
        act()

    def action_step(self, by: int) -> None:
        """To the next tile, page after page, and round."""
        there = [at for at, place in enumerate(self._places) if place is not None]
        if there:
            here = there.index(self._at) if self._at in there else 0
            self._go(there[(here + by) % len(there)])

    def action_page(self, by: int) -> None:
        """To another page; with one log on the screen, to the next agent."""
        if self._zoomed is not None:
            self.action_step(by)
            return
        page, tiles = self._page + by, self._shape.tiles
        if not 0 <= page < self._pages:
            self.notify("There is no further page.", timeout=3)
            return
        there = range(page * tiles, min(len(self._places), (page + 1) * tiles))
        self._go(next((at for at in there if self._places[at] is not None), page * tiles))

    def action_zoom(self, digit: int) -> None:
        """Give a tile the whole screen, or take it back."""
        if self._zoomed is not None:
            self._leave_zoom()
            return
        at = self._page * self._shape.tiles + digit - 1
        inside = digit <= self._shape.tiles and at < len(self._places)
        if not inside or self._places[at] is None:
            self.notify(f"There is no tile {digit} here.", timeout=3)
            return
        self._at = at
        self.action_zoom_chosen()

    def action_zoom_chosen(self) -> None:
        """Give the chosen tile the whole screen, or take it back."""
        if self._zoomed is not None:
            self._leave_zoom()
        elif self.chosen is not None:
            self._zoomed = self.chosen
            self.refresh_deck()
            view = self.query(WallTile).first().query_one(LogView)
            self.deck_app.after_redraw(view.focus)

    def _leave_zoom(self) -> None:
        self._unzoom()
        self.refresh_deck()

    def _unzoom(self) -> None:
        self._zoomed = None
        self.set_focus(None)
        for view in self.query(LogView):
            view.action_scroll_end()

    def action_leave_one(self) -> None:
        """From one log to all of them; from there to the room."""
        if self._zoomed is not None:
            self._leave_zoom()
        else:
            self.action_back()

    def action_open(self) -> None:
        """Look at the task in the room."""
        if self.chosen is not None:
            self.show_in_room(self.chosen, then=self.deck_app.key("move.task"))


def _nobody(deck: Deck, width: int) -> list[Line]:
    return list(wrapped(empty_sentence(deck), width, "muted"))
