"""What takes a command back: the commands that bring the run to where it was before it.

Rules: only wishes are taken back, never work. What has started, ended or landed an agent's work has
no way back here (a revert is one of its own); nor has what a person said to somebody.
"""

from __future__ import annotations

import msgspec

from agentdeck.core import commands as c
from agentdeck.core import train
from agentdeck.core.budgets import budget_of
from agentdeck.core.commands import AnyCommand
from agentdeck.core.events import SkipMode
from agentdeck.core.ids import TaskId
from agentdeck.core.pools import stand_of
from agentdeck.core.readiness import cascade
from agentdeck.core.state import RunState


def undoing(state: RunState, command: AnyCommand) -> tuple[AnyCommand, ...]:
    """The commands that take back what `command` is about to change, in order; () = none can.

    Args:
        state: as it is before the command.
    """
    back = _undoing(state, command)
    return tuple(msgspec.structs.replace(each, by=command.by) for each in back)


def _undoing(state: RunState, command: AnyCommand) -> tuple[AnyCommand, ...]:
    match command:
        case c.Pause(task=task):
            return (c.Resume(task),)
        case c.Resume(task=task):
            return (c.Pause(task),)
        case c.Hold(task=task):
            return (c.Release(task),)
        case c.Release(task=task):
            return (c.Hold(task),)
        case c.Skip(task=task, mode=mode):
            along = cascade(state, task) if mode is SkipMode.CASCADE else ()
            return tuple(c.Unskip(each) for each in (task, *along))
        case c.SetAgents():
            return (c.SetAgents(state.agents_limit),)
        case c.SetPoolLimit(pool=pool):
            return (c.SetPoolLimit(pool, stand_of(state, pool).limit),)
        case c.SetBudget(scope=scope) | c.RaiseBudget(scope=scope):
            before = budget_of(state, scope)
            return (c.SetBudget(scope, before.usd, before.tokens),) if before is not None else ()
        case c.Move(task=task):
            return _back_in_its_place(state, task)
        case _:
            return ()


def _back_in_its_place(state: RunState, task: TaskId) -> tuple[AnyCommand, ...]:
    """Behind the entry of a task that it stands behind, or before the one that stands behind it."""
    order = [entry.task for entry in train.in_order(state)]
    if task not in order:
        return ()
    at = order.index(task)
    if at > 0 and (before := order[at - 1]) is not None:
        return (c.Move(task, c.Place.AFTER, before),)
    if at + 1 < len(order) and (behind := order[at + 1]) is not None:
        return (c.Move(task, c.Place.BEFORE, behind),)
    return ()
