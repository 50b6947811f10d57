"""`prd.json` of the ralph family becomes a plan; figures were counted by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENTS = Path(__file__).parent / "documents" / "structured"


def imported(name: str) -> Imported:
    found = import_text((DOCUMENTS / name).read_text(encoding="utf-8"), file=name)
    assert found.format == "prd"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def test_stories_that_name_nobody_follow_each_other_by_priority() -> None:
    """3 stories; US-001 passes, so US-002 is first now, and US-003 waits for it."""
    found = imported("prd-ordered.json")
    plan = found.plan
    assert plan.name == "Reminders"
    assert [(task.id, task.after) for task in plan.tasks] == [
        ("US-002", ()),
        ("US-001", ()),
        ("US-003", ("US-002",)),
    ]
    assert [task.priority for task in plan.tasks] == [2, 3, 1]
    assert plan.tasks[1].defer == "done, says the document"
    assert "priority-order" in {remark.rule for remark in found.remarks}


def test_stories_that_name_others_wait_for_those_only() -> None:
    found = imported("prd-named.json")
    assert [(task.id, task.after) for task in found.plan.tasks] == [
        ("S1", ()),
        ("S2", ("S1",)),
        ("S3", ("S1",)),
    ]
    assert "priority-order" not in {remark.rule for remark in found.remarks}


def test_criteria_are_told_hints_are_files_and_the_rest_is_kept() -> None:
    """One hint leads out of the repository: it is left, and that is said with the line."""
    found = imported("prd-ordered.json")
    first, done, mail = found.plan.tasks
    assert "- Typecheck passes" in first.prompt
    assert done.meta == {"completionNotes": "see the migration"}
    assert mail.files == ("src/mail.py",)
    assert mail.labels == ("mail",)
    left = [(remark.line, remark.rule) for remark in found.remarks]
    assert (25, "path-outside") in left


@pytest.mark.parametrize("text", ["[]", "{}", '{"userStories": {}}', '{"userStories": [1]}'])
def test_what_has_no_stories_is_refused(text: str) -> None:
    with pytest.raises(PlanProblems):
        import_text(text, file="prd.json", format="prd")


def test_priorities_of_any_size_fit() -> None:
    stories = [
        {"id": "a", "title": "a", "priority": -1e300},
        {"id": "b", "title": "b", "priority": 10**200},
    ]
    text = json.dumps({"userStories": stories})
    plan = import_text(text, file="prd.json").plan
    assert read_plan(write_plan(plan), file="plan.toml") == plan


def test_the_format_is_recognised_by_its_stories() -> None:
    assert detect("x.json", (DOCUMENTS / "prd-named.json").read_text(encoding="utf-8")) == "prd"
