"""Lanes: one repository of a run, with its target and its merge queue.

Rules:
- `seen(state, repo)` is the run as if that repository were the plan's own: target, tip, base, batch
  and promotion are its. Everything else is the run's, and the same objects. It is read and never
  written, and it is as old as the state it was made of.
- A plan of one repository has one lane, and that is the state itself: it costs nothing there.
- What an event changes, it changes in `ground(state, repo)`.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Final

import msgspec

from agentdeck.core.ids import RepoName, TaskId
from agentdeck.core.plan import OWN_REPO
from agentdeck.core.state import Entry, RepoRun, RunState

_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(RepoRun))


def names(state: RunState) -> tuple[RepoName, ...]:
    """Every repository of the run, the plan's own first."""
    return state.plan.lanes if state.repos else (OWN_REPO,)


def lanes(state: RunState) -> Iterator[RunState]:
    """The run as seen from each of its repositories, the plan's own first."""
    return (seen(state, name) for name in names(state)) if state.repos else iter((state,))


def seen(state: RunState, repo: RepoName) -> RunState:
    """The run as seen from one repository; a copy of O(repositories), to be read only.

    Raises:
        KeyError: the run has no such repository.
    """
    if repo == state.lane:
        return state
    place = state.repos[repo]
    found = copy(state)
    here = RepoRun(**{name: getattr(state, name) for name in _FIELDS})
    found.repos = {**state.repos, state.lane: here}
    for name in _FIELDS:
        setattr(found, name, getattr(place, name))
    found.lane = repo
    return found


def of_task(state: RunState, task: TaskId) -> RunState:
    """The run as seen from where a task works."""
    return seen(state, state.plan.repo_of(task)) if state.repos else state


def of_entry(state: RunState, entry: Entry) -> RunState:
    """The run as seen from where an entry lands."""
    return seen(state, entry.repo)


def where_of(state: RunState) -> str:
    """The target of a lane, for a sentence: with its repository, if that is not the plan's own."""
    return f"{state.target} of {state.lane}" if state.lane else state.target


def every_target(state: RunState) -> str:
    """The targets of a run, in a few words: `deck/p`, or `deck/p, deck/p of web`."""
    return ", ".join(where_of(lane) for lane in lanes(state))


def promotions_waiting(state: RunState) -> list[str]:
    """Why promotions that were asked for wait, one sentence for each repository."""
    return [
        f"{lane.lane}: {lane.promote_reason}" if lane.lane else lane.promote_reason
        for lane in lanes(state)
        if lane.promote_wanted and lane.promote_reason
    ]


def unpromoted(state: RunState) -> list[RunState]:
    """The lanes whose base lacks something that has landed there."""
    return [lane for lane in lanes(state) if lane.landed_here and lane.promoted != lane.tip]


def ground(state: RunState, repo: RepoName) -> RunState | RepoRun:
    """What holds the fields of a repository; only the fold writes them."""
    return state if repo == state.lane else state.repos[repo]


__all__ = [
    "every_target",
    "ground",
    "lanes",
    "names",
    "of_entry",
    "of_task",
    "promotions_waiting",
    "seen",
    "unpromoted",
    "where_of",
]
