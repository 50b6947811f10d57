"""Yardlet's work queue becomes a plan; figures were counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "structured" / "work-queue.yaml"


def imported() -> Imported:
    found = import_text(DOCUMENT.read_text(encoding="utf-8"), file="work-queue.yaml")
    assert found.format == "yardlet"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def test_every_task_of_the_queue_is_in_the_plan() -> None:
    """3 tasks: one done, one to do, one deferred."""
    plan = imported().plan
    assert plan.name == "YQ-7"
    assert [(task.id, task.after, task.line) for task in plan.tasks] == [
        ("YARD-1", (), 5),
        ("YARD-2", (), 10),
        ("YARD-3", ("YARD-2",), 34),
    ]
    assert [task.defer is not None for task in plan.tasks] == [True, False, True]


def test_fields_of_a_task_find_their_keys_and_the_rest_is_kept() -> None:
    """One scope lies outside the repository; two commands validate the task."""
    found = imported()
    leak = found.plan.tasks[1]
    assert leak.files == ("src/pool/", "tests/pool_test.rs")
    assert (leak.risk, leak.kind, leak.priority) == ("high", "implementation", 20)
    assert (leak.agent, leak.model) == ("codex", "gpt-5")
    assert leak.skills == ("rust", "profiling")
    assert "the soak test passes" in leak.prompt
    assert "- Memory stays flat for an hour" in leak.prompt
    assert [gate.run for gate in found.plan.gates] == [
        ("cargo", "test", "pool"),
        ("cargo", "clippy"),
    ]
    assert leak.meta["goal.max_feedback_cycles"] == "2"
    assert leak.meta["approval"] == "required"
    rules = {remark.rule for remark in found.remarks}
    assert {"approval", "path-outside"} <= rules


@pytest.mark.parametrize("text", ["tasks: 1", "tasks: [a]", "- x", "", "queue_id: x"])
def test_what_has_no_tasks_is_refused(text: str) -> None:
    with pytest.raises(PlanProblems):
        import_text(text, file="work-queue.yaml", format="yardlet")
