"""The control room: header, plan, task, agents, merge queue, and on wide screens the wall of tails.

Rules: the room holds what a person looks at (selection, pane, tab), never facts of the run. Each
refresh makes one `Deck` and hands it to the panes that can be seen; hidden ones cost nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from agentdeck.core.events import ReviewComment
from agentdeck.core.ids import TaskId
from agentdeck.core.review import COMMENT_CHARS
from agentdeck.tui.keys import KEYS, Context, Key
from agentdeck.tui.marks import Marking
from agentdeck.tui.model import first_choice, next_that_needs_me
from agentdeck.tui.pacing import CatchingUp
from agentdeck.tui.painting import CellScreen
from agentdeck.tui.presentation.deck import Deck, Only
from agentdeck.tui.presentation.diff_rows import Draft
from agentdeck.tui.presentation.header import reading_line
from agentdeck.tui.presentation.marking import Filter, matching, options_of, words_of
from agentdeck.tui.presentation.merge_queue import task_of_row
from agentdeck.tui.presentation.splits import Axis
from agentdeck.tui.widgets.agents_pane import AgentsPane
from agentdeck.tui.widgets.diff_view import DiffView
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.log_reader import LogReader
from agentdeck.tui.widgets.log_view import LogView
from agentdeck.tui.widgets.plan_pane import PlanPane
from agentdeck.tui.widgets.queue_pane import QueuePane
from agentdeck.tui.widgets.replay_bar import ReplayBar
from agentdeck.tui.widgets.row_list import RowList
from agentdeck.tui.widgets.split_grid import SplitGrid
from agentdeck.tui.widgets.tab_strip import TabStrip
from agentdeck.tui.widgets.tails_pane import TailsPane
from agentdeck.tui.widgets.task_pane import TABS, Goal, TaskPane
from agentdeck.tui.widgets.tour_card import TourCard

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

NARROW: Final = 100  # cells; below, panes become tabs
LOW_TABS: Final = 20  # rows; below, panes become tabs
LOW: Final = 32  # rows; below, the lower panes are smaller
WIDE: Final = 160  # cells, from which on the wall of tails has room
TALL: Final = 44  # rows, likewise
HEADER_ROWS: Final = 2  # the header and the keys
COPY_AGAIN_S: Final = 2.0  # `c` once more within this copies the path instead of the branch
PANES: Final = ("plan", "task", "agents", "queue")


def bindings() -> list[BindingType]:
    """The framework's bindings, from the table of keys."""
    return [
        Binding(
            key.keys,
            f"press('{key.id}')",
            key.label,
            tooltip=key.tooltip,
            id=key.id,
            show=False,
        )
        for key in KEYS
        if key.keys
    ]


def _is_wide(width: int, height: int) -> bool:
    """Has a screen of so many cells room for the wall of tails?"""
    return width >= WIDE and height >= TALL


def _turned(names: Sequence[str], here: str, by: int) -> str:
    """The name so many places on, round."""
    return names[(names.index(here) + by) % len(names)]


