"""Dialogs for what agents ask: a permission answered by a key, a question answered in a line.

Rules:
- What is asked scrolls and is shown whole; the answers are always seen. No answer has the mark, so
  enter alone never allows anything.
- A question that needs no answer any more closes its dialog, and the screen says why.
- Escape answers nothing: the agent goes on waiting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.core import commands as c
from agentdeck.core.decide import MAX_MESSAGE
from agentdeck.core.ids import TaskId
from agentdeck.core.permissions import MAX_EXACT, words_of
from agentdeck.core.state import Attempt, Question, RunState
from agentdeck.tui.presentation.asks import (
    Choice,
    ask_head,
    choices,
    fits_pattern,
    request_lines,
    rule_lines,
    why_gone,
)
from agentdeck.tui.presentation.line import Line, plain, wrapped
from agentdeck.tui.screens.dialogs import Dialog, plain_option
from agentdeck.tui.widgets.row_list import LinesView

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

SHARE: Final = 0.9  # of the screen's height that a dialog may have, as in dialogs.tcss
LOW: Final = 30  # rows of the screen below which blank rows are left out
LEAST_ROWS: Final = 3  # of what an agent wants to do; more scrolls
INPUT_ROWS: Final = 3  # a line with its frame
FRAME_ROWS: Final = 2


class Gone(msgspec.Struct, frozen=True):
    """The question needs no answer any more."""


class AskDialog(Dialog["c.Answer | Gone"]):
    """Who asks, what is asked, and below it the ways to answer."""

    def __init__(self, title: str, task: TaskId, attempt: Attempt, question: Question) -> None:
        super().__init__(title)
        self._of, self._attempt, self._asked = task, attempt, question
        self.add_class("asks")

    @property
    def deck_app(self) -> DeckApp:
        """The app, by its own type."""
        return cast("DeckApp", self.app)

    @property
    def state(self) -> RunState:
        """The run as it is now."""
        return self.deck_app.model.state

    def see(self, state: RunState) -> None:
        """Close when there is nothing to answer any more."""
        why = why_gone(state, self._of, self._attempt.number, self._asked.id)
        if why is not None:
            self.app.notify(why, title="No answer needed", severity="warning", markup=False)
            _ = self.dismiss(Gone())

    def on_mount(self) -> None:
        """Fill it; the arrows scroll what is asked."""
        super().on_mount()
        head = self.query_one("#ask-head", LinesView)
        head.can_focus = False
        head.show(self._head, "head")
        self.query_one("#ask-body", LinesView).show(self._body, "body")
        self.call_after_refresh(self.fit)

    def on_resize(self) -> None:
        """Another size leaves other room."""
        self.call_after_refresh(self.fit)

    def fit(self) -> None:
        """Give what is asked the room that the answers leave."""
        height = self.app.size.height
        low = height < LOW
        self.set_class(low, "-low")
        blanks = 0 if low else 2
        margins = 1 if low else 4  # around what is asked, above the answers and the hint
        others = self._head_rows() + self.rows_of_answers() + margins + 1
        room = int(height * SHARE) - FRAME_ROWS - blanks - others
        body = self.query_one("#ask-body", LinesView)
        wanted = len(self._body(max(8, body.size.width - 2)))
        body.styles.height = max(min(wanted, LEAST_ROWS), min(wanted, room))
        self.query_one("#ask-head", LinesView).styles.height = self._head_rows()

    def rows_of_answers(self) -> int:
        """Rows between what is asked and the hint."""
        raise NotImplementedError

    def _head_rows(self) -> int:
        return 2 if self._asked.tool else 1

    def _head(self, width: int) -> list[Line]:
        return ask_head(self.state, self._of, self._attempt, self._asked, width)

    def _body(self, width: int) -> list[Line]:
        raise NotImplementedError


class AskPermission(AskDialog):
    """May the agent do this? Each answer has its key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"choose('{key}')", show=False) for key in "yarp123456789"),
        Binding("n", "write('deny')", show=False),
        Binding("enter", "say_how", show=False),
        Binding("e", "write('pattern')", show=False),
    ]

    def __init__(self, title: str, task: TaskId, attempt: Attempt, question: Question) -> None:
        super().__init__(title, task, attempt, question)
        self._pattern: str | None = None
        self._writes = ""  # deny | pattern; "" = a key is waited for

    def compose(self) -> ComposeResult:
        """What is asked, the rule that would be left, the answers, and a line for words."""
        with Vertical(classes="dialog"):
            yield LinesView(id="ask-head")
            yield LinesView(id="ask-body")
            yield LinesView(id="ask-rule")
            yield OptionList(id="ask-choices")
            yield Input(max_length=MAX_MESSAGE)
            yield Static("", id="ask-hint", classes="hint")

    def on_mount(self) -> None:
        """The answers, of which none is marked."""
        super().on_mount()
        self.query_one("#ask-rule", LinesView).can_focus = False
        self._show()
        self.query_one("#ask-body").focus()

    def see(self, state: RunState) -> None:
        """What would decide it may have changed."""
        super().see(state)
        if self.is_current:
            self._show_rule()

    def rows_of_answers(self) -> int:
        """The rule, and the answers or a line."""
        return 2 + (INPUT_ROWS if self._writes else len(self._choices()))

    def action_choose(self, key: str) -> None:
        """By key."""
        found = next((choice for choice in self._choices() if choice.key == key), None)
        if found is not None:
            self._answer(found)

    def action_write(self, what: str) -> None:
        """Ask for words: why not, or what is to be remembered."""
        self._writes = what
        self._show()
        line = self.query_one(Input)
        line.value = self._first_pattern() if what == "pattern" else ""
        line.placeholder = "why not; may be left empty" if what == "deny" else "a pattern: pytest *"
        line.focus()

    def action_cancel(self) -> None:
        """From the line back to the answers; from there nothing happens."""
        if not self._writes:
            super().action_cancel()
            return
        self._writes = ""
        self._show()
        self.query_one("#ask-body").focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The words are there."""
        text = event.value.strip()
        if self._writes == "deny":
            no = next(choice for choice in self._choices() if choice.key == "n")
            self._answer(no._replace(command=msgspec.structs.replace(no.command, text=text)))
        elif text and not fits_pattern(
            self._of, self._asked, text, self.deck_app.model.clock.now()
        ):
            said = f"{text} would not answer this one."
            self.notify(said, title="Not done", severity="warning", markup=False)
        else:
            self._pattern = text or None
            self.action_cancel()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """By row."""
        found = self._choices()[event.option_index]
        if found.key == "n":
            self.action_write("deny")
        else:
            self._answer(found)

    def on_key(self, event: events.Key) -> None:
        """No key does nothing in silence."""
        answers = {choice.key for choice in self._choices()}
        if event.is_printable and event.character not in answers | {"e", "j", "k"}:
            self.action_say_how()

    def action_say_how(self) -> None:
        """What does something here."""
        self.notify("Press the letter of an answer; escape leaves it open.", timeout=3)

    def _first_pattern(self) -> str:
        """What is there to be changed: a target of one line, in full."""
        text = self._pattern or words_of(self._asked).text
        return text if text.isprintable() and len(text) <= MAX_EXACT else ""

    def _answer(self, choice: Choice) -> None:
        if choice.why_not is not None:
            self.notify(choice.why_not, title="Not done", severity="warning", markup=False)
        else:
            _ = self.dismiss(choice.command)

    def _choices(self) -> Sequence[Choice]:
        person = self.deck_app.person
        return choices(self.state, self._of, self._asked, self._pattern, person)

    def _body(self, width: int) -> list[Line]:
        return request_lines(self._asked, width)

    def _show(self) -> None:
        """The rule, and the answers or the line."""
        self._show_rule()
        rows = self.query_one("#ask-choices", OptionList)
        rows.clear_options()
        for choice in self._choices():
            why = f"  (not now: {choice.why_not})" if choice.why_not else ""
            text = plain_option(f"  {plain(choice.text + why)}")
            if choice.key:
                text = f"[bold $accent]{choice.key}[/]{text}"
            rows.add_option(Option(text, disabled=choice.why_not is not None))
        rows.display = not self._writes
        self.query_one(Input).display = bool(self._writes)
        self.query_one("#ask-hint", Static).update(
            {
                "": "arrows scroll · escape leaves it open",
                "deny": "enter denies it · escape goes back",
                "pattern": "enter remembers this with a, r or p · escape goes back",
            }[self._writes]
        )
        self.call_after_refresh(self.fit)

    def _show_rule(self) -> None:
        now = self.deck_app.model.clock.now()
        rule = self.query_one("#ask-rule", LinesView)
        rule.show(
            lambda width: rule_lines(self.state, self._of, self._asked, self._pattern, now, width),
            "rule",
        )


class AnswerQuestion(AskDialog):
    """A question: one of its answers, or words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """The question, its answers if it has some, and a line."""
        offers = bool(self._asked.options)
        hint = "enter sends" + (" the marked answer, or your words" if offers else "")
        with Vertical(classes="dialog"):
            yield LinesView(id="ask-head")
            yield LinesView(id="ask-body")
            if offers:
                labels = [plain_option(plain(option.label)) for option in self._asked.options]
                yield OptionList(*(Option(label) for label in labels), id="ask-choices")
            yield Input(
                placeholder="what the agent should know",
                max_length=MAX_MESSAGE,
                select_on_focus=False,
            )
            yield Static(f"{hint} · escape leaves it open", classes="hint")

    def on_mount(self) -> None:
        """One types at once."""
        super().on_mount()
        for rows in self.query(OptionList):
            rows.can_focus = False
            rows.highlighted = None  # enter on an empty line answers nothing
        self.query_one("#ask-body").can_focus = False
        self.query_one(Input).focus()

    def rows_of_answers(self) -> int:
        """The answers and the line."""
        return len(self._asked.options) + INPUT_ROWS

    def action_move(self, by: int) -> None:
        """Mark another answer; without answers, scroll."""
        rows = next(iter(self.query(OptionList)), None)
        if rows is None:
            self.query_one("#ask-body", LinesView).scroll_relative(y=by, animate=False)
            return
        count = rows.option_count
        at = rows.highlighted
        rows.highlighted = ((0 if by > 0 else count - 1) if at is None else at + by) % count

    def action_page(self, by: int) -> None:
        """Scroll the question."""
        body = self.query_one("#ask-body", LinesView)
        body.scroll_relative(y=by * max(1, body.size.height - 1), animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The words, or the marked answer."""
        text = event.value.strip()
        rows = next(iter(self.query(OptionList)), None)
        marked = rows.highlighted if rows is not None else None
        if text:
            self._send(text=text)
        elif marked is not None:
            self._send(option=self._asked.options[marked].id)
        else:
            self.notify("Nothing is sent: the line is empty.", timeout=3)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """By mouse."""
        self._send(option=self._asked.options[event.option_index].id)

    def _send(self, *, text: str = "", option: str = "") -> None:
        person = self.deck_app.person
        _ = self.dismiss(c.Answer(self._of, option, text, self._asked.id, by=person))

    def _body(self, width: int) -> list[Line]:
        return list(wrapped(self._asked.text, width))
