"""What a key means for many tasks at once: their commands, and for whom there is none and why.

Rules:
- The engine's own rule is asked for each task, so what is refused here is refused there.
- A key with two ways (pause and resume, hold and release) takes the first one that any of the tasks
  can go, for all of them: a mixed selection is paused, not turned round one by one.
- A task that another one takes with it in a cascade needs no skip of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from agentdeck.core import commands as c
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import refusal
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.core.readiness import cascade
from agentdeck.core.state import RunState, TaskState

Way = type[Any]  # a command whose first field is a task

WAYS: Final[dict[str, tuple[Way, ...]]] = {
    "task.pause": (c.Pause, c.Resume),
    "task.retry": (c.Retry,),
    "task.retry_feedback": (c.Retry,),
    "task.skip": (c.Skip,),
    "task.unskip": (c.Unskip,),
    "task.approve": (c.Approve,),
    "task.merge": (c.Merge,),
    "task.hold": (c.Hold, c.Release),
    "task.stop": (c.Stop,),
}
_DID: Final[dict[Way, str]] = {
    c.Pause: "paused",
    c.Resume: "resumed",
    c.Retry: "retried",
    c.Skip: "skipped",
    c.Unskip: "unskipped",
    c.Approve: "approved",
    c.Merge: "moved to the front",
    c.Hold: "held",
    c.Release: "released",
    c.Stop: "stopped",
    c.Drop: "dropped",
}
_VERBS: Final[dict[Way, str]] = {c.Resume: "resume", c.Release: "release"}
LOOKED_AT: Final = 40  # tasks, to say many times a second whether a key can act
NAMED: Final = 3  # reasons in one toast

Refused = tuple[TaskId, str]


class Bulk(NamedTuple):
    """What will be sent, and what will not."""

    commands: tuple[AnyCommand, ...]
    refused: tuple[Refused, ...]


def bulk_of(
    key: str, state: RunState, tasks: Sequence[TaskId], *, queue: bool = False, **fields: object
) -> Bulk:
    """The commands of a key for many tasks.

    Args:
        queue: the key was pressed on the queue: `x` takes entries out.
        fields: what a dialog added to each command.
    """
    ways = [
        _one_way(state, [_made(way, state, task, queue, fields) for task in tasks], tasks)
        for way in WAYS[key]
    ]
    found = next((way for way in ways if way.commands), ways[0])
    if fields.get("mode") is SkipMode.CASCADE:
        return _without_taken_along(state, found)
    return found


def way_of(key: str, state: RunState, tasks: Sequence[TaskId]) -> Way | None:
    """The way that a key would go; None = none of the tasks can. Looks at `LOOKED_AT` of them."""
    for way in WAYS[key]:
        for task in tasks[:LOOKED_AT]:
            if refusal(state, way(task)) is None:
                return way
    return WAYS[key][0] if len(tasks) > LOOKED_AT else None


def verb_of(way: Way | None, usual: str) -> str:
    """The word for a key that goes this way."""
    return _VERBS.get(way, usual) if way is not None else usual


def result_words(done: Iterable[AnyCommand], refused: Sequence[Refused]) -> str:
    """`5 paused; 2 not: T3 is landed: …`: what came of it, in one sentence."""
    counted = Counter(_DID[type(command)] for command in done)
    parts = [f"{count} {word}" for word, count in counted.items()]
    if refused:
        reasons = list(dict.fromkeys(_reason(task, why) for task, why in refused))
        more = f"; and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
        parts.append(f"{len(refused)} not: {'; '.join(reasons[:NAMED])}{more}")
    return "; ".join(parts)


def _reason(task: TaskId, why: str) -> str:
    """A reason with the name of its task."""
    return why if why.startswith(task) else f"{task}: {why}"


def _made(
    way: Way, state: RunState, task: TaskId, queue: bool, fields: dict[str, object]
) -> AnyCommand:
    queued = queue and way is c.Stop and state.tasks[task].state is TaskState.QUEUED
    made: AnyCommand = c.Drop(task) if queued else way(task)
    return msgspec.structs.replace(made, **fields) if fields else made


def _one_way(state: RunState, commands: Sequence[AnyCommand], tasks: Sequence[TaskId]) -> Bulk:
    refusals = [refusal(state, command) for command in commands]
    return Bulk(
        tuple(command for command, why in zip(commands, refusals, strict=True) if why is None),
        tuple((task, why) for task, why in zip(tasks, refusals, strict=True) if why is not None),
    )


def _without_taken_along(state: RunState, found: Bulk) -> Bulk:
    along: set[TaskId] = set()
    for command in found.commands:
        if isinstance(command, c.Skip):
            along.update(cascade(state, command.task))
    kept = [x for x in found.commands if not (isinstance(x, c.Skip) and x.task in along)]
    return Bulk(tuple(kept), found.refused)
