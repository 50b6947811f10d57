"""Why an entry of the merge queue does not move, or what is being done with it, in one sentence."""

from __future__ import annotations

from typing import Final

from agentdeck.core import foreseen, groups, queue, train, verdicts
from agentdeck.core.lanes import of_entry, where_of
from agentdeck.core.state import Entry, RunState
from agentdeck.core.words import first_line, listed

BATCH_NAMED: Final = 3  # others of a batch, in a sentence


def explain_entry(
    state: RunState, entry: Entry, now: float, cars: list[train.Car] | None = None
) -> str:
    """Why an entry of the merge queue does not move, or what is being done with it.

    Args:
        cars: the trains of this moment, where they are known already.
    """
    state = of_entry(state, entry)
    if queue.is_held(state, entry):
        return "is held by you (h releases it)"
    trouble = next((t for k, t in state.troubles.items() if f":{entry.id}:" in f"{k}:"), None)
    troubled = trouble is not None and now < trouble.retry_at
    if entry.intended:
        if entry.blocked:
            return f"waits to land: {entry.blocked}"
        return (
            f"waits to land: {first_line(trouble.error)}" if trouble and troubled else "is landing"
        )
    if state.queue_held:
        return "waits: the merge queue is held (H releases it)"
    name = groups.missing(state, entry)
    if name is not None:
        return groups.sentence(state, entry, name)
    cars = train.cars(state) if cars is None else [c for c in cars if c.lead.repo == entry.repo]
    place = next((at for at, car in enumerate(cars) if entry in car.entries), None)
    if place is None:
        return _outside(state, entry, cars)
    red = queue.frozen_gate(state)
    if red is not None:
        return (
            f"waits: gate {red} is red on {where_of(state)} itself (r on the queue runs it again)"
        )
    if trouble is not None and troubled:
        return f"waits: {first_line(trouble.error)}"
    car = cars[place]
    under = cars[place - 1].lead.id if place else ""
    on = f" on top of {under}" if under else ""
    return f"{_in_car(state, car, under)}{_with(car, entry)}{on}"


def _outside(state: RunState, entry: Entry, cars: list[train.Car]) -> str:
    """Why an entry is in no car."""
    for base in (state.tip, *(car.build.commit for car in cars if car.build is not None)):
        ahead = train.waits_for(state, entry, base)
        if ahead is None:
            continue
        named = ", ".join(entry.conflicts[base].files[: queue.NAMED_FILES])
        if ahead is not entry:
            return f"waits for {ahead.id}: they do not merge in {named}"
        under = next((car for car in cars if car.build and car.build.commit == base), None)
        if under is not None:
            return f"waits for {under.lead.id}: they do not merge in {named}"
    build = entry.build
    if build is not None and build.entries == (entry.id,):
        under = next((car for car in cars if car.build and car.build.commit == build.tip), None)
        if under is not None and train.red_gate(state, build, (entry,)):
            return f"is red; waits for {under.lead.id} to land"
    for other in (one for car in cars for one in car.entries):
        pair = foreseen.between(state, entry.task, other.task)
        if pair is not None:
            files = foreseen.where(pair)
            return f"waits for {other.id}: they would collide{f' in {files}' if files else ''}"
    last = cars[-1].entries[-1] if cars else queue.head(state)
    red = "; a batch with it was red" if entry.group else ""
    return f"waits in the merge queue behind {last.id if last is not None else 'others'}{red}"


def _with(car: train.Car, entry: Entry) -> str:
    others = [str(one.id) for one in car.entries if one is not entry]
    if not others:
        return ""
    more = f" and {len(others) - BATCH_NAMED} more" if len(others) > BATCH_NAMED else ""
    return f" together with {', '.join(others[:BATCH_NAMED])}{more}"


def _in_car(state: RunState, car: train.Car, under: str) -> str:
    """What is being done with a car."""
    if car.build is None:
        return "is being merged" if under else "is being merged with the target"
    for name in queue.gates_of(state, car.entries):
        found = verdicts.of(state, name, car.build.tree)
        if found is verdicts.Standing.OPEN:
            return f"is being checked by gate {name}"
        if found is verdicts.Standing.RED and train.owes_own_run(state, car, name):
            return f"was red in a batch; has a run of its own of gate {name}, which is flaky"
        if found is verdicts.Standing.RED:
            below = under or f"{state.target} itself"
            return f"is red; waits for gate {name} on {below}"
    mates = [one.id for one in groups.mates(state, car.lead) if one.repo != state.lane]
    if mates:
        return f"is green and waits to land together with {listed(mates, BATCH_NAMED)}"
    return "is green and waits to land" if under else "is about to land"


__all__ = ["explain_entry"]
