"""The dialog of `*` and `f`: which tasks a filter means, with a count that follows the typing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from agentdeck.core.ids import TaskId
from agentdeck.core.words import listed
from agentdeck.tui.presentation.figures import plural
from agentdeck.tui.presentation.line import cut
from agentdeck.tui.presentation.marking import Filter, Options
from agentdeck.tui.screens.dialogs import Dialog

MAX_TYPED: Final = 200  # characters of patterns
NAMED: Final = 4  # of the tasks that are meant
NAME_CELLS: Final = 40  # of a phase's or a label's name
ANY: Final = ("", "any")


class Cycle(Static, can_focus=True):
    """A row with one value of several; left and right take the next."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right,space", "turn(1)", show=False),
        Binding("enter", "submit", show=False),
    ]

    class Turned(Message):
        """Another value."""

    class Submitted(Message):
        """The person is done."""

    def __init__(self, name: str, choices: Sequence[tuple[str, str]], value: str = "") -> None:
        super().__init__(markup=False)
        self._word = name
        self._choices = (ANY, *choices)
        # A value that no task has any more is no wish.
        self._at = next((n for n, one in enumerate(self._choices) if one[0] == value), 0)

    @property
    def value(self) -> str:
        """What is chosen; empty = anything."""
        return self._choices[self._at][0]

    def on_mount(self) -> None:
        """First picture."""
        self._say()

    def action_turn(self, by: int) -> None:
        """The next value, or the one before, round."""
        self._at = (self._at + by) % len(self._choices)
        self._say()
        self.post_message(self.Turned())

    def action_submit(self) -> None:
        """Done."""
        self.post_message(self.Submitted())

    def on_click(self) -> None:
        """The next value."""
        self.action_turn(1)

    def _say(self) -> None:
        name = cut(self._choices[self._at][1], NAME_CELLS)
        arrows = ("< ", " >") if len(self._choices) > 1 else ("  ", "  ")
        self.update(f"{self._word:<8}{arrows[0]}{name}{arrows[1]}")


class TasksBy(Dialog[Filter]):
    """Four wishes and a count."""

    def __init__(
        self,
        title: str,
        does: str,
        options: Options,
        find: Callable[[Filter], list[TaskId]],
        total: int,
        was: Filter,
    ) -> None:
        """A dialog that answers with a filter that some task fits.

        Args:
            does: what enter does with them: `marks`.
            find: which tasks a filter means now.
            total: how many tasks there are.
            was: what it starts with.
        """
        super().__init__(title)
        self._does, self._options, self._find, self._total = does, options, find, total
        self._was, self._begins_with = was, was.ids

    def compose(self) -> ComposeResult:
        """A pattern, three values, the count."""
        with Vertical(classes="dialog"):
            yield Input(
                self._begins_with,
                placeholder="ids, such as API-* or *-1?; empty = all",
                max_length=MAX_TYPED,
                select_on_focus=False,
            )
            yield Cycle("state", self._options.states, self._was.state)
            yield Cycle("phase", self._options.phases, self._was.phase)
            yield Cycle("label", self._options.labels, self._was.label)
            if self._options.repos:
                yield Cycle("repo", self._options.repos, self._was.repo)
            yield Static("", id="mark-count", markup=False)
            yield Static(
                f"arrows choose · enter {self._does} · escape changes nothing",
                classes="hint",
            )

    def on_mount(self) -> None:
        """Type at once."""
        super().on_mount()
        self.query_one(Input).focus()
        self._count()

    @property
    def wanted(self) -> Filter:
        """What is wished for now."""
        values = (cycle.value for cycle in self.query(Cycle))
        return Filter(self.query_one(Input).value, *values)

    def _count(self) -> None:
        found = self._find(self.wanted)
        named = f": {listed([str(task) for task in found], NAMED)}" if found else ""
        text = f"{len(found)} of {plural(self._total, 'task')}{named}"
        self.query_one("#mark-count", Static).update(text)

    def on_input_changed(self) -> None:
        """Count again."""
        self._count()

    def on_cycle_turned(self) -> None:
        """Count again."""
        self._count()

    def on_input_submitted(self) -> None:
        """Take it."""
        self._done()

    def on_cycle_submitted(self) -> None:
        """Take it."""
        self._done()

    def _done(self) -> None:
        if self._find(self.wanted):
            _ = self.dismiss(self.wanted)
        else:
            self.notify("No task is like that.", severity="warning")
