"""Two runs of two versions of a plan, in one repository, for tests of comparing them."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tests.tui.sample_journal import GATES, STARTED_AT, Story, object_id, task

from agentdeck.core import events as e
from agentdeck.core.events import FailureClass, FileTouched, Recorded, Verdict
from agentdeck.core.fold import apply
from agentdeck.core.ids import AgentName, TaskId
from agentdeck.core.plan import Defaults, GateWhen, Plan
from agentdeck.core.state import RunState

EARLIER, LATER = "hooks-0001", "hooks-0002"
LATER_BY_S = 86_400.0  # a day


def _plan(*tasks: object) -> Plan:
    return Plan(
        name="webhooks",
        tasks=tasks,  # type: ignore[arg-type]
        gates=GATES,
        defaults=Defaults(agent=AgentName("claude"), model="sonnet"),
    )


def earlier() -> Story:
    """MODEL and STORE land, GUIDE lands at the second try, RETRY fails, OLD lands."""
    told = Story(
        _plan(
            task("MODEL", "Event model"),
            task("STORE", "Delivery store"),
            task("GUIDE", "LLM API guide"),
            task("RETRY", "Retry policy"),
            task("OLD", "Legacy import"),
        ),
        EARLIER,
    )
    told.wait(5)
    told.through("MODEL", 300)
    told.through("STORE", 600, 40_000, 0.52)
    told.start("GUIDE")
    told.wait(240)
    told.progress("GUIDE", 9_000, 0.12)
    told.end("GUIDE", [FileTouched("docs/api.md", 80, 2)])
    told.gate("lint", object_id("tree GUIDE 1"), Verdict.FAILED, when=GateWhen.TASK)
    failed = "gate lint failed (exit 1)\nE501 line too long"
    told.tell(
        e.RetryScheduled(TaskId("GUIDE"), 1, FailureClass.GATE, failed, STARTED_AT + told.at),
        e.RetryDue(TaskId("GUIDE")),
    )
    told.through("GUIDE", 180, 8_000, 0.10)
    told.start("RETRY")
    told.wait(400)
    told.progress("RETRY", 30_000, 0.40)
    told.end("RETRY")
    told.gate("lint", object_id("tree RETRY 1"), Verdict.FAILED, when=GateWhen.TASK)
    told.tell(e.TaskFailed(TaskId("RETRY"), 1, FailureClass.GATE, failed))
    told.through("OLD", 120)
    return told


def later() -> Story:
    """As before, but RETRY lands, GUIDE needs one try, STORE has another brief and takes longer,
    OLD is gone and NEW is there.
    """
    told = Story(
        _plan(
            task("MODEL", "Event model"),
            task("STORE", "Delivery store", prompt="Keep deliveries in SQLite."),
            task("GUIDE", "LLM API guide"),
            task("RETRY", "Retry policy"),
            task("NEW", "Admin page"),
        ),
        LATER,
    )
    told.wait(5)
    told.through("MODEL", 302)
    told.through("STORE", 900, 61_000, 0.80)
    told.through("GUIDE", 200, 9_100, 0.11)
    told.through("RETRY", 410, 31_000, 0.41)
    told.start("NEW")
    told.wait(60)
    told.progress("NEW", 2_000, 0.02)
    return told


def within(story: Story, repo: Path, by_s: float = 0.0) -> Story:
    """The same as a run of this repository, so many seconds later."""
    (repo / ".git").mkdir(parents=True, exist_ok=True)
    history = list(story.history)
    first = history[0]
    assert isinstance(first.event, e.RunStarted)
    event = msgspec.structs.replace(first.event, repo=str(repo / ".git"), checkout=str(repo))
    history[0] = Recorded(first.seq, first.at, event)
    story.history = [Recorded(one.seq, one.at + by_s, one.event) for one in history]
    story.at += by_s
    story.state = RunState()
    for recorded in story.history:
        apply(story.state, recorded)
    return story
