"""The dialog of `$`: every budget with its figures, and a line for another limit.

Rules: the budget that asks is marked when it opens.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentdeck.core.commands import AnyCommand
from agentdeck.plans.typed_limits import wish_of
from agentdeck.tui.presentation.budget import BudgetRow
from agentdeck.tui.screens.limit_dialog import ChangeLimit, Refusal


class ChangeBudget(ChangeLimit):
    """Which budget, and how much it should be."""

    EXAMPLE = "20, or +5 for more, or none"

    def __init__(self, rows: Sequence[BudgetRow], first: int, refusal: Refusal) -> None:
        """`refusal` says why a command would not be carried out now."""
        super().__init__("Budget", [row.text for row in rows], first, refusal)
        self._rows = rows

    def wish(self, row: int, text: str) -> AnyCommand:
        """Set it, raise it, or take it away."""
        return wish_of(self._rows[row].scope, text, default=self._rows[row].of)
