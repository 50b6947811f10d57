"""Effects of events about gates, entries of the merge queue and landings."""

from __future__ import annotations

from typing import assert_never

from agentdeck.core import events as e
from agentdeck.core.effects_shared import end_attempt, forget_red
from agentdeck.core.events import EntryKind
from agentdeck.core.state import Build, Entry, GateRun, Landing, RunState, gate_key


def take(state: RunState, event: e.QueueEvent, at: float) -> None:
    """The effect of `event` on everything but the task's state."""
    match event:
        case e.GateFinished():
            runs = state.gates.setdefault(gate_key(event.gate, event.tree), [])
            runs.append(
                GateRun(
                    event.verdict, event.code, event.seconds, at, event.log, event.tail, event.run
                )
            )
        case e.GateReset():
            forget_red(state, event.tree)
        case e.EntryQueued():
            _queue(state, event, at)
        case e.EntryBuilt():
            entry = state.queue[event.entry]
            entry.build = Build(event.commit, event.tree, event.tip)
            entry.conflict_tip, entry.conflict_files = None, ()
        case e.EntryConflicted():
            entry = state.queue[event.entry]
            entry.build = None
            entry.conflict_tip, entry.conflict_files = event.tip, event.files
        case e.EntryEjected():
            entry = state.queue.pop(event.entry)
            if entry.kind is EntryKind.BASE:
                state.promote_wanted, state.diverged = False, None
                state.promote_reason = f"commits of {state.base}: {event.detail}"
            elif entry.task is not None and entry.build is not None:
                judged = state.tasks[entry.task].attempt
                if judged is not None:
                    judged.ejected_tree = entry.build.tree
        case e.LandingIntended():
            state.queue[event.entry].intended = event.commit
        case e.EntryLanded():
            _land(state, event, at)
        case e.LandingLost():
            entry = state.queue[event.entry]
            entry.intended, entry.build, entry.blocked = None, None, ""
            state.tip, state.tip_tree = event.found, event.found_tree
        case e.LandingBlocked():
            entry = state.queue[event.entry]
            entry.blocked, entry.blocked_until = event.reason, event.retry_at
        case _ as never:
            assert_never(never)


def _queue(state: RunState, event: e.EntryQueued, at: float) -> None:
    state.entries_seen += 1
    state.queue[event.entry] = Entry(
        id=event.entry,
        kind=event.entry_kind,
        head=event.head,
        number=state.entries_seen,
        queued_at=at,
        task=event.task,
        attempt=event.attempt,
    )


def _land(state: RunState, event: e.EntryLanded, at: float) -> None:
    entry = state.queue.pop(event.entry)
    state.tip, state.tip_tree = event.commit, event.tree
    state.landings.append(Landing(event.entry, event.commit, at, event.task))
    if entry.kind is EntryKind.BASE:
        state.diverged, state.promote_reason = None, ""
    if entry.kind is EntryKind.TASK and event.task is not None:
        task = state.tasks[event.task]
        task.landed_commit, task.landed_at, task.first = event.commit, at, False
        task.held = False
        end_attempt(task, "landed")
