"""What the inbox and the wall share: a whole screen of the deck beside the room.

Rules:
- The keys are those of the room and act on what is chosen here. What only the room can show brings
  the room back first. A screen's own keys stand before them.
- Escape, q and the key that opened it lead back to the room, which then looks at the same task.
- Like the room it draws what can be seen, when the app asks for it. Until it has something to show
  the screen below stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual import events
from textual.binding import Binding, BindingType

from agentdeck.core.ids import TaskId
from agentdeck.tui.keys import Context, Key
from agentdeck.tui.painting import CellScreen
from agentdeck.tui.screens.room import bindings
from agentdeck.tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp
    from agentdeck.tui.presentation.deck import Deck

# What the deck does wherever one is. Every other act needs what the room shows: there first.
OF_THE_DECK: Final = frozenset(
    "themes undo budget pool_limit add_task edit_brief compare search take_over verdicts conflict "
    "help command_palette leave command_line which_key "
    "replay_turn replay_step replay_jump replay_scrub".split()
)


def own_and_shared(own: Sequence[Binding]) -> list[BindingType]:
    """The room's bindings, but for the keys that a screen has itself."""
    taken = {key for binding in own for key in binding.key.split(",")}
    found: list[BindingType] = list(own)
    for binding in bindings():
        assert isinstance(binding, Binding)
        keys = ",".join(key for key in binding.key.split(",") if key not in taken)
        if keys:
            found.append(
                Binding(
                    keys,
                    binding.action,
                    binding.description,
                    show=False,
                    id=binding.id,
                    priority=binding.priority,
                )
            )
    return found


class FullScreen(CellScreen):
    """A screen with the header, something between, and the keys."""

    CSS_PATH = Path(__file__).with_name("full_screen.tcss")
    AUTO_FOCUS = ""
    OWN_KEYS: ClassVar[frozenset[str]] = frozenset()  # that do something, beside the table's

    def __init__(self, *, id: str) -> None:  # noqa: A002 - the framework's word
        super().__init__(id=id)
        self._came_from: TaskId | None = None  # the task that the room looked at

    @property
    def deck_app(self) -> DeckApp:
        """The app, by its own type."""
        return cast("DeckApp", self.app)

    @property
    def task_here(self) -> TaskId | None:
        """The task that is chosen here."""
        raise NotImplementedError

    def moment(self) -> Deck:
        """The run as it is now, with what is chosen here; the room will look at the same task."""
        if (task := self.task_here) is not None:
            self.deck_app.room.choose(task)
        moment = self.deck_app.room.moment()
        return replace(moment, selected=task, marked=frozenset())  # keys act on what is chosen here

    @property
    def context(self) -> Context:
        """On what a key would act now."""
        raise NotImplementedError

    def refresh_deck(self) -> None:
        """Show the run as it is now."""
        raise NotImplementedError

    def tick_logs(self) -> bool:
        """Look for new lines of logs, where some are shown. Was there any?"""
        return False

    def select(self, task: TaskId) -> None:
        """Look at a task: here if it is here, else in the room."""
        self.show_in_room(task)

    def show_in_room(self, task: TaskId | None, then: Key | None = None) -> None:
        """Go back to the room and look at a task there; `then` press a key of the room."""
        room, app = self.deck_app.room, self.deck_app
        if task is not None:
            room.choose(task)
        self._leave()
        if then is not None:
            app.after_redraw(lambda: app.press(then.id))

    def on_mount(self) -> None:
        """In signs that the terminal has; drawing looks at other tasks."""
        self._came_from = self.deck_app.room.selected
        self.set_class(self.deck_app.ascii_only, "-ascii")

    def fill(self) -> None:
        """For the first picture, with the task that the room looks at."""
        self.refresh_deck()
        self.begin_at(self._came_from)

    def begin_at(self, task: TaskId | None) -> None:
        """Choose what belongs to a task, where that can be chosen here."""

    def on_screen_resume(self) -> None:
        """Repaint all: what changed behind a dialog was not drawn."""
        if not self.is_seen:
            return
        self.refresh_deck()
        for widget in self.query("*"):
            widget.refresh()

    def on_resize(self) -> None:
        """Another size may need another arrangement."""
        self.call_after_refresh(self.refresh_deck)

    # --- keys ----------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """No key does nothing in silence."""
        known = {name for key in self.deck_app.keys for name in key.keys.split(",")}
        known |= self.OWN_KEYS
        if event.is_printable and event.key not in known:
            keys = self.deck_app.key_name("deck.help")
            said = f"{event.character} does nothing here; {keys} shows the keys."
            self.deck_app.remarks.say(said, timeout=3)

    def action_press(self, key_id: str) -> None:
        """A key of the table was pressed."""
        self.deck_app.press(key_id)

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        """A key of the footer was clicked."""
        self.deck_app.press(event.key.id)

    def act(self, key: Key) -> None:
        """Do what a key of the screen means."""
        name = key.act.partition("(")[0]
        if not name:  # a key of several, named in the footer and clicked there
            self.notify(key.tooltip, timeout=3)
        elif name == "back":
            self.action_back()
        elif name == "copy":
            self.deck_app.room.act(key)
        elif name in OF_THE_DECK:
            self.deck_app.act(key.act)
        else:
            self.show_in_room(self.context.task, then=key)

    def action_back(self) -> None:
        """To the room."""
        self._leave()

    def _leave(self) -> None:
        """Go, once the room below shows the run as it is now: it is painted before it is told."""
        self.deck_app.room.refresh_deck()
        _ = self.dismiss()
