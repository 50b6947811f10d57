"""Batches and what is stacked on them: what lands is what would land one by one."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core import train
from agentdeck.core.events import AnyEvent, Verdict
from agentdeck.core.fold import fold
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.plan import Defaults, QueueRules, Repair
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import FIRST_BATCH, RunState, TaskState
from agentdeck.core.steps import BuildEntry, IOStep, LandEntry, RunGate
from agentdeck.testing.builders import (
    Answer,
    Run,
    gate,
    gate_finished,
    goes_well,
    plan,
    reached,
    run_until,
    started,
    task,
)
from agentdeck.testing.queue_world import QueueWorld

NO_RETRY = Defaults(retries=0)


def filled(count: int, *, batch: int = 16, slots: int = 1) -> Run:
    """A run in which so many tasks (`t0`, ...) wait in the queue and none was built."""
    rules = QueueRules(batch=batch, slots=slots, repair=Repair.ASK)
    names = [f"t{number}" for number in range(count)]
    of = plan(*names, gates=(gate("unit"),), defaults=NO_RETRY, queue=rules, agents_limit=count)
    return run_until(started(of), lambda run: len(run.state.queue) == count, _unbuilt)


def _unbuilt(_: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
    return () if isinstance(step, BuildEntry) else None


def gates_go_on(world: QueueWorld) -> Answer:
    """No gate ends."""

    def answer(state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        return () if isinstance(step, RunGate) else world.answer(state, step)

    return answer


def done(run: Run) -> bool:
    return not run.state.queue


def landed(run: Run) -> list[str]:
    return [str(landing.task) for landing in run.state.landings]


def tasks(*numbers: int) -> frozenset[TaskId]:
    return frozenset(TaskId(f"t{number}") for number in numbers)


Told = TypeVar("Told", bound=e.Event)


def of_kind(run: Run, kind: type[Told]) -> list[Told]:
    return [recorded.event for recorded in run.history if isinstance(recorded.event, kind)]


# --- what is folded together ---------------------------------------------------------------------


def test_a_batch_is_gated_once_and_lands_whole() -> None:
    """Some entries, one build, one gate, one movement of the target."""
    run, world = filled(FIRST_BATCH), QueueWorld()
    run_until(run, done, world.answer)
    assert world.gated == [tuple(f"t{number}" for number in range(FIRST_BATCH))]
    assert len({landing.commit for landing in run.state.landings}) == 1
    assert landed(run) == [f"t{number}" for number in range(FIRST_BATCH)]
    assert [landing.merge for landing in run.state.landings] == [
        f"commit-1-t{number}" for number in range(FIRST_BATCH)
    ]


def test_what_comes_later_does_not_stop_a_batch_that_is_being_gated() -> None:
    """The steps stay the same: nothing is built or gated anew."""
    run = filled(2)
    run_until(run, lambda run: bool(run.of_kind(RunGate)), QueueWorld().answer)
    before = run.of_kind(RunGate)
    run.append(e.EntryQueued(EntryId("late"), e.EntryKind.TASK, "head", None, None))
    assert run.of_kind(RunGate) == before
    assert not run.of_kind(BuildEntry)


def test_who_is_put_first_by_a_person_is_not_kept_waiting() -> None:
    run = filled(6, batch=2)
    run_until(run, lambda run: bool(run.of_kind(RunGate)), QueueWorld().answer)
    run.command(c.Merge(TaskId("t5")))
    assert run.of_kind(BuildEntry) == [BuildEntry(EntryId("t5"), "base0", (EntryId("t0"),))]


def test_a_held_entry_leaves_its_batch_and_the_others_go_on() -> None:
    run, world = filled(3), QueueWorld()
    run_until(run, lambda run: bool(run.of_kind(RunGate)), world.answer)
    run.command(c.Hold(TaskId("t1")))
    run_until(run, lambda run: len(run.state.queue) == 1, world.answer)
    assert landed(run) == ["t0", "t2"]


def test_commits_of_the_base_are_gated_by_themselves() -> None:
    run = filled(2)
    run.append(e.EntryQueued(EntryId("base@1"), e.EntryKind.BASE, "head"))
    assert run.of_kind(BuildEntry) == [BuildEntry(EntryId("base@1"), "base0")]


# --- how many ------------------------------------------------------------------------------------


def test_batches_grow_by_one_with_each_landing_and_halve_on_red() -> None:
    run, world = filled(40), QueueWorld(bad=tasks(20))
    run_until(run, done, world.answer)
    sizes = [len(event.others) + 1 for event in of_kind(run, e.LandingIntended)]
    assert sizes[:2] == [FIRST_BATCH, FIRST_BATCH + 1]
    split = of_kind(run, e.BatchSplit)
    assert len(split[0].entries) == FIRST_BATCH + 2
    assert max(sizes) <= 16


def test_no_batch_is_larger_than_the_plan_allows() -> None:
    run = run_until(filled(9, batch=2), done, QueueWorld().answer)
    assert max(len(event.others) + 1 for event in of_kind(run, e.LandingIntended)) == 2


# --- who is to blame -----------------------------------------------------------------------------


@pytest.mark.parametrize("culprit", range(4))
def test_a_red_batch_is_split_until_the_culprit_is_alone(culprit: int) -> None:
    run, world = filled(4), QueueWorld(bad=tasks(culprit))
    run_until(run, done, world.answer)
    assert sorted(landed(run)) == sorted({"t0", "t1", "t2", "t3"} - {f"t{culprit}"})
    assert run.task_state(f"t{culprit}") is TaskState.FAILED
    assert len(of_kind(run, e.EntryEjected)) == 1


def test_the_half_that_must_be_red_is_not_gated_again() -> None:
    """t0 and t1 are green and land. What is left has the tree of the whole batch: red, for free."""
    run, world = filled(4), QueueWorld(bad=tasks(3))
    run_until(run, done, world.answer)
    whole = tuple(TaskId(f"t{number}") for number in range(4))
    assert world.gated.count(whole) == 1
    assert len(world.gated) == len(set(world.gated))


def test_two_that_are_red_only_together_cost_one_of_them() -> None:
    world = QueueWorld(bad_together=frozenset({tasks(1, 3)}))
    run = run_until(filled(4), done, world.answer)
    assert landed(run) == ["t0", "t1", "t2"]


def test_what_does_not_merge_behind_another_waits_for_it() -> None:
    """It is not sent away before the other has landed: that one may be red."""
    world = QueueWorld(bad=tasks(0), clashes=frozenset({tasks(0, 1)}))
    run = run_until(filled(3), done, world.answer)
    assert landed(run) == ["t1", "t2"]


def test_nobody_lands_through_the_green_of_somebody_behind() -> None:
    """t1 makes good what t0 breaks; both together are green, and still t0 is judged by itself."""
    run = filled(2, batch=1, slots=2)
    world = QueueWorld(bad=tasks(0))
    run_until(run, done, world.answer)
    assert landed(run) == ["t1"]


# --- what is stacked -----------------------------------------------------------------------------


def test_with_more_slots_the_next_batch_is_gated_on_top_of_the_first() -> None:
    run = filled(4, batch=2, slots=2)
    run_until(run, lambda run: len(run.of_kind(RunGate)) == 2, gates_go_on(QueueWorld()))
    one, two = train.cars(run.state)
    assert (one.base, two.base) == ("base0", one.build and one.build.commit)
    run_until(run, lambda run: bool(run.of_kind(LandEntry)), QueueWorld().answer)


def test_what_was_stacked_on_red_is_built_again_without_it() -> None:
    run, world = filled(4, batch=1, slots=4), QueueWorld(bad=tasks(0))
    run_until(run, done, world.answer)
    assert landed(run) == ["t1", "t2", "t3"]


def test_a_green_batch_waits_for_the_one_below_it() -> None:
    run, world = filled(4, batch=2, slots=2), QueueWorld()
    run_until(run, lambda run: len(run.of_kind(RunGate)) == 2, gates_go_on(world))
    first, second = run.of_kind(RunGate)
    run.append(*world.answer(run.state, second) or ())  # type: ignore[arg-type]
    assert run.settle().of_kind(LandEntry) == []
    assert run.explain("t2") == "t2 is green and waits to land together with t3 on top of t0"
    run.append(*world.answer(run.state, first) or ())  # type: ignore[arg-type]
    assert run.settle().of_kind(LandEntry)
    run_until(run, done, world.answer)
    assert len(world.gated) == 2


def test_a_build_that_is_told_twice_changes_nothing() -> None:
    run = filled(2)
    [step] = run.of_kind(BuildEntry)
    built = list(QueueWorld().answer(run.state, step) or ())  # type: ignore[arg-type]
    run.append(*built)
    with pytest.raises(StaleEvent):
        run.append(*built)


# --- any queue -----------------------------------------------------------------------------------

NUMBERS = st.integers(0, 9)
PAIRS = st.frozensets(st.frozensets(NUMBERS, min_size=2, max_size=2), max_size=4)


@settings(max_examples=4 * settings().max_examples, deadline=None)
@given(
    count=st.integers(1, 10),
    bad=st.frozensets(NUMBERS, max_size=4),
    together=PAIRS,
    clashes=PAIRS,
    batch=st.sampled_from([1, 2, 3, 16]),
    slots=st.integers(1, 4),
    seed=st.integers(0, 10_000),
)
def test_what_lands_is_what_would_land_one_by_one(
    count: int,
    bad: frozenset[int],
    together: frozenset[frozenset[int]],
    clashes: frozenset[frozenset[int]],
    batch: int,
    slots: int,
    seed: int,
) -> None:
    """Whatever is wrong with whom, and in whichever order gates end."""
    world = QueueWorld(
        tasks(*bad),
        frozenset(tasks(*pair) for pair in together),
        frozenset(tasks(*pair) for pair in clashes),
    )
    run, random = filled(count, batch=batch, slots=slots), Random(seed)
    for _ in range(1_000):
        if done(run.settle()):
            break
        step = random.choice(run.steps().steps)  # the one that ends next
        told = world.answer(run.state, step)  # type: ignore[arg-type]
        run.append(*(goes_well(run.state, step) if told is None else told))  # type: ignore[arg-type]
    assert done(run)
    order = [TaskId(f"t{number}") for number in range(count)]
    assert sorted(landed(run)) == sorted(world.alone(order))
    tips = list(dict.fromkeys(landing.commit for landing in run.state.landings))
    for below, above in pairwise(("base0", *tips)):
        assert set(world.inside.get(below, ())) < set(world.inside[above])
        assert not world.is_red(world.inside[above])


@settings(max_examples=3 * settings().max_examples, deadline=None)
@given(
    count=st.integers(1, 10),
    bad=st.frozensets(NUMBERS, max_size=3),
    clashes=PAIRS,
    batch=st.sampled_from([1, 2, 3, 16]),
    slots=st.integers(1, 4),
    seed=st.integers(0, 10_000),
)
def test_moves_and_drops_let_no_red_in_and_keep_nobody_out(
    count: int,
    bad: frozenset[int],
    clashes: frozenset[frozenset[int]],
    batch: int,
    slots: int,
    seed: int,
) -> None:
    """Whoever is good, merges with everybody and is not dropped lands, whatever is moved when."""
    world = QueueWorld(tasks(*bad), clashes=frozenset(tasks(*pair) for pair in clashes))
    run, random = filled(count, batch=batch, slots=slots), Random(seed)
    wishes = 12
    for _ in range(1_000):
        if done(run.settle()):
            break
        if wishes and random.random() < 0.4:
            wishes -= 1
            wish = world.wish(run.state, random)
            if wish is not None:
                run.command(wish)
                continue
        step = random.choice(run.steps().steps)
        told = world.answer(run.state, step)  # type: ignore[arg-type]
        run.append(*(goes_well(run.state, step) if told is None else told))  # type: ignore[arg-type]
    assert done(run)
    dropped = {event.task for event in of_kind(run, e.TaskCancelled)}
    torn = {name for pair in clashes for name in tasks(*pair)}
    fine = tasks(*range(count)) - tasks(*bad) - dropped
    assert fine - torn <= {*landed(run)} <= fine
    tips = list(dict.fromkeys(landing.commit for landing in run.state.landings))
    assert not any(world.is_red(world.inside[tip]) for tip in tips)


# --- moved by a person ---------------------------------------------------------------------------


def order_of(run: Run) -> list[str]:
    return [str(entry.task) for entry in train.in_order(run.state)]


def move(name: str, to: c.Place, beside: str | None = None) -> c.Move:
    return c.Move(TaskId(name), to, TaskId(beside) if beside else None)


@pytest.mark.parametrize(
    ("wish", "order"),
    [
        (move("t2", c.Place.UP), "t0 t2 t1 t3"),
        (move("t1", c.Place.DOWN), "t0 t2 t1 t3"),
        (move("t3", c.Place.BEFORE, "t0"), "t3 t0 t1 t2"),
        (move("t0", c.Place.AFTER, "t2"), "t1 t2 t0 t3"),
        (move("t0", c.Place.AFTER, "t3"), "t1 t2 t3 t0"),
    ],
)
def test_an_entry_is_moved_and_lands_there(wish: c.Move, order: str) -> None:
    """The order that is shown is the order of the landings."""
    run = filled(4, batch=1).command(wish)
    assert order_of(run) == order.split()
    run_until(run, done, QueueWorld().answer)
    assert landed(run) == order.split()


def test_who_comes_later_comes_behind_those_who_were_moved() -> None:
    run = filled(3).command(move("t0", c.Place.AFTER, "t2"))
    run.append(e.EntryQueued(EntryId("late"), e.EntryKind.TASK, "head", None, None))
    assert [entry.id for entry in train.in_order(run.state)] == ["t1", "t2", "t0", "late"]


def ranked() -> Run:
    """t2 before t0 and t1: its priority is higher."""
    rules = QueueRules(batch=1, slots=1)
    of = plan("t0", "t1", task("t2", priority=5), defaults=NO_RETRY, queue=rules, agents_limit=3)
    return run_until(started(of), lambda run: len(run.state.queue) == 3, _unbuilt)


def test_a_moved_entry_counts_as_the_one_beside_which_it_was_put() -> None:
    """Past a higher priority, past one that was put first, and back again."""
    run = ranked()
    assert order_of(run) == ["t2", "t0", "t1"]
    assert order_of(run.command(move("t1", c.Place.BEFORE, "t2"))) == ["t1", "t2", "t0"]
    assert order_of(run.command(c.Merge(TaskId("t0")))) == ["t0", "t1", "t2"]
    assert order_of(run.command(move("t2", c.Place.BEFORE, "t0"))) == ["t2", "t0", "t1"]
    assert order_of(run.command(move("t0", c.Place.DOWN))) == ["t2", "t1", "t0"]


def test_a_move_survives_a_restart() -> None:
    run = filled(4).command(move("t3", c.Place.BEFORE, "t1"))
    assert fold(run.history) == run.state


def test_a_move_within_a_batch_builds_it_anew_in_that_order() -> None:
    run, world = filled(2), QueueWorld()
    run_until(run, lambda run: bool(run.of_kind(RunGate)), world.answer)
    run.command(move("t1", c.Place.UP))
    assert run.of_kind(BuildEntry) == [BuildEntry(EntryId("t1"), "base0", (EntryId("t0"),))]


def test_a_dropped_entry_leaves_its_batch_and_its_task_waits_for_a_person() -> None:
    run, world = filled(3), QueueWorld()
    run_until(run, lambda run: bool(run.of_kind(RunGate)), world.answer)
    run.command(c.Drop(TaskId("t1"), by="kim"))
    assert run.task_state("t1") is TaskState.CANCELLED
    assert run.state.tasks[TaskId("t1")].reason == "dropped from the merge queue by kim"
    run_until(run, done, world.answer)
    assert landed(run) == ["t0", "t2"]
    run.command(c.Retry(TaskId("t1")))
    run_until(run, reached("t1", TaskState.LANDED), world.answer)


# --- what is known, and what is not --------------------------------------------------------------


def stacked() -> Run:
    """t0 with t1 on top, both built; gates `unit` and `lint` of each, and none has ended."""
    of = plan(
        "t0", "t1", gates=(gate("unit"), gate("lint")), defaults=NO_RETRY,
        queue=QueueRules(batch=1, slots=2, repair=Repair.ASK),
    )  # fmt: skip
    return run_until(started(of), lambda run: len(run.of_kind(RunGate)) == 2, gates_go_on(WORLD))


WORLD = QueueWorld()


def ends(run: Run, tree: str, verdict: Verdict) -> None:
    """The gate that runs on this tree ends so."""
    [step] = [s for s in run.steps().steps if isinstance(s, RunGate) and s.tree == tree]
    run.append(gate_finished(step, verdict)).settle()


def test_who_is_red_on_what_has_not_landed_is_not_sent_away() -> None:
    """t1 is red behind t0. Then t0 is red by itself and leaves; without it t1 is green."""
    run = stacked()
    ends(run, "t0", Verdict.PASSED)  # unit
    ends(run, "t0+t1", Verdict.FAILED)
    assert run.task_state("t1") is TaskState.QUEUED
    assert run.explain("t1") == "t1 is red; waits for t0 to land"
    ends(run, "t0", Verdict.FAILED)  # lint
    run_until(run, done, WORLD.answer)
    assert landed(run) == ["t1"]
    assert run.task_state("t0") is TaskState.FAILED


def test_nothing_is_stacked_on_what_is_red() -> None:
    run = filled(3, batch=1, slots=2)
    world = QueueWorld(bad=tasks(0))
    run_until(run, lambda run: len(run.of_kind(RunGate)) == 2, gates_go_on(world))
    ends(run, "t0", Verdict.FAILED)
    assert [car.lead.id for car in train.cars(run.state)] == ["t0"]


def test_when_the_culprit_is_out_the_others_are_free_again() -> None:
    """Seven that nothing is known of are gated in batches, not one by one."""
    run, world = filled(8), QueueWorld(bad=tasks(0))
    run_until(run, done, world.answer)
    after = world.gated[world.gated.index(("t0",)) + 1 :]  # type: ignore[arg-type]
    assert len(after) == 2
    assert len(landed(run)) == 7
