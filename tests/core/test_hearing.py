"""What a person says is heard now, or with the next turn; it is never lost."""

from __future__ import annotations

import pytest

from agentdeck.agents.prompt import build_prompt
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.adapter import Adapter, Input
from agentdeck.core.decide import decide
from agentdeck.core.hearing import PROMPT
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Agent, Defaults
from agentdeck.core.stale import StaleEvent
from agentdeck.core.state import TaskState, Wanted
from agentdeck.core.steps import CloseInput, Deliver
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

A, B = TaskId("A"), TaskId("B")


def deaf() -> Run:
    """An agent that reads nothing is at work."""
    return run_until(started(plan("A", "B<A", agent="claude")), reached("A", TaskState.WORKING))


def listening() -> Run:
    return run_until(started(plan("A", "B<A")), reached("A", TaskState.WORKING))


def prompt(run: Run, number: int) -> str:
    return build_prompt(run.state, A, number)


def test_a_message_for_a_deaf_agent_makes_another_turn_of_its_work() -> None:
    """It ends well, hears the message in the same worktree, and only then is its work proposed."""
    run = deaf().command(c.Steer(A, "use the new API", by="kim"))
    assert [said.text for said in run.state.tasks[A].queued] == ["use the new API"]
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 2)
    task = run.state.tasks[A]
    assert (task.failures, task.free_failures, task.queued) == (0, 0, ())
    assert not task.attempts[1].fresh
    assert task.attempts[0].outcome == "went on: kim had more to say"
    assert "kim: use the new API" in prompt(run, 2)
    assert "Your earlier work is in this worktree" in prompt(run, 2)
    run_until(run, reached("A", TaskState.LANDED))


def test_words_said_before_the_start_stand_in_the_first_prompt() -> None:
    run = listening().command(c.Steer(B, "mind the cache", by="kim"))
    run_until(run, reached("B", TaskState.WORKING))
    assert "kim: mind the cache" in build_prompt(run.state, B, 1)
    assert "attempt 1" not in build_prompt(run.state, B, 1)


def test_a_message_that_was_sent_and_not_heard_is_told_with_the_next_turn() -> None:
    """The agent ended before its input was written."""
    run = listening().command(c.Steer(A, "and the docs", by="kim"))
    run.append(e.AttemptExited(A, 1, 0, ok=True))
    assert [said.text for said in run.state.tasks[A].queued] == ["and the docs"]
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 2)
    assert "kim: and the docs" in prompt(run, 2)


def test_an_answer_that_came_too_late_is_no_message_for_the_next_turn() -> None:
    run = listening().append(e.AttemptAsked(A, 1, "q1", "which?"))
    run.command(c.Steer(A, "the first"))
    run.append(e.AttemptExited(A, 1, 0, ok=True))
    assert run.state.tasks[A].queued == ()


def test_words_are_kept_when_the_attempt_that_had_them_never_began() -> None:
    """Its launch fails for good; the next one is told, in the order in which they were said."""
    run = run_until(started(plan("A", agent="claude")), reached("A", TaskState.WORKING))
    run.command(c.Steer(A, "first"))
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 2)
    run.command(c.Steer(A, "second"))
    run.append(e.TaskFailed(A, 2, e.FailureClass.SETUP, "no disk"))
    assert [said.text for said in run.state.tasks[A].queued] == ["first", "second"]
    run.command(c.Retry(A))
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 3)
    text = prompt(run, 3)
    assert text.index("you: first") < text.index("you: second")


def test_a_message_to_an_agent_that_is_being_stopped_waits() -> None:
    run = listening().command(c.Stop(A)).command(c.Steer(A, "later then"))
    assert run.state.tasks[A].wanted is Wanted.STOP
    run_until(run, reached("A", TaskState.CANCELLED))
    assert [said.text for said in run.state.tasks[A].queued] == ["later then"]


def test_an_agent_that_changed_nothing_and_is_answered_is_not_blamed() -> None:
    """It asked in its last words; the answer is another turn and costs no retry."""
    of = plan("A", agent="claude", defaults=Defaults(retries=0))
    run = run_until(started(of), reached("A", TaskState.WORKING))
    run.append(e.AttemptExited(A, 1, 0, ok=True))
    run.command(c.Steer(A, "tabs"))
    run.append(e.AttemptCollected(A, 1, "base0", "base0-tree", 0)).settle()
    assert run.task_state("A") is TaskState.PREPARING
    assert len(run.state.tasks[A].attempts) == 2


def test_a_queued_message_is_recorded_once() -> None:
    """A doubled command gives two messages; a doubled event is stale."""
    run = deaf()
    one = decide(run.state, c.Steer(A, "x"))
    run.append(*one)
    two = decide(run.state, c.Steer(A, "x"))
    assert one != two


