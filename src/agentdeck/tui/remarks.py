"""Passing remarks: why a key cannot act now, or does nothing here. One at a time, and not kept.

Rules: a remark takes the place of the one before it and goes with the next key of the table, so
that keys that are tried cover nothing. What is kept for the inbox is an error or a warning of the
run, never that a key was pressed in vain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.notifications import Notification

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from agentdeck.tui.app import DeckApp


class Remarks:
    """Those of one deck."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self._shown: Notification | None = None

    def say(
        self,
        text: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
    ) -> None:
        """A toast in the place of the one before; `timeout` in seconds, None = the usual one."""
        self._forget()
        shown_s = self._app.NOTIFICATION_TIMEOUT if timeout is None else timeout
        self._shown = Notification(text, title, severity, shown_s, markup=False)
        self._app._notifications.add(self._shown)  # noqa: SLF001 - the framework's way is a message later
        self._app._refresh_notifications()  # noqa: SLF001

    def hush(self) -> None:
        """Take the remark away that is still shown."""
        if self._forget():
            self._app._refresh_notifications()  # noqa: SLF001

    def _forget(self) -> bool:
        shown, self._shown = self._shown, None
        if shown is None:
            return False
        self._app._unnotify(shown, refresh=False)  # noqa: SLF001
        return True


__all__ = ["Remarks"]
