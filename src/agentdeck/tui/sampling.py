"""Looks at the machine and the agents again and again, beside the screen.

Rules:
- One look at a time, in a thread of its own, `SAMPLE_S` after the one before, and at least
  `REST_TIMES` as long as it took: at most a fiftieth of one core, however many processes there are.
- While nobody sees the figures it rests `UNSEEN_S` longer: they only have to be there once
  somebody does.
- The screen fetches what was found; nothing waits for a look.
- In the past of a run, in a simulation, and where the clock stands, nothing is measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from agentdeck.control.load import AtWork, Look, at_work, look
from agentdeck.tui.model import Model
from agentdeck.tui.presentation.load_course import LoadCourse

if TYPE_CHECKING:
    from agentdeck.control.runs import RunFolder

SAMPLE_S: Final = 2.0  # an agent's processes come and go in seconds
UNSEEN_S: Final = 10.0  # much more between two looks, and their course would have gaps
SEEN_FOR_S: Final = 5.0  # after the figures were drawn; they are drawn each second
REST_TIMES: Final = 50.0  # of processor time


class Sampling:
    """Keeps the course of the load. `tick` is for the thread of the screen."""

    def __init__(self, model: Model, folder: RunFolder) -> None:
        """Nothing is started yet."""
        self.course = LoadCourse()
        self._model, self._folder = model, folder
        self._thread: threading.Thread | None = None
        self._found: Look | None = None
        self._took_s = 0.0
        self._next_at = 0.0  # of `time.monotonic`
        self._seen_at = float("-inf")  # likewise
        self.problem = ""  # why nothing is measured any more

    def tick(self) -> bool:
        """Fetch what was found, or look again when it is due. Is there another point?"""
        if self._thread is not None:
            return not self._thread.is_alive() and self._fetch()
        if time.monotonic() >= self._next_at + self._longer_s and not self.problem:
            self._start()
        return False

    def seen(self) -> None:
        """The figures are on the screen."""
        self._seen_at = time.monotonic()

    @property
    def _longer_s(self) -> float:
        return 0.0 if time.monotonic() - self._seen_at < SEEN_FOR_S else UNSEEN_S

    def _start(self) -> None:
        state = self._model.state
        self._next_at = time.monotonic() + max(SAMPLE_S, REST_TIMES * self._took_s)
        self._thread = threading.Thread(
            target=self._work, args=(at_work(state), state.run), name="load", daemon=True
        )
        self._thread.start()

    def _fetch(self) -> bool:
        self._thread = None
        found, self._found = self._found, None
        if found is not None:
            self.course.add(found)
        return found is not None

    # --- in the thread ----------------------------------------------------------------------------

    def _work(self, agents: Sequence[AtWork], run: str) -> None:
        began = time.thread_time()
        try:
            self._found = look(self._folder, run, agents)
        except Exception as error:  # noqa: BLE001 - the run goes on without figures
            self.problem = f"{type(error).__name__}: {error}"
        self._took_s = time.thread_time() - began
