"""The merge train: which entries are built and gated together, and on top of what.

Rules:
- A car is a batch of entries that is gated as one commit. The first car is built on the target,
  each other one on the car before it, before that has landed (speculation). There are as many cars
  as gates may run at once.
- Everything is reckoned anew from the state after each event. What has been built is kept as long
  as it is what would be built now: nobody who is eligible and comes before one of its entries is
  missing in it.
- A car takes entries in their order, as many as the batch size of the moment, which grows by one
  with each landing and is halved by each red batch (additive increase, multiplicative decrease).
  Who has no gate to pass lands by itself.
- Of two entries that are foreseen to collide (`core.foreseen`) a car takes the first: the other
  would be left out when it is built. Among equals, those that collide with others of the queue come
  last, so that what is certain to land does not wait for a repair. What has been built keeps its
  place: a forecast never wastes a gate.
- A red batch is split: its entries may from now on be gated in cars of half its size. A car whose
  tree was gated before costs no gate; so the right half of a batch whose left half has landed is
  known to be red at once. When the culprit is out, the others are free again: nothing is known of
  those behind it (the binary splitting of Hwang's group testing, 1972).
- An entry that does not merge behind others waits for them. One that is red alone on a car that
  has not landed waits for that car, and the others go past.
- Nothing is stacked on a red car.
- Each repository of a run has a train of its own: what a state calls its tip (`core.lanes`).
- Entries of a group (`core.groups`) have one place in the order, that of the first of them, in
  whichever trains they are: so no two groups can wait for each other. In one train they are one
  car of their own, all of them or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core import evidence, foreseen, groups, verdicts
from agentdeck.core.events import EntryKind
from agentdeck.core.ids import GateName
from agentdeck.core.state import Build, Entry, RunState, TaskRun

# What a person waits for with a promotion or a revert comes before work that is still to land.
_KIND_RANK: Final = {EntryKind.BASE: 0, EntryKind.REVERT: 1, EntryKind.TASK: 2}


class Car(msgspec.Struct, frozen=True):
    """Entries that are gated as one commit."""

    entries: tuple[Entry, ...]
    base: str  # the commit below it: the target's, or that of the car before
    base_tree: str
    build: Build | None  # None = it is to be built

    @property
    def lead(self) -> Entry:
        """The first of its entries, by which the car is known."""
        return self.entries[0]


def task_of(state: RunState, entry: Entry) -> TaskRun | None:
    """The task an entry brings in; None for commits of the base."""
    return state.tasks[entry.task] if entry.task is not None else None


def in_order(state: RunState) -> list[Entry]:
    """The entries of this lane, the first to land at the front."""
    entries = [
        one
        for one in state.queue.values()
        if one.repo == state.lane and (state.outcome is None or one.kind is not EntryKind.TASK)
    ]
    clashing = foreseen.clashing(state, [one for one in entries if _moves(state, one)])
    # A person's order stands: what is foreseen changes nothing where they have moved somebody.
    moved = {rank_of(state, one) for one in entries if one.priority is not None}

    def order(entry: Entry) -> tuple[tuple[bool, int, int], bool, int, int]:
        rank = rank_of(state, entry)
        mates = groups.mates(state, entry)
        later = entry.task in clashing and entry.build is None and rank not in moved and not mates
        return (rank, later, min([entry.turn, *(one.turn for one in mates)]), entry.turn)

    return sorted(entries, key=order)


def rank_of(state: RunState, entry: Entry) -> tuple[bool, int, int]:
    """What comes before the time an entry came: the smaller lands first."""
    return min(_own_rank(state, one) for one in (entry, *groups.mates(state, entry)))


def _own_rank(state: RunState, entry: Entry) -> tuple[bool, int, int]:
    task = task_of(state, entry)
    first = task is not None and task.first
    return (not first, _KIND_RANK[entry.kind], -priority_of(state, entry))


def priority_of(state: RunState, entry: Entry) -> int:
    """Its task's, unless a person has moved it."""
    if entry.priority is not None:
        return entry.priority
    task = task_of(state, entry)
    return state.spec(task.id).priority if task else 0


