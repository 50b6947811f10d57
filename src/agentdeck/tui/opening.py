"""What the keys of the whole deck do wherever one is: mostly, open a screen or a dialog.

A screen is imported when it is opened first: most runs are watched without most of them, and the
first picture should not wait for what nobody looks at.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from agentdeck.core.errors import DeckError
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import of_task
from agentdeck.tui.presentation.conflict import (
    conflict_lines,
    conflict_of,
    fault_lines,
    waiting_lines,
)
from agentdeck.tui.presentation.said import sentence

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

# Screens without anything to hand to them: the act, the module in `tui.screens`, the class.
SCREENS: Final = {
    "inbox": ("inbox", "InboxScreen"),
    "wall": ("wall", "WallScreen"),
    "search": ("search", "SearchScreen"),
    "events": ("events", "EventsScreen"),
    "load": ("load", "LoadScreen"),
    "spending": ("spending", "SpendingScreen"),
}


class Opening:
    """The acts of the deck, by name."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._acts: dict[str, Callable[[], object]] = {
            **{name: partial(self._open, name) for name in SCREENS},
            "themes": self._themes,
            "help": self._help,
            "which_key": self._which_key,
            "command_line": self._command_line,
            "command_palette": app.action_command_palette,
            "verdicts": self._verdicts,
            "conflict": self._conflict,
            "budget": self._budget,
            "pool_limit": self._pool_limit,
            "add_task": self._add_task,
            "take_over": self._take_over,
            "edit_brief": self._edit_brief,
            "compare": self._compare,
            "undo": app.undoing.undo,
            "tour": app.tour.begin,
            "replay_turn": app.looking_back.turn,
            "leave": app.leave,
        }

    def act(self, name: str) -> None:
        """Do what an act means. Raises LookupError for one that there is not."""
        if name in self._acts:
            self._acts[name]()
        elif name.startswith("replay_"):
            self._app.looking_back.act(name.removeprefix("replay_"))
        else:
            raise LookupError(f"no act is named {name}")

    def _open(self, name: str) -> None:
        module, of = SCREENS[name]
        screen: Screen[None] = getattr(import_module(f"agentdeck.tui.screens.{module}"), of)()
        _ = self._app.push_screen(screen)

    def _with_task(self, act: Callable[[TaskId], object]) -> None:
        if (task := self._app.front.context.task) is not None:
            act(task)

    def _budget(self) -> None:
        self._app.questions.ask_budget()

    def _pool_limit(self) -> None:
        self._app.questions.ask_pool()

    def _add_task(self) -> None:
        self._app.questions.ask_task()

    def _take_over(self) -> None:
        self._with_task(self._app.by_hand.take)

    def _edit_brief(self) -> None:
        self._with_task(self._app.brief_editing.open)

    def _compare(self) -> None:
        self._app.comparing.ask()

    def _themes(self) -> None:
        from agentdeck.tui.screens.dialogs import ChooseTheme

        _ = self._app.push_screen(ChooseTheme(self._app.theme_names, self._app.theme))

    def _help(self) -> None:
        from agentdeck.tui.screens.help import HelpScreen

        _ = self._app.push_screen(HelpScreen(self._app.front.context))

    def _which_key(self) -> None:
        """The keys by group; the one that is chosen is pressed."""
        from agentdeck.tui.screens.which_key import WhichKey

        def then(key_id: str | None) -> None:
            if key_id is not None:
                self._app.after_redraw(partial(self._app.press, key_id))

        _ = self._app.push_screen(WhichKey(self._app.front.context), then)

    def _command_line(self) -> None:
        """The line for typed commands; lines of earlier are read meanwhile."""
        from agentdeck.tui.screens.command_line import CommandLine

        app = self._app
        app.run_worker(app.lines.load, thread=True, group="lines", exit_on_error=False)

        def then(act: Callable[[], object] | None) -> None:
            if act is not None:
                app.after_redraw(act)

        _ = app.push_screen(CommandLine(), then)

    def _verdicts(self) -> None:
        from agentdeck.tui.presentation.verdict_history import verdict_lines
        from agentdeck.tui.screens.reading import Reading

        room = self._app.room
        page = Reading("Gates", lambda width: verdict_lines(room.moment(), width))
        _ = self._app.push_screen(page)

    def _conflict(self) -> None:
        """Git is asked in a thread; until it answers the page says so."""
        from agentdeck.tui.screens.reading import Reading

        app = self._app
        state, task = app.model.state, app.front.context.task
        sides = conflict_of(state, task) if task is not None else None
        if sides is None:
            return
        page = Reading(f"Conflict of {sides.theirs}", lambda width: waiting_lines(sides, width))
        _ = app.push_screen(page)
        lane = of_task(state, task) if task is not None else state
        where = Path(lane.checkout or lane.repo)

        def read() -> None:
            from agentdeck.control.conflict import read_conflict

            try:
                found = read_conflict(where, sides.tip, sides.head)
            except DeckError as error:
                why = sentence(error.message)
                app.call_from_thread(page.turn_to, lambda width: fault_lines(why, width))
            else:
                app.call_from_thread(
                    page.turn_to, lambda width: conflict_lines(sides, found, width)
                )

        app.run_worker(read, thread=True, group="diff", exit_on_error=False)
