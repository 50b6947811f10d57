"""Commands about a place in the merge queue: move an entry, or take it out.

Rules:
- Only what waits can be moved: nothing goes before a landing under way, and commits of the base
  and reverts have their place before everything that tasks have made.
- A group has one place in all the queues that it is in: none of it is moved, nor is anybody moved
  beside it.
- Up and down are by one place in the order that is shown, held entries counted.
- Who is dropped loses no commit. Its task is cancelled, which a person undoes by a retry.
"""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core import groups, train
from agentdeck.core.events import AnyEvent, EntryKind
from agentdeck.core.ids import TaskId
from agentdeck.core.lanes import of_entry
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.state import Entry, RunState
from agentdeck.core.words import listed

NAMED = 3  # others of a group, in a sentence


def move(state: RunState, command: c.Move) -> list[AnyEvent]:
    """The events of a move. Raises Refused."""
    entry = _entry_that_waits(state, command.task)
    after = command.to in (c.Place.DOWN, c.Place.AFTER)
    if command.to in (c.Place.UP, c.Place.DOWN):
        beside = _neighbour(state, entry, 1 if after else -1)
    else:
        beside = _named(state, command)
    if beside.repo != entry.repo:
        raise Refused(f"{beside.id} is in the queue of another repository")
    for one in (entry, beside):
        mates = groups.others(state, one)
        if mates:
            words = f"{one.task} lands together with {listed(mates, NAMED)}"
            where = "so they have one place" if one is entry else "so nobody is put beside it"
            raise Refused(f"{words}, {where}", hint="`agentdeck merge` puts one to the front")
    if beside.kind is not EntryKind.TASK:
        base = of_entry(state, beside).base
        what = "a revert goes" if beside.reverts is not None else f"commits of {base} go"
        raise Refused(f"{what} in before what tasks have made")
    if beside.intended and not after:
        raise Refused(f"{beside.task} is landing this moment: nothing goes before it")
    return [e.EntryMoved(entry.id, beside.id, after, command.by)]


def drop(state: RunState, command: c.Drop) -> list[AnyEvent]:
    """The events of a drop. Raises Refused."""
    entry = _entry_that_waits(state, command.task)
    assert entry.task is not None
    return [e.TaskCancelled(entry.task, f"dropped from the merge queue by {command.by}")]


def _entry_that_waits(state: RunState, name: TaskId) -> Entry:
    task = task_of(state, name)
    entry = _entry_of(state, task.id)
    if entry is None:
        raise Refused(f"{task.id} is {task.state}: it is not in the merge queue")
    if entry.intended:
        raise Refused(f"{task.id} is landing this moment")
    return entry


def _entry_of(state: RunState, name: TaskId) -> Entry | None:
    return next((entry for entry in state.queue.values() if entry.task == name), None)


def _neighbour(state: RunState, entry: Entry, by: int) -> Entry:
    order = train.in_order(of_entry(state, entry))
    at = order.index(entry) + by
    if at < 0:
        raise Refused(f"{entry.task} is the first in the merge queue already")
    if at == len(order):
        raise Refused(f"{entry.task} is the last in the merge queue already")
    return order[at]


def _named(state: RunState, command: c.Move) -> Entry:
    if command.beside is None:
        raise Refused(f"{command.to} which task?")
    if command.beside == command.task:
        raise Refused(f"{command.task} cannot be moved beside itself")
    other = task_of(state, command.beside)
    beside = _entry_of(state, other.id)
    if beside is None:
        raise Refused(f"{other.id} is {other.state}: it is not in the merge queue")
    return beside