def _moves(state: RunState, entry: Entry) -> bool:
    """Does it wait for nobody but others of the queue?"""
    return not entry.intended and may_move(state, entry)


def may_move(state: RunState, entry: Entry) -> bool:
    """Do neither a person nor others of its group keep this entry from landing?"""
    return not is_held(state, entry) and groups.missing(state, entry) is None


def is_held(state: RunState, entry: Entry) -> bool:
    """Does a person keep this entry from landing?"""
    task = task_of(state, entry)
    return task is not None and task.held


def cars(state: RunState) -> list[Car]:
    """The train of this moment, the first to land at the front. O(entries · cars)."""
    order = in_order(state)
    landing = [entry for entry in order if entry.intended]
    waiting = [entry for entry in order if _moves(state, entry)]
    found: list[Car] = []
    base, tree = state.tip, state.tip_tree
    if landing:
        build = landing[0].build
        assert build is not None  # what lands was gated, and what was gated was built
        found.append(Car(_sorted_as(build, landing), base, tree, build))
        base, tree = build.commit, build.tree
    slots = state.plan.queue.slots
    while len(found) < max(1, min(state.depth, slots)):
        car = _next_car(state, waiting, base, tree)
        if car is None:
            break
        found.append(car)
        if car.build is None or is_red(state, car):
            break
        gone = set(car.build.entries)
        waiting = [entry for entry in waiting if entry.id not in gone]
        base, tree = car.build.commit, car.build.tree
    return found


