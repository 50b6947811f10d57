"""The inbox (`!`): everything that waits for a person, answered in place, one after the other.

Rules:
- At the left (above, on a narrow screen) the rows, at the right the chosen one in full. The keys
  that answer are those of the room; digits give a question's own answers.
- The screen takes nothing away by itself: a row goes when the run says that it needs no answer, and
  then the cursor is on the next one.
- Where a row is no task, keys mean what they would mean there: `r` runs a red gate again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.hearing import hears_answer
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Item, Kind
from agentdeck.tui.keys import Context, Key, reason
from agentdeck.tui.presentation.asks import choices
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.inbox import SAID, InboxView, inbox_figures
from agentdeck.tui.presentation.inbox_detail import (
    WAYS,
    Way,
    chosen_option,
    detail_lines,
    empty_lines,
    said_lines,
    title_line,
)
from agentdeck.tui.presentation.line import Span
from agentdeck.tui.screens.full_screen import FullScreen, own_and_shared
from agentdeck.tui.widgets.header_bar import HeaderBar
from agentdeck.tui.widgets.key_bar import KeyBar
from agentdeck.tui.widgets.row_list import LinesView, RowList
from agentdeck.tui.widgets.styled import Pane

NARROW: Final = 100  # cells; below, the chosen thing stands under the rows
WIDE: Final = 160  # cells, from which on it has more than half
FRAME_ROWS: Final = 2  # of a pane; also header and keys of the screen
LEAST_ROWS: Final = 4  # of the pane with the rows, where it stands above
UNHEARD: Final = "say something: it does not hear it now, and is told with its next turn"
RULE: Final = "what keeps most waiting first, then the oldest"
EMPTY_INBOX: Final = (
    "What waits for you will stand here: questions, permissions, proven work, failures."
)
DIGITS: Final = "123456789"
# Those that answer most, before those that are found anyway.
FOOTER: Final = (
    "task.approve", "task.retry", "task.retry_feedback", "task.steer", "task.skip", "task.stop",
    "task.hold", "task.pause", "task.merge", "task.take_over", "task.hand_back", "run.budget",
    "run.promote", "view.diff", "screen.back", "deck.help", "deck.palette",
)  # fmt: skip


class InboxScreen(FullScreen):
    """What waits, and the chosen thing in full."""

    BINDINGS: ClassVar[list[BindingType]] = own_and_shared(
        [
            Binding("escape,exclamation_mark,q", "back", show=False),
            Binding("tab,shift+tab", "other_pane", show=False),
            Binding("full_stop", "next", show=False),
            Binding("delete,backspace", "forget", show=False),
            Binding("D", "forget_all", show=False),
            *(Binding(digit, f"choose({digit})", show=False) for digit in DIGITS),
        ]
    )
    OWN_KEYS = frozenset((*DIGITS, "j", "k", "D"))

    def __init__(self) -> None:
        super().__init__(id="inbox")
        self._view: InboxView | None = None

    def compose(self) -> ComposeResult:
        """Header, rows, the chosen thing, keys."""
        yield HeaderBar()
        with Container(id="inbox-panes"):
            with Pane(id="inbox-list"):
                yield RowList(id="inbox-rows")
            with Pane(id="inbox-detail"):
                yield LinesView(id="inbox-lines")
        yield KeyBar()

    def on_mount(self) -> None:
        """The rows have the focus, and the most urgent one the cursor."""
        super().on_mount()
        self.query_one(RowList).focus()

    # --- drawing -------------------------------------------------------------------------------

    def refresh_deck(self) -> None:
        """Show the run as it is now."""
        width, height = self.app.size
        narrow = width < NARROW
        self.set_class(narrow, "-narrow")
        self.set_class(width >= WIDE, "-wide")
        deck = self.moment()
        view = self._view = InboxView(deck, self.deck_app.said, close=narrow)
        rows_height = min(len(view.keys) + FRAME_ROWS, (height - FRAME_ROWS) // 2)
        frame = self.query_one("#inbox-list", Pane)
        frame.styles.height = max(LEAST_ROWS, rows_height) if narrow else "100%"
        rows = self.query_one(RowList)
        before = rows.cursor
        rows.show(view.keys, view.row, headings=view.headings, empty=EMPTY_INBOX)
        was_thing = before is not None and not before.startswith(SAID)
        if was_thing and view.items and view.said(rows.cursor) is not None:
            rows.put_cursor(view.items[0].key)  # the last row was answered: on to what still waits
        deck = self.moment()
        self.query_one(HeaderBar).show(deck)
        frame.set_titles((Span("Inbox"),), inbox_figures(deck))
        self.deck_app.proposed.tick()  # a picture is drawn before the clock ticks
        frame.border_subtitle = self.deck_app.model.proposals_told or (RULE if view.items else "")
        self._show_detail(deck, view, rows.cursor)
        self.query_one(KeyBar).show(self.context)

    def _show_detail(self, deck: Deck, view: InboxView, key: str | None) -> None:
        frame = self.query_one("#inbox-detail", Pane)
        lines = self.query_one("#inbox-lines", LinesView)
        item, said = view.item(key), view.said(key)
        if item is not None:
            ways = self._ways(item)
            frame.set_titles(title_line(deck, item))
            lines.show(lambda width: detail_lines(deck, item, ways, width), key)
        elif said is not None:
            frame.set_titles((Span("Said earlier"),))
            lines.show(lambda width: said_lines(deck, said, width), key)
        else:
            frame.set_titles((Span("Meanwhile"),))
            lines.show(lambda width: empty_lines(deck, width), "empty")

    def _ways(self, item: Item) -> list[Way]:
        context = self.context
        found = []
        task = context.deck.task
        asks = item.kind in (Kind.QUESTION, Kind.PERMISSION)
        deaf = asks and task is not None and not hears_answer(context.deck.state, task)
        for name, words in WAYS.get(item.kind, ()):
            key = self.deck_app.key(name)
            if reason(key, context) is None:
                said = UNHEARD if deaf and name == "task.steer" else words
                found.append(Way(key.show, said))
        return found

    # --- what is chosen ------------------------------------------------------------------------

    @property
    def chosen(self) -> Item | None:
        """The thing under the cursor."""
        return self._view.item(self.query_one(RowList).cursor) if self._view is not None else None

    @property
    def task_here(self) -> TaskId | None:
        """Its task, if it is about one."""
        item = self.chosen
        return item.task if item is not None else None

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        item = self.chosen
        return Context(
            self.moment(), "inbox", self.deck_app.keys, instead=_instead(item), footer=FOOTER
        )

    def select(self, task: TaskId) -> None:
        """Its row, if it waits; else the room."""
        key = self._view.first_of(task) if self._view is not None else None
        if key is None:
            self.show_in_room(task)
        else:
            self.query_one(RowList).put_cursor(key)
            self.refresh_deck()

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """The cursor moved."""
        event.stop()
        self.refresh_deck()

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """Enter: answer what an agent asks; look at the task of anything else."""
        event.stop()
        item = self.chosen
        if item is None:
            return
        if item.kind in (Kind.QUESTION, Kind.PERMISSION):
            self.deck_app.press("task.steer")
        elif item.kind is Kind.BUDGET:
            self.deck_app.press("run.budget")
        elif item.task is not None:
            self.show_in_room(item.task, then=self.deck_app.key("move.task"))

    # --- keys ----------------------------------------------------------------------------------

    def act(self, key: Key) -> None:
        """The keys that move have a meaning of their own here."""
        match key.act:
            case "inbox":
                self.action_back()
            case "next_pane" | "previous_pane":
                self.action_other_pane()
            case "next_that_needs_me":
                self.action_next()
            case _:
                super().act(key)

    def action_other_pane(self) -> None:
        """The focus goes to the rows, or to the chosen thing, which then scrolls."""
        rows, lines = self.query_one(RowList), self.query_one("#inbox-lines")
        (lines if rows.has_focus else rows).focus()

    def action_next(self) -> None:
        """The next row; after the last one the first."""
        rows = self.query_one(RowList)
        before = rows.cursor
        rows.action_move(1)
        if rows.cursor == before:
            rows.action_edge(0)

    def action_choose(self, number: int) -> None:
        """Give the answer that the digit stands for."""
        item, deck = self.chosen, self.moment()
        answer = _answer(deck, item, number, self.deck_app.person) if item is not None else None
        if answer is None:
            keys = self.deck_app.key_name("deck.help")
            said = f"{number} answers nothing here; enter or {keys} shows how."
            self.deck_app.remarks.say(said, timeout=3)
            return
        why = refusal(deck.state, answer) or self.deck_app.offline
        if why:
            self.deck_app.warn(f"{why[:1].upper()}{why[1:]}.")
        else:
            self.deck_app.deliver(answer)

    def action_forget(self) -> None:
        """Dismiss what was said."""
        key = self.query_one(RowList).cursor
        said = self._view.said(key) if self._view is not None else None
        if said is None:
            self.deck_app.remarks.say("Only what was said earlier can be forgotten.", timeout=3)
            return
        self.deck_app.said.dismiss(said.number)
        self.refresh_deck()

    def action_forget_all(self) -> None:
        """Dismiss all of it."""
        self.deck_app.said.clear()
        self.refresh_deck()


def _instead(item: Item | None) -> Mapping[str, tuple[str, AnyCommand]]:
    """What keys mean on a row that is no task."""
    match item.kind if item is not None else None:
        case Kind.GATE:
            return {"task.retry": ("run it again", c.Retry())}
        case Kind.ACCOUNT if item is not None:
            return {"task.retry": ("reopen", c.ReopenAccount(item.name))}
        case Kind.PROPOSED if item is not None:
            return {
                "task.approve": ("accept", c.AnswerRequest(item.name)),
                "task.stop": ("deny", c.AnswerRequest(item.name, accept=False)),
            }
        case Kind.ASKED if item is not None:
            return {"task.stop": ("no answer", c.AnswerRequest(item.name, accept=False))}
        case Kind.RUN_PAUSED:
            return {"task.pause": ("resume", c.Resume())}
        case Kind.QUEUE_HELD:
            return {"task.hold": ("release", c.Release())}
        case _:
            return {}


def _answer(deck: Deck, item: Item, number: int, person: str) -> AnyCommand | None:
    """The answer that a digit gives, or None where it gives none."""
    if item.kind is Kind.ASKED:
        texts = deck.state.requests[item.name].options
        said = texts[number - 1] if number <= len(texts) else None
        return c.AnswerRequest(item.name, text=said, by=person) if said is not None else None
    attempt = deck.state.tasks[item.task].attempt if item.task is not None else None
    question = attempt.question if attempt is not None else None
    if item.task is None or question is None:
        return None
    option = chosen_option(deck, item, number)
    if option is not None:
        return c.Answer(item.task, option, "", question.id, by=person)
    if item.kind is Kind.PERMISSION:
        offered = choices(deck.state, item.task, question, None, person)
        return next((one.command for one in offered if one.key == str(number)), None)
    return None
