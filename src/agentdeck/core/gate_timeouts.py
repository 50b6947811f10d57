"""How long one run of a gate may take.

Rules:
- What the plan says holds. Without a word of it, a gate gets what its green runs of this run teach:
  `FACTOR` times their 95th percentile, at least `FLOOR_S`, at most the default.
- Red runs teach nothing: they end early, or hang. Fewer than `LEAST_RUNS` green ones teach nothing
  either; then the default holds.
- A gate that is ended for that is red like any other, and says what it was measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final

import msgspec

from agentdeck.core.events import Verdict
from agentdeck.core.plan import DEFAULT_GATE_TIMEOUT_S, Gate
from agentdeck.core.state import RunState

LEAST_RUNS: Final = 5  # green ones; the 95th percentile of fewer says little
FACTOR: Final = 3.0  # a machine that is three times as busy as it was is still no hang
FLOOR_S: Final = 60.0  # a gate of a second may meet a cold cache
SHARE: Final = 0.95
NEWEST: Final = 200  # runs that are looked at; older ones ran other code


class Allowed(msgspec.Struct, frozen=True):
    """The longest time of one run of a gate."""

    seconds: float
    learned_from: int = 0  # green runs; 0 = it was not learned
    usual_s: float = 0.0  # of those, the 95th percentile
    planned: bool = False  # the plan says it

    @property
    def why(self) -> str:
        """Where a learned limit comes from; empty for another one."""
        if not self.learned_from:
            return ""
        of = f"95 of 100 of its {self.learned_from} green runs took at most {self.usual_s:.1f} s"
        return f"learned limit of {self.seconds:.0f} s: {of}"


def percentile(seconds: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed.

    Args:
        seconds: at least one value, in any order.
        share: above 0, at most 1.
    Source: definition 1 of Hyndman & Fan, The American Statistician 50(4), 1996.
    """
    ordered = sorted(seconds)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def allowed(gate: Gate, green_s: Sequence[float]) -> Allowed:
    """The time limit of a gate.

    Args:
        green_s: how long its green runs took, seconds, the newest last.
    """
    if gate.timeout_s is not None:
        return Allowed(gate.timeout_s, planned=True)
    newest = green_s[-NEWEST:]
    if len(newest) < LEAST_RUNS:
        return Allowed(DEFAULT_GATE_TIMEOUT_S)
    usual_s = percentile(newest, SHARE)
    limit_s = min(DEFAULT_GATE_TIMEOUT_S, max(FLOOR_S, FACTOR * usual_s))
    return Allowed(limit_s, len(newest), usual_s)


def allowed_in(state: RunState, gate: Gate) -> Allowed:
    """The time limit of a gate at this moment of a run. O(runs of gates)."""
    return allowed(gate, green_seconds(state, gate))


def green_seconds(state: RunState, gate: Gate) -> list[float]:
    """How long the green runs of a gate took in this run, seconds, the newest last."""
    lead = f"{gate.name}@"
    runs = [run for key, found in state.gates.items() if key.startswith(lead) for run in found]
    runs.sort(key=lambda run: run.at)
    return [run.seconds for run in runs if run.verdict is Verdict.PASSED]


__all__ = [
    "FACTOR",
    "FLOOR_S",
    "LEAST_RUNS",
    "SHARE",
    "Allowed",
    "allowed",
    "allowed_in",
    "green_seconds",
    "percentile",
]
