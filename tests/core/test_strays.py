"""Edits in places of others, as the stream of an agent tells them, are said of its task."""

from __future__ import annotations

import pytest

from agentdeck.core import events as e
from agentdeck.core.explain import explain
from agentdeck.core.ids import TaskId
from agentdeck.core.state import TaskState
from agentdeck.testing.builders import Run, plan, reached, run_until, started

A, B = TaskId("A"), TaskId("B")


@pytest.fixture
def run() -> Run:
    """A and B are at work, in the worktrees of a run of `/home/me/project`."""
    run = started(plan("A", "B"))
    run_until(run, reached("A", TaskState.WORKING))
    run.state.checkout = "/home/me/project"
    for task, path in ((A, "/runs/w01"), (B, "/runs/w02")):
        attempt = run.state.tasks[task].attempt
        assert attempt is not None
        attempt.path = path
    return run


def told(run: Run, *paths: str) -> str:
    run.append(e.AttemptProgressed(A, 1, 10, touched=paths))
    return explain(run.state, A, run.state.at)


def test_an_edit_in_the_checkout_is_told(run: Run) -> None:
    """Two are named; it stays with the task when that has ended."""
    more = [f"/home/me/project/{name}" for name in "abc"]
    said = told(run, "own.py", *more)
    named = "/home/me/project/a (your checkout), /home/me/project/b (your checkout) and 1 more"
    assert said.endswith(f"; it says that it edited {named}, outside its worktree")
    run.append(e.AttemptExited(A, 1, 0))
    assert named in explain(run.state, A, run.state.at)


def test_an_edit_in_the_worktree_of_another_is_told(run: Run) -> None:
    """With its name, and not of the one that suffers it."""
    assert "edited /runs/w02/x (the worktree of B)" in told(run, "/runs/w02/x")
    assert "says that it edited" not in explain(run.state, B, run.state.at)


def test_edits_elsewhere_are_nobodys_business(run: Run) -> None:
    """Its own worktree by its whole path, a temporary folder, a folder with a longer name."""
    said = told(run, "a", "../b", "/runs/w01/c", "/tmp/d", "/home/me/project-2/e", "/runs/w022/f")
    assert "says that it edited" not in said