def test_earlier_words_are_not_lost_with_their_attempt() -> None:
    """A new process knows what was said to the one before, questions with their answers."""
    run = listening()
    run.append(e.AttemptAsked(A, 1, "q1", "Tabs or spaces?"))
    run.command(c.Steer(A, "spaces", by="kim"))
    run.append(e.MessageDelivered(A, 1, "m1"), e.AttemptExited(A, 1, 1))
    run_until(run, lambda run: len(run.state.tasks[A].attempts) == 2)
    assert "kim: Tabs or spaces? spaces" in prompt(run, 2)


def test_a_person_who_speaks_to_a_person_is_sent_to_the_approval() -> None:
    run = started(plan(task("A", human=True)))
    assert run.explain("A").startswith("A asks:")


# --- an agent that waits for more after each turn -------------------------------------------------

TALKER = Agent(AgentName("talker"), adapter=Adapter("talker", output="claude", input=Input.CLAUDE))


def talking() -> Run:
    """An agent that is given its prompt on its input is at work."""
    of = plan("A", agent="talker", agents=(TALKER,))
    run = run_until(started(of), reached("A", TaskState.WORKING))
    assert run.of_kind(Deliver) == [Deliver(A, 1, PROMPT)]
    return run.append(e.MessageDelivered(A, 1, PROMPT))


def turn_over(run: Run, turn: int = 1) -> Run:
    return run.append(e.TurnEnded(A, 1, turn, 100 * turn, ok=True))


def test_the_input_is_closed_after_a_turn_with_nothing_more_to_say() -> None:
    run = talking()
    assert run.of_kind(CloseInput) == []
    assert turn_over(run).of_kind(CloseInput) == [CloseInput(A, 1)]
    run.append(e.InputClosed(A, 1))
    assert run.of_kind(CloseInput) == []


def test_the_input_stays_open_while_something_is_to_be_said_or_asked() -> None:
    """A message first, then a question that is open, then a turn that goes on."""
    run = turn_over(talking()).command(c.Steer(A, "and the docs"))
    assert (run.of_kind(CloseInput), run.of_kind(Deliver)) == ([], [Deliver(A, 1, "m1")])
    run.append(e.MessageDelivered(A, 1, "m1"))
    assert run.of_kind(CloseInput) == []
    turn_over(run, 2).append(e.AttemptAsked(A, 1, "q1", "which?"))
    assert run.of_kind(CloseInput) == []
    run.append(e.AskWithdrawn(A, 1, "q1"), e.TurnBegan(A, 1))
    assert run.of_kind(CloseInput) == []
    assert turn_over(run, 3).of_kind(CloseInput) == [CloseInput(A, 1)]


def test_an_answer_is_no_new_turn() -> None:
    """A turn has ended, a question of it is answered late: the input is closed all the same."""
    run = talking().append(e.AttemptAsked(A, 1, "q1", "which?"))
    run.command(c.Steer(A, "the first"))
    turn_over(run).append(e.MessageDelivered(A, 1, "m1"))
    assert run.of_kind(CloseInput) == [CloseInput(A, 1)]


def test_what_is_said_to_a_closed_input_waits_for_the_next_turn() -> None:
    run = turn_over(talking()).append(e.InputClosed(A, 1)).command(c.Steer(A, "and the docs"))
    assert [said.text for said in run.state.tasks[A].queued] == ["and the docs"]
    assert run.of_kind(Deliver) == []


def test_a_prompt_that_was_never_heard_keeps_the_words_in_it() -> None:
    """The agent ended before it was given its prompt: the next one hears what a person added."""
    of = plan("B", "A<B", agent="talker", agents=(TALKER,))
    run = started(of).command(c.Steer(A, "mind the cache"))
    run_until(run, reached("A", TaskState.WORKING))
    assert run.state.tasks[A].queued == ()
    run.append(e.AttemptExited(A, 1, 1))
    assert [said.text for said in run.state.tasks[A].queued] == ["mind the cache"]


def test_the_end_of_a_turn_is_told_once_and_again_only_while_no_other_has_begun() -> None:
    run = turn_over(talking())
    with pytest.raises(StaleEvent, match="turn 1 has ended already"):
        turn_over(run)
    with pytest.raises(StaleEvent, match="1 turns have ended"):
        turn_over(run, 3)
    run.command(c.Steer(A, "x")).append(e.MessageDelivered(A, 1, "m1"))
    assert turn_over(run).of_kind(CloseInput) == [CloseInput(A, 1)]
    run.append(e.TurnBegan(A, 1))
    with pytest.raises(StaleEvent, match="a turn of attempt 1 goes on"):
        run.append(e.TurnBegan(A, 1))
