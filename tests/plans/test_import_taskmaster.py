"""Task Master's `tasks.json` becomes the plan it stands for; figures were counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentdeck.core.plan import Plan, Task
from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Heard, Imported
from agentdeck.plans.imports.taskmaster import read
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENTS = Path(__file__).parent / "documents" / "structured"


def imported(name: str) -> Imported:
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    found = import_text(text, file=name)
    assert found.format == "taskmaster"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def of(tasks: list[dict[str, Any]]) -> Plan:
    """The plan of a list of tasks in the legacy form."""
    return import_text(json.dumps({"tasks": tasks}), file="tasks.json", format="taskmaster").plan


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {task.id: tuple(task.after) for task in plan.tasks}


def task(plan: Plan, name: str) -> Task:
    return next(each for each in plan.tasks if each.id == name)


def rules(found: Imported) -> set[str]:
    return {remark.rule for remark in found.remarks}


def test_every_task_and_subtask_of_the_master_tag_is_in_the_plan() -> None:
    """5 tasks and 4 subtasks; task 2 is only a group: 8 are left, 1 phase, 3 deferred."""
    plan = imported("taskmaster-tagged.json").plan
    assert plan.name == "Notes"
    assert [each.id for each in plan.tasks] == ["1", "2.1", "2.2", "3", "3.1", "3.2", "4", "5"]
    assert [(phase.id, phase.title) for phase in plan.phases] == [("2", "2 Storage")]
    assert [each.id for each in plan.tasks if each.defer] == ["1", "2.1", "5"]
    assert [each.line for each in plan.tasks] == [4, 23, 30, 40, 60, 66, 75, 84]


def test_dependencies_reach_through_groups_and_between_siblings() -> None:
    """3 waits for the group 2, so its first subtask waits for the last of 2; 2.1 and 1 are done."""
    plan = imported("taskmaster-tagged.json").plan
    assert after(plan)["2.2"] == ()
    assert after(plan)["3"] == ("2.2", "3.2")
    assert after(plan)["3.1"] == ("2.2",)
    assert after(plan)["3.2"] == ("3.1", "2.2")
    assert after(plan)["4"] == ("3",)


def test_fields_of_a_task_find_their_keys_and_unknown_ones_are_kept() -> None:
    """Files to create or modify are the footprint; the one for reference is only told."""
    plan = imported("taskmaster-tagged.json").plan
    api = task(plan, "3")
    assert api.files == ("src/api/app.py", "src/settings.py")
    assert api.labels == ("backend", "http")
    assert api.complexity == "high"
    assert api.meta == {"assignee": "ada", "reviewers": '["bob"]'}
    for words in (
        "Mount the routers",
        "- Errors are JSON",
        "docs/style.md (reference)",
        "3.1 Router",
    ):
        assert words in api.prompt
    assert "Call every route once." in api.prompt
    assert "excluded: search" in api.prompt
    assert task(plan, "2.2").estimate_s == 4 * 3600
    assert [task(plan, name).priority for name in ("1", "3", "4")] == [10, 0, -10]


def test_a_checkpoint_is_done_by_a_person() -> None:
    gate = task(imported("taskmaster-tagged.json").plan, "4")
    assert gate.human
    assert gate.allow_empty


def test_what_was_guessed_or_left_is_said_with_its_line() -> None:
    """The group, the parent with work, the checkpoint, the state under way; the other tag."""
    found = imported("taskmaster-tagged.json")
    guessed = [(r.line, r.rule) for r in found.remarks if r.heard is Heard.GUESSED]
    assert (15, "task-with-subtasks") in guessed
    assert (40, "task-with-subtasks") in guessed
    assert (15, "in-progress") in guessed
    assert (75, "checkpoint") in guessed
    left = [(r.line, r.rule) for r in found.remarks if r.heard is Heard.LEFT]
    assert (97, "other-tag") in left


def test_the_legacy_form_has_its_tasks_at_the_top() -> None:
    """4 tasks: one done, one cancelled; 3 loses the edge to the finished 1."""
    found = imported("taskmaster-legacy.json")
    assert after(found.plan) == {"1": (), "2": (), "3": ("2",), "4": ("3",)}
    assert [each.defer is not None for each in found.plan.tasks] == [True, False, False, True]
    assert {"in-progress", "status-blocked"} <= rules(found)


def test_several_tags_without_a_master_are_phases() -> None:
    """Two tags: 2 tasks, and 1 group of 1 with 1 task behind it."""
    plan = imported("taskmaster-two-tags.json").plan
    assert [phase.title for phase in plan.phases] == ["web", "cli tools"]
    assert after(plan) == {
        "web-1": (),
        "web-2": ("web-1",),
        "cli-tools-1.1": (),
        "cli-tools-2": ("cli-tools-1.1",),
    }


def test_a_number_in_a_subtask_means_a_sibling_and_else_a_task() -> None:
    subtasks = [
        {"id": 1, "title": "a", "dependencies": []},
        {"id": 2, "title": "b", "dependencies": [1, 7]},
    ]
    plan = of([{"id": 7, "title": "seven"}, {"id": 8, "title": "eight", "subtasks": subtasks}])
    assert after(plan)["8.2"] == ("8.1", "7")


def test_the_end_of_a_task_is_the_end_of_its_subtasks() -> None:
    below = [{"id": 1, "title": "a", "status": "pending"}]
    plan = of(
        [
            {"id": 1, "title": "one", "status": "done", "details": "x", "subtasks": below},
            {"id": 2, "title": "two", "status": "cancelled", "subtasks": below},
            {"id": 3, "title": "three"},
        ]
    )
    deferred = {each.id: each.defer for each in plan.tasks if each.defer}
    assert deferred == {
        "1": "done, says the document",
        "1.1": "done, says the document",
        "2.1": "cancelled, says the document",
    }


@pytest.mark.parametrize(
    ("number", "word"), [(1, "low"), (5, "medium"), (7, "medium-high"), (10, "very-high")]
)
def test_complexity_from_one_to_ten_is_one_of_six_words(number: int, word: str) -> None:
    assert of([{"id": 1, "title": "a", "complexity": number}]).tasks[0].complexity == word


def test_a_loop_is_refused_with_the_whole_of_it() -> None:
    with pytest.raises(PlanProblems) as caught:
        of(
            [
                {"id": 1, "title": "a", "dependencies": [3]},
                {"id": 2, "title": "b", "dependencies": [1]},
                {"id": 3, "title": "c", "dependencies": [2]},
            ]
        )
    for name in ("1", "2", "3"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[]", 1, "expected a table"),
        ('{"tasks": 3}', 1, "found no list of tasks"),
        ('{\n"tasks": [\n{"id": 1},\n"two"]}', 3, 'expected a task, found "two"'),
        ('{\n"tasks": [\n{"id": 1,}]}', 3, "this is no JSON"),
        ('{"tasks": [{"id": 1, "subtasks": [4]}]}', 1, "expected a subtask, found 4"),
    ],
)
def test_what_is_no_list_of_tasks_is_refused_at_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(PlanProblems) as caught:
        read(text, file="tasks.json")
    (problem,) = caught.value.problems
    assert problem.line == line
    assert words in problem.message


def test_groups_that_ask_for_too_many_edges_are_refused() -> None:
    """1,000 tasks that each wait for a group of 1,000 would be a million dependencies."""
    below = [{"id": n, "title": "x"} for n in range(1000)]
    many = [{"id": n + 5, "title": "y", "dependencies": [1]} for n in range(1000)]
    with pytest.raises(PlanProblems, match="dependencies"):
        of([{"id": 1, "title": "group", "subtasks": below}, *many])


def test_the_format_is_recognised_without_its_usual_name() -> None:
    text = (DOCUMENTS / "taskmaster-tagged.json").read_text(encoding="utf-8")
    assert detect("plan.json", text) == "taskmaster"
