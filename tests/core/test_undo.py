"""What takes a command back brings the run to where it was before it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from tests.tui.queue_story import train_under_way
from tests.tui.sample_journal import Story, middle

from agentdeck.core import commands as c
from agentdeck.core.budgets import budget_of
from agentdeck.core.commands import AnyCommand
from agentdeck.core.decide import decide, refusal
from agentdeck.core.events import Recorded, SkipMode
from agentdeck.core.fold import apply
from agentdeck.core.ids import TaskId as T
from agentdeck.core.state import RunState
from agentdeck.core.train import in_order
from agentdeck.core.undo import undoing


def carry_out(state: RunState, command: AnyCommand) -> None:
    for event in decide(state, command):
        apply(state, Recorded(state.seq + 1, state.at + 1, event))


def wishes(state: RunState) -> object:
    """What a person has asked for, as far as it can be taken back."""
    tasks = {t.id: (t.state, t.wanted, t.held) for t in state.tasks.values()}
    run = budget_of(state, "run")
    budget = (run.usd, run.tokens) if run is not None else None
    queue = [entry.id for entry in in_order(state)]
    return tasks, budget, queue, state.agents_limit, state.paused, state.queue_held


@pytest.mark.parametrize(
    ("story", "command"),
    [
        (middle, c.Pause(T("S-1"))),
        (middle, c.Pause()),
        (middle, c.Hold(T("S-5"))),
        (middle, c.Hold()),
        (middle, c.Skip(T("W-2"))),
        (middle, c.Skip(T("W-1"), SkipMode.CASCADE)),
        (middle, c.SetAgents(3)),
        (middle, c.SetBudget("run", usd=50.0)),
        (middle, c.RaiseBudget("run", usd=5.0)),
        (train_under_way, c.Move(T("Q-8"), c.Place.UP)),
        (train_under_way, c.Move(T("Q-8"), c.Place.DOWN)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, c.Command) else "",
)
def test_the_run_is_as_it_was_before(story: Callable[[], Story], command: AnyCommand) -> None:
    """Each command is carried out by the engine's own rule, and so is what takes it back."""
    state = story().state
    command = msgspec.structs.replace(command, by="Ann")
    assert refusal(state, command) is None
    before, back = wishes(state), undoing(state, command)
    carry_out(state, command)
    assert wishes(state) != before
    assert back
    assert all(each.by == "Ann" for each in back)
    for each in back:
        carry_out(state, each)
    assert wishes(state) == before


@pytest.mark.parametrize("command", [c.Retry(T("S-4")), c.Stop(T("S-1")), c.EndRun()])
def test_what_was_done_to_work_has_no_way_back(command: AnyCommand) -> None:
    assert undoing(middle().state, command) == ()


@pytest.mark.parametrize(
    ("first", "command"),
    [
        (c.Pause(T("S-1")), c.Resume(T("S-1"))),
        (c.Hold(T("S-5")), c.Release(T("S-5"))),
        (c.Hold(), c.Release()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_ended_a_wish_has_a_way_back_to_it(first: AnyCommand, command: AnyCommand) -> None:
    """A pause that was lifted is there again, and so is a hold."""
    state = middle().state
    carry_out(state, first)
    before, back = wishes(state), undoing(state, command)
    carry_out(state, command)
    assert wishes(state) != before
    for each in back:
        carry_out(state, each)
    assert wishes(state) == before


def test_who_stands_first_is_put_before_the_next_again() -> None:
    """And who stands in no queue has no place to go back to."""
    state = train_under_way().state
    first, second = [entry.task for entry in in_order(state)][:2]
    assert first is not None
    assert second is not None
    (back,) = undoing(state, c.Move(first, c.Place.DOWN))
    assert back == c.Move(first, c.Place.BEFORE, second)
    assert undoing(middle().state, c.Move(T("S-1"), c.Place.UP)) == ()