def _sorted_as(build: Build, entries: Sequence[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(entries, key=lambda entry: build.entries.index(entry.id)))


def _next_car(state: RunState, waiting: Sequence[Entry], base: str, tree: str) -> Car | None:
    """The car on top of `base`: as it was built, or as it is to be built."""
    free = [entry for entry in waiting if _may_go_on(state, entry, base)]
    able = _apart(state, _whole(state, waiting, free))
    if not able:
        return None
    build = able[0].build
    if build is not None and build.tip == base:
        members = able[: len(build.entries)]
        same = tuple(entry.id for entry in members) == build.entries
        same = same and all(entry.build == build for entry in members)
        left = able[len(members) :]
        same = same and not any(groups.joins(state, able[0], one) for one in left)
        if same and len(members) <= size_of(state, members, state.plan.queue.batch):
            return Car(tuple(members), base, tree, build)
    chosen = able[: size_of(state, able, min(state.batch, state.plan.queue.batch))]
    return Car(tuple(chosen), base, tree, None)


def _whole(state: RunState, waiting: Sequence[Entry], able: list[Entry]) -> list[Entry]:
    """These, without those of whose group somebody in this train is not among them."""
    if not state.plan.group_of:
        return able
    missing = {one.id for one in waiting} - {one.id for one in able}
    return [one for one in able if not any(mate.id in missing for mate in groups.mates(state, one))]


def _apart(state: RunState, entries: Sequence[Entry]) -> Sequence[Entry]:
    """These, without those foreseen to collide with one before them that stays.

    A group stays or goes as a whole; whether it merges, only git can say.
    """
    if not foreseen.clashing(state, entries):
        return entries
    found: list[Entry] = []
    for at, entry in enumerate(entries):
        if any(groups.joins(state, entry, other) for other in entries[:at]):
            continue  # it came, or stayed out, with the first of its group
        unit = [entry, *(other for other in entries if groups.joins(state, entry, other))]
        if all(_fit(state, one, other) for one in unit for other in found):
            found += unit
    return found


def _fit(state: RunState, one: Entry, other: Entry) -> bool:
    """May two entries be in one car? What was built of both has proven more than a forecast."""
    together = one.build is not None and one.build == other.build
    return together or foreseen.between(state, one.task, other.task) is None


def size_of(state: RunState, entries: Sequence[Entry], most: int) -> int:
    """How many of these may be in one car: at least one. A group is a car of its own."""
    if groups.others(state, entries[0]):
        return 1 + sum(groups.joins(state, entries[0], entry) for entry in entries[1:])
    size = 0
    for entry in entries:
        if groups.others(state, entry):
            break
        most = min(most, entry.limit or most)
        alone = _goes_alone(state, entry)
        if size and (size >= most or alone):
            break
        size += 1
        if alone:
            break
    return size


def _goes_alone(state: RunState, entry: Entry) -> bool:
    """A batch saves gates: who has none gains nothing. Commits of the base are judged as such."""
    return entry.kind is EntryKind.BASE or not evidence.merge_gates(state, task_of(state, entry))


def _may_go_on(state: RunState, entry: Entry, base: str) -> bool:
    """Can it be in a car on top of `base`, as far as is known?"""
    if waits_for(state, entry, base) is not None:
        return False
    if base == state.tip or entry.build is None or entry.build.tip != base:
        return True
    alone = entry.build.entries == (entry.id,)
    return not (alone and red_gate(state, entry.build, (entry,)))


def waits_for(state: RunState, entry: Entry, base: str) -> Entry | None:
    """The entry that this one does not merge behind; itself where it does not merge with `base`."""
    clash = entry.conflicts.get(base)
    if clash is None:
        return None
    if not clash.behind:
        return entry
    ahead = (state.queue.get(other) for other in clash.behind)
    return next((one for one in ahead if one is not None and not is_held(state, one)), None)


def gates_of(state: RunState, entries: Sequence[Entry]) -> list[GateName]:
    """The gates that must be green on a build of these entries, in plan order."""
    wanted = {
        name for entry in entries for name in evidence.merge_gates(state, task_of(state, entry))
    }
    return [gate.name for gate in state.plan.gates if gate.name in wanted]


def red_gate(state: RunState, build: Build, entries: Sequence[Entry]) -> GateName | None:
    """The first gate that is red on a build."""
    return evidence.red_gate(state, gates_of(state, entries), build.tree)


def is_red(state: RunState, car: Car) -> bool:
    """Is a gate red on what was built?"""
    return car.build is not None and red_gate(state, car.build, car.entries) is not None


def blame(state: RunState, car: Car) -> GateName | None:
    """The gate that is red on a car and green on what it was built on: the car is to blame."""
    if car.build is None:
        return None
    red = red_gate(state, car.build, car.entries)
    if red is None or not verdicts.passes(verdicts.of(state, red, car.base_tree)):
        return None
    return None if owes_own_run(state, car, red) else red


def owes_own_run(state: RunState, car: Car, gate: GateName) -> bool:
    """Is a lone entry red only as part of a batch, by a gate that is known to be flaky?"""
    if car.build is None or len(car.entries) > 1:
        return False
    return verdicts.owes_own_run(state, gate, car.build.tree, car.build.commit)


def landed(state: RunState, build: Build) -> tuple[e.EntryLanded | e.TaskReverted, ...]:
    """What is told when a build is in: an event for each of its entries, and for what they undo."""
    return tuple(_landed(state, build))


def landed_together(
    state: RunState, moves: Sequence[e.TargetMove]
) -> tuple[e.EntryLanded | e.TaskReverted, ...]:
    """What is told when the builds of a group are in."""
    builds = [state.queue[move.entry].build for move in moves if move.entry in state.queue]
    return tuple(event for build in builds if build is not None for event in _landed(state, build))


def _landed(state: RunState, build: Build) -> Iterator[e.EntryLanded | e.TaskReverted]:
    merges = build.merges or ("",) * len(build.entries)
    for name, merge in zip(build.entries, merges, strict=True):
        entry = state.queue.get(name)
        if entry is None:
            continue
        yield e.EntryLanded(name, build.commit, build.tree, entry.task, merge)
        if entry.reverts is not None:
            yield e.TaskReverted(entry.reverts, merge or build.commit, entry.by)


__all__ = [
    "Car",
    "blame",
    "cars",
    "gates_of",
    "in_order",
    "is_held",
    "is_red",
    "landed",
    "landed_together",
    "may_move",
    "owes_own_run",
    "priority_of",
    "rank_of",
    "red_gate",
    "size_of",
    "task_of",
    "waits_for",
]
