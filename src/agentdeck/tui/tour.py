"""The tour over the room: which step it is at, and what moves it on.

Rules: nothing is done for the person. The key of a step does what it always does, and then the next
card comes; every other key works as ever. Escape ends the tour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agentdeck.control.first_time import note_tour
from agentdeck.tui.presentation.tour import STEPS
from agentdeck.tui.widgets.tour_card import TourCard

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

SEEN_S: Final = 0.4  # what the key has done is seen before the next card is about something else
LIT: Final = "-toured"  # the class of what a card is about


class Tour:
    """Steps through `STEPS`."""

    def __init__(self, app: DeckApp) -> None:
        self._app = app
        self.step: int | None = None  # from 0; None = there is no tour

    @property
    def on(self) -> bool:
        """Is one going on?"""
        return self.step is not None

    def begin(self) -> None:
        """From the first step."""
        self._app.run_worker(note_tour, thread=True, group="tour", exit_on_error=False)
        if not self.on:
            _ = self._app.room.mount(TourCard())
        self.step = 0
        self._show()

    def pressed(self, key_id: str) -> None:
        """A key has acted; the one of the step leads on."""
        if self.step is None or STEPS[self.step].key != key_id:
            return
        if self.step + 1 < len(STEPS):
            self.step += 1  # what is pressed counts for the next one from now on
            _ = self._app.set_timer(SEEN_S, self._show)
        else:
            self.end()

    def end(self) -> None:
        """No more cards."""
        self.step = None
        self._light("")
        for card in self._app.room.query(TourCard):
            _ = card.remove()

    def _show(self) -> None:
        if self.step is None or not self._app.room.is_attached:
            return
        pane = STEPS[self.step].pane
        self._light(pane)
        if pane != "header":
            self._app.room.see(pane)
        self._app.call_after_refresh(self._draw)

    def _draw(self) -> None:
        for card in self._app.room.query(TourCard):
            if self.step is not None:
                card.show(self.step, self._app.shows)

    def _light(self, pane: str) -> None:
        for widget in self._app.room.query(f".{LIT}"):
            widget.remove_class(LIT)
        if pane:
            self._app.room.query_one(f"#{pane}").add_class(LIT)


__all__ = ["Tour"]
