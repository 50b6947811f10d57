"""What a person says is heard now, or with the next turn; it is never lost."""

from __future__ import annotations

from agentdeck.agents.prompt import build_prompt
from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.decide import decide
from agentdeck.core.ids import TaskId
from agentdeck.core.plan import Defaults
from agentdeck.core.state import TaskState, Wanted
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
