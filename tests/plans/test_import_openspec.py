"""OpenSpec's `tasks.md` becomes a plan; figures were counted by hand."""

from __future__ import annotations

from pathlib import Path

from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "structured" / "openspec-tasks.md"


def imported() -> Imported:
    text = DOCUMENT.read_text(encoding="utf-8")
    found = import_text(text, file="openspec/changes/add-list/tasks.md")
    assert found.format == "openspec"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def test_sections_are_phases_and_tasks_follow_each_other() -> None:
    """5 tasks in 3 sections: 2, 2, 1; the first is done; one gets its number by its place."""
    found = imported()
    plan = found.plan
    assert plan.name == "add-list"
    assert [(task.id, task.after, task.line) for task in plan.tasks] == [
        ("1.1", (), 2),
        ("1.2", (), 3),
        ("2.1", ("1.2",), 8),
        ("2.2", ("2.1",), 9),
        ("3.1", ("2.2",), 12),
    ]
    assert [phase.title for phase in plan.phases] == ["1. Database", "2. Server", "3. Notes"]
    assert [task.phase for task in plan.tasks] == [
        *["section-1"] * 2,
        *["section-2"] * 2,
        "section-3",
    ]
    assert plan.tasks[0].defer == "done, says the document"
    assert {"in-order", "id-by-position"} <= {remark.rule for remark in found.remarks}


def test_lines_below_a_task_are_told_and_paths_are_its_files() -> None:
    index = imported().plan.tasks[1]
    assert index.prompt == "Add the index\n- on the column `due`\n- measure it"
    assert imported().plan.tasks[0].files == ("db/migrations/",)
    assert imported().plan.tasks[2].files == ("server/list.go",)


def test_the_format_is_recognised_outside_of_its_folder() -> None:
    assert detect("tasks.md", DOCUMENT.read_text(encoding="utf-8")) == "openspec"
