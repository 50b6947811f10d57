"""When a deck looks for memory that only points at itself, as a screen does that was closed.

Rules:
- A look at all of it takes some hundredths of a second, and a key would wait for it. So what is
  there after the start is never looked at again, it stays; and of the rest there is a look only
  while nobody types: once after keys, and seldom without any.
- Without these looks each closed screen would stay, and a deck that is used for a day would grow by
  a megabyte a minute.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

REST_S: Final = 3.0  # without a key: the next one is then not expected within this second
SELDOM_S: Final = 600.0  # between two looks while nobody types at all
THRESHOLDS: Final = (50_000, 20, 100)  # objects, rounds, rounds: of itself python hardly ever looks


def settle() -> None:
    """The start is over: what is there stays.

    Of a start without collections nothing is collected here either: it would be a tenth of a
    second, for the few cycles that a start leaves behind.
    """
    if gc.isenabled():
        gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()


class Garbage:
    """The looks of one deck."""

    def __init__(
        self, quiet_s: Callable[[], float], watch: Callable[[], float] = time.monotonic
    ) -> None:
        """There is none yet.

        Args:
            quiet_s: seconds since a key was pressed.
            watch: seconds that never go back.
        """
        self._quiet_s, self._watch = quiet_s, watch
        self._looked_at = watch()

    def tick(self) -> None:
        """Look, if it is time; to be asked about once a second."""
        now, quiet = self._watch(), self._quiet_s()
        if quiet < REST_S:
            return
        typed = now - quiet > self._looked_at
        if typed or now - self._looked_at > SELDOM_S:
            self._looked_at = now
            _ = gc.collect()


__all__ = ["Garbage", "settle"]
