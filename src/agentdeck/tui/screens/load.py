"""The load screen (`%`): what the machine and each agent do, and what holds others back.

Rules:
- Above stands the machine, below it a row for each agent at work, each task that something holds
  back, each agent that fails again and again, each account and each pool. `<` and `>` turn the
  figure by which agents are sorted.
- Measuring is `tui.sampling`, which goes on while other screens are shown.
- What holds tasks back is asked for once a second at most, and when something has happened.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.line import Span
from agentdeck.tui.presentation.load import ORDERS, Held, LoadView, Order, held_back
from agentdeck.tui.presentation.load_summary import machine_lines
from agentdeck.tui.screens.full_screen import FullScreen, own_and_shared
from agentdeck.tui.widgets.agents_pane import empty_sentence
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.row_list import LinesView, RowList
from agentdeck.tui.widgets.styled import Pane

FRAME_ROWS: Final = 2  # of a pane
RULE: Final = "percent of one core · the last 5 minutes"
FOOTER: Final = (
    "load.order", "load.open", "task.pause", "task.stop", "task.steer", "run.fewer", "run.more",
    "run.pools", "run.pause", "view.spending", "screen.back", "deck.help", "deck.palette",
)  # fmt: skip


class LoadScreen(FullScreen):
    """The machine above, rows below."""

    BINDINGS: ClassVar[list[BindingType]] = own_and_shared(
        [
            Binding("escape,percent_sign,q", "back", show=False),
            Binding("greater_than_sign", "order(1)", show=False),
            Binding("less_than_sign", "order(-1)", show=False),
        ]
    )
    OWN_KEYS = frozenset(("j", "k", "less_than_sign", "greater_than_sign"))

    def __init__(self) -> None:
        super().__init__(id="load")
        self._order = Order.PLAN
        self._view: LoadView | None = None
        self._held: tuple[object, list[Held]] = (None, [])

    def compose(self) -> ComposeResult:
        """Header, the machine, rows, keys."""
        yield HeaderBar()
        with Pane(id="load-machine"):
            lines = LinesView(id="load-lines")
            lines.can_focus = False
            yield lines
        with Pane(id="load-list"):
            yield RowList(id="load-rows")
        yield KeyBar()

    def on_mount(self) -> None:
        """The rows have the focus, the cursor is on the task that the room looks at."""
        super().on_mount()
        self.query_one(RowList).focus()

    def begin_at(self, task: TaskId | None) -> None:
        """The cursor goes to its row."""
        if task is not None and self._view is not None:
            self._put_on(task)
        self.refresh_deck()

    def _put_on(self, task: TaskId) -> bool:
        assert self._view is not None
        key = next((key for key in self._view.keys if self._view.task(key) == task), None)
        if key is not None:
            self.query_one(RowList).put_cursor(key)
        return key is not None

    # --- drawing -------------------------------------------------------------------------------

    def refresh_deck(self) -> None:
        """Show the run and the machine as they are now."""
        deck, sampling = self.moment(), self.deck_app.sampling
        sampling.seen()
        course, problem = sampling.course, sampling.problem
        room = max(1, self.app.size.width - FRAME_ROWS - 2)
        held = self._held_back(deck)
        view = self._view = LoadView(deck, course, held, self._order, room)
        rows = self.query_one(RowList)
        rows.show(view.keys, view.row, headings=view.headings, empty=empty_sentence(deck))
        deck = self.moment()
        self.query_one(HeaderBar).show(deck)
        frame = self.query_one("#load-machine", Pane)
        frame.styles.height = len(machine_lines(deck, course, problem, room)) + FRAME_ROWS
        frame.set_titles((Span("Load"),))
        lines = self.query_one("#load-lines", LinesView)
        lines.show(lambda width: machine_lines(deck, course, problem, width), "machine")
        below = self.query_one("#load-list", Pane)
        below.set_titles((Span("Agents"),))
        if view.keys:
            below.set_foot((Span(RULE, "muted"),))
        self.query_one(KeyBar).show(self.context)

    def _held_back(self, deck: Deck) -> list[Held]:
        stamp = (deck.state.seq, int(deck.now), id(deck.state))
        if self._held[0] != stamp:
            self._held = (stamp, held_back(deck))
        return self._held[1]

    # --- what is chosen ------------------------------------------------------------------------

    @property
    def task_here(self) -> TaskId | None:
        """The task that the row is about."""
        return self._view.task(self.query_one(RowList).cursor) if self._view is not None else None

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        pool = self._view.pool(self.query_one(RowList).cursor) if self._view is not None else None
        deck = self.moment()
        return Context(deck, "load", self.deck_app.keys, footer=FOOTER, pool=pool)

    def select(self, task: TaskId) -> None:
        """Its row, if it has one; else the room."""
        if self._view is not None and self._put_on(task):
            self.refresh_deck()
        else:
            self.show_in_room(task)

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """The cursor moved."""
        event.stop()
        self.refresh_deck()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Enter: look at the task in the room."""
        event.stop()
        self.action_open()

    # --- keys ----------------------------------------------------------------------------------

    def act(self, key: Key) -> None:
        """The keys of the footer can be clicked, too."""
        match key.id:
            case "view.load":
                self.action_back()
            case "load.order":
                self.action_order(1)
            case "load.open":
                self.action_open()
            case _:
                super().act(key)

    def action_open(self) -> None:
        """The task in the room."""
        task = self.task_here
        if task is None:
            self.notify("The row is about no task; enter looks at one in the room.", timeout=3)
        else:
            self.show_in_room(task, then=self.deck_app.key("move.task"))

    def action_order(self, by: int) -> None:
        """Sort agents by another figure."""
        self._order = ORDERS[(ORDERS.index(self._order) + by) % len(ORDERS)]
        self.refresh_deck()
