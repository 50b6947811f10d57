"""The dialog of `$`: every budget with its figures, and a line for another limit.

Rules: the budget that asks is marked when it opens; the arrows move the mark while one types. What
cannot be done is said here, and the dialog stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.core.commands import AnyCommand
from agentdeck.core.errors import UsageError
from agentdeck.plans.typed_limits import wish_of
from agentdeck.tui.presentation.budget import BudgetRow
from agentdeck.tui.screens.dialogs import Dialog, plain_option

MAX_TYPED: Final = 40  # characters of an amount


class ChangeBudget(Dialog[AnyCommand]):
    """Which budget, and how much it should be."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(
        self, rows: Sequence[BudgetRow], first: int, refusal: Callable[[AnyCommand], str | None]
    ) -> None:
        """`refusal` says why a command would not be carried out now."""
        super().__init__("Budget")
        self._rows, self._first, self._refusal = rows, first, refusal

    def compose(self) -> ComposeResult:
        """The budgets, and a line."""
        with Vertical(classes="dialog"):
            options = [Option(plain_option(row.text), id=row.scope) for row in self._rows]
            budgets = OptionList(*options)
            budgets.can_focus = False
            yield budgets
            yield Input(
                placeholder="20, or +5 for more, or none",
                max_length=MAX_TYPED,
                select_on_focus=False,
            )
            yield Static("enter sets the limit · escape changes nothing", classes="hint")

    def on_mount(self) -> None:
        """Mark the one that asks."""
        super().on_mount()
        self.query_one(OptionList).highlighted = self._first
        self.query_one(Input).focus()

    def action_move(self, by: int) -> None:
        """Mark another budget."""
        budgets = self.query_one(OptionList)
        budgets.highlighted = ((budgets.highlighted or 0) + by) % len(self._rows)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Set it, or say why not."""
        row = self._rows[self.query_one(OptionList).highlighted or 0]
        try:
            command = wish_of(row.scope, event.value, default=row.of)
        except UsageError as error:
            self.notify(f"{error.message}: {error.hint}", severity="warning", markup=False)
            return
        why_not = self._refusal(command)
        if why_not is not None:
            self.notify(why_not, title="Not done", severity="warning", markup=False)
        else:
            _ = self.dismiss(command)
