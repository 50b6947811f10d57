"""`X`: the run that is shown, beside another one of its repository.

Rules: runs are listed and read in threads; until they are there the page says so. Only journals are
read, so it works on a run that has ended, and while one looks back.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from agentdeck.core.errors import DeckError
from agentdeck.tui.presentation.compare import compare_lines, waiting_lines
from agentdeck.tui.presentation.conflict import fault_lines
from agentdeck.tui.screens.reading import Reading
from agentdeck.tui.screens.run_list import RunList

if TYPE_CHECKING:
    from agentdeck.control.comparing import OtherRun
    from agentdeck.tui.app import DeckApp


class Comparing:
    """What the key does, step by step."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app

    def ask(self) -> None:
        """Offer the other runs."""
        app, state = self._app, self._app.model.state
        here = Path(state.checkout or state.repo)

        def read() -> None:
            from agentdeck.control.comparing import other_runs

            found = other_runs(here, state.run)
            app.call_from_thread(self._offer, found)

        app.run_worker(read, thread=True, group="diff", exit_on_error=False)

    def _offer(self, found: list[OtherRun]) -> None:
        app = self._app
        if not found:
            app.warn(
                "This repository has no other run yet. `agentdeck run PLAN` starts one; "
                "then X compares it with this one."
            )
            return
        dialog = RunList(found, utc=app.model.clock.frozen)
        _ = app.push_screen(dialog, partial(self._chosen, found))

    def _chosen(self, found: list[OtherRun], number: int | None) -> None:
        if number is not None:
            self.show(found[number])

    def show(self, other: OtherRun) -> None:
        """The page; the older run stands first."""
        app, mine = self._app, self._app.folder
        swap = other.started_at > app.model.state.started_at
        first, second = (mine, other.folder) if swap else (other.folder, mine)
        page = Reading(
            f"{first.run} → {second.run}",
            lambda width: waiting_lines(first.run, second.run, width),
        )
        _ = app.push_screen(page)

        def read() -> None:
            from agentdeck.control.comparing import compare_runs

            try:
                comparison = compare_runs(first, second)
            except DeckError as error:
                why = f"{error.message}. {error.hint}".strip()
                app.call_from_thread(page.turn_to, lambda width: fault_lines(why, width))
            else:
                app.call_from_thread(page.turn_to, lambda width: compare_lines(comparison, width))

        app.run_worker(read, thread=True, group="diff", exit_on_error=False)
