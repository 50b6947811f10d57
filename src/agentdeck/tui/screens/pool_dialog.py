"""The dialog of `L`: every pool with its places, and a line for the most that one may have.

Rules: the pool of the row, or of the task, that one looks at is marked when it opens; else the
first one that is full.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentdeck.core.commands import AnyCommand
from agentdeck.tui.presentation.pool_limits import PoolRow, wish_of
from agentdeck.tui.screens.limit_dialog import ChangeLimit, Refusal


class ChangePool(ChangeLimit):
    """Which pool, and how many may work in it."""

    EXAMPLE = "3, or none for as many as the plan says"

    def __init__(self, rows: Sequence[PoolRow], first: int, refusal: Refusal) -> None:
        """`refusal` says why a command would not be carried out now."""
        super().__init__("Pools", [row.text for row in rows], first, refusal)
        self._rows = rows

    def wish(self, row: int, text: str) -> AnyCommand:
        """The most that it may have."""
        return wish_of(self._rows[row].pool, text)
