"""The brief of a task, to be edited: its prompt, and what it says of files, gates and its agent.

Rules:
- What is typed is checked as by `agentdeck check`, and whether the run would take it in; both are
  said below the fields, with what would change. Nothing is sent while something is wrong.
- The screen closes only once the engine has taken the change in: refused text stays where it is.
- Escape with changes asks; only a stated yes throws them away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Input, Static, TextArea

from agentdeck.core.state import RunState
from agentdeck.plans.editing.brief import FIELDS
from agentdeck.tui.presentation.brief_edit import editable, preview_lines
from agentdeck.tui.presentation.line import Line
from agentdeck.tui.screens.dialogs import Confirm, Dialog
from agentdeck.tui.widgets.row_list import LinesView

CHECK_S: Final = 0.15  # after a key: checking each of a fast typist's keys would be felt
LOW: Final = 32  # rows of the screen, below which the frame gives up its margins
MAX_TYPED: Final = 4_000  # characters of one line
HINTS: Final = {
    "files": "globs or folders/, parted by commas; empty: any file",
    "gates": "names, parted by commas; empty: all; [] none",
    "agent": "empty: as the plan has it",
    "model": "empty: as the plan has it",
    "estimate": "15min, 2h; empty: as the plan has it",
}


class Wish(NamedTuple):
    """What is to become of the brief."""

    faults: Mapping[str, str]  # sentences by field; none = it can be saved
    save: Callable[[Callable[[], object]], object] | None  # gets what is done once it is saved


Check = Callable[[Mapping[str, str]], Wish]


class BriefEditor(Dialog[bool]):
    """Returns True once the change was taken in."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", show=False, priority=True),
        Binding("ctrl+e", "own_editor", show=False, priority=True),
    ]

    def __init__(
        self,
        task: str,
        texts: Mapping[str, str],
        check: Check,
        write: Callable[[str], str | None],
        note: str,
    ) -> None:
        """An editor.

        Args:
            task: its id.
            texts: of the brief as it is, by field.
            check: says of edited texts what is wrong with them, and how they are saved.
            write: opens the person's own editor on a text; None = it is as it was.
            note: what there is to know before one edits.
        """
        super().__init__(f"Brief of {task}")
        cleaned = {name: editable(text) for name, text in texts.items()}
        self._texts = {name: text for name, (text, _) in cleaned.items()}
        lost = sum(number for _, number in cleaned.values())
        unseen = f"{_counted(lost)} left out as soon as you edit. " if lost else ""
        self._check, self._write, self._note = check, write, unseen + note
        self._wish = Wish({}, None)
        self._later: Timer | None = None
        self._saving = False

    def compose(self) -> ComposeResult:
        """The prompt, a line for each other field, what would change."""
        with Vertical(classes="dialog"):
            yield TextArea(
                self._texts["prompt"],
                id="brief-prompt",
                compact=True,
                highlight_cursor_line=False,
                placeholder="What the agent is told; without it, the title is all",
            )
            for name in FIELDS[1:]:
                with Horizontal(classes="field"):
                    yield Static(name, classes="label")
                    yield Input(
                        self._texts[name],
                        placeholder=HINTS[name],
                        id=f"brief-{name}",
                        compact=True,
                        max_length=MAX_TYPED,
                    )
            yield LinesView(id="brief-preview")
            yield Static(
                "^s saves it to the run · ^e your editor · tab next · escape goes back",
                classes="hint",
            )

    def on_mount(self) -> None:
        """The prompt has the focus."""
        super().on_mount()
        self.set_class(self.app.size.height < LOW, "-low")
        self.query_one(TextArea).focus()
        self.call_after_refresh(self._look)

    def on_resize(self) -> None:
        """A low screen has no room for margins."""
        self.set_class(self.app.size.height < LOW, "-low")

    def see(self, state: RunState) -> None:  # noqa: ARG002 - the check looks at it
        """The run has gone on: what could be saved may be refused now."""
        if not self._saving:
            self._look()

    # --- what was typed ------------------------------------------------------------------------

    def now(self) -> dict[str, str]:
        """The texts as they are in the fields."""
        found = {name: self.query_one(f"#brief-{name}", Input).value for name in FIELDS[1:]}
        return {"prompt": self.query_one(TextArea).text, **found}

    @property
    def edits(self) -> dict[str, str]:
        """Those that differ from what they were."""
        return {name: text for name, text in self.now().items() if text != self._texts[name]}

    def on_text_area_changed(self) -> None:
        """Check it, a moment later."""
        self._soon()

    def on_input_changed(self) -> None:
        """Check it, a moment later."""
        self._soon()

    def _soon(self) -> None:
        if self._later is not None:
            self._later.stop()
        self._later = self.set_timer(CHECK_S, self._look)

    def _look(self) -> None:
        """Check what is there, and say what would change."""
        if self._later is not None:
            self._later.stop()
            self._later = None
        if not self.is_mounted:
            return
        self._wish = self._check(self.edits)
        now, faults = self.now(), self._wish.faults

        def lines(width: int) -> list[Line]:
            return preview_lines(self._texts, now, faults, width, note=self._note)

        self.query_one(LinesView).show(lines, None)
        for name in FIELDS[1:]:
            self.query_one(f"#brief-{name}").set_class(name in faults, "-wrong")

    # --- keys ----------------------------------------------------------------------------------

    def action_save(self) -> None:
        """Send the change, if there is one and nothing is wrong with it."""
        self._look()
        if self._saving:
            return
        if self._wish.faults:
            first = next(iter(self._wish.faults.values()))
            self.notify(first, title="Not saved", severity="warning", markup=False)
        elif self._wish.save is None:
            self.notify("Nothing is changed: there is nothing to save.", timeout=3)
        else:
            self._wish.save(self._saved)

    def _saved(self) -> None:
        """The engine has it: there is nothing left to lose, and nothing to stay for."""
        self._saving = True
        self._texts = self.now()
        if self.is_current:  # else a question lies over it, whose answer closes it or not
            _ = self.dismiss(True)

    def on_input_submitted(self) -> None:
        """Enter in a line is no answer to anything."""
        self.notify("^s saves it to the run; tab goes to the next field.", timeout=3)

    def action_own_editor(self) -> None:
        """The prompt in the person's own editor."""
        area = self.query_one(TextArea)
        text = self._write(area.text)
        if text is not None:
            shown, lost = editable(text)
            area.text = shown
            if lost:
                self.notify(f"{_counted(lost)} left out.", timeout=5)
        area.focus()
        self._look()

    def action_cancel(self) -> None:
        """Back; with changes only after a yes."""
        if not self.edits:
            _ = self.dismiss(None)
            return
        question = f"The change of {', '.join(self.edits)} is not saved. Throw it away?"
        _ = self.app.push_screen(
            Confirm("Not saved", question, "Throw it away", "Go on editing"), self._thrown
        )

    def _thrown(self, yes: bool | None) -> None:
        if yes:
            _ = self.dismiss(None)


def _counted(unseen: int) -> str:
    """`2 characters that no screen shows are`."""
    return f"{unseen} character{'s' if unseen != 1 else ''} that no screen shows {_be(unseen)}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
