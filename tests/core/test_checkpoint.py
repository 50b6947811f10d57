"""A checkpoint and what follows it give the state that the whole journal gives, or none at all."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core.checkpoint import Origin, digest, opened, packed, sealed, unpacked
from agentdeck.core.events import Recorded
from agentdeck.core.fold import apply, fold
from agentdeck.core.ids import RunId
from agentdeck.core.state import RunState
from agentdeck.testing.builders import plan, started
from agentdeck.testing.simulation import seeded

ORIGIN = Origin("1.0 abc", RunId("r-1"), 3, digest(b"first"), digest(b"last"))


@cache
def history(seed: int) -> list[Recorded]:
    """A run with faults, commands and changes of the plan."""
    played = seeded(seed)
    played.run()
    return played.history


@pytest.mark.parametrize("seed", [2, 18])
def test_a_checkpoint_at_any_cut_and_the_rest_are_the_whole(seed: int) -> None:
    """At each event on the way the state comes back as it was, and goes on to the same end."""
    events = history(seed)
    state, again = RunState(), RunState()
    for recorded in events:
        apply(state, recorded)
        apply(again, recorded)
        again = unpacked(packed(again))
        assert again == state
    assert state.seq == len(events) > 100


@settings(max_examples=40)
@given(st.sampled_from([0, 2, 18, 21]), st.data())
def test_what_follows_one_checkpoint_is_folded_onto_it(seed: int, data: st.DataObject) -> None:
    """Whichever run, whichever event: nothing that the rest needs is lost on the way."""
    events = history(seed)
    cut = data.draw(st.integers(0, len(events)))
    state = unpacked(packed(fold(events[:cut])))
    for recorded in events[cut:]:
        apply(state, recorded)
    assert state == fold(events)


def test_a_sealed_checkpoint_is_opened_again() -> None:
    state = started(plan("A", "B<A")).state
    found = opened(sealed(ORIGIN, packed(state)))
    assert found is not None
    assert found.origin == ORIGIN
    assert unpacked(found.state) == state


def test_no_damage_of_any_byte_goes_unseen() -> None:
    """One bit of any byte, any end that is missing, anything behind it: it does not open."""
    whole = sealed(ORIGIN, packed(started(plan("A")).state))
    for at in range(len(whole)):
        assert opened(whole[:at]) is None
        for bit in (0, at % 7 + 1):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            assert opened(bytes(changed)) is None, f"bit {bit} of byte {at}"
    assert opened(whole + b"\0") is None


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    """What was never a checkpoint is none, also where its digest is right."""
    assert opened(data) is None
    assert opened(b"agentdeck checkpoint 1\n" + digest(data) + data) is None
