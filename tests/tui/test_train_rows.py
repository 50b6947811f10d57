"""The rows of a merge train: what goes together, on top of whom, and who stands beside it."""

from __future__ import annotations

from collections.abc import Iterable

from agentdeck.core import commands as c
from agentdeck.core.events import AnyEvent
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Defaults, Land, QueueRules
from agentdeck.core.state import RunState, TaskState
from agentdeck.core.steps import BuildEntry, IOStep, RunGate
from agentdeck.testing.builders import Run, gate, plan, run_until, started
from agentdeck.testing.queue_world import QueueWorld
from agentdeck.tui.presentation.deck import Deck
from agentdeck.tui.presentation.merge_queue import queue_row, queue_rows


def filled(count: int, rules: QueueRules) -> Run:
    names = [f"t{number}" for number in range(count)]
    of = plan(
        *names, gates=(gate("unit"),), queue=rules, agents_limit=9, defaults=Defaults(retries=0)
    )
    wait = lambda _, step: () if isinstance(step, BuildEntry) else None  # noqa: E731
    return run_until(started(of), lambda run: len(run.state.queue) == count, wait)


def rows(run: Run, width: int = 60) -> list[str]:
    deck = Deck(run.state, run.clock.now, frozen=True)
    keys = [key for key in queue_rows(deck) if not key.startswith("landed")]
    return ["".join(span.text for span in queue_row(deck, key, width)).rstrip() for key in keys]


def gated_now(run: Run) -> list[str]:
    return [step.tree for step in run.steps().steps if isinstance(step, RunGate)]


def test_a_batch_is_bracketed_and_says_once_what_it_is_built_on() -> None:
    """You should see two batches of two, the second on top of t0, and t4 waiting behind t3."""
    world = QueueWorld()

    def gates_go_on(state: RunState, step: IOStep) -> Iterable[AnyEvent] | None:
        return () if isinstance(step, RunGate) else world.answer(state, step)

    run = filled(5, QueueRules(batch=2, slots=2))
    run_until(run, lambda run: len(run.of_kind(RunGate)) == 2, gates_go_on)
    assert rows(run) == [
        " 1╭◑ t0  0/1 unit ◐" + " " * 34 + "on test",
        " 2╰◑ t1  0/1 unit ◐",
        " 3╭◑ t2  0/1 unit ◐" + " " * 36 + "on t0",
        " 4╰◑ t3  0/1 unit ◐",
        " 5 ◷ t4  0/1 unit ○  behind t3",
    ]


def test_who_was_in_a_red_batch_says_so_and_shows_no_verdict_of_others() -> None:
    """You should see t0 alone with a running gate, and the others unmarked behind it."""
    world = QueueWorld(bad=frozenset({TaskId("t0")}))
    run = filled(3, QueueRules(batch=3))
    run_until(run, lambda run: "t0" in gated_now(run), world.answer)
    shown = rows(run, 90)
    assert shown[0].startswith(" 1 ◑ t0  0/1 unit ◐")
    assert shown[1].startswith(" 2 ◷ t1  0/1 unit ○  behind t0; a batch with it was red")


def test_what_waits_for_an_approval_and_is_held_says_both() -> None:
    """Else the key that holds it says nothing, and the approval seems to do nothing."""
    of = plan("A", land=Land.APPROVE)
    run = run_until(started(of), lambda run: run.task_state("A") is TaskState.PROPOSED)
    assert rows(run) == [" - ◇ A  approval needed (a)"]
    run.command(c.Hold(TaskId("A")))
    assert rows(run) == [" - ◇ A  approval needed (a), held (h)"]
