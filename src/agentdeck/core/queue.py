"""The merge queue: which entry is worked on, and what is the next step for it.

The rules, in sentences:
1. Entries are ordered: put first by a person, then commits of the base, then priority, then the
   time they came. (Dependencies need no rule of their own: a task starts after what it needs has
   landed.) The head commit is pinned when the entry comes.
2. Every first-parent commit of the target is green for its exact tree. What is gated is what lands.
3. Before an entry is blamed for a red gate, the tip itself must be green for the same gate. If it
   is red too, the queue is frozen and blames nobody.
4. An entry that does not merge with the tip, or is red on it, is ejected with the files or the log;
   everything behind it goes on without it.
5. A landing is intended in the journal before the ref moves.
6. A held entry waits, and those behind it go past. A held queue does nothing.

One entry is built at a time: the first that may move. When the run has ended, only commits of the
base still go in, on the way to being promoted.
"""

from __future__ import annotations

from collections.abc import Iterator

from agentdeck.core import events as e
from agentdeck.core import evidence, policy, verdicts
from agentdeck.core.events import AnyEvent, EntryKind, FailureClass
from agentdeck.core.ids import GateName
from agentdeck.core.plan import GateWhen
from agentdeck.core.state import Entry, RunState, TaskRun
from agentdeck.core.steps import AnyStep, BuildEntry, LandEntry, Record, RunGate

NAMED_FILES = 3  # of a conflict, in a sentence


def task_of(state: RunState, entry: Entry) -> TaskRun | None:
    """The task an entry brings in; None for commits of the base."""
    return state.tasks[entry.task] if entry.task is not None else None


def in_order(state: RunState) -> list[Entry]:
    """The entries, the first to land at the front."""

    def rank(entry: Entry) -> tuple[bool, bool, int, int]:
        task = task_of(state, entry)
        first = task is not None and task.first
        priority = state.spec(task.id).priority if task else 0
        return (not first, entry.kind is not EntryKind.BASE, -priority, entry.number)

    ended = state.outcome is not None
    entries = (e for e in state.queue.values() if not ended or e.kind is EntryKind.BASE)
    return sorted(entries, key=rank)


def is_held(state: RunState, entry: Entry) -> bool:
    """Does a person keep this entry from landing?"""
    task = task_of(state, entry)
    return task is not None and task.held


def head(state: RunState) -> Entry | None:
    """The entry that is worked on: a landing under way, else the first that is not held."""
    order = in_order(state)
    landing = next((entry for entry in order if entry.intended), None)
    return landing or next((entry for entry in order if not is_held(state, entry)), None)


def gates_of(state: RunState, entry: Entry) -> list[GateName]:
    """The gates that must be green on the build of an entry."""
    return evidence.merge_gates(state, task_of(state, entry))


def frozen_gate(state: RunState) -> GateName | None:
    """The gate that is red on the first entry and on the target's own tip: the queue is frozen."""
    entry = head(state)
    if entry is None or entry.build is None or entry.build.tip != state.tip:
        return None
    red = evidence.red_gate(state, gates_of(state, entry), entry.build.tree)
    return evidence.red_gate(state, [red], state.tip_tree) if red else None


def next_steps(state: RunState, now: float) -> Iterator[AnyStep]:
    """The step that the queue needs now: none or one."""
    entry = head(state)
    if entry is None:
        return
    if entry.intended:
        # An intended landing is finished even when the queue is held: the ref may have moved.
        if now >= entry.blocked_until:
            assert entry.build is not None
            yield LandEntry(entry.id, entry.intended, entry.build.tip)
        return
    if state.queue_held:
        return
    if entry.conflict_tip == state.tip:
        yield Record(tuple(_eject(state, entry, FailureClass.CONFLICT, _conflict(entry), now)))
        return
    if entry.build is None or entry.build.tip != state.tip:
        yield BuildEntry(entry.id, state.tip)
        return
    yield from _gate_or_land(state, entry, now)


def _gate_or_land(state: RunState, entry: Entry, now: float) -> Iterator[AnyStep]:
    build = entry.build
    assert build is not None
    gates = gates_of(state, entry)
    for name in gates:
        found = verdicts.of(state, name, build.tree)
        if verdicts.passes(found):
            continue
        tip = verdicts.of(state, name, state.tip_tree)
        if found is verdicts.Standing.OPEN:
            yield _gate(state, name, build.tree, build.commit)
        elif tip is verdicts.Standing.OPEN:
            yield _gate(state, name, state.tip_tree, state.tip)
        elif verdicts.passes(tip):
            why = verdicts.red_sentence(state, name, build.tree)
            yield Record(tuple(_eject(state, entry, FailureClass.GATE, why, now)))
        return
    yield Record((e.LandingIntended(entry.id, build.commit, build.tip),))


def _gate(state: RunState, name: GateName, tree: str, commit: str) -> RunGate:
    return RunGate(name, GateWhen.MERGE, tree, commit, state.next_gate_run(name, tree))


def _conflict(entry: Entry) -> str:
    named = ", ".join(entry.conflict_files[:NAMED_FILES])
    more = len(entry.conflict_files) - NAMED_FILES
    return f"conflicts with what has landed in {named}" + (f" and {more} more" if more > 0 else "")


def _eject(
    state: RunState, entry: Entry, cause: FailureClass, detail: str, now: float
) -> list[AnyEvent]:
    events: list[AnyEvent] = [e.EntryEjected(entry.id, cause, detail)]
    task = task_of(state, entry)
    if task is not None:  # else it was the base: the fold ends the promotion with this reason
        events.append(policy.after_failure(state, task, cause, detail, now))
    return events
