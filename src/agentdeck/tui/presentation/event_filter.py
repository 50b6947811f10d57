"""Which events of a journal are shown: of what kind, about which task, with which text.

Rules:
- A text is looked for in what the row says: its number, whom it is about, its words, its kind. It
  is a regular expression where it is one, as in logs.
- An event is about a task when it names it, or an entry of the merge queue that is of it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from agentdeck.core import events as e
from agentdeck.core.event_words import Told, Tone, told_of
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.ids import TaskId
from agentdeck.tui.presentation.line import Line, Span, cut, plain
from agentdeck.tui.presentation.log_pattern import Pattern, pattern_of

PATTERN_CELLS: Final = 30  # of a text that is repeated
BEHIND: Final = 1_000  # events; what is nearer is looked at before anybody can read that it is not


class Kinds(StrEnum):
    """Which kinds of events are shown."""

    ALL = ""
    NO_DETAIL = "without details"
    FAILURES = "failures"
    PEOPLE = "what people did"
    TASKS = "tasks and attempts"
    QUEUE = "gates and queue"
    RUN = "the run and accounts"


KINDS: Final = tuple(Kinds)


class EventQuery(msgspec.Struct, frozen=True):
    """What is looked for; without anything, every event."""

    text: str = ""
    task: TaskId | None = None
    kinds: Kinds = Kinds.ALL

    @property
    def is_open(self) -> bool:
        """Does every event pass?"""
        return self == EventQuery()


class Sieve:
    """Tells which events pass a query."""

    def __init__(self, query: EventQuery) -> None:
        self._query = query
        self._pattern: Pattern | None = pattern_of(query.text) if query.text else None

    def passes(self, recorded: Recorded) -> bool:
        """Does it? May take for ever with some expressions."""
        query, event = self._query, recorded.event
        told = told_of(event)
        if query.task is not None and not is_about(event, told, query.task):
            return False
        if not _of_kind(event, told, query.kinds):
            return False
        if self._pattern is None:
            return True
        return self._pattern.regex.search(searched(recorded, told)) is not None


def searched(recorded: Recorded, told: Told) -> str:
    """The text that is looked through."""
    return f"{recorded.seq} {told.about} {told.words} {kind_of(recorded.event)}"


def kind_of(event: AnyEvent) -> str:
    """Its name in the journal: `task.failed`."""
    return str(type(event).__struct_config__.tag)


def task_of(event: AnyEvent) -> TaskId | None:
    """The task that it names, if it names one."""
    found = getattr(event, "task", None)
    return TaskId(found) if isinstance(found, str) and found else None


def is_about(event: AnyEvent, told: Told, task: TaskId) -> bool:
    """Does it concern this task?"""
    named = task_of(event)
    if named is not None:
        return named == task
    return told.about == task or told.about.rpartition(".")[0] == task


def _of_kind(event: AnyEvent, told: Told, kinds: Kinds) -> bool:
    match kinds:
        case Kinds.ALL:
            return True
        case Kinds.NO_DETAIL:
            return told.tone is not Tone.DETAIL
        case Kinds.FAILURES:
            return told.tone is Tone.BAD
        case Kinds.PEOPLE:
            return told.tone is Tone.PERSON
        case Kinds.TASKS:
            return isinstance(event, e.TaskEvent | e.AttemptEvent | e.ReviewEvent)
        case Kinds.QUEUE:
            return isinstance(event, e.QueueEvent)
        case Kinds.RUN:
            return isinstance(event, e.RunEvent | e.AccountEvent)


def filter_words(query: EventQuery, found: int, looked_at: int, last: int, *, slow: bool) -> Line:
    """What the foot says of a filter: `& dead  only failures  only S-4  · 37 events`."""
    said: list[Span] = []
    if query.text:
        said += [Span("& ", "key bold"), Span(cut(plain(query.text), PATTERN_CELLS), "bold")]
        fault = pattern_of(query.text).fault
        said.append(Span(f"  as plain text ({cut(fault, 40)})" if fault else "", "state-asks"))
        said.append(Span("  "))
    if query.kinds:
        said.append(Span(f"only {query.kinds}  ".replace("only without", "without"), "bold"))
    if query.task is not None:
        said.append(Span(f"only {query.task}  ", "bold"))
    if slow:
        return (*said, Span("given up: the expression needs too long", "state-failed"))
    events = f"{found:,} event{'s' * (found != 1)}"
    if last - looked_at > BEHIND:
        return (*said, Span(f"{events}, looking on: {looked_at / last:.0%}", "muted"))
    return (*said, Span(events if found else "no event", "muted" if found else "state-asks"))
