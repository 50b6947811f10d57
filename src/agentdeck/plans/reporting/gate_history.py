"""How each gate has done: over one run, or over several.

Rules:
- The pass rate is of the runs that say something about a tree: one that could not be run does not
  count. It is None where none did.
- A gate is flaky on a tree where it was green after red; that is counted once for each tree.
- The time limit is that of the last plan, or what the green runs before now teach
  (`core.gate_timeouts`).
- Red is a gate that failed or ran out of time. The last red one is shown with where its log is.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

import msgspec

from agentdeck.core.events import Verdict
from agentdeck.core.gate_timeouts import SHARE, allowed, percentile
from agentdeck.core.ids import GateName, RunId
from agentdeck.core.plan import Gate
from agentdeck.core.verdicts import Standing
from agentdeck.plans.reporting.card import last_line
from agentdeck.plans.reporting.told import GateTold

RED = (Verdict.FAILED, Verdict.TIMED_OUT)


class RunOfGates(msgspec.Struct, frozen=True):
    """The gates of one run, and every time they ran, oldest first."""

    run: RunId
    gates: tuple[Gate, ...]
    told: tuple[GateTold, ...]


class LastRed(msgspec.Struct, frozen=True, kw_only=True):
    """The last time a gate was red."""

    run: str
    task: str | None
    attempt: int | None
    commit: str
    tree: str
    verdict: str  # failed | timed out
    code: int | None
    seconds: float
    at: float  # seconds since the epoch
    log: str  # folder of its log, below the folder of that run
    last_line: str  # of that log
    limit: str = ""  # where the limit came from, if it timed out and the plan does not say


class GateLine(msgspec.Struct, frozen=True, kw_only=True):
    """The history of one gate."""

    gate: str
    when: list[str]
    runs: int
    passed: int
    failed: int
    timed_out: int
    broken: int  # could not be run
    pass_rate: float | None  # a share
    trees: int  # it was run on
    flaky: int  # of these
    median_s: float | None  # of the runs that were not broken
    p95_s: float | None  # likewise
    longest_s: float | None
    timeout_s: float  # of its next run
    timeout_from: str  # plan | default | learned
    last_red: LastRed | None


def gate_lines(runs: Iterable[RunOfGates]) -> list[GateLine]:
    """The history of each gate, in the order of the plans, the first run's first.

    Args:
        runs: the oldest first. Gates of the same name are the same gate.

    O(gate runs).
    """
    when: dict[GateName, dict[str, None]] = {}
    told: dict[GateName, list[tuple[RunId, GateTold]]] = {}
    newest: dict[GateName, Gate] = {}
    for run in runs:
        for gate in run.gates:
            newest[gate.name] = gate
            when.setdefault(gate.name, {}).update(dict.fromkeys(map(str, gate.when)))
            told.setdefault(gate.name, [])
        for each in run.told:
            told[each.event.gate].append((run.run, each))
    return [_line(newest[gate], list(when[gate]), found) for gate, found in told.items()]


def _line(gate: Gate, when: list[str], found: list[tuple[RunId, GateTold]]) -> GateLine:
    counts = dict.fromkeys(Verdict, 0)
    for _, each in found:
        counts[each.event.verdict] += 1
    said = [each.event.seconds for _, each in found if each.event.verdict is not Verdict.BROKEN]
    flaky = {(run, e.event.tree) for run, e in found if e.standing is Standing.FLAKY}
    red = [pair for pair in found if pair[1].event.verdict in RED]
    green_s = [e.event.seconds for _, e in found if e.event.verdict is Verdict.PASSED]
    limit = allowed(gate, green_s)
    return GateLine(
        gate=gate.name,
        when=when,
        runs=len(found),
        passed=counts[Verdict.PASSED],
        failed=counts[Verdict.FAILED],
        timed_out=counts[Verdict.TIMED_OUT],
        broken=counts[Verdict.BROKEN],
        pass_rate=counts[Verdict.PASSED] / len(said) if said else None,
        trees=len({(run, each.event.tree) for run, each in found}),
        flaky=len(flaky),
        median_s=median(said) if said else None,
        p95_s=percentile(said, SHARE) if said else None,
        longest_s=max(said, default=None),
        timeout_s=limit.seconds,
        timeout_from="plan" if limit.planned else "learned" if limit.learned_from else "default",
        last_red=_last_red(*red[-1]) if red else None,
    )


def _last_red(run: RunId, told: GateTold) -> LastRed:
    event = told.event
    return LastRed(
        run=run,
        task=event.task,
        attempt=event.attempt,
        commit=event.commit,
        tree=event.tree,
        verdict=str(event.verdict),
        code=event.code,
        seconds=event.seconds,
        at=told.at,
        log=event.log,
        last_line=last_line(event.tail),
        limit=event.limit,
    )
