"""Effects of events about gates, entries of the merge queue and landings."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core import foreseen, train
from agentdeck.core.effects_shared import end_attempt, forget_red, forget_troubles, take_back
from agentdeck.core.events import EntryKind
from agentdeck.core.ids import EntryId
from agentdeck.core.lanes import ground, lanes, seen
from agentdeck.core.plan import MAX_BATCH, MAX_DEPTH
from agentdeck.core.state import (
    Build,
    Clash,
    Ejection,
    Entry,
    GateRun,
    Landing,
    RepoRun,
    RunState,
    TaskRun,
    gate_key,
)


def take(state: RunState, event: e.QueueEvent, at: float) -> None:
    """The effect of `event` on everything but the task's state."""
    match event:
        case e.GateFinished():
            runs = state.gates.setdefault(gate_key(event.gate, event.tree), [])
            runs.append(
                GateRun(
                    event.verdict,
                    event.code,
                    event.seconds,
                    at,
                    event.log,
                    event.tail,
                    event.run,
                    event.limit,
                    event.commit,
                    event.environment,
                )
            )
        case e.GateReset():
            forget_red(state, event.tree)
        case e.EntryQueued():
            _queue(state, event, at)
        case e.EntryMoved():
            _move(state, event)
        case e.EntryBuilt():
            _built(state, event, at)
        case e.EntryConflicted():
            entry = state.queue[event.entry]
            entry.build = None
            entry.conflicts[event.tip] = Clash(event.files, event.behind, event.hunks)
            _forget_conflicts(state)
        case e.CollisionsForeseen():
            state.foreseen = foreseen.kept(state, event)
            state.foreseen_more = event.more if state.foreseen else 0
        case e.BatchSplit():
            _split(state, event)
        case e.EntryEjected():
            entry = state.queue.pop(event.entry)
            _one_is_out(state, entry)
            if entry.kind is EntryKind.BASE:
                here = ground(state, entry.repo)
                here.promote_wanted, here.diverged = False, None
                here.promote_reason = f"commits of {here.base}: {event.detail}"
            elif entry.reverts is not None:
                state.tasks[entry.reverts].reason = f"its revert did not land: {event.detail}"
            elif entry.task is not None:
                _eject(state, state.tasks[entry.task], entry, event)
        case e.LandingIntended():
            _intend(state, event.commit, (event.entry, *event.others))
        case e.GroupIntended():
            _intend_group(state, event)
        case e.EntryLanded():
            _land(state, event, at)
        case e.LandingFound():
            _found(state, event, at)
        case e.LandingLost():
            _lose(state, event)
        case e.LandingBlocked():
            for entry in _landing_with(state, event.entry):
                entry.blocked, entry.blocked_until = event.reason, event.retry_at
        case _ as never:
            assert_never(never)


def _intend(state: RunState, commit: str, names: tuple[EntryId, ...]) -> None:
    here = ground(state, state.queue[names[0]].repo)
    for name in names:
        state.queue[name].intended = commit
    here.batch = min(here.batch + 1, MAX_BATCH)
    here.depth = min(here.depth + 1, MAX_DEPTH)


def _intend_group(state: RunState, event: e.GroupIntended) -> None:
    group = tuple(name for move in event.moves for name in (move.entry, *move.others))
    for move in event.moves:
        _intend(state, move.commit, (move.entry, *move.others))
    for name in group:
        state.queue[name].together = group


def _lose(state: RunState, event: e.LandingLost) -> None:
    """It is built again, from what was found; what its group has built elsewhere is still right."""
    lost = state.queue[event.entry]
    here, commit = ground(state, lost.repo), lost.intended
    for entry in _landing_with(state, event.entry):
        if (entry.repo, entry.intended) == (lost.repo, commit):
            entry.build = None
        entry.intended, entry.blocked, entry.together = None, "", ()
    here.tip, here.tip_tree = event.found, event.found_tree


def _queue(state: RunState, event: e.EntryQueued, at: float) -> None:
    state.entries_seen += 1
    state.queue[event.entry] = Entry(
        id=event.entry,
        kind=event.entry_kind,
        head=event.head,
        number=state.entries_seen,
        turn=state.entries_seen,
        queued_at=at,
        task=event.task,
        attempt=event.attempt,
        reverts=event.reverts,
        by=event.by,
        repo=event.repo,
    )


def _move(state: RunState, event: e.EntryMoved) -> None:
    """It ranks as the other does, and the turns of those who rank so are dealt out anew."""
    moved, beside = state.queue[event.entry], state.queue[event.beside]
    order = train.in_order(seen(state, moved.repo))
    task, other = train.task_of(state, moved), train.task_of(state, beside)
    if task is not None and other is not None:
        task.first = other.first
    moved.priority = train.priority_of(state, beside)
    rank = train.rank_of(state, beside)
    alike = [one for one in order if train.rank_of(state, one) == rank]
    turns = sorted(one.turn for one in alike)
    alike.remove(moved)
    alike.insert(alike.index(beside) + event.after, moved)
    for one, turn in zip(alike, turns, strict=True):
        one.turn = turn


