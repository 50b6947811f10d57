"""Bisection: the first bad landing, with as few gates as halving needs, and none told twice."""

from __future__ import annotations

from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from agentdeck.core.bisection import Search, Suspect, landings, members, narrowed
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.state import Landing, RunState


def line(count: int) -> Search:
    return Search(tuple(Suspect(str(at), (f"t{at}",)) for at in range(count)), -1, count - 1)


def searched(search: Search, first_bad: int) -> tuple[int, int]:
    """Which one is found, and with how many runs of the gate."""
    runs = 0
    while search.found is None:
        runs += 1
        search = search.told(search.middle, passes=search.middle < first_bad)
    return search.bad, runs


@given(st.data())
def test_the_first_bad_one_is_found_with_the_runs_that_halving_takes(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 200))
    first_bad = data.draw(st.integers(0, count - 1))
    found, runs = searched(line(count), first_bad)
    assert found == first_bad
    assert runs <= ceil(log2(count)) if count > 1 else runs == 0


@given(st.data())
def test_what_is_known_is_not_judged_again(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 60))
    first_bad = data.draw(st.integers(0, count - 1))
    judged = data.draw(st.sets(st.integers(0, count - 1)))
    known = {str(at): at < first_bad for at in judged}
    search = narrowed(line(count), known.get)
    asked: list[int] = []
    while search.found is None:
        asked.append(search.middle)
        search = search.told(search.middle, passes=search.middle < first_bad)
    assert search.bad == first_bad
    assert not set(asked) & judged


def landing(name: str, commit: str, merge: str = "", reverts: str | None = None) -> Landing:
    task = None if reverts else TaskId(name)
    undone = TaskId(reverts) if reverts else None
    return Landing(EntryId(name), commit, 0.0, task, merge, undone)


def test_a_batch_is_one_landing_with_a_chain_below_it() -> None:
    state = RunState()
    state.landings = [
        landing("a", "c1"),
        landing("b", "c2", "m1"),
        landing("r", "c2", "m2", reverts="a"),
    ]
    assert [(s.commit, s.names) for s in landings(state)] == [
        ("c1", ("a",)),
        ("c2", ("b", "revert of a")),
    ]
    assert members(state, "c1") == ()
    assert [(s.commit, s.names) for s in members(state, "c2")] == [
        ("m1", ("b",)),
        ("m2", ("revert of a",)),
    ]