class RoomScreen(CellScreen):
    """The main screen."""

    CSS_PATH = Path(__file__).with_name("room.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(),
        Binding("escape", "end_tour", show=False, priority=True),
    ]
    AUTO_FOCUS = ""
    COMES_WITH_MOUNT = False  # but with its first focus, which the footer follows

    def __init__(self) -> None:
        super().__init__(id="room")
        self.selected: TaskId | None = None
        self._chosen = False  # by the person, or once by the deck
        self._no_choice = False  # the cursor stands on a folded phase
        self.marking = Marking()
        self._only = Filter()  # what the plan shows
        self.pane = "plan"
        self.zoomed = False
        self._copied_at = 0.0
        self._catching_up = CatchingUp(self.call_after_refresh, self._catch_up)
        self._was_inside = ""  # what had the focus before; its keys stood in the footer

    @property
    def deck_app(self) -> DeckApp:
        """The app, by its own type."""
        return cast("DeckApp", self.app)

    def compose(self) -> ComposeResult:
        """Header, panes, keys."""
        yield self._header
        yield self._pane_tabs
        with SplitGrid():
            yield from self._panes
        yield self._replay_bar
        yield self._key_bar

    def on_mount(self) -> None:
        """First picture."""
        self.set_class(self.deck_app.ascii_only, "-ascii")
        if self.deck_app.remembering is not None:
            self.deck_app.remembering.apply(self)
        self._arrange()
        self.refresh_deck()
        self.call_after_refresh(self.go_to, self.pane)

    def _on_screen_resume(self, event: events.ScreenResume) -> None:
        """Before the first picture all styles are new: the framework need not make them again."""
        if not self.is_seen:
            event.refresh_styles = False

    def on_screen_resume(self) -> None:
        """Repaint all: what changed behind a dialog was not drawn."""
        self.refresh_deck()
        for widget in self.query("*"):
            widget.refresh()

    def fill(self) -> None:
        """For the first picture."""
        self.refresh_deck()

    # --- its parts, which it has for life: looking for them costs more than telling them ---------

    @cached_property
    def _header(self) -> HeaderBar:
        return HeaderBar()

    @cached_property
    def _pane_tabs(self) -> TabStrip:
        return TabStrip(id="pane-tabs")

    @cached_property
    def _plan(self) -> PlanPane:
        return PlanPane()

    @cached_property
    def _task_pane(self) -> TaskPane:
        return TaskPane(self.deck_app.folder)

    @cached_property
    def _tails(self) -> TailsPane:
        return TailsPane(self.deck_app.folder, at_once=_is_wide(*self.app.size))

    @cached_property
    def _panes(self) -> tuple[PlanPane | TaskPane | AgentsPane | TailsPane | QueuePane, ...]:
        agents, queue = AgentsPane(id="agents"), QueuePane(id="queue")
        return (self._plan, self._task_pane, agents, self._tails, queue)

    @cached_property
    def _replay_bar(self) -> ReplayBar:
        return ReplayBar()

    @cached_property
    def _key_bar(self) -> KeyBar:
        return KeyBar()

    # --- drawing -----------------------------------------------------------------------------

    def moment(self) -> Deck:
        """The run as it is now, as it is looked at here."""
        folded = self._plan.folded
        deck = self.deck_app.model.moment(
            self.selected,
            offline=self.deck_app.offline,
            folded=folded,
            simulated=self.deck_app.simulated,
            replay=self.deck_app.looking_back.moment(),
            marked=self.marking.marked,
            shows=self.deck_app.shows,
            undoes=self.deck_app.undoing.words,
        )
        if self._only == Filter():
            return deck
        kept = Only(frozenset(matching(deck, self._only)), words_of(self._only))
        return replace(deck, only=kept).knowing(deck)

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        return self.context_of(self.moment())

    def context_of(self, deck: Deck) -> Context:
        """The same for a moment that is there already."""
        width, height = self.app.size
        small = width < NARROW or height < LOW_TABS
        keys, shown = self.deck_app.keys, self._plan.shown
        return Context(deck, self.pane, keys, shown, inside=self._inside, small=small)

    @property
    def _inside(self) -> str:
        match self.focused:
            case LogView():
                return "log"
            case DiffView():
                return "diff"
        return ""

    def refresh_deck(self) -> None:
        """Show the run as it is now, in every pane that can be seen."""
        if last := self.deck_app.reads_the_past:
            known = self.deck_app.model.state.seq
            self._header.tell(reading_line(known, last))
            return
        deck = self.moment()
        if not self._no_choice and (not self._chosen or self.selected not in deck.state.tasks):
            self.selected = first_choice(deck)
            self._chosen = self.selected is not None
            deck = self.moment()
        if self.deck_app.looking_back.waits:
            model = self.deck_app.model
            self._header.tell(reading_line(model.recalled, model.taken))
        else:
            self._header.show(deck)
        self._replay_bar.show(deck.replay, utc=deck.frozen)
        for pane in self._panes:
            if pane.display:
                pane.show(deck)
        self._key_bar.show(self.context_of(deck))
        if self._pane_tabs.display:
            self._show_pane_tabs(deck)

    def tick_logs(self) -> bool:
        """Look for new log lines. Was there any?"""
        panes = (self._task_pane, self._tails)
        found = [pane.tick() for pane in panes if pane.display]  # all of them look
        return any(found)

    def _show_pane_tabs(self, deck: Deck) -> None:
        asking = len(deck.needs_you)
        names = {
            "plan": f"1 Plan{f' !{asking}' if asking else ''}",
            "task": f"2 {deck.selected or 'Task'}",
            "agents": "3 Agents",
            "queue": f"4 Queue{f' {len(deck.state.queue)}' if deck.state.queue else ''}",
        }
        self._pane_tabs.show(tuple((pane, names[pane], "") for pane in PANES), self.pane)

    # --- size and panes ------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Another size may need another arrangement."""
        self._arrange()
        for card in self.query(TourCard):
            self.call_after_refresh(card.again)

    def _arrange(self) -> None:
        width, height = self.app.size
        small = width < NARROW or height < LOW_TABS
        self.set_class(small or self.zoomed, "-single")
        single = small or self.zoomed
        wide = _is_wide(width, height) and not single
        self.set_class(wide, "-wide")
        self.set_class(height < LOW, "-low")
        lines = HEADER_ROWS + self.query_one(ReplayBar).display
        grid = self.query_one(SplitGrid)
        grid.fit(single=single, wide=wide, room=(width, height - lines))
        for pane in self.query(".pane"):
            pane.set_class(pane.id == self.pane, "-shown")
        self.call_after_refresh(self.refresh_deck)

    def go_to(self, pane: str) -> None:
        """Bring a pane to the front and give it the focus."""
        if self.has_class("-single") and pane != self.pane:
            self.hold()
        self.pane = pane
        if self.has_class("-single"):
            self._arrange()
        self.deck_app.after_redraw(self._focus_pane)

    def show_whole(self, pane: str) -> None:
        """A pane over the whole screen."""
        self.hold()
        self.zoomed, self.pane = True, pane
        self._arrange()
        self.deck_app.after_redraw(self._focus_pane)

    def _focus_pane(self) -> None:
        match self.pane:
            case "plan":
                self.query_one(PlanPane).view.focus()
            case "task":
                self.query_one(TaskPane).focus_view()
            case "agents":
                self.query_one("#agent-rows").focus()
            case _:
                self.query_one("#queue-rows").focus()
        self.refresh_deck()
        self.come()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The pane that has the focus is the one that keys act on."""
        pane = next((a.id for a in event.widget.ancestors if a.id in PANES), None)
        inside, self._was_inside = self._was_inside, self._inside
        if pane is not None and (pane != self.pane or inside != self._was_inside):
            self.pane = pane
            self.refresh_deck()

    def on_tab_strip_chosen(self, event: TabStrip.Chosen) -> None:
        """A pane was clicked on a small screen."""
        self.go_to(event.tab)

    # --- selection -----------------------------------------------------------------------------

    def select(self, task: TaskId | None) -> None:
        """Look at another task: the cursor and its name are seen first, the rest follows."""
        self.choose(task)
        if not self.deck_app.reads_the_past:
            deck = self.moment()
            self._plan.put_cursor(deck)
            self._task_pane.show_title(deck)
        self._catching_up.ask()

    def _catch_up(self) -> None:
        if self.deck_app.front is self:
            self.refresh_deck()

    def choose(self, task: TaskId | None) -> None:
        """As `select`, by a screen that covers this one: nothing is drawn."""
        self.selected = task
        self._no_choice = task is None
        self._chosen = True

    def look_at(self, goal: Goal) -> None:
        """Bring a place in a tab of a task to the front."""
        self.choose(goal.task)
        self.query_one(TaskPane).look_at(goal)
        self.go_to("task")

    def on_plan_pane_task_chosen(self, event: PlanPane.TaskChosen) -> None:
        """The cursor of the plan moved."""
        self._plan.heard(event.task)
        self.select(event.task)

    def on_plan_pane_task_opened(self) -> None:
        """Look at the task."""
        self.go_to("task")

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """The cursor of another list moved: the plan and the task follow."""
        task = self._task_of(event)
        if task is not None:
            self.select(task)

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Look at the row's task."""
        task = self._task_of(event)
        if task is not None:
            self.select(task)
            self.go_to("task")

    def _task_of(self, event: RowList.Highlighted) -> TaskId | None:
        if event.rows.id == "queue-rows":
            return task_of_row(self.moment(), event.key)
        return TaskId(event.key) if event.rows.id == "agent-rows" else None

    # --- keys ----------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """No key does nothing in silence."""
        known = {name for key in self.deck_app.keys for name in key.keys.split(",")}
        if event.is_printable and event.key not in known and event.character not in ("j", "k"):
            keys = self.deck_app.key_name("deck.help")
            said = f"{event.character} does nothing here; {keys} shows the keys."
            self.deck_app.remarks.say(said, timeout=3)

    def check_action(self, action: str, _: tuple[object, ...]) -> bool | None:
        """Escape is the tour's while there is one."""
        return action != "end_tour" or self.deck_app.tour.on

    def action_end_tour(self) -> None:
        """Enough of it."""
        self.deck_app.tour.end()

    def action_press(self, key_id: str) -> None:
        """A key of the table was pressed."""
        self.deck_app.press(key_id)

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        """A key of the footer was clicked."""
        self.deck_app.press(event.key.id)

    def on_replay_bar_scrubbed(self, event: ReplayBar.Scrubbed) -> None:
        """A place of the replay's bar was clicked."""
        self.deck_app.looking_back.scrub(event.share)

    def act(self, key: Key) -> None:
        """Do what a key of the screen means."""
        name, _, argument = key.act.removesuffix(")").partition("(")
        if name == "raw_log" and self.pane == "queue":
            self.deck_app.act("verdicts")
        elif name.startswith("replay_"):
            self.deck_app.act(key.act)
        elif (does := self._acts.get(name)) is not None:
            does(argument.strip("'"))
        else:
            self.deck_app.act(name)

    @cached_property
    def _acts(self) -> dict[str, Callable[[str], object]]:
        """What the acts of the room do, by name; each gets what stands in brackets behind it."""
        plan, task = self.query_one(PlanPane), self.query_one(TaskPane)
        return {
            "pane": self.go_to,
            "next_pane": lambda _: self.go_to(self._neighbour(1)),
            "previous_pane": lambda _: self.go_to(self._neighbour(-1)),
            "next_that_needs_me": lambda _: self.select(next_that_needs_me(self.moment())),
            "plan_view": lambda _: self._turn_plan(),
            "mark": lambda _: self._mark(0),
            "mark_along": lambda by: self._mark(int(by)),
            "mark_by": lambda _: self._mark_by(),
            "unmark": lambda _: self._unmark(),
            "filter": lambda _: self._filter(),
            "fold": lambda _: plan.turn_fold(),
            "minimap": lambda _: plan.turn_minimap(),
            "zoom_time": lambda by: plan.zoom_time(int(by)),
            "all_time": lambda _: plan.see_all_time(),
            "tab": self._show_tab,
            "turn_tab": lambda by: self._show_tab(_turned(TABS, task.tab, int(by))),
            "log": partial(self._in, "log"),
            "diff": partial(self._in, "diff"),
            "raw_log": lambda _: self._turn_raw(),
            "split": self._split,
            "zoom": lambda _: self._zoom(),
            "copy": lambda _: self._copy(),
        }

    def _turn_raw(self) -> None:
        self.query_one(TaskPane).turn_raw()
        self.see("task")

    def _unmark(self) -> None:
        """No mark; where there was none, no filter."""
        if self.marking.marked:
            self.marking.clear()
        else:
            self._only = Filter()
        self.refresh_deck()

    def _in(self, tab: str, action: str) -> None:
        """A key of the log or the diff, from elsewhere: that comes to the front first."""
        self.query_one(TaskPane).turn_to(tab)
        self.go_to("task")
        view = self.query_one(LogReader if tab == "log" else DiffView)
        self.deck_app.after_redraw(partial(view.run_action, action))

    def _neighbour(self, by: int) -> str:
        return _turned(PANES, self.pane, by)

    def _turn_plan(self) -> None:
        self.see("plan")
        self.query_one(PlanPane).turn_view()
        self.refresh_deck()

    def _show_tab(self, tab: str) -> None:
        pane = self.query_one(TaskPane)
        again = pane.tab == tab == "diff"  # d once more goes into it
        pane.turn_to(tab)
        if again:
            self.go_to("task")
        else:
            self.see("task")

    def see(self, pane: str) -> None:
        """Bring a pane to the front where only one is shown; elsewhere the focus stays."""
        if self.has_class("-single") and self.pane != pane:
            self.go_to(pane)
        else:
            self.refresh_deck()

    # --- marks -----------------------------------------------------------------------------------

    def _mark(self, along: int) -> None:
        """Mark the selected task and go on, or all up to the row above (-1) or below (1)."""
        order = self._order()
        if self.selected is None:
            return
        if along:
            there = self.marking.extend(order, self.selected, along)
        else:
            there = self.marking.toggle(order, self.selected)
        self.select(there)
        if self.pane == "queue":
            rows, deck = self.query_one("#queue-rows", RowList), self.moment()
            rows.put_cursor(next((k for k in rows.keys if task_of_row(deck, k) == there), None))

    def _order(self) -> list[TaskId]:
        """The tasks of the pane that keys act on, one below the other."""
        match self.pane:
            case "agents":
                return [TaskId(key) for key in self.query_one("#agent-rows", RowList).keys]
            case "queue":
                deck, rows = self.moment(), self.query_one("#queue-rows", RowList)
                found = (task_of_row(deck, key) for key in rows.keys)
                return list(dict.fromkeys(task for task in found if task is not None))
            case _:
                return self.query_one(PlanPane).order()

    def _mark_by(self) -> None:
        """Ask which tasks are marked."""

        def mark(wanted: Filter | None) -> None:
            if wanted is not None:
                self.marking.add(matching(self.moment(), wanted))
                self.refresh_deck()

        self._ask_which("Mark tasks", "marks", Filter(), mark)

    def _filter(self) -> None:
        """Ask which tasks the plan shows."""

        def show(wanted: Filter | None) -> None:
            if wanted is not None:
                self._only = wanted
                self.refresh_deck()

        self._ask_which("Show only", "shows them", self._only, show)

    def _ask_which(
        self, title: str, does: str, was: Filter, then: Callable[[Filter | None], None]
    ) -> None:
        from agentdeck.tui.screens.mark_dialog import TasksBy

        deck = self.moment()
        dialog = TasksBy(
            title,
            does,
            options_of(deck),
            lambda wanted: matching(self.moment(), wanted),
            len(deck.state.tasks),
            was,
        )
        _ = self.app.push_screen(dialog, then)

    # --- comments on the diff ------------------------------------------------------------------

    def draft(self) -> Draft:
        """The comments on the selected task's work that were not sent yet."""
        return self.query_one(TaskPane).draft()

    def draft_of(self, task: TaskId, attempt: int) -> Draft:
        """Those on the work of any attempt."""
        return self.query_one(TaskPane).draft_of(task, attempt)

    def forget_draft(self, task: TaskId, attempt: int) -> None:
        """It was sent."""
        self.query_one(TaskPane).forget_draft(task, attempt)

    def on_diff_view_comment_wanted(self, event: DiffView.CommentWanted) -> None:
        """Ask what is to be said of a line; an empty answer takes back what was said."""
        from agentdeck.tui.screens.dialogs import AskText

        pane = self.query_one(TaskPane)
        before = pane.said_of(event.file, event.line)
        where = f"{event.file}:{event.line}" if event.line else event.file
        sends = self.deck_app.key_name("task.retry_feedback")
        hint = f"enter keeps it, an empty one drops it · {sends} sends all · escape"
        dialog = AskText(
            f"Comment on {where}",
            "",
            "what should be done here",
            hint=hint,
            may_be_empty=True,
            value=before,
            most=COMMENT_CHARS,
        )

        def keep(text: str | None) -> None:
            if text is not None:
                pane.note(ReviewComment(event.file, event.line, text))

        _ = self.app.push_screen(dialog, keep)

    def on_diff_view_list_wanted(self) -> None:
        """All comments; the one that is chosen gets the cursor."""
        pane = self.query_one(TaskPane)
        remarks = pane.remarks()
        if not remarks:
            self.notify("There is no comment yet; c makes one.", timeout=3)
            return
        view = pane.query_one(DiffView)

        def show(chosen: int | None) -> None:
            if chosen is not None:
                view.go_to(remarks[chosen].comment.file, remarks[chosen].comment.line)

        from agentdeck.tui.screens.comment_list import CommentList

        _ = self.app.push_screen(CommentList(remarks), show)

    # --- the borders between the panes ---------------------------------------------------------

    def on_split_grid_moved(self) -> None:
        """The panes have other sizes."""
        self.call_after_refresh(self.refresh_deck)

    def on_screen_suspend(self) -> None:
        """Another screen comes: no border is held any more, and no frame is waited for."""
        self.query_one(SplitGrid).let_go()
        self._catching_up.now()

    def _split(self, where: str) -> None:
        grid = self.query_one(SplitGrid)
        if self.has_class("-single"):
            again = self.deck_app.key_name("view.zoom")
            zoomed = f"One pane fills the screen; {again} shows all again."
            small = f"Panes are tabs below {NARROW}x{LOW_TABS}: there is no border to move."
            self.notify(zoomed if self.zoomed else small, timeout=4)
            return
        if where == "reset":
            moved, why = grid.reset(), "The panes have their sizes as shipped."
        else:
            steps = 1 if where in ("right", "down") else -1
            below = Axis.LOWER if self.pane == "queue" else Axis.ROW
            axis = Axis.COLUMN if where in ("left", "right") else below
            moved, why = grid.move(axis, steps), "The pane has its least size already."
        if not moved:
            self.notify(why, timeout=3)

    def _zoom(self) -> None:
        self.hold()
        self.zoomed = not self.zoomed
        self._arrange()
        self.deck_app.after_redraw(self._focus_pane)

    def _copy(self) -> None:
        task = self.moment().task
        attempt = task.attempt if task is not None else None
        if attempt is None or attempt.branch is None:
            return
        again = time.monotonic() - self._copied_at < COPY_AGAIN_S
        text = attempt.path if again and attempt.path else attempt.branch
        self._copied_at = 0.0 if again else time.monotonic()
        self.app.copy_to_clipboard(text)
        more = "" if again else f"; {self.deck_app.key_name('task.copy')} again copies its path"
        self.notify(f"Copied {text}{more}.", markup=False, timeout=3)
