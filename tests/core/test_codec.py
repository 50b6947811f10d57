"""What is stored comes back as it was, and what cannot be read says so."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdeck.core import events as e
from agentdeck.core.codec import (
    JournalFormatError,
    decode_event,
    decode_recorded,
    encode_event,
    encode_recorded,
    storable,
)
from agentdeck.core.events import (
    VERSION,
    AnyEvent,
    Event,
    PlanChanged,
    QueueHeld,
    Recorded,
    RunStarted,
)
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Budget, OnExceed, Plan
from agentdeck.testing.plan_strategies import plans

PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    float: st.floats(allow_nan=False, allow_infinity=False),  # JSON has no others
    int: st.integers(-(2**63), 2**63 - 1),
    str: st.text(max_size=30),
    Plan: plans(max_tasks=2),
}


def drawn(kind: Any) -> st.SearchStrategy[Any]:
    """Any value of a type that a field of an event may have."""
    kind = getattr(kind, "__supertype__", kind)  # of a NewType
    if kind in PLAIN:
        return PLAIN[kind]
    if get_origin(kind) is tuple:
        return st.lists(drawn(get_args(kind)[0]), max_size=3).map(tuple)
    if isinstance(kind, UnionType):
        return st.one_of([drawn(each) for each in get_args(kind)])
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {field.name: drawn(field.type) for field in msgspec.structs.fields(kind)}
        return st.builds(kind, **fields)
    return st.from_type(kind)


EVENTS: st.SearchStrategy[Any] = st.one_of([drawn(kind) for kind in get_args(AnyEvent)])


def test_every_kind_of_event_is_in_the_union() -> None:
    """An event that is not named there could be written and never read."""
    assert set(Event.__subclasses__()) == set(get_args(AnyEvent))


@given(EVENTS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_an_event_comes_back_as_it_was(event: AnyEvent) -> None:
    assert decode_event(encode_event(event), version=VERSION, seq=1) == event
    recorded = Recorded(7, 1234.5, event)
    assert decode_recorded(encode_recorded(recorded)) == recorded


def test_a_newer_format_is_refused_with_the_way_out() -> None:
    with pytest.raises(JournalFormatError) as caught:
        decode_event(encode_event(QueueHeld("you")), version=VERSION + 1, seq=9)
    assert f"event 9 has format {VERSION + 1}" in caught.value.message
    assert "newer" in caught.value.hint


@pytest.mark.parametrize("data", [b"", b"{", b"{}", b'{"kind":"nothing.known"}', b"\xff"])
def test_damaged_bytes_are_refused_with_their_place(data: bytes) -> None:
    with pytest.raises(JournalFormatError, match="event 3"):
        decode_event(data, version=VERSION, seq=3)


def test_a_damaged_event_from_an_engine_is_refused() -> None:
    with pytest.raises(JournalFormatError):
        decode_recorded(b'{"seq":1}')


def test_a_field_that_is_not_known_yet_is_ignored() -> None:
    """Fields may be added with a default; an older reader goes on."""
    assert decode_event(
        b'{"kind":"queue.held","by":"you","new":1}', version=VERSION, seq=1
    ) == QueueHeld("you")


def _old(budget: str) -> bytes:
    """How format 1 stored the start of a run."""
    return (
        '{"kind":"run.started","run":"r","plan":{"name":"p","tasks":[],"budget":'
        + budget
        + '},"repo":"x","base":"main","base_commit":"c","base_tree":"t","target":"deck/p"}'
    ).encode()


@pytest.mark.parametrize(
    ("budget", "version", "means"),
    [
        ('{"usd":20.0}', 1, OnExceed.DRAIN),
        ('{"usd":20.0,"on_exceed":"stop"}', 1, OnExceed.STOP),
        ('{"usd":20.0}', 2, OnExceed.ASK),
        ('{"usd":20.0,"on_exceed":"drain"}', 2, OnExceed.DRAIN),
    ],
)
def test_a_budget_means_what_it_meant_when_it_was_stored(
    budget: str, version: int, means: OnExceed
) -> None:
    """Format 1 left "drain" out; a run of that time goes on to drain, also through a socket."""
    event = decode_event(_old(budget), version=version, seq=1)
    assert isinstance(event, RunStarted)
    assert event.plan.budget.on_exceed is means
    sent = b'{"seq":1,"at":1.0,"event":%s,"v":%d}' % (_old(budget), version)
    assert decode_recorded(sent).event == event
    again = decode_recorded(encode_recorded(Recorded(1, 1.0, event, version)))
    assert again.event == event


def test_a_change_of_the_plan_of_that_time_drains_too() -> None:
    stored = b'{"kind":"plan.changed","change":{"budget":{"tokens":5}},"revision":1,"by":"kim"}'
    event = decode_event(stored, version=1, seq=2)
    assert isinstance(event, PlanChanged)
    assert event.change.budget == Budget(tokens=5, on_exceed=OnExceed.DRAIN)


def test_what_is_no_text_can_be_stored() -> None:
    """A file name may hold any byte: it is told, and the event is otherwise the same."""
    bad, half, good = (e.FileTouched(name, 1, 2) for name in ("a\udcff", "b\ud800", "é\n"))
    event = e.AttemptCollected(TaskId("A"), 1, "head", "tree", 1, (bad, half, good), 0, "in \udc80")
    stored = storable(event)
    assert decode_event(encode_event(stored), version=VERSION, seq=1) == stored
    assert isinstance(stored, e.AttemptCollected)
    assert [file.path for file in stored.files] == ["a\\xff", "b\ufffd", "é\n"]
    assert (stored.fault, stored.head) == ("in \\x80", "head")


def test_what_is_text_is_stored_as_it_is() -> None:
    """Not even a copy is made."""
    event = QueueHeld("you")
    assert storable(event) is event
