"""claudectl's `tasks.json` becomes a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.plans.imports.detect import import_text
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "structured" / "claudectl.json"


def test_tasks_wait_for_what_they_name_and_for_whose_output_they_use() -> None:
    """3 tasks; `speed-up` says nothing, but uses what `survey` wrote."""
    found = import_text(DOCUMENT.read_text(encoding="utf-8"), file="tasks.json")
    assert found.format == "claudectl"
    assert [(task.id, task.after, task.line) for task in found.plan.tasks] == [
        ("survey", (), 3),
        ("speed-up", ("survey",), 4),
        ("report", ("survey", "speed-up"), 5),
    ]
    assert (4, "template") in [(remark.line, remark.rule) for remark in found.remarks]
    assert found.plan.tasks[2].meta == {"resume": "abc", "peer": "speed-up"}
    assert found.plan.tasks[0].prompt == "List the slow tests."
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan


@pytest.mark.parametrize("text", ['{"tasks": [{"prompt": "x"}]}', '{"tasks": 1}', "3"])
def test_a_task_without_a_name_or_no_list_is_refused(text: str) -> None:
    with pytest.raises(PlanProblems):
        import_text(text, file="tasks.json", format="claudectl")
