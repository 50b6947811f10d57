"""The line at the bottom where commands are typed, and the menu above it.

Rules:
- What is wrong is said above the line, which stays as it was typed. Escape does nothing.
- Tab puts the next candidate in; then the arrows walk the menu. Before that they walk the lines of
  earlier, as in a shell.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from agentdeck.control.verb_completion import Completion
from agentdeck.control.verb_line import MAX_LINE
from agentdeck.core.errors import DeckError
from agentdeck.tui.first_picture import PaintedWhole
from agentdeck.tui.presentation.command_menu import candidate_line, word_cells
from agentdeck.tui.presentation.line import Line, cut, plain
from agentdeck.tui.widgets.row_list import RowList

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

MENU_ROWS: Final = 8  # of candidates at once
LOW_ROWS: Final = 5  # likewise on a low screen
LOW: Final = 24  # rows of the screen, from which on it is not low any more
NOTHING: Final = Completion(0, 0, ())


class TypedLine(Input):
    """The line; keys that complete and that go back in time go to the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "screen.candidate(1)", show=False),
        Binding("shift+tab", "screen.candidate(-1)", show=False),
        Binding("up", "screen.walk(-1)", show=False),
        Binding("down", "screen.walk(1)", show=False),
        Binding("escape", "screen.leave", show=False),
    ]


class CommandLine(ModalScreen[Callable[[], object]], PaintedWhole[Callable[[], object]]):
    """Dismisses with what is to be done, or with None."""

    CSS_PATH = Path(__file__).with_name("command_line.tcss")
    AUTO_FOCUS = "TypedLine"

    def __init__(self) -> None:
        super().__init__()
        self._completion = NOTHING
        self._chosen = -1  # of the candidates; -1 = none was put in
        self._base = ""  # the line without the candidate that was put in
        self._set = ""  # the line as it was set here, not typed
        self._back = 0  # lines of earlier that were gone back
        self._typed = ""  # the line before going back
        self._fault = ""

    @property
    def deck_app(self) -> DeckApp:
        """The app, by its own type."""
        return cast("DeckApp", self.app)

    def compose(self) -> ComposeResult:
        """The menu, what is said of the line, the line."""
        with Vertical(id="line"):
            with Vertical(id="line-menu"):
                rows = RowList(id="line-rows")
                rows.can_focus = False
                yield rows
                yield Static("", id="line-said", markup=False)
            with Horizontal(id="line-typed"):
                yield Static(":", id="line-sign")
                yield TypedLine(max_length=MAX_LINE, compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Everything that could be typed."""
        self.set_class(self.deck_app.ascii_only, "-ascii")
        self.query_one(TypedLine).focus()
        self._complete()

    def on_screen_resume(self) -> None:
        """After a resize of what is below."""
        self._show()

    @property
    def line(self) -> TypedLine:
        """Where one types."""
        return self.query_one(TypedLine)

    # --- typing --------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other candidates, unless the line was changed by one."""
        if event.value == self._set:
            return
        self._set, self._back, self._fault = "", 0, ""
        self._complete()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Do it, or say what is in the way."""
        text = event.value
        if not text.strip():
            self.action_leave()
            return
        try:
            act = self.deck_app.typed.prepare(text)
        except DeckError as error:
            self._fault = f"{error.message}; {error.hint}" if error.hint else error.message
            self._show()
        else:
            self.deck_app.remember_line(text)
            _ = self.dismiss(act)

    def action_leave(self) -> None:
        """Nothing happens."""
        _ = self.dismiss(None)

    # --- completing ----------------------------------------------------------------------------

    def _complete(self) -> None:
        line = self.line
        self._base, self._chosen = line.value, -1
        self._completion = self.deck_app.typed.complete(line.value, line.cursor_position)
        self._show()

    def action_candidate(self, by: int) -> None:
        """Put the next candidate in, or the one before."""
        found = self._completion.candidates
        if not found:
            self._fault = "nothing can stand here"
            self._show()
            return
        here = -1 if self._chosen < 0 and by < 0 else self._chosen
        self._put((max(here, -1) + by) % len(found) if here >= 0 or by > 0 else len(found) - 1)

    def _put(self, number: int) -> None:
        completion = self._completion
        text, cursor = completion.put(self._base, number)
        if len(completion.candidates) == 1:  # nothing else could: on to what follows
            text, cursor = f"{text[:cursor]} {text[cursor:].lstrip()}", cursor + 1
        self._set_line(text, cursor)
        if len(completion.candidates) == 1:
            self._complete()
        else:
            self._chosen = number
            self._show()

    def _set_line(self, text: str, cursor: int) -> None:
        self._set, self._fault = text, ""
        self.line.value = text
        self.line.cursor_position = cursor

    def on_row_list_highlighted(self, event: RowList.Highlighted) -> None:
        """A row was clicked."""
        self._put(int(event.key))

    # --- lines of earlier ------------------------------------------------------------------------

    def action_walk(self, by: int) -> None:
        """In the menu once a candidate was put in, else in the lines of earlier."""
        if self._chosen >= 0:
            self.action_candidate(by)
            return
        lines = self.deck_app.lines.lines
        if not self._back:
            self._typed = self.line.value
        # only lines that begin with what was typed, as shells have it
        fit = [line for line in lines if line.startswith(self._typed)]
        back = max(0, min(len(fit), self._back - by))
        if back == self._back:
            self._fault = "" if back else "no line of earlier begins so"
            self._show()
            return
        self._back = back
        text = fit[-back] if back else self._typed
        self._set_line(text, len(text))
        self._base, self._completion = text, NOTHING
        if not back:
            self._complete()
        self._show()

    # --- showing ---------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_mounted:
            return
        found = self._completion.candidates
        most = LOW_ROWS if self.app.size.height <= LOW else MENU_ROWS
        shown = min(len(found), most)
        rows = self.query_one("#line-rows", RowList)
        rows.styles.height = shown
        rows.display = bool(shown)
        wide = word_cells(found)

        def draw(key: str, width: int) -> Line:
            return candidate_line(found[int(key)], wide, width)

        rows.show([str(number) for number in range(len(found))], draw)
        rows.put_cursor(str(self._chosen) if self._chosen >= 0 else None)
        rows.refresh()
        self._say()

    def _say(self) -> None:
        menu, said = self.query_one("#line-menu"), self.query_one("#line-said", Static)
        found, verb = self._completion.candidates, self._completion.verb
        width = max(10, self.app.size.width - 6)
        why = "" if self._fault or verb is None else self.deck_app.typed.why_not(self.line.value)
        text = self._fault or (f"not now: {why}" if why else "")
        if len(found) == 1 and found[0].sentence == text:
            text = ""  # it stands in the menu already
        elif not text and verb is not None:
            text = verb.sentence
        said.update(cut(plain(text), 2 * width))
        said.display = bool(text)
        said.set_class(bool(self._fault), "-fault")
        said.set_class(bool(why), "-refused")
        menu.border_title = cut(verb.usage if verb is not None else "Commands", width).replace(
            "[", "\\["
        )
        place = f"{self._chosen + 1} of {len(found)} · " if self._chosen >= 0 else ""
        menu.border_subtitle = f"{place}tab completes · ↑ earlier lines · esc leaves"


__all__ = ["CommandLine"]
