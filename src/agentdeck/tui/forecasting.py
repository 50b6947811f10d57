"""The outlook of the run that is shown, made anew again and again beside the screen.

Rules:
- One forecast at a time, in a thread of its own. It takes about `BUDGET_S` of processor time, then
  rests `REST_TIMES` as long, at least `REFRESH_S`: at most a twentieth of one core. Fewer possible
  worlds are drawn of a large plan, never fewer than `LEAST_SAMPLES` within `MOST_S`.
- While no task has moved on since the last one it rests `QUIET_TIMES` as long, at least `QUIET_S`
  more: only time has passed, and an outlook is of times of day.
- The thread gets what does not change and gives one result back; the screen fetches it. A key goes
  first: between two worlds the thread lets others run. Leaving the deck does not wait for it.
- Past runs are read once, by the first forecast. Of a run that is only played there are none.
- Where the clock stands the outlook is made at once, with samples and seed that do not vary.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from agentdeck.core.state import RunState
from agentdeck.plans.forecast.history import History
from agentdeck.plans.forecast.telling import can_tell
from agentdeck.tui.model import Model

if TYPE_CHECKING:
    from agentdeck.plans.forecast.outlook import Moment, Outlook

REFRESH_S: Final = 5.0  # between two outlooks; the minute on the screen seldom changes sooner
PLAYED_REFRESH_S: Final = 1.0  # of a simulation, where minutes pass in a second
REST_TIMES: Final = 20.0  # as long as an outlook took: at most 5 % of a core
QUIET_S: Final = 55.0  # the minute on the screen moves by a share of the time that passes
QUIET_TIMES: Final = 300.0  # as long as an outlook took: a third of a percent of a core
BUDGET_S: Final = 0.25  # processor time of one outlook
PLAYED_BUDGET_S: Final = 0.05  # of a simulation: sooner is better than surer
MOST_S: Final = 1.0  # processor time, where `BUDGET_S` is not enough for `LEAST_SAMPLES`
LEAST_SAMPLES: Final = 24  # P80 of fewer jumps by more than the minutes it is read for
FROZEN_SAMPLES: Final = 40  # of a picture
FROZEN_TASKS: Final = 20_000  # times samples, of a picture of a large plan: about a second
LEAST_FROZEN: Final = 3  # samples, of a picture of the largest
BREATH_S: Final = 0.001  # between two worlds: whoever waits for the interpreter gets it

TURN_S: Final = 0.001  # a key waits so long for the interpreter; usually it is five times that

PastOf = Callable[[], History]


class Forecasting:
    """Keeps a model's outlook fresh. `tick` and `close` are for the thread of the screen."""

    def __init__(self, model: Model, past: PastOf | None, *, played: bool = False) -> None:
        """Nothing is started yet.

        Args:
            past: reads the measurements of past runs, in the thread; None = there are none.
            played: the run is only simulated.
        """
        self._model = model
        self._read_past = past
        self._past = History()
        self._least_s = PLAYED_REFRESH_S if played else REFRESH_S
        self._budget_s = PLAYED_BUDGET_S if played else BUDGET_S
        self._thread: threading.Thread | None = None
        self._result: Outlook | None = None
        self._took_s = 0.0
        self._next_at = 0.0  # of `time.monotonic`
        self._quiet_s = 0.0  # longer, while nothing moves
        self._made_of: object = None  # the latest
        self._played = played
        self._closed = threading.Event()
        self.problem = ""  # why there is no outlook any more

    def tick(self) -> bool:
        """Fetch a result, and start the next outlook when it is due. Is the outlook another one?"""
        if self._thread is not None:
            if self._thread.is_alive():
                return False
            return self._fetch()
        if not can_tell(self._model.state):
            gone, self._model.outlook = self._model.outlook, None
            return gone is not None
        if time.monotonic() >= self._next_at and not self.problem:
            still = not self._played and _standing(self._model.state) == self._made_of
            if not still or time.monotonic() >= self._next_at + self._quiet_s:
                self._start()
        return False

    def at_once(self) -> None:
        """Make the outlook here and now, the same one each time."""
        model = self._model
        if not can_tell(model.state):
            return
        from agentdeck.plans.forecast.outlook import look_ahead, moment_of

        samples = FROZEN_TASKS // max(1, len(model.state.tasks))
        model.outlook = look_ahead(
            moment_of(model.state, model.clock.now()),
            model.reader.history(),
            samples=min(FROZEN_SAMPLES, max(LEAST_FROZEN, samples)),
        )

    def close(self) -> None:
        """No more worlds: the thread ends after the one it is at."""
        self._closed.set()

    def _start(self) -> None:
        from agentdeck.plans.forecast.outlook import moment_of

        model = self._model
        moment = moment_of(model.state, model.clock.now())
        self._made_of = _standing(model.state)
        self._thread = threading.Thread(
            target=self._work,
            args=(moment, model.reader.history()),
            name="forecast",
            daemon=True,
        )
        self._thread.start()

    def _fetch(self) -> bool:
        self._thread = None
        self._next_at = time.monotonic() + max(self._least_s, REST_TIMES * self._took_s)
        self._quiet_s = max(QUIET_S, QUIET_TIMES * self._took_s)
        result, self._result = self._result, None
        same = result is self._model.outlook
        self._model.outlook = result
        return not same

    # --- in the thread ----------------------------------------------------------------------------

    def _work(self, moment: Moment, measured: History) -> None:
        from agentdeck.plans.forecast.monte_carlo import DEFAULT_SAMPLES
        from agentdeck.plans.forecast.outlook import look_ahead

        usual = sys.getswitchinterval()
        sys.setswitchinterval(TURN_S)
        try:
            if self._read_past is not None:
                self._past, self._read_past = self._read_past(), None
            began = time.thread_time()
            history = self._past.joined(measured)
            self._result = look_ahead(
                moment, history, samples=DEFAULT_SAMPLES, go_on=lambda n: self._go_on(n, began)
            )
            self._took_s = time.thread_time() - began
        except Exception as error:  # noqa: BLE001 - the run goes on without an outlook
            self.problem = f"{type(error).__name__}: {error}"
        finally:
            sys.setswitchinterval(usual)

    def _go_on(self, samples: int, began: float) -> bool:
        time.sleep(BREATH_S)
        spent = time.thread_time() - began
        least = samples < LEAST_SAMPLES and spent < MOST_S
        return not self._closed.is_set() and (spent < self._budget_s or least)


def _standing(state: RunState) -> tuple[object, ...]:
    """What an outlook is made of, but for the time and what agents report meanwhile. O(tasks)."""
    tasks = tuple((task.id, task.state, len(task.attempts)) for task in state.tasks.values())
    return (state.run, state.plan_changes, state.agents_limit, tasks)
