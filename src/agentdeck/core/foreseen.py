"""Collisions of live work that are foreseen: what is kept of them, and what they mean for whom.

Rules:
- What is foreseen is of the moment: a pair is forgotten as soon as the work of one of its tasks has
  landed, or is given up. Nothing is ever refused or ejected because of it; git has the last word
  when an entry is built.
- A pair that names no other task is a task and the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from agentdeck.core.events import CollisionsForeseen, Foreseen
from agentdeck.core.ids import TaskId
from agentdeck.core.state import UNLANDED, Entry, RunState

NAMED_PARTNERS: Final = 2  # in one sentence


def kept(state: RunState, event: CollisionsForeseen) -> tuple[Foreseen, ...]:
    """What of an event still concerns live work."""
    return _live(state, event.collisions)


def forget_the_gone(state: RunState) -> None:
    """Leave out pairs of which one is no longer live. Cheap when nothing is foreseen."""
    if not state.foreseen:
        return
    if state.outcome is not None:
        state.foreseen, state.foreseen_more = (), 0
        return
    left = _live(state, state.foreseen)
    if len(left) < len(state.foreseen):
        state.foreseen = left
        state.foreseen_more = state.foreseen_more if left else 0


def of_task(state: RunState, task: TaskId) -> list[Foreseen]:
    """The collisions of one task, seen from it: `one` is the task. The target comes first."""
    found = [pair for pair in state.foreseen if task in (pair.one, pair.other)]
    turned = [
        pair if pair.one == task else Foreseen(task, pair.one, pair.files, pair.more)
        for pair in found
    ]
    return sorted(turned, key=lambda pair: pair.other is not None)


def between(state: RunState, one: TaskId | None, other: TaskId | None) -> Foreseen | None:
    """The collision of two tasks; None = none is foreseen."""
    if one is None or other is None:
        return None
    pair = {one, other}
    return next((found for found in state.foreseen if {found.one, found.other} == pair), None)


def clashing(state: RunState, entries: Sequence[Entry]) -> frozenset[TaskId]:
    """The tasks of these entries that collide with others of them. O(collisions + entries)."""
    if not state.foreseen:
        return frozenset()
    waiting = {entry.task for entry in entries if entry.task is not None}
    found: set[TaskId] = set()
    for pair in state.foreseen:
        if pair.one in waiting and pair.other is not None and pair.other in waiting:
            found |= {pair.one, pair.other}
    return frozenset(found)


def where(pair: Foreseen) -> str:
    """The first file of a collision, and how many more there are; "" where git names none."""
    if not pair.files:
        return ""
    more = len(pair.files) - 1 + pair.more
    return pair.files[0] + (f" and {more} more" if more else "")


def sentence(state: RunState, task: TaskId) -> str:
    """What a task has to expect, as the end of a sentence; "" = nothing."""
    found = of_task(state, task)
    others = [pair for pair in found if pair.other is not None]
    told: list[str] = []
    if found and found[0].other is None:
        told.append(f"collides with what has landed{_in(found[0])}: it will have to be repaired")
    if others:
        named = ", ".join(f"{pair.other}{_in(pair)}" for pair in others[:NAMED_PARTNERS])
        more = len(others) - NAMED_PARTNERS
        named += f" and {more} more tasks" if more > 0 else ""
        told.append(f"collides with {named}: whoever lands second will have to be repaired")
    return "; ".join(told)


def _in(pair: Foreseen) -> str:
    files = where(pair)
    return f" in {files}" if files else ""


def _live(state: RunState, pairs: Sequence[Foreseen]) -> tuple[Foreseen, ...]:
    return tuple(pair for pair in pairs if all(_is_live(state, t) for t in _tasks(pair)))


def _tasks(pair: Foreseen) -> Iterator[TaskId]:
    yield pair.one
    if pair.other is not None:
        yield pair.other


def _is_live(state: RunState, task: TaskId) -> bool:
    found = state.tasks.get(task)
    return found is not None and found.state in UNLANDED


__all__ = ["between", "clashing", "forget_the_gone", "kept", "of_task", "sentence", "where"]
