"""How far the gates of the train are, and when each entry may land.

Rules:
- A gate takes as long as half of its green runs in this run did. One that has never been green here
  has no bar and no forecast of its own.
- A gate is taken to have begun when the commit was built, or when the gate before it on the same
  tree ended. The gates of a car run one after the other.
- A car lands when its gates are through and the car before it has landed; a batch that waits
  starts when a slot is free. Nothing is ever red here: `~` stands before each such time.
- Who is held, or does not merge, has no time; neither has anybody in a queue that stands still.
- Where a gate is not known yet the forecast of the run says when the task ends, if it is known.
"""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from agentdeck.core import queue, train, verdicts
from agentdeck.core.gate_timeouts import green_seconds
from agentdeck.core.ids import EntryId, GateName
from agentdeck.core.state import Entry
from agentdeck.core.train import Car
from agentdeck.core.verdicts import Standing
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.forecast import task_end


class Gauge(NamedTuple):
    """One gate of a car."""

    name: GateName
    standing: Standing
    running: bool
    elapsed_s: float  # of the one that runs
    usual_s: float | None  # None = it was never green


class TrainTimes(NamedTuple):
    """What is known of one moment."""

    usual_s: dict[GateName, float]
    lands_at: dict[EntryId, float]  # seconds since the epoch


def times_of(deck: Deck) -> TrainTimes:
    """The gates' usual times and the landings to come. O(gate runs + entries · cars)."""
    usual = _usual(deck)
    return TrainTimes(usual, {**_by_forecast(deck), **_by_gates(deck, usual)})


def gauges(deck: Deck, car: Car, usual_s: dict[GateName, float]) -> list[Gauge]:
    """The gates of a car in the order in which they run."""
    state, build = deck.state, car.build
    names = train.gates_of(state, car.entries)
    if build is None:
        return [Gauge(name, Standing.OPEN, False, 0.0, usual_s.get(name)) for name in names]
    standings = {name: verdicts.of(state, name, build.tree) for name in names}
    halted = state.queue_held or Standing.RED in standings.values()
    open_one = next((n for n, found in standings.items() if found is Standing.OPEN), None)
    ended = [run.at for name in names for run in state.gate_runs(name, build.tree)]
    elapsed_s = max(0.0, deck.now - max([build.at, *ended]))
    return [
        Gauge(
            name,
            found,
            running := name == open_one and not halted,
            elapsed_s if running else 0.0,
            usual_s.get(name),
        )
        for name, found in standings.items()
    ]


def _usual(deck: Deck) -> dict[GateName, float]:
    found = {gate.name: green_seconds(deck.state, gate) for gate in deck.state.plan.gates}
    return {name: median(seconds) for name, seconds in found.items() if seconds}


def _by_forecast(deck: Deck) -> dict[EntryId, float]:
    """Half of the possible worlds have landed it by then."""
    here = deck.state.lane
    every = (entry for entry in deck.state.queue.values() if entry.repo == here)
    entries = [entry for entry in every if _moves(deck, entry)]
    ends = ((entry.id, task_end(deck, entry.task)) for entry in entries if entry.task is not None)
    return {name: at for name, at in ends if at is not None}


def _moves(deck: Deck, entry: Entry) -> bool:
    state = deck.state
    if state.queue_held or not train.may_move(state, entry):
        return False
    return train.waits_for(state, entry, state.tip) is not entry


def _by_gates(deck: Deck, usual_s: dict[GateName, float]) -> dict[EntryId, float]:
    state = deck.state
    if state.queue_held or queue.frozen_gate(state) is not None:
        return {}
    found: dict[EntryId, float] = {}
    lands: list[float] = []
    for car in deck.cars:
        rest = _rest_s(gauges(deck, car, usual_s))
        if rest is None or train.is_red(state, car):
            return found
        lands.append(max([deck.now + rest, *lands[-1:]]))
        found |= dict.fromkeys((entry.id for entry in car.entries), lands[-1])
    waiting = [e for e in queue.in_order(state) if e.id not in found and _moves(deck, e)]
    slots = max(1, min(state.depth, state.plan.queue.slots))
    while waiting:
        most = train.size_of(state, waiting, min(state.batch, state.plan.queue.batch))
        batch, waiting = waiting[:most], waiting[most:]
        names = train.gates_of(state, batch)
        if any(name not in usual_s for name in names):
            return found
        starts = lands[-slots] if len(lands) >= slots else deck.now
        lands.append(max([starts + sum(usual_s[name] for name in names), *lands[-1:]]))
        found |= dict.fromkeys((entry.id for entry in batch), lands[-1])
    return found


def _rest_s(found: list[Gauge]) -> float | None:
    """What is left of the gates of a car, seconds; None = it is not known."""
    rest_s = 0.0
    for gauge in found:
        if verdicts.passes(gauge.standing):
            continue
        if gauge.usual_s is None:
            return None
        rest_s += max(0.0, gauge.usual_s - gauge.elapsed_s)
    return rest_s


__all__ = ["Gauge", "TrainTimes", "gauges", "times_of"]
