"""What waits for a person, as programs read it, with the command that answers it."""

from __future__ import annotations

from typing import Final

import msgspec

from agentdeck.core import inbox
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Item, Kind
from agentdeck.core.state import Question, RunState
from agentdeck.engine.folders import RunFolder

# What answers it: the command, where `{}` is its task or its name.
ANSWERS: Final = {
    Kind.QUESTION: "answer {} TEXT",
    Kind.PERMISSION: "answer {} --allow",
    Kind.PROPOSED: "accept {}",
    Kind.ASKED: "accept {} TEXT",
    Kind.BY_HAND: "approve {}",
    Kind.FAILED: "retry {}",
    Kind.CANCELLED: "retry {}",
    Kind.REVIEW: "approve {}",
    Kind.APPROVAL: "approve {}",
    Kind.BUDGET: "budget raise {} --usd AMOUNT",
    Kind.ACCOUNT: "accounts resume {}",
    Kind.GATE: "retry",
    Kind.PROMOTION: "promote",
    Kind.UNPROMOTED: "promote",
    Kind.HANDS: "hand-back {}",
    Kind.PAUSED: "resume {}",
    Kind.HELD: "release {}",
    Kind.RUN_PAUSED: "resume",
    Kind.QUEUE_HELD: "release",
}


class WaitingLine(msgspec.Struct, frozen=True):
    """One thing that waits for a person."""

    kind: Kind
    name: str  # a task, the scope of a budget, an account, a gate, or a branch
    task: TaskId | None  # where it is about one
    since: float | None  # seconds since the epoch; null = nobody has noted it
    needs_you: bool  # work stands still; else a person has put it aside on purpose
    waits: int  # tasks that wait for it
    why: str  # in a sentence
    command: str  # that answers it, without `agentdeck`; empty where it depends
    question: Question | None  # what the agent asks, where it asks something


def waiting_lines(state: RunState, now: float) -> list[WaitingLine]:
    """Everything that waits for a person, the most urgent first.

    Args:
        now: seconds since the epoch.
    """
    ranked = inbox.ranked(state, inbox.waiting(state))
    return [waiting_line(state, item, waits, now) for item, waits in ranked]


def waiting_line(state: RunState, item: Item, waits: int, now: float) -> WaitingLine:
    """One of them; `waits` is how many tasks wait for it."""
    return WaitingLine(
        kind=item.kind,
        name=item.name,
        task=item.task,
        since=item.since,
        needs_you=item.needs_you,
        waits=waits,
        why=item.said or (explain(state, item.task, now) if item.task is not None else ""),
        command=answer_to(item),
        question=_question(state, item),
    )


def answer_to(item: Item) -> str:
    """The command that answers it; empty where it depends."""
    return ANSWERS.get(item.kind, "").format(item.task or item.name)


def _question(state: RunState, item: Item) -> Question | None:
    if item.task is None or item.kind not in (Kind.QUESTION, Kind.PERMISSION):
        return None
    attempt = state.tasks[item.task].attempt
    return attempt.question if attempt is not None else None


def proposed(folder: RunFolder, state: RunState) -> list[str]:
    """What a tracker has proposed, in a line: it is no part of the run until a person takes it."""
    if state.plan.tracker is None:
        return []
    from agentdeck.control import tracker_inbox  # few runs have one

    return tracker_inbox.told(folder)


__all__ = ["WaitingLine", "answer_to", "proposed", "waiting_line", "waiting_lines"]
