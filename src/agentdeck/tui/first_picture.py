"""The first picture of a screen, held back until it is whole: what fills up on the screen jumps.

The framework paints as soon as widgets have a place. What they show depends on their size, so they
are empty then, and the whole screen is painted again a moment later.

Rules: widgets are laid out and show what fits them, until none gets another size by it, and have
heard of their size. Both are bounded: a picture that is nearly whole is better than none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

ROUNDS: Final = 4  # of layout; two are usual
TURNS: Final = 200  # of the event loop, for messages about it; ten are usual
QUIET_TURNS: Final = 2  # in a row without any: one may be on its way


class FirstPicture:
    """Says whether a screen may be painted."""

    def __init__(
        self, screen: Screen[Any], lay_out: Callable[[], object], show: Callable[[], object]
    ) -> None:
        """A screen that has no widgets yet.

        Args:
            lay_out: gives all widgets of the screen their places.
            show: lets them show what fits them.
        """
        self._screen, self._lay_out, self._show = screen, lay_out, show
        self._comes = False
        self.there = False

    def come(self) -> None:
        """The widgets are there; get it ready, and paint. Once."""
        if self._comes:
            return
        self._comes = True
        for _ in range(ROUNDS):
            before = self._sizes()
            self._lay_out()
            if before == self._sizes():
                break
            self._show()
        _ = self._screen.run_worker(self._paint(), name="first picture", group="first picture")

    def _sizes(self) -> list[Size]:
        return [widget.size for widget in self._screen.walk_children(Widget)]

    async def _paint(self) -> None:
        quiet = 0
        for _ in range(TURNS):
            waits = any(each.message_queue_size for each in self._screen.walk_children(Widget))
            quiet = 0 if waits else quiet + 1
            if quiet == QUIET_TURNS:
                break
            await asyncio.sleep(0)
        self.there = True
        self._screen.refresh()


__all__ = ["FirstPicture"]
