"""Who allowed what: every answer to a permission, the oldest first."""

from __future__ import annotations

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.answers import given_answers
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started
from agentdeck.testing.generated_plans import WAITER
from agentdeck.testing.scripted_world import OPTIONS

A = TaskId("A")


def at_work() -> Run:
    of = plan("A", agent=WAITER.name, agents=(WAITER,))
    return run_until(started(of), reached("A", TaskState.WORKING))


def test_a_yes_and_a_no_are_kept_with_what_was_asked_and_words_are_not() -> None:
    """A question that wants words is no permission."""
    run = at_work()
    ask = e.AskKind.PERMISSION
    run.append(e.AttemptAsked(A, 1, "q1", "May it?", ask, "Bash", "git push", OPTIONS))
    run.append(e.AttemptAsked(A, 1, "q2", "which of the two?"))
    run.append(e.AttemptAsked(A, 1, "q3", "May it?", ask, "Edit", "src/a.py", OPTIONS))
    run.command(c.Answer(A, "deny", "not today", question="q1", by="Ann"))
    run.command(c.Answer(A, "", "the first", question="q2", by="Ann"))
    run.command(c.Answer(A, "allow", question="q3", by="Kim"))
    found = given_answers(run.state)
    assert [(one.tool, one.target, one.allowed, one.by) for one in found] == [
        ("Bash", "git push", False, "Ann"),
        ("Edit", "src/a.py", True, "Kim"),
    ]
    assert found[0].text == "not today"
    assert not found[0].heard
