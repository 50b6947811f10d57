"""What is wrong with the run itself, as far as a face can see: told once, shown until it ends.

Rules: it is looked at once a second, and costs a glance. Only what keeps the run from going on
counts, not what waits for a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentdeck.tui.presentation.said import sentence

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

LOOKS: Final = 3  # an engine that has just ended is gone before its last event is here
TOAST_S: Final = 20.0  # long enough to read a path and a command


class Sickness:
    """Looks for it, for one deck."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._told = ""
        self._seen = 0  # looks in a row at which the engine was sick

    def tick(self) -> None:
        """Look, and tell what is new."""
        words, text = self._look()
        self._app.model.sick = words
        if words and words != self._told:
            self._app.notify(text, title=words, severity="error", timeout=TOAST_S, markup=False)
        self._told = words

    def _look(self) -> tuple[str, str]:
        """Few words for the header, and all that is to be said; empty when nothing is wrong."""
        fault = getattr(self._app.source, "fault", None)
        if fault is not None:
            return "journal damaged", f"{sentence(fault.message)}\n{sentence(fault.hint)}"
        if not getattr(self._app.source, "engine", False):  # nobody should be there
            return "", ""
        from agentdeck.control.vitals import vitals_of

        vitals = vitals_of(self._app.folder, self._app.model.state)
        self._seen = self._seen + 1 if vitals.sick else 0
        if self._seen < LOOKS:
            return "", ""
        todo = vitals.todo(self._app.folder.run)  # on a line of its own: it is copied
        return vitals.short, f"{sentence(vitals.words)}\nWhat helps:\n{todo}"
