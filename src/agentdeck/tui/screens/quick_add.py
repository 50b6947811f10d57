"""The dialog of `n`: one line becomes a task of the run, and each part is shown as it is typed.

Rules:
- What was understood stands below the line, with how sure it is; the words are coloured likewise.
- Enter adds the task only where nothing is wrong and the run would take it; else it says what is.
- The run may go on meanwhile, and its plan may change: then the line is understood again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from rich.highlighter import Highlighter
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input, Static

from agentdeck.control.catalog import Catalog, load_catalog
from agentdeck.control.replanning import add_command
from agentdeck.core.commands import EditPlan
from agentdeck.core.decide import refusal
from agentdeck.core.errors import RefusedError
from agentdeck.core.replan_rules import consequences
from agentdeck.core.state import RunState
from agentdeck.plans.quick_add.rows import LEGEND
from agentdeck.plans.quick_add.understood import EMPTY, QuickAdd, Understood
from agentdeck.plans.quick_add.words import MAX_LINE
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.presentation.quick_add import ROLES, quick_add_lines
from agentdeck.tui.screens.dialogs import Dialog
from agentdeck.tui.widgets.row_list import LinesView
from agentdeck.tui.widgets.styled import roles_of

ROWS: Final = 13  # of what was understood; more scrolls
AROUND: Final = 10  # rows of frame, padding, line and hint
AROUND_LOW: Final = 6  # without padding and blank rows
LOW: Final = 30  # rows of the screen below which blank rows are left out
AT_ONCE: Final = 1_000  # tasks up to which the run is asked with each key; some 30 ms
PAUSE_S: Final = 0.3  # without a key, after which it is asked of a larger plan
SHARE: Final = 0.9  # of the screen's height that a dialog may have, as in dialogs.tcss


class QuickAddDialog(Dialog[EditPlan]):
    """A line, and what it means."""

    def __init__(self, state: RunState, load: Callable[[], Catalog] = load_catalog) -> None:
        """`load` reads the adapters that are known here; it is called in a thread."""
        super().__init__("Add a task")
        self._state, self._load = state, load
        self._plan = state.plan  # as it was understood; the state goes on by itself
        self._catalog = Catalog({})
        self._mind = QuickAdd(state.plan)
        self._heard: tuple[str, Understood] = ("", self._mind.understand(""))
        self._refused = ""
        self._told: list[str] = []
        self._later: Timer | None = None

    def compose(self) -> ComposeResult:
        """The line, the rows, the keys."""
        with Vertical(classes="dialog"):
            yield Input(
                placeholder="what is to be done, in one line",
                max_length=MAX_LINE,
                select_on_focus=False,
                highlighter=_Parts(self),
            )
            yield LinesView(id="quick-rows")
            yield Static(f"enter adds it · escape does not    {LEGEND}", classes="hint")

    def on_mount(self) -> None:
        """Type at once; what other agents there are is read beside it."""
        super().on_mount()
        self.query_one("#quick-rows", LinesView).can_focus = False
        self.query_one(Input).focus()
        self._fit()
        self._show()
        self.run_worker(self._read_catalog, thread=True, exit_on_error=False, group="diff")

    def on_resize(self) -> None:
        """Another size leaves other room."""
        self._fit()

    def see(self, state: RunState) -> None:
        """The plan may have changed, or what a new task would wait for."""
        if state.plan is not self._plan:
            self._again(state)

    def understood(self, line: str) -> Understood:
        """What a line means; asked again for the same one, it is known."""
        if line != self._heard[0]:
            self._heard = (line, self._mind.understand(line))
        return self._heard[1]

    def on_input_changed(self) -> None:
        """Show what it means now."""
        self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Add it, or say what is wrong."""
        found = self.understood(event.value)
        self._ask_run()
        why = found.faults[0].text if found.faults else self._refused
        if found.task is None or why:
            self.notify(why or EMPTY, title="Not added", severity="warning", markup=False)
            return
        _ = self.dismiss(self._command(found))

    def _read_catalog(self) -> None:
        catalog = self._load()
        self.app.call_from_thread(self._know, catalog)

    def _know(self, catalog: Catalog) -> None:
        self._catalog = catalog
        if self.is_mounted:
            self._again(self._state)

    def _again(self, state: RunState) -> None:
        self._state, self._plan = state, state.plan
        self._mind = QuickAdd(state.plan, self._catalog.names or tuple(state.plan.agent_by_name))
        line = self._heard[0]
        self._heard = (line, self._mind.understand(line))
        self._show()

    def _command(self, found: Understood) -> EditPlan | None:
        if found.task is None:
            return None
        return add_command(self._state, found.task, self._catalog.adapters)

    def _show(self) -> None:
        _ = self.understood(self.query_one(Input).value)
        if self._later is not None:
            self._later.stop()
        if len(self._plan.tasks) <= AT_ONCE:
            self._ask_run()
            return
        self._refused, self._told = "", []
        self._later = self.set_timer(PAUSE_S, self._ask_run)
        self._draw()

    def _ask_run(self) -> None:
        """Would the run take it, and what should a person know of it? O(tasks + dependencies)."""
        self._refused, self._told = "", []
        try:
            command = self._command(self._heard[1])
        except RefusedError as error:
            command, self._refused = None, error.message
        if command is not None:
            self._refused = refusal(self._state, command) or ""
            self._told = [] if self._refused else consequences(self._state, command.change)
        self._draw()

    def _draw(self) -> None:
        self.query_one("#quick-rows", LinesView).show(self._lines, "rows")
        self.query_one(Input).refresh()

    def _lines(self, width: int) -> list[Line]:
        line, found = self._heard
        return quick_add_lines(line, found, self._state.plan, self._told, self._refused, width)

    def _fit(self) -> None:
        height = self.app.size.height
        self.set_class(height < LOW, "-low")
        room = int(height * SHARE) - (AROUND_LOW if height < LOW else AROUND)
        self.query_one("#quick-rows", LinesView).styles.height = max(3, min(ROWS, room))


class _Parts(Highlighter):
    """Colours the words of the line by what they mean."""

    def __init__(self, dialog: QuickAddDialog) -> None:
        self._dialog = dialog

    def highlight(self, text: Text) -> None:
        """The parts in the colours of their rows, what is wrong in that of a failure."""
        roles = roles_of(self._dialog)
        found = self._dialog.understood(text.plain)
        for wish in found.wishes:
            text.stylize(roles.style(ROLES[wish.sure]), wish.start, wish.end)
        for fault in found.faults:
            if fault.start >= 0:
                text.stylize(roles.style("state-failed underline"), fault.start, fault.end)


__all__ = ["QuickAddDialog"]
