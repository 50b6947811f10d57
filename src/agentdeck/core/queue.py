"""The merge queue: what is built, gated, landed and ejected next.

The rules, in sentences:
1. Entries are ordered: put first by a person, then commits of the base, then reverts, then
   priority, then those that are not foreseen to collide with others that wait, then the time they
   came. Who was moved beside another counts as put first or not, and of the priority, as that one
   was then, and as having come just before or just after it; among those that rank with one who was
   moved, nothing but these turns counts. (Dependencies need no rule of their own: a task starts
   after what it needs has landed.) The head commit is pinned when the entry comes.
2. Every first-parent commit of the target is green for its exact tree. What is gated is what lands;
   nobody lands through somebody else's green.
3. Before an entry is blamed for a red gate, what it was built on must be green for the same gate.
   If the target itself is red, the queue is frozen and blames nobody.
4. Entries that merge cleanly are folded into a batch, and with more than one gate slot the next
   batch is built on top of it, before that has landed (`core.train`).
5. The same tree is never gated twice, with one exception: by a gate that is known to be flaky, who
   is left of a red batch is not blamed for the verdict on the batch, but has a run of its own.
6. A red batch is split until the culprit is alone. An entry that does not merge with the target, or
   is red on it alone, is ejected with the files or the log; everything behind it goes on without.
   What becomes of it: `core.repair`.
7. A landing is intended in the journal before the ref moves. A batch lands whole.
8. A held entry waits, and those behind it go past. A held queue does nothing.
9. Each repository has a queue of its own, on its own target (`core.lanes`); holding holds them all.
10. A group (`core.groups`) lands when each of its cars is the first on its target and green, and
    then on all of them: what is intended of all is journalled before the first ref moves. If a car
    of it is red, no ref moves: those of the car are ejected, and the others wait for them.

When the run has ended, only commits of the base still go in, on the way to being promoted, and
reverts.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core import events as e
from agentdeck.core import evidence, groups, lanes, repair, train, verdicts
from agentdeck.core.events import AnyEvent, EntryKind, FailureClass, TargetMove
from agentdeck.core.ids import GateName
from agentdeck.core.plan import GateWhen
from agentdeck.core.state import Entry, RunState
from agentdeck.core.steps import AnyStep, BuildEntry, LandEntry, LandGroup, Record, RunGate
from agentdeck.core.train import Car, gates_of, in_order, is_held, task_of
from agentdeck.core.words import listed

NAMED_FILES = 3  # of a conflict, in a sentence


def head(state: RunState) -> Entry | None:
    """The first to land: a landing under way, else the first that is not held."""
    order = in_order(state)
    landing = next((entry for entry in order if entry.intended), None)
    return landing or next((entry for entry in order if train.may_move(state, entry)), None)


def frozen_gate(state: RunState) -> GateName | None:
    """The gate that is red on the first car and on the target's own tip: the queue is frozen."""
    first = next(iter(train.cars(state)), None)
    if first is None or first.build is None:
        return None
    red = train.red_gate(state, first.build, first.entries)
    return evidence.red_gate(state, [red], state.tip_tree) if red else None


def next_steps(state: RunState, now: float) -> Iterator[AnyStep]:
    """The steps that the queues need now: for each a decision, or what is done for each car."""
    if not state.queue:
        return
    for lane in lanes.lanes(state):
        yield from steps_of_lane(lane, now)


def steps_of_lane(state: RunState, now: float) -> Iterator[AnyStep]:
    """The same for the repository from which the state is seen."""
    found = train.cars(state)
    landing = found[0] if found and found[0].lead.intended else None
    if landing is not None:
        # An intended landing is finished even when the queue is held: the ref may have moved.
        if now >= landing.lead.blocked_until:
            yield from _landing(state, landing)
        found = found[1:]
    if state.queue_held:
        return
    decision = _out(state, found, now) or (_lands(state, found) if landing is None else None)
    if decision is not None:
        yield Record(decision)
        return
    asked: set[tuple[GateName, str]] = set()
    for car in found:
        step = _step_of(state, car)
        if isinstance(step, RunGate):
            if (step.gate, step.tree) in asked:  # another car has the same tree below it
                continue
            asked.add((step.gate, step.tree))
        if step is not None:
            yield step


def _landing(state: RunState, car: Car) -> Iterator[LandEntry | LandGroup]:
    """The step of a landing under way; that of a group is told by the first of its lanes."""
    lead = car.lead
    assert lead.intended is not None
    if not lead.together:
        yield LandEntry(lead.id, lead.intended, car.base)
        return
    # Who has landed before the others could, because somebody uses it by now, is not among them.
    entries = [state.queue[name] for name in lead.together if name in state.queue]
    if entries[0].repo == state.lane:
        yield LandGroup(tuple(_moves(entries)))


def _moves(entries: list[Entry]) -> Iterator[TargetMove]:
    """What a landing of these entries does, one move for each of their repositories."""
    for repo in dict.fromkeys(entry.repo for entry in entries):
        here = [entry for entry in entries if entry.repo == repo]
        build = here[0].build
        assert build is not None  # what lands was gated, and what was gated was built
        names = sorted((entry.id for entry in here), key=build.entries.index)
        yield TargetMove(repo, names[0], build.commit, build.tip, tuple(names[1:]))


