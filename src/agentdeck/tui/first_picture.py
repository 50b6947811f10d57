"""The first picture of a screen, held back until it is whole: what fills up on the screen jumps.

The framework paints as soon as widgets have a place. What they show depends on their size, so they
are empty then, and the whole screen is painted again a moment later. What is read in a thread comes
later still. Until the first picture of a screen the one before it stays on the terminal.

Rules: widgets are laid out and show what fits them, until none gets another size by it, and have
heard of their size. Then what is read beside the screen is waited for, `CONTENT_S` at most: who
waits longer sees the screen, which says what it reads. All of it is bounded: a picture that is
nearly whole is better than none.
"""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, Final, Generic, TypeVar

from textual import events
from textual.geometry import Size
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.widget import Widget

ROUNDS: Final = 4  # of layout; two are usual
TURNS: Final = 200  # of the event loop, for messages about it; ten are usual
QUIET_TURNS: Final = 2  # in a row without any: one may be on its way
CONTENT_S: Final = 0.3  # a wait that is felt; from then on it is told what is waited for
LOOK_S: Final = 0.005  # between two looks whether it has come

Result = TypeVar("Result")


class PaintedWhole(Screen[Result], Generic[Result]):
    """A screen that is not seen before it has something to show."""

    COMES_WITH_MOUNT: ClassVar[bool] = True  # else it calls `come` itself

    def __init__(
        self,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - the framework's word
        classes: str | None = None,
    ) -> None:
        super().__init__(name, id, classes)
        self._comes = False
        self._is_seen = False

    @property
    def is_seen(self) -> bool:
        """Has its first picture been painted?"""
        return self._is_seen

    @property
    def has_content(self) -> bool:
        """Is there, by now, what it is opened for? Not while that is still being read."""
        return True

    def fill(self) -> None:
        """Show in every widget what fits it, where those do not see to it themselves."""

    def _on_mount(self, _: events.Mount) -> None:
        if self.COMES_WITH_MOUNT:
            self.call_later(self.come)  # once the screen has set itself up

    def hold(self) -> None:
        """Another arrangement comes: what is seen stays until `come`, which is due at once."""
        if self._is_seen:
            self._comes = self._is_seen = False
            _ = self.set_timer(CONTENT_S, self.come)  # whatever has kept it

    def come(self) -> None:
        """The widgets are there; get it ready, and paint. Once."""
        if self._comes:
            return
        self._comes = True
        for number in range(ROUNDS):
            before = self._sizes()
            self._refresh_layout()
            if number and before == self._sizes():
                break
            self.fill()
        _ = self.run_worker(self._paint(), name="first picture", group="first picture")

    def _sizes(self) -> list[Size]:
        return [widget.size for widget in self.walk_children(Widget)]

    async def _paint(self) -> None:
        await self._quiet()
        until = time.monotonic() + CONTENT_S
        while time.monotonic() < until and not self.has_content:
            await asyncio.sleep(LOOK_S)
        await self._quiet()
        self._is_seen = True
        if not self.has_content:
            self.fill()  # it says now what is being read
        for view in self.query(ScrollView):
            if view.show_vertical_scrollbar:  # it came after the view was scrolled
                view.vertical_scrollbar.position = view.scroll_y
        self.refresh()

    async def _quiet(self) -> None:
        quiet = 0
        for _ in range(TURNS):
            waits = any(each.message_queue_size for each in self.walk_children(Widget))
            quiet = 0 if waits else quiet + 1
            if quiet == QUIET_TURNS:
                break
            await asyncio.sleep(0)

    def _compositor_refresh(self) -> None:
        """Paint, but nothing before all of it is there; what would have been stays due."""
        if self._is_seen:
            super()._compositor_refresh()


__all__ = ["PaintedWhole"]
