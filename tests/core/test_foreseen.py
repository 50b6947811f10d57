"""What is foreseen of collisions: how long it is known, what is said, and whom it puts behind."""

from __future__ import annotations

import pytest

from agentdeck.core import events as e
from agentdeck.core import train
from agentdeck.core.events import Foreseen, Outcome
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Defaults, QueueRules, Task
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState
from agentdeck.core.steps import BuildEntry, LandEntry, RunGate, Watch
from agentdeck.testing.builders import Run, gate, plan, reached, run_until, started, task
from agentdeck.testing.queue_world import QueueWorld

NO_RETRY = Defaults(retries=0)


def pair(one: str, other: str | None, *files: str) -> Foreseen:
    return Foreseen(TaskId(one), TaskId(other) if other is not None else None, files)


def foresee(run: Run, *pairs: Foreseen, more: int = 0) -> None:
    run.append(e.CollisionsForeseen(pairs, more))


def working(*names: str) -> Run:
    """All of them are at work and stay so."""
    run = started(plan(*names, agents_limit=len(names)))
    wait = lambda _, step: () if isinstance(step, Watch) else None  # noqa: E731
    return run_until(run, lambda run: len(run.of_kind(Watch)) == len(names), wait)


def queued(*names: str, priority: int = 0, batch: int = 16) -> Run:
    """All of them wait in the queue, in this order; the last has `priority`."""
    tasks: list[str | Task] = [*names[:-1], task(names[-1], priority=priority)]
    rules = QueueRules(batch=batch)
    of = plan(*tasks, gates=(gate("unit"),), defaults=NO_RETRY, queue=rules, agents_limit=9)
    wait = lambda _, step: () if isinstance(step, BuildEntry) else None  # noqa: E731
    return run_until(started(of), lambda run: len(run.state.queue) == len(names), wait)


def order(run: Run) -> list[str]:
    return [str(entry.id) for entry in train.in_order(run.state)]


def first_car(run: Run) -> list[str]:
    return [str(entry.id) for entry in train.cars(run.state)[0].entries]


# --- what is known -------------------------------------------------------------------------------


def test_a_pair_is_known_until_the_work_of_one_of_them_has_landed() -> None:
    """Then it is a matter of the other one and the target, which the next look sees."""
    run = working("A", "B", "C")
    foresee(run, pair("A", "B", "src/a.py"), pair("B", "C", "src/b.py"), pair("C", None, "x"))
    run_until(run, reached("A", TaskState.LANDED), lambda _, step: _only("A", step))
    assert run.state.foreseen == (pair("B", "C", "src/b.py"), pair("C", None, "x"))


def _only(name: str, step: object) -> tuple[()] | None:
    return () if getattr(step, "task", name) != name else None


def test_what_is_known_already_or_of_the_past_is_no_news() -> None:
    """A look that ended late says nothing of who is not live any more."""
    run = working("A", "B")
    with pytest.raises(StaleEvent, match="known already"):
        foresee(run)
    foresee(run, pair("A", "B", "x"), more=2)
    with pytest.raises(StaleEvent, match="known already"):
        foresee(run, pair("A", "B", "x"), pair("A", "gone", "x"), more=2)
    foresee(run, pair("A", "gone", "x"), more=2)
    assert (run.state.foreseen, run.state.foreseen_more) == ((), 0)


def test_nothing_is_foreseen_of_a_run_that_has_ended() -> None:
    run = working("A", "B")
    foresee(run, pair("A", "B", "x"))
    run.append(e.RunFinished(Outcome.STOPPED))
    assert run.state.foreseen == ()
    with pytest.raises(StaleEvent, match="the run has ended"):
        foresee(run, pair("A", "B", "x"))


# --- what is said --------------------------------------------------------------------------------


def test_both_are_told_with_whom_and_where_and_what_follows() -> None:
    """Also the one that stands second in the pair, and how many more files there are."""
    run = working("A", "B")
    foresee(run, Foreseen(TaskId("A"), TaskId("B"), ("src/a.py", "src/b.py"), more=3))
    follows = "in src/a.py and 4 more: whoever lands second will have to be repaired"
    assert run.explain("A").endswith(f"; collides with B {follows}")
    assert run.explain("B").endswith(f"; collides with A {follows}")


def test_who_collides_with_the_target_will_be_repaired_whoever_comes_first() -> None:
    run = working("A", "B", "C", "D")
    foresee(run, pair("A", None, "x"), pair("A", "B"), pair("C", "A", "y"), pair("D", "A", "z"))
    assert run.explain("A").endswith(
        "; collides with what has landed in x: it will have to be repaired"
        "; collides with B, C in y and 1 more tasks: whoever lands second will have to be repaired"
    )


# --- who goes first ------------------------------------------------------------------------------


def test_who_collides_goes_behind_those_of_the_same_priority_that_do_not() -> None:
    """Both of a pair, in their order; one that nobody in the queue collides with stays."""
    run = queued("A", "B", "C", "D")
    foresee(run, pair("A", "C", "x"), pair("B", None, "y"))
    assert order(run) == ["B", "D", "A", "C"]


def test_priority_comes_before_a_forecast() -> None:
    run = queued("A", "B", "C", priority=1)
    foresee(run, pair("A", "C", "x"))
    assert order(run) == ["C", "B", "A"]


def test_one_that_is_held_is_in_nobodys_way() -> None:
    run = queued("A", "B", "C")
    run.append(e.TaskHeld(TaskId("C"), "kim"))
    foresee(run, pair("A", "C", "x"))
    assert order(run) == ["A", "B", "C"]


def test_a_car_takes_the_first_of_a_pair_and_the_next_one_the_other() -> None:
    """The other would be left out when the car is built; it says whom it waits for."""
    run = queued("A", "B", "C")
    foresee(run, pair("A", "C", "src/a.py"))
    assert first_car(run) == ["B", "A"]
    assert run.explain("C").startswith("C waits for A: they would collide in src/a.py")
    run_until(run, reached("A", TaskState.LANDED), QueueWorld().answer)
    assert run.task_state("C") is TaskState.QUEUED
    assert first_car(run) == ["C"]


def test_a_forecast_never_wastes_what_was_built() -> None:
    """Git has merged both: what is gated goes on, in its place and in its order."""
    run = queued("A", "B", "C", batch=2)
    world = QueueWorld()
    gates_wait = lambda state, step: (  # noqa: E731
        () if isinstance(step, RunGate) else world.answer(state, step)
    )
    run_until(run, lambda run: run.of_kind(RunGate) != [], gates_wait)
    before = run.of_kind(RunGate)
    foresee(run, pair("A", "B", "x"), pair("A", "C", "x"))
    assert order(run) == ["A", "B", "C"]
    assert run.of_kind(RunGate) == before
    run_until(run, lambda run: bool(run.of_kind(LandEntry)), world.answer)
    assert first_car(run) == ["A", "B"]