def _out(state: RunState, found: list[Car], now: float) -> tuple[AnyEvent, ...] | None:
    """Who leaves the queue, or is suspected, by what is known already."""
    for entry in in_order(state):
        if is_held(state, entry) or entry.intended:
            continue
        ahead = train.waits_for(state, entry, state.tip)
        if ahead is entry:
            files = entry.conflicts[state.tip].files
            return _eject(state, entry, FailureClass.CONFLICT, _conflict(files), now)
        if ahead is not None and groups.joins(state, entry, ahead):
            where = listed(entry.conflicts[state.tip].files, NAMED_FILES)
            other = groups.about(ahead)
            why = f"conflicts with {other}, with which it is to land together, in {where}"
            return _eject(state, entry, FailureClass.CONFLICT, why, now)
    for car in found:
        gate = train.blame(state, car)
        if gate is None or car.build is None:
            continue
        if groups.others(state, car.lead):  # a group is not split: each needs the others
            why = verdicts.red_sentence(state, gate, car.build.tree)
            if car.lead.kind is EntryKind.REVERT:  # the others go with it
                return _eject(state, car.lead, FailureClass.GATE, why, now, gate)
            gone = [_eject(state, x, FailureClass.GATE, why, now, gate) for x in car.entries]
            return tuple(event for events in gone for event in events)
        if len(car.entries) > 1:
            names = tuple(entry.id for entry in car.entries)
            return (e.BatchSplit(names, gate, car.build.tree),)
        # On anything but the target itself a lone red one is in no car: it waits for what is below.
        why = verdicts.red_sentence(state, gate, car.build.tree)
        return _eject(state, car.lead, FailureClass.GATE, why, now, gate)
    return None


def _lands(state: RunState, found: list[Car]) -> tuple[AnyEvent, ...] | None:
    """The first car lands when it is green; that of a group when all of the group can."""
    first = next(iter(found), None)
    if first is None or first.build is None or not _may_land(state, first):
        return None
    mates = [one for one in groups.mates(state, first.lead) if one.repo != state.lane]
    if not mates:
        others = tuple(entry.id for entry in first.entries[1:])
        return (e.LandingIntended(first.lead.id, first.build.commit, first.base, others),)
    order = lanes.names(state)
    if min(order.index(one.repo) for one in mates) < order.index(state.lane):
        return None  # told once, by the first of its lanes
    entries = list(first.entries)
    for repo in dict.fromkeys(one.repo for one in mates):
        lane = lanes.seen(state, repo)
        car = next(iter(train.cars(lane)), None)
        if car is None or not _may_land(lane, car) or car.lead not in mates:
            return None
        entries += car.entries
    entries.sort(key=lambda entry: order.index(entry.repo))
    return (e.GroupIntended(tuple(_moves(entries))),)


def _may_land(state: RunState, car: Car) -> bool:
    """Does a car stand on the target, green, and not landing yet?"""
    if car.build is None or car.base != state.tip or car.lead.intended:
        return False
    names = gates_of(state, car.entries)
    return all(verdicts.passes(verdicts.of(state, name, car.build.tree)) for name in names)


def _step_of(state: RunState, car: Car) -> BuildEntry | RunGate | None:
    """What is to be done for a car: build it, or run the next gate; None while it waits."""
    if car.build is None:
        return BuildEntry(car.lead.id, car.base, tuple(entry.id for entry in car.entries[1:]))
    for name in gates_of(state, car.entries):
        found = verdicts.of(state, name, car.build.tree)
        if verdicts.passes(found):
            continue
        if found is verdicts.Standing.OPEN:
            return _gate(state, name, car.build.tree, car.build.commit)
        # It is red: before it is blamed, what it was built on has to be known.
        if verdicts.of(state, name, car.base_tree) is verdicts.Standing.OPEN:
            return _gate(state, name, car.base_tree, car.base)
        if train.owes_own_run(state, car, name):
            return _gate(state, name, car.build.tree, car.build.commit)
        return None
    return None


def _gate(state: RunState, name: GateName, tree: str, commit: str) -> RunGate:
    run = state.next_gate_run(name, tree)
    return RunGate(name, GateWhen.MERGE, tree, commit, run, repo=state.lane)


def _conflict(files: tuple[str, ...]) -> str:
    return f"conflicts with what has landed in {listed(files, NAMED_FILES)}"


def _eject(
    state: RunState,
    entry: Entry,
    cause: FailureClass,
    detail: str,
    now: float,
    gate: GateName | None = None,
) -> tuple[AnyEvent, ...]:
    ejected = e.EntryEjected(entry.id, cause, detail, gate)
    task = task_of(state, entry)
    if entry.reverts is not None:
        why = (
            f"it is to go together with the revert of {entry.reverts}, which did not land: {detail}"
        )
        mates = groups.mates(state, entry)
        return (ejected, *(e.EntryEjected(one.id, cause, why) for one in mates))
    if task is None:  # it was the base: the fold ends the promotion with this reason
        return (ejected,)
    return (ejected, repair.after_ejection(state, task, cause, detail, now))


__all__ = [
    "frozen_gate",
    "gates_of",
    "head",
    "in_order",
    "is_held",
    "next_steps",
    "steps_of_lane",
    "task_of",
]
