"""What a person is told of what leaves the machine."""

from __future__ import annotations

from agentdeck.core import events as e
from agentdeck.core.plan import Land, Remote
from agentdeck.core.publishing import told
from agentdeck.core.state import RunState
from agentdeck.core.steps import IOStep, OpenPullRequest, PushTarget
from agentdeck.testing.builders import Run, plan, run_until, started


def ended(failing: type[IOStep] | None) -> Run:
    """A run to its end, in which one kind of step never succeeds."""

    def answer(state: RunState, step: IOStep) -> list[e.AnyEvent] | None:
        if failing is None or not isinstance(step, failing):
            return None
        return [e.StepFailed(step.key, None, "no route to host\nat all", state.at + 1)]

    of = plan("A", land=Land.AUTO, promote="ask", remote=Remote("origin", True))
    return run_until(started(of), lambda run: run.state.outcome is not None, answer)


def test_where_the_pull_request_is_and_nothing_else() -> None:
    assert told(ended(None).state) == ["pull request: https://there/1"]


def test_a_push_that_failed_says_why_and_the_run_ends_without_it() -> None:
    """In one line, whatever the tool has printed."""
    assert told(ended(PushTarget).state) == ["the push failed: no route to host"]
    assert told(ended(OpenPullRequest).state) == ["the pull request failed: no route to host"]
