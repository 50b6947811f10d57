"""How long a gate may take: what the plan says, or what its green runs teach."""

from __future__ import annotations

import pytest

from agentdeck.core.events import Verdict
from agentdeck.core.gate_timeouts import FLOOR_S, LEAST_RUNS, allowed, allowed_in, percentile
from agentdeck.core.ids import GateName
from agentdeck.core.plan import DEFAULT_GATE_TIMEOUT_S, Gate
from agentdeck.core.state import GateRun, RunState
from agentdeck.core.verdicts import red_sentence
from agentdeck.testing.builders import gate, plan

UNIT = Gate(GateName("unit"), ("true",))


@pytest.mark.parametrize(
    ("green_s", "limit_s", "runs"),
    [
        ([], DEFAULT_GATE_TIMEOUT_S, 0),
        ([100.0] * (LEAST_RUNS - 1), DEFAULT_GATE_TIMEOUT_S, 0),
        ([100.0] * LEAST_RUNS, 300.0, LEAST_RUNS),
        ([0.2] * LEAST_RUNS, FLOOR_S, LEAST_RUNS),
        ([1_000.0] * LEAST_RUNS, DEFAULT_GATE_TIMEOUT_S, LEAST_RUNS),
        ([40.0] * 19 + [900.0], 120.0, 20),  # one of twenty is an outlier
    ],
)
def test_a_limit_is_learned_between_a_floor_and_the_default(
    green_s: list[float], limit_s: float, runs: int
) -> None:
    found = allowed(UNIT, green_s)
    assert (found.seconds, found.learned_from) == (limit_s, runs)
    assert bool(found.why) == bool(runs)


def test_what_the_plan_says_holds() -> None:
    own = Gate(GateName("unit"), ("true",), timeout_s=7.0)
    assert allowed(own, [100.0] * 50).seconds == 7.0


@pytest.mark.parametrize(
    ("seconds", "share", "value"),
    [([3.0, 1.0, 2.0], 0.95, 3.0), ([1.0, 2.0, 3.0, 4.0], 0.5, 2.0), ([5.0], 0.01, 5.0)],
)
def test_a_percentile_is_a_value_that_was_measured(
    seconds: list[float], share: float, value: float
) -> None:
    assert percentile(seconds, share) == value


def test_only_green_runs_of_the_same_gate_teach() -> None:
    """Those that were ended, and those of a gate whose name begins alike, do not."""
    state = RunState(plan=plan("A", gates=(gate("unit"),)))
    long = [GateRun(Verdict.TIMED_OUT, None, 900.0, n, "", "", 1) for n in range(9)]
    short = [GateRun(Verdict.PASSED, 0, 30.0, n, "", "", 1) for n in range(LEAST_RUNS)]
    state.gates = {"unit@a": long, "unit-2@a": long, "unit@b": short}
    assert allowed_in(state, state.plan.gate_by_name[GateName("unit")]).seconds == 90.0


def test_a_gate_that_was_ended_says_by_what_it_was_measured() -> None:
    state = RunState(plan=plan("A", gates=(gate("unit"),)))
    why = allowed(UNIT, [20.0] * 6).why
    state.gates = {"unit@a": [GateRun(Verdict.TIMED_OUT, None, 60.0, 0, "", "", 1, why)]}
    assert red_sentence(state, GateName("unit"), "a") == (
        "gate unit timed out after 60 s (learned limit of 60 s: 95 of 100 of its 6 green runs took "
        "at most 20.0 s)"
    )
