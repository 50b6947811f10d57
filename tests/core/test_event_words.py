"""Every event has plain words of its own."""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from typing import Any, get_args

import msgspec
import pytest

from agentdeck.core import events as e
from agentdeck.core.codec import encode_event
from agentdeck.core.event_words import Tone, told_of
from agentdeck.core.events import AnyEvent, FailureClass, ReviewVerdict, Verdict
from agentdeck.core.hosts import Worker
from agentdeck.core.ids import AgentName, EntryId, GateName, PoolName, TaskId
from agentdeck.core.plan import GateWhen

KINDS: list[type[Any]] = list(get_args(AnyEvent))


def some(kind: object) -> object:
    """A value of a type, as small as it may be."""
    origin, parts = typing.get_origin(kind), get_args(kind)
    if isinstance(kind, typing.NewType):
        return some(kind.__supertype__)
    if origin in (typing.Union, types.UnionType):
        return some(parts[0])
    if origin in (tuple, list, dict, set):
        return origin()
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        needed = (field for field in msgspec.structs.fields(kind) if field.required)
        return kind(**{field.name: some(hints[field.name]) for field in needed})
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: some(hints[field.name]) for field in dataclasses.fields(kind)})
    return {str: "some\nlines", int: 1, float: 1.0, bool: True}[kind]  # type: ignore[index]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_has_words(kind: type[Any]) -> None:
    """Also one in which as little stands as may be; they are not its name in the journal."""
    event: AnyEvent = some(kind)  # type: ignore[assignment]
    told = told_of(event)
    assert told.about
    assert told.words
    assert str(kind.__struct_config__.tag) not in told.words
    assert encode_event(event)  # it is one that a journal could hold


T, G, BIG = TaskId("T-1"), GateName("unit"), PoolName("big")


def gate(verdict: Verdict) -> AnyEvent:
    return e.GateFinished(G, GateWhen.MERGE, "t", "c", 1, verdict, 1, 12.0, "gates/unit", task=T)


TOLD: list[tuple[AnyEvent, str, str, Tone]] = [
    (e.WorkersChanged(BIG, (Worker("w1", 2),)), "pool big", "workers: w1 (2)", Tone.CALM),
    (e.WorkersChanged(BIG), "pool big", "workers: none", Tone.ASKS),
    (e.WorkersChanged(BIG, fault="no one"), "pool big", "no one", Tone.ASKS),
    (
        e.TaskFailed(T, 1, FailureClass.GATE, "exit 1\nand its log"),
        "T-1", "FAILED (gate): exit 1", Tone.BAD,
    ),
    (gate(Verdict.FAILED), "T-1", "gate unit failed (12 s)", Tone.BAD),
    (gate(Verdict.PASSED), "T-1", "gate unit passed (12 s)", Tone.CALM),
    (e.AttemptExited(T, 1, 0), "T-1", "the agent ended (exit 0)", Tone.CALM),
    (e.AttemptExited(T, 1, None), "T-1", "the agent ended (status unknown)", Tone.BAD),
    (e.AttemptAsked(T, 1, "q", "May I?"), "T-1", "asks: May I?", Tone.ASKS),
    (e.TaskPauseAsked(T, "kim"), "T-1", "paused by kim", Tone.PERSON),
    (
        e.EntryLanded(EntryId("T-1.2"), "a" * 40, "b" * 40, T),
        "T-1.2", "landed as aaaaaaaaaa", Tone.GOOD,
    ),
    (e.BudgetMarked("run", 1.0), "budget", "that of the run is used up", Tone.ASKS),
    (e.BudgetMarked("phase:p", 0.5), "budget", "50% of that of phase p is used", Tone.CALM),
    (
        e.ReviewFinished(T, 1, 1, AgentName("codex"), ReviewVerdict.REQUEST_CHANGES, "no tests"),
        "T-1", "codex: request changes: no tests", Tone.BAD,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("event", "about", "words", "tone"), TOLD)
def test_words_say_who_and_what_and_how_loud_it_is(
    event: AnyEvent, about: str, words: str, tone: Tone
) -> None:
    assert told_of(event) == (about, words, tone)
