"""A dialog that sets a limit: of which thing, with its figures, and a line for how much.

Rules: the arrows move the mark while one types. What cannot be done is said here, and the dialog
stays.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import UsageError
from agentdeck.tui.screens.dialogs import Dialog, plain_option

MAX_TYPED: Final = 40  # characters of an amount

Refusal = Callable[[AnyCommand], str | None]


class ChangeLimit(Dialog[AnyCommand]):
    """Which one, and how much it should be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]
    EXAMPLE: ClassVar[str]  # stands in the line while it is empty

    def __init__(self, title: str, texts: Sequence[str], first: int, refusal: Refusal) -> None:
        """Nothing is chosen yet.

        Args:
            texts: what there is, one row each; at least one.
            first: the row that is marked when it opens.
            refusal: says why a command would not be carried out now.
        """
        super().__init__(title)
        self._texts, self._first, self._refusal = texts, first, refusal

    @abstractmethod
    def wish(self, row: int, text: str) -> AnyCommand:
        """What a line means for a row. Raises UsageError."""

    def compose(self) -> ComposeResult:
        """The rows, and a line."""
        with Vertical(classes="dialog"):
            rows = OptionList(*(Option(plain_option(text)) for text in self._texts))
            rows.can_focus = False
            yield rows
            yield Input(placeholder=self.EXAMPLE, max_length=MAX_TYPED, select_on_focus=False)
            yield Static("enter sets the limit · escape changes nothing", classes="hint")

    def on_mount(self) -> None:
        """Mark the first one."""
        super().on_mount()
        self.query_one(OptionList).highlighted = self._first
        self.query_one(Input).focus()

    def action_move(self, by: int) -> None:
        """Mark another one."""
        rows = self.query_one(OptionList)
        rows.highlighted = ((rows.highlighted or 0) + by) % len(self._texts)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Set it, or say why not."""
        try:
            command = self.wish(self.query_one(OptionList).highlighted or 0, event.value)
        except UsageError as error:
            self.notify(f"{error.message}: {error.hint}", severity="warning", markup=False)
            return
        why_not = self._refusal(command)
        if why_not is not None:
            self.notify(why_not, title="Not done", severity="warning", markup=False)
        else:
            _ = self.dismiss(command)
