"""Dialogs of taking over: the wait for an agent to end, and what becomes of the task afterwards.

Rules: waiting stops nothing and can be left; a task that is kept is the safe side. Both close by
themselves, and say so, when the task goes another way meanwhile.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from agentdeck.control.taking import TAKEN_S, Then, is_taken, not_ended
from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.state import RunState, TaskState
from agentdeck.tui.model import Clock
from agentdeck.tui.presentation.figures import duration
from agentdeck.tui.presentation.key_names import in_words
from agentdeck.tui.screens.dialogs import Dialog, plain_option, shows_of

CHOICES: Final[dict[Then, str]] = {
    Then.FINISHED: "It is finished: check it, and land it as the plan says",
    Then.GO_ON: "Its agent goes on from here, with words of yours if you like",
    Then.KEEP: "Keep it as it is: {task.take_over} opens it again, {task.hand_back} hands it back",
}


class WaitForEnd(Dialog[bool]):
    """Waits until the task is in the person's hands; False where it will not be."""

    def __init__(self, task: TaskId, agent: str, since: int, clock: Clock) -> None:
        """`since` is the number of the event that the wish left."""
        super().__init__(f"Take over {task}")
        self._of, self._agent, self._since = task, agent, since
        self._clock, self._began = clock, clock.now()

    def compose(self) -> ComposeResult:
        """What goes on, and for how long."""
        with Vertical(classes="dialog"):
            yield Static(
                f"{self._agent} is told to end its turn; then its worktree is yours.",
                classes="question",
                markup=False,
            )
            yield Static(self._time(), id="time", classes="details", markup=False)
            yield Static(
                in_words(
                    "escape leaves this: the task is still yours, {task.take_over} opens it",
                    shows_of(self),
                ),
                classes="hint",
            )

    def see(self, state: RunState) -> None:
        """Go on when it is taken; say why not when it is not."""
        try:
            if is_taken(state, self._of, self._since):
                _ = self.dismiss(True)
            elif self._clock.now() - self._began > TAKEN_S:
                raise not_ended(self._of)
            else:
                self.query_one("#time", Static).update(self._time())
        except DeckError as error:
            said = f"{error.message}. {error.hint}".rstrip(". ") + "."
            self.app.notify(said, title="Not taken over", severity="warning", markup=False)
            _ = self.dismiss(False)

    def _time(self) -> str:
        waited = duration(max(0.0, self._clock.now() - self._began))
        return f"{waited} of at most {duration(TAKEN_S)}"


class GiveBack(Dialog[Then]):
    """What becomes of a task that is in a person's hands; escape keeps it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "choose('finished')", show=False),
        Binding("g", "choose('go on')", show=False),
        Binding("k", "choose('keep')", show=False),
    ]

    def __init__(self, task: TaskId, whose: str, note: str = "") -> None:
        """Of a task that has been taken over.

        Args:
            whose: "your hands", or those of another.
            note: how the person's command ended, where that is worth a line.
        """
        super().__init__(f"{task} is in {whose}")
        self._of, self._note = task, note

    def compose(self) -> ComposeResult:
        """Three rows; the last one changes nothing."""
        with Vertical(classes="dialog"):
            if self._note:
                yield Static(self._note, classes="details noted", markup=False)
            yield Static(f"What becomes of {self._of}?", classes="question", markup=False)
            rows = [
                Option(
                    f"[bold $accent]{then[0]}[/]  {plain_option(in_words(text, shows_of(self)))}",
                    id=then,
                )
                for then, text in CHOICES.items()
            ]
            yield OptionList(*rows)
            yield Static("enter or the letter chooses · escape keeps it", classes="hint")

    def on_mount(self) -> None:
        """The safe row has the mark."""
        super().on_mount()
        rows = self.query_one(OptionList)
        rows.highlighted = list(CHOICES).index(Then.KEEP)
        rows.focus()

    def see(self, state: RunState) -> None:
        """Close when somebody else has handed it back."""
        task = state.tasks.get(self._of)
        if task is None or task.state is not TaskState.TAKEN:
            said = f"{self._of} is not in anybody's hands any more."
            self.app.notify(said, severity="warning", markup=False)
            _ = self.dismiss(None)

    def action_choose(self, then: str) -> None:
        """By key."""
        _ = self.dismiss(Then(then))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """By row."""
        _ = self.dismiss(Then(event.option.id or Then.KEEP))
