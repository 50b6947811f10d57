"""The spending screen (`S`): what the run costs, and by what.

Rules:
- Above stands the whole: money, tokens, their course, what lies ahead. Below it rows, by task at
  first; `g` turns what a row stands for, `<` and `>` the column by which they are sorted.
- Keys of tasks act on the task that a row is about. Enter looks at it in the room; on a row of many
  tasks it shows only these, and escape leads back.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.presentation.figures import plural
from agentdeck.tui.presentation.line import EMPTY, Line, Span
from agentdeck.tui.presentation.spending import (
    ABOUT,
    GROUPINGS,
    ORDERS,
    Grouping,
    Order,
    SpendingView,
    Within,
    cost,
    within_words,
)
from agentdeck.tui.presentation.spending_summary import summary_lines
from agentdeck.tui.screens.full_screen import FullScreen, own_and_shared
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.row_list import LinesView, RowList
from agentdeck.tui.widgets.styled import Pane

FRAME_ROWS: Final = 2  # of a pane; also header and keys of the screen
EMPTY_SPENDING: Final = (
    "What each task costs will stand here as soon as an agent has started: tokens and money, by "
    "task, model, agent, account and attempt (g)."
)
FOOTER: Final = (
    "spend.group", "spend.order", "spend.open", "run.budget", "task.stop", "task.pause",
    "view.load", "screen.back", "deck.help", "deck.palette",
)  # fmt: skip


class SpendingScreen(FullScreen):
    """Figures above, rows below."""

    BINDINGS: ClassVar[list[BindingType]] = own_and_shared(
        [
            Binding("escape", "leave_one", show=False),
            Binding("S,q", "back", show=False),
            Binding("g", "group(1)", show=False),
            Binding("G", "group(-1)", show=False),
            Binding("greater_than_sign", "order(1)", show=False),
            Binding("less_than_sign", "order(-1)", show=False),
        ]
    )
    OWN_KEYS = frozenset(("j", "k", "g", "G", "less_than_sign", "greater_than_sign"))

    def __init__(self) -> None:
        super().__init__(id="spending")
        self._grouping = Grouping.TASK
        self._order = Order.MONEY
        self._within: Within | None = None
        self._view: SpendingView | None = None

    def compose(self) -> ComposeResult:
        """Header, figures, rows, keys."""
        yield HeaderBar()
        with Pane(id="spending-sum"):
            lines = LinesView(id="spending-lines")
            lines.can_focus = False
            yield lines
        with Pane(id="spending-list"):
            head = LinesView(id="spending-head")
            head.can_focus = False
            yield head
            yield RowList(id="spending-rows")
        yield KeyBar()

    def on_mount(self) -> None:
        """The rows have the focus, the cursor is on the task that the room looks at."""
        super().on_mount()
        self.query_one(RowList).focus()

    def begin_at(self, task: TaskId | None) -> None:
        """The cursor goes to its row, or to the first one."""
        self.query_one(RowList).put_cursor(task)
        if self.task_here != task:
            rows = self.query_one(RowList)
            rows.put_cursor(next(iter(rows.keys), None))
        self.refresh_deck()

    # --- drawing -------------------------------------------------------------------------------

    def refresh_deck(self) -> None:
        """Show the run as it is now."""
        deck = self.moment()
        view = self._view = SpendingView(deck, self._grouping, self._order, self._within)
        whole = view.whole if self._within is None else SpendingView(deck).whole
        rows = self.query_one(RowList)
        rows.show(view.keys, view.row, empty=EMPTY_SPENDING)
        deck = self.moment()
        self.query_one(HeaderBar).show(deck)
        frame = self.query_one("#spending-sum", Pane)
        room = max(1, self.app.size.width - FRAME_ROWS - 2)
        frame.styles.height = len(summary_lines(deck, whole, room)) + FRAME_ROWS
        frame.set_titles((Span("Spending"),))
        lines = self.query_one("#spending-lines", LinesView)
        lines.show(lambda width: summary_lines(deck, whole, width), "sum")
        self._show_rows(view)
        self.query_one(KeyBar).show(self.context)

    def _show_rows(self, view: SpendingView) -> None:
        frame, rows = self.query_one("#spending-list", Pane), self.query_one(RowList)
        left: Line = (Span(ABOUT[self._grouping][:1].upper() + ABOUT[self._grouping][1:]),)
        if self._within is not None:
            left = (*left, Span(f" · {within_words(self._within)}", "accent"))
        right: Line = EMPTY
        if view.keys:
            tasks = plural(view.whole.tasks, "task")
            right = (Span(f"{tasks} · "), Span(cost(view.whole), "bold"))
        frame.set_titles(left, right)
        head = self.query_one("#spending-head", LinesView)
        head.display = bool(view.keys)
        head.show(lambda _: [view.heads(rows.row_width)], (self._grouping, self._order))

    # --- what is chosen ------------------------------------------------------------------------

    @property
    def task_here(self) -> TaskId | None:
        """The task that the row is about."""
        return self._view.task(self.query_one(RowList).cursor) if self._view is not None else None

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        return Context(self.moment(), "spending", self.deck_app.keys, footer=FOOTER)

    def select(self, task: TaskId) -> None:
        """Its row, if it has one; else the room."""
        rows = self.query_one(RowList)
        if self._grouping is Grouping.TASK and task in rows.keys:
            rows.put_cursor(task)
            self.refresh_deck()
        else:
            self.show_in_room(task)

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """The cursor moved."""
        event.stop()
        self.refresh_deck()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Enter: look at the task; at the tasks of a row that has many."""
        event.stop()
        self.action_open()

    # --- keys ----------------------------------------------------------------------------------

    def act(self, key: Key) -> None:
        """The keys of the footer can be clicked, too."""
        match key.id:
            case "view.spending":
                self.action_back()
            case "spend.group":
                self.action_group(1)
            case "spend.order":
                self.action_order(1)
            case "spend.open":
                self.action_open()
            case _:
                super().act(key)

    def action_open(self) -> None:
        """The task in the room, or what a row is made of."""
        key, task = self.query_one(RowList).cursor, self.task_here
        if key is None:
            self.notify("There is nothing to open yet.", timeout=3)
        elif self._grouping in (Grouping.TASK, Grouping.ATTEMPT) or task is not None:
            self.show_in_room(task, then=self.deck_app.key("move.task"))
        else:
            self._within = Within(self._grouping, key)
            self._turn(Grouping.TASK)

    def action_group(self, by: int) -> None:
        """Let rows stand for something else."""
        there = (GROUPINGS.index(self._grouping) + by) % len(GROUPINGS)
        self._turn(GROUPINGS[there])

    def action_order(self, by: int) -> None:
        """Sort by another column."""
        self._order = ORDERS[(ORDERS.index(self._order) + by) % len(ORDERS)]
        self.refresh_deck()

    def action_leave_one(self) -> None:
        """From a part to the whole; from there to the room."""
        if self._within is None:
            self.action_back()
            return
        grouping, name = self._within
        self._within = None
        self._turn(grouping)
        self.query_one(RowList).put_cursor(name)
        self.refresh_deck()

    def _turn(self, grouping: Grouping) -> None:
        """The cursor stays on its task where that has a row, else it goes to the first one."""
        task = self.task_here
        self._grouping = grouping
        self.refresh_deck()
        keys = self._view.keys if self._view is not None else []
        at = next((key for key in keys if self._view and self._view.task(key) == task), None)
        self.query_one(RowList).put_cursor((at if task else None) or next(iter(keys), None))
        self.refresh_deck()
