"""Calls the person when something begins to wait for them, while they look elsewhere.

Rules: a terminal that tells whether it has the focus is believed. Of one that never did, nobody is
called for `HERE_S` seconds after a key. Never in a replay, and never for a run that is only played.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agentdeck.tui.presentation.calling import Newly, call_bytes, call_words
from agentdeck.tui.settings import Notify

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

HERE_S: Final = 15.0  # who has just pressed a key sees the screen


class Calling:
    """Rings for one deck."""

    def __init__(
        self, app: DeckApp, how: Notify, *, watch: Callable[[], float] = time.monotonic
    ) -> None:
        """`how`: as the person wants to be called; `watch`: seconds, never going back."""
        self._app, self._how, self._watch = app, how, watch
        self._newly = Newly(app.model.clock.now())
        self._focused: bool | None = None  # the terminal has never said
        self._key_at = float("-inf")

    def focus(self, here: bool) -> None:
        """The terminal has got the focus, or lost it."""
        self._focused = here

    def key(self) -> None:
        """A key was pressed."""
        self._key_at = self._watch()

    def tick(self) -> None:
        """Look whether somebody has to be called; once a second is enough."""
        app = self._app
        if app.looking_back.replay is not None or app.simulation is not None:
            return
        deck, now = app.model.moment(None, offline="", folded=frozenset()), self._watch()
        items = self._newly.take(deck.needs_you, now) if deck.state.seq else []
        if items and not self._looks(now):
            app.write_escape(call_bytes(self._how, call_words(deck, items), os.environ))

    def _looks(self, now: float) -> bool:
        return now - self._key_at < HERE_S if self._focused is None else self._focused


__all__ = ["Calling"]
