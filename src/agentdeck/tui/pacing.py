"""When the deck looks at what: at keys at once, at what the run does as often as that is cheap.

Rules:
- Nobody wakes for nothing. A run that stands still costs one look a second, for the clocks, and
  a glance at the size of the logs that are on the screen: one with that look, one between two.
- What was pressed before a look is done before it. Where nothing waits, a look is no message of the
  framework: that costs as much as the look.
- A key goes before live data. For `KEY_QUIET_S` after it neither events nor logs are drawn; held
  keys put that off for `PUT_OFF_S` at most.
- Live data gets at most `SHARE` of the time: after a dear redraw the next one comes later.
- What follows from a key comes after the frame that answers it, once for many keys that come fast.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from agentdeck.tui.model import REFRESH_S

if TYPE_CHECKING:
    from agentdeck.tui.app import DeckApp

SECOND_S: Final = 1.0  # clocks on the screen move this often
LOG_TICK_S: Final = 1 / 15  # between two looks at logs that grow
QUIET_TICK_S: Final = 0.5  # between two looks at logs that do not; seen soon enough
QUIET_AFTER_S: Final = 2.0  # without a new line, and without a key
KEY_QUIET_S: Final = 0.06  # the answer to a key is drawn first
PUT_OFF_S: Final = 0.5  # live data that waits longer looks broken
SHARE: Final = 0.15  # of the time, for drawing live data
CAUGHT_UP_S: Final = 0.25  # what follows from held keys is seen this often

Watch = Callable[[], float]  # seconds, never going back


class Pacing:
    """Wakes the deck when something is due. For the thread of the screen."""

    def __init__(self, app: DeckApp, *, watch: Watch = time.monotonic) -> None:
        """Nothing is looked at before `start`."""
        self._app, self._watch = app, watch
        self._timer: asyncio.TimerHandle | None = None
        self._context: contextvars.Context | None = None  # of the app: whoever wakes has another
        self._thread = 0
        self._beats = False  # just now; what is due next is found at its end
        self._key_at = self._news_at = self._drawn_at = float("-inf")
        self._draw_at = self._logs_at = self._mark_at = 0.0

    def start(self) -> None:
        """From now on."""
        self._mark_at = self._watch() + SECOND_S
        self._thread = threading.get_ident()
        self._context = contextvars.copy_context()
        self._plan()

    def stop(self) -> None:
        """No more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._mark_at = None, 0.0

    def key(self) -> None:
        """A key was pressed."""
        self._key_at = self._watch()

    @property
    def quiet_s(self) -> float:
        """Seconds since a key was pressed."""
        return self._watch() - self._key_at

    def wake(self) -> None:
        """There may be something to do sooner than was planned.

        From another thread it is found at the next look.
        """
        if self._mark_at and not self._beats and threading.get_ident() == self._thread:
            self._plan()

    # --- what is due ---------------------------------------------------------------------------

    def _next_at(self) -> float:
        due = min(self._mark_at, self._logs_at)
        return min(due, self._next_draw_at()) if self._app.has_news else due

    def _next_draw_at(self) -> float:
        after_key = min(self._key_at + KEY_QUIET_S, self._drawn_at + PUT_OFF_S)
        return max(self._draw_at, after_key)

    def _plan(self) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + max(0.0, self._next_at() - self._watch())
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = loop.call_at(at, self._ring, context=self._context)

    def _ring(self) -> None:
        self._timer = None
        if self._app.message_queue_size:  # keys among them, perhaps
            _ = self._app.call_later(self._beat)
            return
        try:
            self._beat()
        except Exception as error:  # noqa: BLE001 - the app ends with it, as with any other
            _ = self._app.call_later(_raise, error)

    def _beat(self) -> None:
        if not self._mark_at:
            return
        self._beats = True
        try:
            self._look(self._watch())
        finally:
            self._beats = False
        if self._mark_at:  # it was not stopped meanwhile
            self._plan()

    def _look(self, now: float) -> None:
        if a_second := now >= self._mark_at:
            self._mark_at = max(self._mark_at + SECOND_S, now + SECOND_S / 2)
            self._app.each_second()
        if self._app.has_news and now >= self._next_draw_at():
            self._app.draw_if_needed()
            self._drawn_at = self._watch()
            took = self._drawn_at - now
            self._draw_at = self._drawn_at + max(REFRESH_S, took * (1 / SHARE - 1))
        if a_second or now >= self._logs_at:
            self._look_at_logs(now)

    def _look_at_logs(self, now: float) -> None:
        if now - self._key_at < KEY_QUIET_S:
            self._logs_at = self._key_at + KEY_QUIET_S
            return
        if self._app.look_at_logs():
            self._news_at = now
        quiet = now - max(self._news_at, self._key_at) > QUIET_AFTER_S
        took = self._watch() - now
        self._logs_at = now + max(QUIET_TICK_S if quiet else LOG_TICK_S, took / SHARE)


def _raise(error: Exception) -> None:
    raise error


class CatchingUp:
    """Does what follows from keys once their answers are on the screen, for the last of many."""

    def __init__(
        self,
        after_frame: Callable[[Callable[[], object]], object],
        act: Callable[[], object],
        *,
        watch: Watch = time.monotonic,
    ) -> None:
        """`after_frame` calls something once what is to be painted now has been painted."""
        self._after_frame, self._act, self._watch = after_frame, act, watch
        self._asked = self._came = 0
        self._done_at = float("-inf")

    def ask(self) -> None:
        """Something follows."""
        self._asked += 1
        self._after_frame(partial(self._come, self._asked))

    @property
    def waits(self) -> bool:
        """Does something follow that is not done yet?"""
        return self._came != self._asked

    def now(self) -> None:
        """Do it: behind another screen there may be no frame for a long time."""
        if self.waits:
            self._come(self._asked)

    def _come(self, number: int) -> None:
        if number <= self._came:
            return
        self._came = number
        now = self._watch()
        if number == self._asked or now - self._done_at >= CAUGHT_UP_S:
            self._act()
            self._done_at = self._watch()


__all__ = ["KEY_QUIET_S", "CatchingUp", "Pacing"]
