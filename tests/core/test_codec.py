"""What is stored comes back as it was, and what cannot be read says so."""

from __future__ import annotations

from types import UnionType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentdeck.core.codec import (
    JournalFormatError,
    decode_event,
    decode_recorded,
    encode_event,
    encode_recorded,
)
from agentdeck.core.events import VERSION, AnyEvent, Event, QueueHeld, Recorded
from agentdeck.core.plan import Plan
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
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
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
