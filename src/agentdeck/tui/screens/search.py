"""The search (`ctrl+f`): everything that is known of this run and of past ones, while one types.

Rules:
- The line at the top has the focus; up and down choose a row all the same, enter goes there. Tab
  gives the rows the focus: then the keys of the room act on the task of the chosen row.
- The index is read in a process of its own. What is there already is found at once, and again as
  more is read; how far it is stands in the frame.
- Enter leads to the task, its tab and the line. What the room cannot show (earlier attempts, past
  runs) opens as a page.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.widgets import Input

from agentdeck.control.runs import RunFolder
from agentdeck.control.search.finder import Hit, around, find
from agentdeck.control.search.indexer import Progress, others_of
from agentdeck.control.search.wanted import MAX_TYPED, Kind, Wanted, wanted
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.presentation.line import EMPTY, Line, Span
from agentdeck.tui.presentation.search import (
    SearchView,
    around_lines,
    empty_words,
    found_words,
    help_lines,
    progress_line,
)
from agentdeck.tui.screens.full_screen import FullScreen, own_and_shared
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.search_index import IndexProcess
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.row_list import LinesView, RowList
from agentdeck.tui.widgets.styled import Pane
from agentdeck.tui.widgets.task_pane import Goal

if TYPE_CHECKING:
    from agentdeck.tui.presentation.deck import Deck

MOST_HITS: Final = 200  # rows; who has not found it by then types another word
AROUND: Final = 40  # documents before and behind a hit, on a page of its own
AGAIN_S: Final = 5.0  # between two looks for what is new, while the screen is open
DETAIL_FROM: Final = 20  # rows of the screen below which there is no detail
FOOTER: Final = ("screen.back", "view.log", "view.diff", "deck.help", "deck.palette")
WHILE_TYPING: Final = ("screen.back", "deck.palette")
CHOOSING: Final = frozenset("enter up down pageup pagedown".split())
HINT: Final = "↑↓ choose · enter goes there · tab: keys act on the row"


class SearchScreen(FullScreen):
    """A line, rows, and the chosen hit with more room."""

    BINDINGS: ClassVar[list[BindingType]] = own_and_shared(
        [
            Binding("escape,ctrl+f", "back", show=False, priority=True),
            Binding("q", "back", show=False),
            Binding("tab,shift+tab", "other_pane", show=False, priority=True),
            Binding("up", "choose(-1)", show=False, priority=True),
            Binding("down", "choose(1)", show=False, priority=True),
            Binding("pageup", "page(-1)", show=False, priority=True),
            Binding("pagedown", "page(1)", show=False, priority=True),
            Binding("slash", "other_pane", show=False),
        ]
    )
    OWN_KEYS = frozenset(("j", "k"))

    def __init__(self, typed: str = "") -> None:
        """`typed` is looked for at once."""
        super().__init__(id="search")
        self._typed = typed
        self._wanted = Wanted("")
        self._hits: list[Hit] = []
        self._folders: list[Path] = []
        self._step: Progress | None = None
        self._index: IndexProcess | None = None
        self._view: SearchView | None = None
        self._fault = ""  # of this round of reading
        self._busy = False  # one search at a time: who types fast waits for no old answers
        self._once_more = False

    def compose(self) -> ComposeResult:
        """Header, the line, rows, the chosen hit, keys."""
        yield HeaderBar()
        yield Input(
            self._typed,
            placeholder='words, "a phrase", begin*, in:logs, task:ID',
            max_length=MAX_TYPED,
            select_on_focus=False,
        )
        with Pane(id="search-list"):
            yield RowList(id="search-rows")
        with Pane(id="search-detail"):
            yield LinesView(id="search-lines")
        yield KeyBar()

    def on_mount(self) -> None:
        """Type at once; the index is read beside it."""
        super().on_mount()
        self.query_one("#search-lines").can_focus = False
        self.query_one(Input).focus()
        self._folders = [self.deck_app.folder.path]
        self.run_worker(self._begin, thread=True, group="diff", exit_on_error=False)

    def on_unmount(self) -> None:
        """No process is left behind."""
        if self._index is not None:
            self._index.end()

    # --- the index -----------------------------------------------------------------------------

    def _begin(self) -> None:
        """In a thread: which runs there are, and the process that reads them."""
        state, folder = self.deck_app.model.state, self.deck_app.folder
        repo = Path(state.checkout or state.repo or ".")
        try:
            others = others_of(RunFolder(folder.path), repo)
        except DeckError:
            others = []
        try:
            index = IndexProcess(folder.path, repo)
        except OSError as error:
            fault = f"what reads the run cannot be started: {error.strerror}"
            self.app.call_from_thread(self._fail, fault)
            return
        self.app.call_from_thread(self._know, index, [each.path for each in others])
        index.listen(lambda step: self.app.call_from_thread(self._told, step))

    def _know(self, index: IndexProcess, others: list[Path]) -> None:
        if not self.is_attached:
            index.end()
            return
        self._index = index
        self._folders += others
        self._look()

    def _told(self, step: Progress) -> None:
        """It has read more: look again."""
        if not self.is_attached:
            return
        self._fault = step.fault or self._fault
        self._step = step
        if step.ready:  # what went wrong on the way stays to be read until the next round
            self._step, self._fault = Progress(step.what, ready=True, fault=self._fault), ""
        self._look()
        if step.ready and not self.deck_app.model.clock.frozen:
            self.set_timer(AGAIN_S, self._again)

    def _fail(self, fault: str) -> None:
        """Nothing can be searched; looking again would not help."""
        self._busy = self._once_more = False
        self._step = Progress("index", ready=True, fault=fault)
        self.refresh_deck()

    def _again(self) -> None:
        index = self._index
        if index is not None and self.is_attached and index.more():
            listen = partial(
                index.listen, lambda step: self.app.call_from_thread(self._read_again, step)
            )
            self.run_worker(listen, thread=True, group="search-index", exit_on_error=False)

    def _read_again(self, step: Progress) -> None:
        """Later rounds are short: only their end matters, and what goes wrong."""
        if step.ready or step.fault:
            self._told(step)

    # --- looking -------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another search."""
        self._typed = event.value
        self._look()

    def _look(self) -> None:
        asked = wanted(self._typed, typing=True)
        self._wanted = asked
        if not asked.match:
            self._hits = []
            self.refresh_deck()
        elif self._busy:
            self._once_more = True
        else:
            self._busy, self._once_more = True, False
            folders = list(self._folders)
            self.run_worker(
                lambda: self._search(folders, asked),
                thread=True,
                group="search",
                exit_on_error=False,
            )

    def _search(self, folders: list[Path], asked: Wanted) -> None:
        """In a thread."""
        try:
            hits = find(folders, asked, most=MOST_HITS)
        except DeckError as error:
            self.app.call_from_thread(self._fail, f"{error.message}: {error.hint}")
            return
        self.app.call_from_thread(self._found, asked, hits)

    def _found(self, asked: Wanted, hits: list[Hit]) -> None:
        self._busy = False
        if not self.is_attached:
            return
        if asked == self._wanted:
            self._hits = hits
            self.refresh_deck()
        if self._once_more:  # something else was typed, or more was read meanwhile
            self._look()

    # --- drawing -------------------------------------------------------------------------------

    def refresh_deck(self) -> None:
        """Show what was found."""
        try:
            rows = self.query_one(RowList)
        except NoMatches:  # the screen is being taken down
            return
        deck = self.deck_app.room.moment()
        view = self._view = SearchView(deck, self._hits, str(self.deck_app.folder.run))
        self.query_one(HeaderBar).show(deck)
        frame, detail = self.query_one("#search-list", Pane), self.query_one("#search-detail", Pane)
        rows.show(
            view.keys,
            view.row,
            headings=view.headings,
            empty=empty_words(self._wanted.match, self._step),
        )
        frame.set_titles((Span("Search"),), found_words(view, self._typed))
        fault: Line = (Span(self._wanted.fault, "state-asks"),) if self._wanted.fault else EMPTY
        frame.set_foot(fault or progress_line(self._step) or (Span(HINT, "muted"),))
        detail.display = self.app.size.height >= DETAIL_FROM
        detail.set_titles((Span("The hit" if self._hits else "What can be typed"),))
        lines = self.query_one("#search-lines", LinesView)
        if self._hits:
            lines.show(lambda width: view.detail(rows.cursor, width), rows.cursor)
        else:
            lines.show(help_lines, "help")
        self.query_one(KeyBar).show(self.context_of(deck))

    # --- what is chosen ------------------------------------------------------------------------

    @property
    def chosen(self) -> Hit | None:
        """The hit under the cursor."""
        return self._view.hit(self.query_one(RowList).cursor) if self._view is not None else None

    @property
    def task_here(self) -> TaskId | None:
        """Its task, if it is one of this run."""
        hit = self.chosen
        here = hit is not None and hit.run == self.deck_app.folder.run
        known = self.deck_app.model.state.tasks
        return TaskId(hit.task) if hit is not None and here and TaskId(hit.task) in known else None

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        return self.context_of(self.moment())

    def context_of(self, deck: Deck) -> Context:
        """The same for a moment that is there already."""
        typing = self.query_one(Input).has_focus  # then letters are typed
        footer = tuple(key for key in FOOTER if not typing or key in WHILE_TYPING)
        return Context(deck, "search", self.deck_app.keys, footer=footer)

    def holds_back(self, key: str) -> bool:
        """What chooses a hit waits for those of the words that were typed before."""
        return key in CHOOSING and self._looks

    @property
    def _looks(self) -> bool:
        """May there be hits in a moment, where there are none of these words yet?"""
        reads = self._step is None or not self._step.ready
        return bool(self._wanted.match) and (self._busy or (reads and not self._hits))

    def on_descendant_focus(self) -> None:
        """Other keys can act."""
        self.refresh_deck()

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """The cursor moved."""
        event.stop()
        self.refresh_deck()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Go there."""
        event.stop()
        self._open()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go there."""
        event.stop()
        self._open()

    def _open(self) -> None:
        hit = self.chosen
        if hit is None:
            said = "Nothing is looked for yet." if not self._typed.strip() else "Nothing is found."
            self.notify(said, timeout=3)
            return
        task = self.task_here
        goal = self._goal(hit, task)
        if task is not None and goal is not None:
            room, app = self.deck_app.room, self.deck_app
            self.show_in_room(task)
            app.after_redraw(lambda: room.look_at(goal))
            return
        name = f"{hit.task}#{hit.attempt}" if hit.attempt else hit.task or hit.run
        past = "" if hit.run == self.deck_app.folder.run else f" of {hit.run}"
        words = self._wanted.words
        folder = next((path for path in self._folders if path.name == hit.run), None)
        parts = around(folder, hit, most=AROUND) if folder is not None else []
        page = Reading(f"{name}{past}", lambda width: around_lines(parts, words, width))
        _ = self.app.push_screen(page)

    def _goal(self, hit: Hit, task: TaskId | None) -> Goal | None:
        """Where in the room it is; None where the room does not show it."""
        found = self.deck_app.model.state.tasks.get(task) if task is not None else None
        if found is None:
            return None
        attempt = found.attempt
        latest = attempt is not None and attempt.number == hit.attempt
        pattern = "|".join(re.escape(word) for word in self._wanted.words)
        match hit.kind:
            case Kind.TASKS | Kind.BRIEFS:
                return Goal(found.id, "brief")
            case Kind.EVENTS:
                return Goal(found.id, "history")
            case Kind.LOGS if latest:
                return Goal(found.id, "log", offset=hit.place, find=pattern)
            case Kind.DIFFS if latest:
                return Goal(found.id, "diff", file=hit.file, line=hit.line)
            case _:
                return None

    # --- keys ----------------------------------------------------------------------------------

    def act(self, key: Key) -> None:
        """The keys that move have a meaning of their own here."""
        match key.act:
            case "search":
                self.action_back()
            case "next_pane" | "previous_pane":
                self.action_other_pane()
            case _:
                super().act(key)

    def action_other_pane(self) -> None:
        """The focus goes to the rows, or back to the line."""
        rows, line = self.query_one(RowList), self.query_one(Input)
        (line if rows.has_focus else rows).focus()

    def action_choose(self, by: int) -> None:
        """Another row."""
        self.query_one(RowList).action_move(by)

    def action_page(self, by: int) -> None:
        """A screen of rows on."""
        self.query_one(RowList).action_page(by)


__all__ = ["SearchScreen"]
