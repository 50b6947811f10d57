"""The runs of a repository, to choose one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.tui.presentation.line import plain
from agentdeck.tui.screens.dialogs import Dialog, plain_option

if TYPE_CHECKING:
    from agentdeck.control.comparing import OtherRun


class RunList(Dialog[int]):
    """Returns the place of the chosen one in the list."""

    def __init__(self, runs: Sequence[OtherRun], *, utc: bool) -> None:
        super().__init__("Compare with")
        self._runs, self._utc = runs, utc

    def compose(self) -> ComposeResult:
        """A list, the newest first."""
        longest = max(len(run.folder.run) for run in self._runs)
        rows = [
            f"{run.folder.run.ljust(longest)}  {self._when(run.started_at)}  {plain(run.plan)}"
            for run in self._runs
        ]
        with Vertical(classes="dialog"):
            yield OptionList(*(Option(plain_option(row)) for row in rows))
            yield Static("enter compares · escape goes back", classes="hint")

    def _when(self, at: float) -> str:
        zone = UTC if self._utc else None
        return datetime.fromtimestamp(at, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")

    def on_mount(self) -> None:
        """The list has the focus."""
        super().on_mount()
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen."""
        _ = self.dismiss(event.option_index)
