"""All comments on the work of an attempt, to choose one of them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.core.review import comment_line
from agentdeck.core.words import first_line
from agentdeck.tui.presentation.diff_rows import Remark
from agentdeck.tui.screens.dialogs import Dialog, plain_option


class CommentList(Dialog[int]):
    """Returns the place of the chosen one in the list."""

    def __init__(self, remarks: Sequence[Remark]) -> None:
        super().__init__("Comments")
        self._remarks = remarks

    def compose(self) -> ComposeResult:
        """A list."""
        rows = [
            f"{first_line(comment_line(one.comment))}  ({one.by or 'not sent'})"
            for one in self._remarks
        ]
        with Vertical(classes="dialog"):
            yield OptionList(*(Option(plain_option(row)) for row in rows))
            yield Static("enter goes there · escape goes back", classes="hint")

    def on_mount(self) -> None:
        """The list has the focus."""
        super().on_mount()
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Chosen."""
        _ = self.dismiss(event.option_index)
