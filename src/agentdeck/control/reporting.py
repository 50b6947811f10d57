"""What runs have proven, read from their journals: for reports, and for gates over time.

Rules: nothing is started and nothing is written. Over several runs the newest count, within bounds;
a journal that cannot be read is named and hides no other.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from agentdeck.control.runs import RunFolder, runs_of
from agentdeck.core.errors import DeckError, NotFoundError
from agentdeck.engine.journal import Journal
from agentdeck.plans.reporting.gate_history import GateLine, RunOfGates, gate_lines
from agentdeck.plans.reporting.told import Told, told_by

MAX_RUNS: Final = 50  # the newest; older ones had other gates
MAX_EVENTS: Final = 1_000_000  # in all; about ten seconds of reading


class GatesTold(msgspec.Struct, frozen=True, kw_only=True):
    """The history of the gates of one or more runs."""

    runs: list[str]  # that were read, the oldest first
    left_out: int  # older runs of the repository that were not looked at
    cut: list[str]  # runs of which only the beginning was read
    unreadable: list[str]
    gates: list[GateLine]


def told_of(folder: RunFolder) -> Told:
    """A run as its journal tells it.

    Raises:
        JournalError, JournalFormatError: it cannot be read.
        NotFoundError: it has no event yet.
    """
    return _read(folder, None)[0]


def _read(folder: RunFolder, most: int | None) -> tuple[Told, bool]:
    """The first `most` events of a run, None = all; and are there more? Raises as `told_of`."""
    journal = Journal(folder.journal)
    try:
        told = told_by(islice(journal.history(), most))
        more = most is not None and journal.last_seq() > told.state.seq
    finally:
        journal.close()
    if not told.state.seq:
        raise NotFoundError(f"the journal of run {folder.run} has no event")
    return told, more


def gates_of_run(folder: RunFolder) -> GatesTold:
    """The gates of one run. Raises what `told_of` raises."""
    return _told([_gates(told_of(folder))])


def gates_of_repo(repo: Path) -> GatesTold:
    """The gates of all runs of the repository around `repo`, the newest `MAX_RUNS` of them."""
    found = [folder for folder, _ in runs_of(repo)]
    runs: list[RunOfGates] = []
    cut: list[str] = []
    unreadable: list[str] = []
    left = MAX_EVENTS
    looked_at = 0
    for folder in found[:MAX_RUNS]:
        if left <= 0:
            break
        looked_at += 1
        try:
            told, more = _read(folder, left)
        except DeckError:
            unreadable.append(folder.run)
            continue
        left -= told.state.seq
        runs.append(_gates(told))
        if more:
            cut.append(folder.run)
    return _told(runs[::-1], left_out=len(found) - looked_at, cut=cut, unreadable=unreadable)


def _gates(told: Told) -> RunOfGates:
    return RunOfGates(told.state.run, told.state.plan.gates, tuple(told.gates))


def _told(
    runs: list[RunOfGates],
    left_out: int = 0,
    cut: list[str] | None = None,
    unreadable: list[str] | None = None,
) -> GatesTold:
    return GatesTold(
        runs=[run.run for run in runs],
        left_out=left_out,
        cut=cut or [],
        unreadable=unreadable or [],
        gates=gate_lines(runs),
    )
