"""Dialogs: a question with the safe answer chosen, the skip dialog, a line of text, the themes.

Rules: escape always means "nothing happened". Enter takes what has the focus, and that is the safe
side. A dialog returns what a person decided and does nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Final, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.core.decide import MAX_MESSAGE
from agentdeck.core.events import SkipMode
from agentdeck.core.state import RunState
from agentdeck.tui.first_picture import PaintedWhole
from agentdeck.tui.presentation.key_names import shipped_shows

Answer = TypeVar("Answer")
NAMED_TASKS: Final = 8  # of what a cascade skips; more are counted


class Choice(Static, can_focus=True):
    """A button of one row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    class Pressed(Message):
        """It was chosen."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, text: str, value: str, *, risky: bool = False) -> None:
        super().__init__(text, markup=False, classes="-risky" if risky else "")
        self.value = value

    def action_press(self) -> None:
        """Choose it."""
        self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        """Choose it."""
        self.action_press()


class Dialog(ModalScreen[Answer | None], PaintedWhole[Answer | None], Generic[Answer]):
    """A frame in the middle of the screen."""

    CSS_PATH = Path(__file__).with_name("dialogs.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def on_mount(self) -> None:
        """Name the frame."""
        self.query_one(".dialog").border_title = self._title.replace("[", "\\[")
        self.set_class(bool(getattr(self.app, "ascii_only", False)), "-ascii")

    def see(self, state: RunState) -> None:
        """The run has gone on while the dialog is open; most do not care."""

    def action_cancel(self) -> None:
        """Nothing happens."""
        _ = self.dismiss(None)


class Confirm(Dialog[bool]):
    """A yes or no; no has the focus."""

    def __init__(self, title: str, question: str, yes: str, no: str = "No") -> None:
        super().__init__(title)
        self._question, self._yes, self._no = question, yes, no

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The question and two choices."""
        with Vertical(classes="dialog"):
            yield Static(self._question, classes="question", markup=False)
            with Horizontal(classes="choices"):
                yield Choice(self._no, "no")
                yield Choice(self._yes, "yes", risky=True)

    def action_answer(self, yes: bool) -> None:
        """By key."""
        _ = self.dismiss(yes)

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        """By button."""
        _ = self.dismiss(event.choice.value == "yes")


class SkipDialog(Dialog[SkipMode]):
    """Which kind of skip, and what follows from each."""

    def __init__(
        self,
        task: str,
        direct: Sequence[str],
        cascade: Sequence[str],
        refusals: dict[SkipMode, str | None],
        *,
        many: bool = False,
        note: str = "",
        unskip: str = "u",
    ) -> None:
        """What is asked.

        Args:
            task: a name, or with `many` their number.
            note: what else there is to say.
            unskip: the key that takes a skip back.
        """
        super().__init__(f"Skip {task}")
        self._unskip = unskip
        self._of = task
        self._direct, self._cascade = direct, cascade
        self._refusals = refusals
        self._many, self._note = many, note

    def compose(self) -> ComposeResult:
        """Two rows and what follows from the one that is marked."""
        it, is_left = ("them", "are left") if self._many else ("it", "is left")
        follows = {
            SkipMode.DONE: f"Treat as done: nothing needs {it}.",
            SkipMode.CASCADE: f"Skip what needs {it} too: nothing does, so both mean the same.",
        }
        if self._direct:
            named = _named(self._direct)
            follows[SkipMode.DONE] = f"Treat as done: {named} need not wait for {it} any more."
            follows[SkipMode.CASCADE] = (
                f"Skip what needs {it} too: {_named(self._cascade)} will not run."
            )
        with Vertical(classes="dialog"):
            yield Static(
                f"{self._of} {is_left} out of this run. What about the tasks that need {it}?"
                + (f"\n{self._note}." if self._note else ""),
                classes="question",
                markup=False,
            )
            yield OptionList(
                *(
                    Option(
                        plain_option(
                            text
                            if not self._refusals[mode]
                            else f"{text}\nNot now: {self._refusals[mode]}"
                        ),
                        id=mode.value,
                        disabled=self._refusals[mode] is not None,
                    )
                    for mode, text in follows.items()
                ),
            )
            yield Static(
                "enter skips · escape leaves everything as it is · "
                f"{self._unskip} takes a skip back",
                classes="hint",
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Decided."""
        _ = self.dismiss(SkipMode(event.option.id or SkipMode.DONE))


class AskText(Dialog[str]):
    """A line of text: an answer, a steer, feedback for a retry."""

    def __init__(
        self,
        title: str,
        about: str,
        placeholder: str,
        *,
        hint: str = "enter sends · escape sends nothing",
        may_be_empty: bool = False,
        value: str = "",
        most: int = MAX_MESSAGE,
    ) -> None:
        super().__init__(title)
        self._about, self._placeholder = about, placeholder
        self._begins_with, self._most = value, most
        self._hint, self._may_be_empty = hint, may_be_empty

    def compose(self) -> ComposeResult:
        """What it is about, and the line."""
        with Vertical(classes="dialog"):
            if self._about:
                yield Static(self._about, classes="details", markup=False)
            yield Input(
                self._begins_with,
                placeholder=self._placeholder,
                max_length=self._most,
                select_on_focus=False,
            )
            yield Static(self._hint, classes="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send what is there, if anything is."""
        text = event.value.strip()
        if text or self._may_be_empty:
            _ = self.dismiss(text)
        else:
            self.notify("Nothing is sent: the line is empty.", timeout=3)


class ChooseTheme(Dialog[str]):
    """The themes, each shown while it is marked."""

    def __init__(self, themes: Sequence[str], current: str) -> None:
        super().__init__("Theme")
        self._themes, self._current = themes, current

    def compose(self) -> ComposeResult:
        """A list."""
        with Vertical(classes="dialog"):
            yield OptionList(*(Option(plain_option(name), id=name) for name in self._themes))
            yield Static("enter keeps it · escape goes back", classes="hint")

    def on_mount(self) -> None:
        """Start at the theme that is shown."""
        super().on_mount()
        options = self.query_one(OptionList)
        if self._current in self._themes:
            options.highlighted = list(self._themes).index(self._current)
        options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Show it."""
        if event.option.id is not None:
            self.app.theme = event.option.id

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Keep it."""
        _ = self.dismiss(event.option.id)

    def action_cancel(self) -> None:
        """Back to what it was."""
        self.app.theme = self._current
        _ = self.dismiss(None)


def _named(tasks: Sequence[str]) -> str:
    more = f" and {len(tasks) - NAMED_TASKS} more" if len(tasks) > NAMED_TASKS else ""
    return ", ".join(tasks[:NAMED_TASKS]) + more


def shows_of(widget: Widget) -> Mapping[str, str]:
    """How the person's keys are shown, by id; those that are shipped in an app that is no deck."""
    shows = getattr(widget.app, "shows", None)
    return shows if isinstance(shows, dict) else shipped_shows()


def plain_option(text: str) -> str:
    """Text for a widget that reads markup."""
    from textual.markup import escape

    return escape(text)
