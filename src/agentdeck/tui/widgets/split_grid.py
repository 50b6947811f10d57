"""The panes of the room in a grid whose borders can be moved, with the mouse and by keys.

Rules:
- As long as nobody has moved a border, the style sheet says where it stands.
- A border follows the pointer from where it was taken hold of: nothing jumps. Only a move to
  another cell lays the panes out again, and what is laid out for a width (the graph, the wrapped
  log) follows once the border stays.
- The mouse is let go of when its button is, when a move comes without a button (it was let go of
  outside of the terminal), and when another screen comes.
- A second press at the same place within `TWICE_S` puts a border back to where it is as shipped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from textual import events
from textual.containers import Container
from textual.message import Message

from agentdeck.tui.presentation.splits import (
    KEY_CELLS,
    KEY_ROWS,
    Axis,
    Border,
    Frame,
    Places,
    touched,
)

TWICE_S: Final = 0.4  # as long as a double click takes elsewhere


class SplitGrid(Container):
    """Plan and task above, agents, tails and queue below."""

    class Moved(Message):
        """The panes have other sizes, and keep them."""

    def __init__(self) -> None:
        super().__init__(id="panes")
        self.seconds: Callable[[], float] = time.monotonic  # a watch, for double clicks
        self.shares: dict[str, float] = {}  # by the name of the border; none = as shipped
        self._wide = False
        self._single = False
        self._held: dict[Axis, int] = {}  # what the pointer moves, and how far it is off
        self._pressed: tuple[float, int, int] | None = None  # when and where

    def fit(self, *, single: bool, wide: bool, room: tuple[int, int]) -> None:
        """Another arrangement, or another size.

        Args:
            single: only one pane is shown.
            wide: the wall of tails is there too.
            room: columns and rows that the panes have.
        """
        self._single, self._wide = single, wide
        self._apply(Frame(*room, wide))

    def restore(self, shares: dict[str, float]) -> None:
        """Stand where they were left; before it is shown."""
        self.shares = {name: share for name, share in shares.items() if name in set(Border)}

    # --- keys ----------------------------------------------------------------------------------

    def move(self, axis: Axis, steps: int) -> bool:
        """Move a border to the right or down, or back. False: it can go no further."""
        here = self._places()
        if axis is Axis.LOWER and here.lower is None:
            axis = Axis.ROW
        match axis:
            case Axis.COLUMN:
                there = replace(here, column=here.column + steps * KEY_CELLS)
            case Axis.ROW:
                there = replace(here, row=here.row + steps * KEY_ROWS)
            case Axis.LOWER:
                there = replace(here, lower=(here.lower or 0) + steps * KEY_ROWS)
        return self._put(there, [axis])

    def reset(self) -> bool:
        """All borders of this arrangement to where they are as shipped. False: they are there."""
        return self._forget([Axis.COLUMN, Axis.ROW])

    def _forget(self, axes: Iterable[Axis]) -> bool:
        frame = self._frame
        moved = {name for axis in axes for name in frame.names(axis)} & self.shares.keys()
        for name in moved:
            del self.shares[name]
        self._apply(frame)
        self.post_message(self.Moved())
        return bool(moved)

    # --- the mouse -----------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the borders below the pointer."""
        x, y = self._inside(event)
        held = {} if self._single else touched(self._places(), x, y)
        if not held or event.button != 1:
            return
        event.stop()
        before, now = self._pressed, self.seconds()
        self._pressed = (now, x, y)
        if before is not None and before[1:] == (x, y) and now - before[0] <= TWICE_S:
            self._pressed = None
            self._forget(held)
            return
        self._held = held
        self.add_class("-moving")
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The borders follow."""
        if not self._held:
            return
        event.stop()
        if not event.button:
            self.let_go()
            return
        x, y = self._inside(event)
        there = self._places()
        for axis, off in self._held.items():
            match axis:
                case Axis.COLUMN:
                    there = replace(there, column=x - off)
                case Axis.ROW:
                    there = replace(there, row=y - off)
                case Axis.LOWER:
                    there = replace(there, lower=y - off)
        self._put(there, list(self._held))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """They stay where they are."""
        if self._held:
            event.stop()
            self.let_go()

    def on_mouse_release(self) -> None:
        """The mouse is no longer ours."""
        self._held = {}
        self.remove_class("-moving")
        self.post_message(self.Moved())

    def let_go(self) -> None:
        """Move nothing any more."""
        if self._held:
            self.on_mouse_release()
            self.release_mouse()

    # --- where they stand ------------------------------------------------------------------------

    @property
    def _frame(self) -> Frame:
        return Frame(self.size.width, self.size.height, self._wide)

    def _inside(self, event: events.MouseEvent) -> tuple[int, int]:
        return event.screen_x - self.region.x, event.screen_y - self.region.y

    def _places(self) -> Places:
        """Where the borders stand on the screen now."""
        region = self.region
        pane = {child.id: child.region for child in self.children}
        lower = pane["queue"].y - region.y if self._wide else None
        return Places(pane["task"].x - region.x, pane["agents"].y - region.y, lower)

    def _put(self, there: Places, axes: list[Axis]) -> bool:
        """Put borders elsewhere. False: they stand there already."""
        frame, here = self._frame, self._places()
        there = frame.kept_in(there)
        if there == here:
            return False
        found = frame.shares(there)
        for axis in axes:
            self.shares.update({name: found[name] for name in frame.names(axis)})
        self._apply(frame)
        if not self._held:
            self.post_message(self.Moved())
        return True

    def _apply(self, frame: Frame) -> None:
        """Tell the framework; what nobody has moved is left to the style sheet."""
        columns = rows = None
        places = frame.placed(self.shares)
        if not self._single and self._is_moved(frame, Axis.COLUMN):
            columns = _parts(places.column, frame.width)
        if not self._single and self._is_moved(frame, Axis.ROW):
            lower = () if places.lower is None else (places.lower,)
            rows = _parts(places.row, *lower, frame.height)
        self.styles.grid_columns = columns
        self.styles.grid_rows = rows

    def _is_moved(self, frame: Frame, axis: Axis) -> bool:
        return any(name in self.shares for name in frame.names(axis))


def _parts(*ends: int) -> str:
    """`57fr 63fr`: what lies between these places; it fits at every size."""
    begins = (0, *ends[:-1])
    return " ".join(f"{end - begin}fr" for begin, end in zip(begins, ends, strict=True))


__all__ = ["SplitGrid"]
