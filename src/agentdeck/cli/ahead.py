"""What `status` says of what lies ahead of a run: its end while it is live, and hints.

Rules: `status` is asked often, so it takes a fraction of a second: fewer possible worlds of a large
plan, and only the newest part of what past runs have measured. `forecast` takes its time.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from agentdeck.control.runs import RunFolder
from agentdeck.core.state import RunState

if TYPE_CHECKING:
    from agentdeck.plans.forecast.monte_carlo import Spread
    from agentdeck.plans.forecast.setbacks import Hint

SAMPLES: Final = 200
LEAST_SAMPLES: Final = 24  # P80 of fewer says little
BUDGET_S: Final = 0.25  # for the samples above `LEAST_SAMPLES`
MOST_S: Final = 1.0  # for those, too: a very large plan is told from fewer
PAST_EVENTS: Final = 20_000  # about a quarter of a second of reading


class Ahead(msgspec.Struct, frozen=True):
    """What may be expected. Empty where there is nothing to be expected."""

    finish_s: Spread | None = None  # from now
    hints: tuple[Hint, ...] = ()

    def as_data(self) -> dict[str, object]:
        """For programs: seconds from now, or null."""
        finish = self.finish_s
        return {
            "forecast": None
            if finish is None
            else {
                "p50_s": round(finish.p50, 3),
                "p80_s": round(finish.p80, 3),
                "p95_s": round(finish.p95, 3),
            },
            "hints": [
                {"kind": hint.kind, "sentence": hint.sentence, "tasks": hint.tasks}
                for hint in self.hints
            ],
        }

    def lines(self, now: float) -> list[str]:
        """For people: the end as times of day, then a short list of hints."""
        found = []
        if self.finish_s is not None:
            half, most = (clock(now + end, now) for end in (self.finish_s.p50, self.finish_s.p80))
            found.append(f"expected end: {half} (half), {most} (8 of 10)")
        if self.hints:
            found += ["hints:", *(f"  {hint.sentence}" for hint in self.hints)]
        return found


def look_at_run(folder: RunFolder, state: RunState, now: float, here: Path, *, live: bool) -> Ahead:
    """What lies ahead of a run. Blocking: reads its journal and parts of others.

    Args:
        here: a folder in the repository, for past runs.
        live: does an engine drive it? Else it has no end, but may have hints.

    Raises:
        JournalError, JournalFormatError: its journal cannot be read.
    """
    if state.outcome is not None:
        return Ahead()
    from agentdeck.control.past_runs import past_history, so_far
    from agentdeck.plans.forecast.hints import hints, usual_times
    from agentdeck.plans.forecast.outlook import look_ahead, moment_of
    from agentdeck.plans.forecast.telling import can_tell

    measured, setbacks = so_far(folder)
    history = past_history(here, besides=folder.run, most_events=PAST_EVENTS).joined(measured)
    if not live or not can_tell(state):
        return Ahead(None, hints(state, now, usual_times(state.plan, history), setbacks))
    began = time.monotonic()

    def go_on(count: int) -> bool:
        spent = time.monotonic() - began
        return spent < BUDGET_S or (count < LEAST_SAMPLES and spent < MOST_S)

    outlook = look_ahead(
        moment_of(state, now),
        history,
        samples=SAMPLES,
        go_on=go_on,
    )
    finish = outlook.expected.finish_s if outlook.expected else None
    return Ahead(finish, hints(state, now, outlook.usual, setbacks))


def clock(at: float, now: float) -> str:
    """`14:05`, with the date where it is not today's."""
    then, today = time.localtime(at), time.localtime(now)
    return time.strftime("%H:%M" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)
