"""What is wished for an issue follows from all of its tasks."""

from __future__ import annotations

import pytest

from agentdeck.core import commands as c
from agentdeck.core import events as e
from agentdeck.core.events import AnyEvent, Recorded
from agentdeck.core.ids import EntryId, TaskId
from agentdeck.core.issues import Wish, wishes
from agentdeck.core.plan import CloseWhen, Tracker, TrackerKind
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started, task

A, B = TaskId("A"), TaskId("B")


def shared(close: CloseWhen = CloseWhen.LANDED) -> tuple[Tracker, Run]:
    """Two tasks of one issue, of which the first has landed and the second has not begun."""
    tracker = Tracker(TrackerKind.GITHUB, repo="o/n", claim="wip", comment=(), close=close)
    first, second = task("A a/", issue=5), task("B b/", issue=5, after=(A,))
    run = started(plan(first, second, tracker=tracker))
    return tracker, run_until(run, reached("A", TaskState.LANDED))


def wished(run: Run, tracker: Tracker, event: AnyEvent) -> Wish:
    [wish] = wishes(run.state, tracker, Recorded(run.state.seq, run.state.at, event))
    return wish


def promoted(run: Run, tracker: Tracker) -> tuple[Wish, ...]:
    event = e.Promoted(run.state.tip, "fast-forward")
    run.command(c.Promote()).append(event)
    return wishes(run.state, tracker, Recorded(run.state.seq, run.state.at, event))


def landed(name: TaskId) -> e.EntryLanded:
    return e.EntryLanded(EntryId(name), "c", "t", name)


@pytest.mark.parametrize("close", [CloseWhen.LANDED, CloseWhen.PROMOTED])
def test_an_issue_is_closed_when_all_of_its_tasks_are_done(close: CloseWhen) -> None:
    """It was closed as soon as the first had landed, while the second was at work."""
    tracker, run = shared(close)
    assert wished(run, tracker, landed(A)).open is None
    run = run_until(run, reached("B", TaskState.WORKING))
    assert wished(run, tracker, landed(A)).add == ("wip",)  # and is not taken away
    run = run_until(run, reached("B", TaskState.LANDED))
    wish = wished(run, tracker, landed(B))
    assert (wish.open, wish.drop) == (False if close is CloseWhen.LANDED else None, ("wip",))
    [*_, last] = promoted(run, tracker)
    assert last.open == (False if close is CloseWhen.PROMOTED else None)


def test_a_promotion_in_between_closes_nothing() -> None:
    tracker, run = shared(CloseWhen.PROMOTED)
    assert [wish.open for wish in promoted(run, tracker)] == [None]
