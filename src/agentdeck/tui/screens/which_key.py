"""The popup that shows the keys by group; the key that is pressed in it acts.

Rules: it is there at once, and every key goes to it from then on, also what is typed faster than it
is drawn. Escape leaves, backspace goes back to the groups; a key that means nothing here says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from agentdeck.tui.first_picture import PaintedWhole
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.which_key import Choice, choice_line, groups_of, keys_of
from agentdeck.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp
    from agentdeck.tui.keys import Context

SPARE_ROWS: Final = 5  # of the screen, that the list leaves: its frame, a message, the footer
GROUPS: Final = "Keys"


class WhichKey(ModalScreen[str], PaintedWhole[str]):
    """Dismisses with the id of a key, or with None."""

    CSS_PATH = Path(__file__).with_name("which_key.tcss")
    AUTO_FOCUS = ""

    def __init__(self, context: Context) -> None:
        """`context` is that of the screen below."""
        super().__init__()
        self._on_what = context
        self._title = GROUPS
        self._choices = groups_of(context)
        self._said = ""
        self._done = False

    @property
    def deck_app(self) -> DeckApp:
        """The app, by its own type."""
        return cast("DeckApp", self.app)

    def compose(self) -> ComposeResult:
        """A list, and what is said of a wrong key."""
        with Vertical(id="which"):
            rows = RowList(id="which-rows")
            rows.can_focus = False
            yield rows
            yield Static("", id="which-said", markup=False)

    def on_mount(self) -> None:
        """What there is."""
        self.set_class(self.deck_app.ascii_only, "-ascii")
        self._show()

    def on_resize(self) -> None:
        """As many rows as there is room for."""
        self._show()

    # --- pressing ------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Every key is for the popup, whether it is drawn yet or not."""
        event.stop()
        event.prevent_default()
        if self._done:
            return
        choice = next((one for one in self._choices if event.key in one.names), None)
        rows = self.query(RowList)
        match event.key:
            case _ if choice is not None and event.key != "escape":
                self._choose(choice)
            case "escape":
                self._leave(None)
            case "backspace" if self._title != GROUPS:
                self._turn(GROUPS, groups_of(self._on_what))
            case "up" | "down" if rows:
                rows.first().action_move(-1 if event.key == "up" else 1)
            case "enter" if rows and (cursor := rows.first().cursor) is not None:
                self._choose(next(one for one in self._choices if one.key == cursor))
            case _:
                sign = event.character if event.is_printable else event.key
                self._said = f"{sign} is no key of this list; esc leaves it"
                self._show()

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """A row was clicked; the arrows only walk."""

    def on_row_list_opened(self, event: RowList.Opened) -> None:
        """A row was clicked twice."""
        self._choose(next(one for one in self._choices if one.key == event.key))

    def _choose(self, choice: Choice) -> None:
        if self._title == GROUPS:
            self._turn(choice.label, keys_of(choice.key, self._on_what))
        else:
            self._leave(choice.key)

    def _leave(self, key_id: str | None) -> None:
        self._done = True
        _ = self.dismiss(key_id)

    def _turn(self, title: str, choices: list[Choice]) -> None:
        self._title, self._choices, self._said = title, choices, ""
        self._show()

    # --- showing -------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_mounted:
            return
        choices = {choice.key: choice for choice in self._choices}

        def draw(key: str, width: int) -> Line:
            return choice_line(choices[key], width)

        frame, rows = self.query_one("#which"), self.query_one(RowList)
        rows.styles.height = max(1, min(len(choices), self.app.size.height - SPARE_ROWS))
        rows.show(list(choices), draw)
        frame.border_title = self._title
        back = "" if self._title == GROUPS else "⌫ groups · "
        what = "a letter opens a group" if self._title == GROUPS else "the key acts"
        frame.border_subtitle = f"{what} · {back}esc leaves"
        said = self.query_one("#which-said", Static)
        said.update(self._said)
        said.display = bool(self._said)


__all__ = ["WhichKey"]
