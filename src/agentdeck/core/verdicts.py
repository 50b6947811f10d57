"""Verdicts: what the runs of a gate on one tree come to.

Rules:
- A verdict is kept under (tree, gate, environment): the same tree is never gated twice once it has
  one. The command of a gate stays as it is in a run; what it runs in may be another after the
  engine was started again (a newer compiler, another `PATH`), and then nothing is known yet.
- A red run is repeated on the same tree as often as the gate's `retries` say; green after red is
  `flaky`, a verdict of its own, which lets the work through and is shown.
- A run that was broken (could not be started, or was killed) says nothing about the tree and is
  repeated, at most `MAX_BROKEN` times.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from agentdeck.core.events import Verdict
from agentdeck.core.ids import GateName
from agentdeck.core.plan import Gate
from agentdeck.core.state import GateRun, RunState

MAX_BROKEN: Final = 3


class Standing(StrEnum):
    """What is known of a gate on a tree."""

    OPEN = "open"  # another run is needed
    GREEN = "green"
    FLAKY = "flaky"  # green after red on the same tree
    RED = "red"


def standing(gate: Gate, runs: list[GateRun]) -> Standing:
    """What the runs so far come to."""
    red = sum(run.verdict in (Verdict.FAILED, Verdict.TIMED_OUT) for run in runs)
    broken = sum(run.verdict is Verdict.BROKEN for run in runs)
    if any(run.verdict is Verdict.PASSED for run in runs):
        return Standing.FLAKY if red else Standing.GREEN
    if red > gate.retries or broken >= MAX_BROKEN:
        return Standing.RED
    return Standing.OPEN


def of(state: RunState, name: GateName, tree: str) -> Standing:
    """The standing of a gate of the plan on a tree, in the environment of now."""
    return standing(state.plan.gate_by_name[name], _runs(state, name, tree))


def _runs(state: RunState, name: GateName, tree: str) -> list[GateRun]:
    runs = state.gate_runs(name, tree)
    return [run for run in runs if run.environment == state.environment]


def owes_own_run(state: RunState, name: GateName, tree: str, commit: str) -> bool:
    """Is a gate red on a tree by runs of other commits alone, though it is known to be flaky?

    The tree of a batch stays when its first half has landed. A verdict on the batch is one on who
    is left then; of a gate that has been green after red before, it is not proof enough.
    """
    if any(run.commit == commit for run in _runs(state, name, tree)):
        return False
    return of(state, name, tree) is Standing.RED and _was_flaky(state, name)


def _was_flaky(state: RunState, name: GateName) -> bool:
    gate, prefix = state.plan.gate_by_name[name], f"{name}@"
    found = (runs for key, runs in state.gates.items() if key.startswith(prefix))
    return any(standing(gate, runs) is Standing.FLAKY for runs in found)


def passes(found: Standing) -> bool:
    """May work with this standing go on?"""
    return found in (Standing.GREEN, Standing.FLAKY)


def red_sentence(state: RunState, name: GateName, tree: str) -> str:
    """Why a gate is red: `gate unit failed (exit 1)`, with its last lines."""
    runs = _runs(state, name, tree)
    last = runs[-1]
    limit = f" ({last.limit})" if last.limit else ""
    how = {
        Verdict.FAILED: f"failed (exit {last.code})",
        Verdict.TIMED_OUT: f"timed out after {last.seconds:.0f} s{limit}",
        Verdict.BROKEN: "could not be run"
        if last.code is None
        else f"was killed (exit {last.code})",
        Verdict.PASSED: "passed",
    }[last.verdict]
    times = f", {len(runs)} runs" if len(runs) > 1 else ""
    tail = f"\n{last.tail}" if last.tail else ""
    return f"gate {name} {how}{times}{tail}"
