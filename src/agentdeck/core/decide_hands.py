"""A person takes a task over, and gives it back."""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide_words import checked_text
from agentdeck.core.events import AnyEvent
from agentdeck.core.refused import Refused, task_of
from agentdeck.core.scheduler import is_human
from agentdeck.core.state import LIVE, RunState, TaskRun, TaskState, Wanted


def take_over(state: RunState, command: c.TakeOver) -> list[AnyEvent]:
    """The agent's turn is ended; then the task is in a person's hands."""
    task = task_of(state, command.task)
    if is_human(state, task.id):
        raise Refused(f"{task.id} is done by a person already")
    if task.state is TaskState.TAKEN:
        raise Refused(f"{task.id} is in the hands of {task.taken_by} already")
    attempt = task.attempt
    if task.state not in LIVE or attempt is None or attempt.launched_at is None:
        raise Refused(f"{task.id} is {task.state}: no agent works on it{_other_way(task)}")
    if attempt.worker:
        raise Refused(
            f"{task.id} works on {attempt.worker}: its worktree and its session are there",
            hint="pause or steer it; or stop it, and retry it in a pool of this machine",
        )
    if task.wanted is Wanted.TAKE:
        raise Refused(f"{task.id} is being taken over by {task.taken_by}")
    if task.wanted is Wanted.STOP or attempt.limit is not None:
        raise Refused(f"{task.id} is being stopped")
    return [e.TaskTakeOverAsked(task.id, command.by)]


def _other_way(task: TaskRun) -> str:
    stuck = task.state in (TaskState.FAILED, TaskState.CANCELLED)
    return "; retry it, then take it over" if stuck else ""


def hand_back(state: RunState, command: c.HandBack) -> list[AnyEvent]:
    """The work is taken as it is: to be proven, or for the agent to go on with."""
    task = task_of(state, command.task)
    if task.state is not TaskState.TAKEN or task.attempt is None:
        raise Refused(f"{task.id} is {task.state}: nobody has taken it over")
    text = checked_text(command.text)
    if text and not command.go_on:
        raise Refused(
            "work that is finished has nobody to tell something",
            hint="leave the words out, or let its agent go on",
        )
    number = task.attempt.number
    events: list[AnyEvent] = [e.TaskHandedBack(task.id, number, command.by, command.go_on)]
    if text:
        name = f"n{task.queued_so_far + 1}"
        events.append(e.MessageQueued(task.id, name, text, command.by))
    return events


def refuse_in_hands(task: TaskRun) -> None:
    """Refuse what would reach into a worktree that a person works in."""
    if task.state is TaskState.TAKEN:
        raise Refused(
            f"{task.id} is in the hands of {task.taken_by}",
            hint="hand it back first, or stop it: what is there is kept",
        )
