"""What is wrong with the run itself, as far as a face can see: told once, shown until it ends.

Rules: it is looked at once a second, and costs a glance. Only what keeps the run from going on
counts, not what waits for a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

TOAST_S: Final = 20.0  # long enough to read a path and a command


class Sickness:
    """Looks for it, for one deck."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._told = ""

    def tick(self) -> None:
        """Look, and tell what is new."""
        words, text = self._look()
        self._app.model.sick = words
        if text and text != self._told:
            self._app.notify(text, title=words, severity="error", timeout=TOAST_S, markup=False)
        self._told = text

    def _look(self) -> tuple[str, str]:
        """Few words for the header, and all that is to be said; empty when nothing is wrong."""
        fault = getattr(self._app.source, "fault", None)
        if fault is not None:
            return "journal damaged", f"{fault.message}. {fault.hint}"
        return "", ""
