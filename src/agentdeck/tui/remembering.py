"""Opens the deck as it was left in this repository, and keeps how it is left.

Rules:
- Looked at once a second, and written in a thread once it has not changed since the look before;
  at the end without a thread. A file that says the same is not written.
- A damaged file is told once and written over. One of a later version is told and left alone.
- Facts of the run are not layout: neither what is selected nor where one has scrolled to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.css.query import NoMatches

from agentdeck.control.kept_layouts import read_layout, write_layout
from agentdeck.control.runs import first_event
from agentdeck.core.errors import DeckError
from agentdeck.tui import layout as layouts
from agentdeck.tui.layout import MAX_FOLDED, BadLayoutError, LaterLayoutError, Layout
from agentdeck.tui.widgets.plan_pane import PlanPane
from agentdeck.tui.widgets.split_grid import SplitGrid
from agentdeck.tui.widgets.task_pane import TABS, TaskPane

if TYPE_CHECKING:
    from agentdeck.control.runs import RunFolder
    from agentdeck.tui.app import DeckApp
    from agentdeck.tui.screens.room import RoomScreen

PANES: Final = ("plan", "task", "agents", "queue")


class Remembering:
    """The layout of one repository."""

    def __init__(self, repo: str) -> None:
        """Read what was kept for `repo`, its common git directory; never raises."""
        self._repo = repo
        self.problem = ""  # what to tell the person, once
        self._may_write = True
        self._kept = self._read()
        self._seen = self._kept

    @property
    def theme(self) -> str:
        """The theme that was chosen; empty = none was."""
        return self._kept.theme

    def _read(self) -> Layout:
        try:
            data = read_layout(self._repo)
            if data is None:
                return Layout()
            return layouts.read(data, tabs=TABS, panes=PANES)
        except DeckError as error:
            self.problem = error.message
        except BadLayoutError as error:
            self.problem = f"The layout that was kept is not used: {error}."
            self._may_write = not isinstance(error, LaterLayoutError)
        return Layout()

    def apply(self, room: RoomScreen) -> None:
        """Arrange the room as it was left; before it is shown."""
        kept = self._kept
        room.query_one(PlanPane).restore(kept.view, frozenset(kept.folded))
        task = room.query_one(TaskPane)
        task.tab, task.raw = kept.tab, kept.raw
        task.reader.habits = kept.log
        room.query_one(SplitGrid).restore(kept.borders)
        room.pane, room.zoomed = kept.pane, kept.zoomed

    def tick(self, app: DeckApp) -> None:
        """Look whether something has changed, and keep it once it stays."""
        now = self._look(app)
        if now is None or not self._may_write:
            return
        stays, self._seen = now == self._seen, now
        if stays and now != self._kept:
            self._kept = now
            app.run_worker(lambda: self._write(app, now), thread=True, group="layout")

    def leave(self, app: DeckApp) -> None:
        """Keep it as it is now."""
        now = self._look(app)
        if now is not None and now != self._kept and self._may_write:
            self._kept = now
            try:
                write_layout(self._repo, layouts.write(now))
            except DeckError:
                self._may_write = False  # nobody looks any more

    def _write(self, app: DeckApp, layout: Layout) -> None:
        try:
            write_layout(self._repo, layouts.write(layout))
        except DeckError as error:
            self._may_write = False
            app.call_from_thread(app.tell_fault, error, "The layout is not kept")

    def _look(self, app: DeckApp) -> Layout | None:
        room = app.room
        if not room.is_mounted:
            return None
        try:
            plan, task = room.query_one(PlanPane), room.query_one(TaskPane)
            habits = task.reader.habits
        except NoMatches:  # the room is taken down, pane by pane
            return None
        return Layout(
            theme=app.theme,
            view=plan.chosen,
            folded=tuple(sorted(plan.folded))[:MAX_FOLDED],
            tab=task.tab,
            raw=task.raw,
            log=habits,
            pane=room.pane,
            zoomed=room.zoomed,
            borders={str(name): at for name, at in room.query_one(SplitGrid).shares.items()},
        )


def remembered(folder: RunFolder) -> Remembering | None:
    """The layout for the repository of a run; None while its journal cannot be read."""
    found = first_event(folder)
    return Remembering(found[1].repo) if found is not None else None


__all__ = ["Remembering", "remembered"]