def _built(state: RunState, event: e.EntryBuilt, at: float) -> None:
    names = (event.entry, *event.others)
    build = Build(event.commit, event.tree, event.tip, names, event.merges, at)
    for name in names:
        entry = state.queue[name]
        entry.build = build


def _forget_conflicts(state: RunState) -> None:
    """Those with what is no more."""
    there = {entry.build.commit for entry in state.queue.values() if entry.build is not None}
    there.update(lane.tip for lane in lanes(state))
    for entry in state.queue.values():
        for base in [base for base in entry.conflicts if base not in there]:
            del entry.conflicts[base]


def _split(state: RunState, event: e.BatchSplit) -> None:
    """Half the size for its entries; and for all, if this red batch is not a part of an older."""
    entries = [state.queue[name] for name in event.entries]
    half = (len(entries) + 1) // 2
    if not any(entry.group for entry in entries):
        state.red_batches += 1
        _halve(ground(state, entries[0].repo))
    for entry in entries:
        entry.group, entry.limit = entry.group or state.red_batches, half


def _halve(here: RunState | RepoRun) -> None:
    here.batch, here.depth = max(1, here.batch // 2), max(1, here.depth // 2)


def _one_is_out(state: RunState, ejected: Entry) -> None:
    """Of the others of its red batch nothing is known any more."""
    if not ejected.group:
        if ejected.build is not None:  # it was red by itself
            _halve(ground(state, ejected.repo))
        return
    for entry in state.queue.values():
        if entry.group == ejected.group:
            entry.group, entry.limit = 0, None


def _eject(state: RunState, task: TaskRun, entry: Entry, event: e.EntryEjected) -> None:
    """Keep what a repair has to know."""
    judged = task.attempt
    if judged is None:
        return
    if entry.build is not None:
        judged.ejected_tree = entry.build.tree
    tip = ground(state, entry.repo).tip
    clash = entry.conflicts.get(tip, Clash(()))
    task.ejection = Ejection(
        judged.number,
        event.cause,
        tip,
        entry.head,
        judged.own_base or "",
        clash.files,
        clash.hunks,
        event.gate,
    )


def _landing_with(state: RunState, name: EntryId) -> list[Entry]:
    """The entries that land in one with this one, on whichever targets."""
    one = state.queue[name]
    if one.together:
        return [state.queue[other] for other in one.together if other in state.queue]
    return [
        entry
        for entry in state.queue.values()
        if entry.intended == one.intended and entry.repo == one.repo
    ]


def _land(state: RunState, event: e.EntryLanded, at: float) -> None:
    entry = state.queue.pop(event.entry)
    here = ground(state, entry.repo)
    here.tip, here.tip_tree = event.commit, event.tree
    landing = Landing(
        event.entry, event.commit, at, event.task, event.merge, entry.reverts, entry.repo
    )
    state.landings.append(landing)
    if entry.kind is EntryKind.BASE:
        here.diverged, here.promote_reason = None, ""
    if entry.kind is EntryKind.TASK and event.task is not None:
        task = state.tasks[event.task]
        task.landed_commit, task.landed_at, task.first = event.commit, at, False
        task.held, task.reverted, task.ejection = False, "", None
        end_attempt(task, "landed")


def _found(state: RunState, event: e.LandingFound, at: float) -> None:
    """What was lost on the way there stays unknown: the target says that it is in."""
    here = ground(state, event.repo)
    here.tip, here.tip_tree = event.commit, event.tree
    if event.task is None:
        entry = EntryId(f"found@{event.commit[:10]}")
        state.landings.append(Landing(entry, event.commit, at, None, repo=event.repo))
        return
    task, entry = state.tasks[event.task], EntryId(event.task)
    for name, one in list(state.queue.items()):
        if task.id in (one.task, one.reverts):
            del state.queue[name]
    forget_troubles(state, task.id)
    if event.undone:
        take_back(state, task, event.merge or event.commit, "somebody")
        landing = Landing(entry, event.commit, at, None, event.merge, task.id, event.repo)
    else:
        task.landed_commit, task.landed_at, task.first = event.commit, at, False
        task.held, task.reverted, task.ejection, task.retry_at = False, "", None, None
        end_attempt(task, "landed")
        if task.attempt is not None:
            task.attempt.questions.clear()
        landing = Landing(entry, event.commit, at, task.id, event.merge, repo=event.repo)
    state.landings.append(landing)
