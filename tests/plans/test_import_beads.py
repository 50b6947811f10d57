"""Issues of beads become tasks, epics phases; figures were counted by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentdeck.core.plan import Plan
from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "structured" / "beads.jsonl"


def imported() -> Imported:
    found = import_text(DOCUMENT.read_text(encoding="utf-8"), file="shop/.beads/issues.jsonl")
    assert found.format == "beads"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def of(*issues: dict[str, Any]) -> Plan:
    text = "\n".join(json.dumps({"title": issue["id"], **issue}) for issue in issues)
    return import_text(text, file="issues.jsonl", format="beads").plan


def link(other: str, sort: str = "blocks") -> dict[str, str]:
    return {"depends_on_id": other, "type": sort}


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {task.id: tuple(task.after) for task in plan.tasks}


def test_every_issue_is_in_the_plan_but_groups_and_deleted_ones() -> None:
    """10 issues: 1 epic with children is a phase, 1 is deleted, 8 tasks; 3 of them deferred."""
    plan = imported().plan
    assert plan.name == "shop"
    names = ["bd-1.1", "bd-1.2", "bd-2", "bd-3", "bd-4", "bd-5", "bd-7", "bd-8"]
    assert [task.id for task in plan.tasks] == names
    assert [task.line for task in plan.tasks] == [2, 4, 5, 6, 7, 8, 10, 11]
    assert [(phase.id, phase.title) for phase in plan.phases] == [("bd-1", "Accounts")]
    assert [task.phase for task in plan.tasks[:3]] == ["bd-1", "bd-1", None]
    assert [task.id for task in plan.tasks if task.defer] == ["bd-3", "bd-4", "bd-5"]


def test_links_that_block_are_dependencies_and_reach_through_epics() -> None:
    """bd-2 and bd-8 wait for the epic, so for its last task; bd-7 waits for its child."""
    assert after(imported().plan) == {
        "bd-1.1": (),
        "bd-1.2": ("bd-1.1",),
        "bd-2": ("bd-1.2",),
        "bd-3": ("bd-2",),
        "bd-4": (),
        "bd-5": (),
        "bd-7": ("bd-8",),
        "bd-8": ("bd-1.2",),
    }


def test_what_runs_only_after_a_failure_is_deferred_with_that_reason() -> None:
    plan = imported().plan
    assert plan.by_id[plan.tasks[3].id].defer == "only if bd-2 fails, says the document"


def test_fields_of_an_issue_find_their_keys_and_the_rest_is_kept() -> None:
    plan = imported().plan
    signin, signout, announce = plan.tasks[:3]
    assert signin.estimate_s == 90 * 60
    assert signin.labels == ("auth", "web")
    assert signin.kind == "feature"
    assert signin.meta == {"assignee": "ada"}
    for words in ("With a password.", "A form and a session.", "is refused.", "Ask about lockout."):
        assert words in signin.prompt
    assert "discovered-from" in signout.meta["dependencies"]
    assert announce.meta == {"custom": '{"channel": "mail"}'}


def test_priority_nought_is_the_highest_and_two_the_usual_one() -> None:
    assert [task.priority for task in imported().plan.tasks[:4]] == [20, 0, -10, -20]


def test_what_an_epic_waits_for_its_tasks_wait_for_at_any_depth() -> None:
    plan = of(
        {"id": "x"},
        {"id": "outer", "issue_type": "epic", "dependencies": [link("x")]},
        {"id": "inner", "issue_type": "epic", "dependencies": [link("outer", "parent-child")]},
        {"id": "t", "dependencies": [link("inner", "parent-child")]},
        {"id": "end", "dependencies": [link("outer")]},
    )
    assert after(plan) == {"x": (), "t": ("x",), "end": ("t",)}
    assert [task.phase for task in plan.tasks] == [None, "inner", None]


def test_an_epic_without_children_is_a_task() -> None:
    assert after(of({"id": "e", "issue_type": "epic"})) == {"e": ()}


def test_a_deferred_epic_defers_its_tasks() -> None:
    plan = of(
        {"id": "e", "issue_type": "epic", "status": "deferred"},
        {"id": "t", "dependencies": [link("e", "parent-child")]},
        {"id": "u"},
    )
    assert [task.defer for task in plan.tasks] == ["deferred, says the document", None]


def test_all_bad_lines_are_reported_and_nothing_is_imported() -> None:
    """Line 2 is cut off, line 4 is no table, line 5 has no id."""
    text = '{"id": "a"}\n{"id": \n\n[1]\n{"title": "x"}\n'
    with pytest.raises(PlanProblems) as caught:
        import_text(text, file="issues.jsonl", format="beads")
    assert [problem.line for problem in caught.value.problems] == [2, 4, 5]
    assert str(caught.value).startswith("issues.jsonl:2: ")


def test_a_loop_of_links_is_refused_with_the_whole_of_it() -> None:
    with pytest.raises(PlanProblems) as caught:
        of({"id": "p", "dependencies": [link("q")]}, {"id": "q", "dependencies": [link("p")]})
    assert "p" in str(caught.value)
    assert "q" in str(caught.value)


def test_families_that_go_round_do_not_hang() -> None:
    """Each is the parent of the other: as tasks they would wait for each other."""
    with pytest.raises(PlanProblems):
        of(
            {"id": "p", "dependencies": [link("q", "parent-child")]},
            {"id": "q", "dependencies": [link("p", "parent-child")]},
        )


def test_the_format_is_recognised_by_its_lines() -> None:
    assert detect("export.jsonl", DOCUMENT.read_text(encoding="utf-8")) == "beads"
