"""Little room on a disk: what starts, what stands still, what is said of it."""

from __future__ import annotations

import pytest

from agentdeck.core import events as e
from agentdeck.core.disk import MB, mark_of, needed_for, size_in_words
from agentdeck.core.events import AnyEvent, DiskMark
from agentdeck.core.explain import explain, standstill
from agentdeck.core.ids import TaskId
from agentdeck.core.inbox import Kind, waiting
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState
from agentdeck.core.steps import Freeze, IOStep, Record, RunGate, Thaw, Watch
from agentdeck.testing.builders import Run, gate, plan, reached, run_until, started

A, B = TaskId("A"), TaskId("B")
FLOOR = 500 * MB


def disk_is(mark: DiskMark) -> e.DiskChanged:
    return e.DiskChanged(mark, "/state", 80 * MB, 110 * MB)


def stays_at_work(_: object, step: IOStep) -> tuple[AnyEvent, ...] | None:
    return () if isinstance(step, Watch) else None


def working(*tasks: str, **fields: object) -> Run:
    return run_until(
        started(plan(*tasks, **fields)), reached("A", TaskState.WORKING), stays_at_work
    )


@pytest.mark.parametrize(
    ("free_mb", "known", "becomes"),
    [
        (501, DiskMark.ROOM, DiskMark.ROOM),
        (499, DiskMark.ROOM, DiskMark.LOW),
        (549, DiskMark.LOW, DiskMark.LOW),  # a little more than the floor is not room yet
        (551, DiskMark.LOW, DiskMark.ROOM),
        (99, DiskMark.ROOM, DiskMark.FULL),
        (109, DiskMark.FULL, DiskMark.FULL),
        (111, DiskMark.FULL, DiskMark.LOW),
    ],
)
def test_a_mark_is_left_with_some_room_to_spare(
    free_mb: int, known: DiskMark, becomes: DiskMark
) -> None:
    assert mark_of(free_mb * MB, FLOOR, known) is becomes


def test_without_a_floor_no_disk_is_ever_full() -> None:
    assert mark_of(0, 0, DiskMark.FULL) is DiskMark.ROOM


def test_what_is_said_to_be_needed_is_enough() -> None:
    for mark in (DiskMark.LOW, DiskMark.FULL):
        assert mark_of(needed_for(mark, FLOOR), FLOOR, mark) is not mark


def test_on_a_low_disk_nothing_new_starts_and_work_goes_on() -> None:
    run = working("A", "B", "C<A", agents_limit=1)
    run.append(e.AgentsLimitSet(2, "you"), disk_is(DiskMark.LOW))
    now = run.clock.now
    steps = run.steps().steps
    assert not any(isinstance(step, Freeze) for step in steps)
    claims = [
        s for s in steps if isinstance(s, Record) and isinstance(s.events[0], e.AttemptClaimed)
    ]
    assert not claims
    assert "the disk is low (80 MB free at /state); it goes on by itself at 110 MB" in explain(
        run.state, B, now
    )


def test_on_a_full_disk_agents_stand_still_and_go_on_by_themselves() -> None:
    run = working("A")
    run.append(disk_is(DiskMark.FULL))
    assert Freeze(A, 1) in run.steps().steps
    run.append(e.AttemptFrozen(A, 1, 1))
    assert explain(run.state, A, run.clock.now).startswith("A is frozen: the disk is full")
    assert "the disk is full" in (standstill(run.state) or "")
    assert [item.kind for item in waiting(run.state)] == [Kind.DISK]
    run.append(e.DiskChanged(DiskMark.ROOM, "/state", FLOOR))
    assert Thaw(A, 1) in run.steps().steps


def test_on_a_full_disk_no_gate_begins_and_nothing_fails_for_it() -> None:
    run = run_until(started(plan("A", gates=(gate("unit"),))), reached("A", TaskState.CHECKING))
    run = run_until(run, lambda r: any(isinstance(s, RunGate) for s in r.steps().steps))
    run.append(disk_is(DiskMark.FULL))
    assert run.steps().steps == ()
    assert explain(run.state, A, run.clock.now).startswith(
        "A is queued and waits: the disk is full"
    )


def test_the_same_mark_twice_is_stale() -> None:
    run = working("A")
    run.append(disk_is(DiskMark.LOW))
    with pytest.raises(StaleEvent):
        run.append(disk_is(DiskMark.LOW))


@pytest.mark.parametrize(
    ("size", "words"), [(1_000, "1 kB"), (80 * MB, "80 MB"), (4_200 * MB, "4.2 GB")]
)
def test_sizes_are_said_in_decimal_units(size: int, words: str) -> None:
    assert size_in_words(size) == words
