"""Kiro's `tasks.md` becomes a plan, with or without a graph; figures were counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.plan import Plan
from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENTS = Path(__file__).parent / "documents" / "structured"


def imported(name: str) -> Imported:
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    found = import_text(text, file=".kiro/specs/themes/tasks.md")
    assert found.format == "kiro"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def of(text: str) -> Plan:
    return import_text(text, file="tasks.md", format="kiro").plan


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {task.id: tuple(task.after) for task in plan.tasks}


def test_without_a_graph_each_task_waits_for_the_one_listed_before() -> None:
    """6 numbers: 2 is a group, so 5 tasks; 1 is done, and nobody waits for the optional 2.2."""
    found = imported("kiro-plain.md")
    plan = found.plan
    assert plan.name == "themes"
    assert after(plan) == {"1": (), "2.1": (), "2.2": ("2.1",), "2.3": ("2.1",), "3": ("2.3",)}
    assert {task.id: task.defer for task in plan.tasks if task.defer} == {
        "1": "done, says the document",
        "2.2": "optional, says the document",
    }
    assert [(phase.id, phase.title) for phase in plan.phases] == [("2", "2. Storage")]
    assert {"in-order", "optional", "group", "in-progress"} <= {r.rule for r in found.remarks}


def test_words_in_underscores_are_kept_by_name_and_other_lines_are_told() -> None:
    schema, show = imported("kiro-plain.md").plan.tasks[1], imported("kiro-plain.md").plan.tasks[4]
    assert schema.meta == {"requirements": "1.2, 2.1", "group": "2. Storage"}
    assert schema.prompt.endswith("- Users and notes")
    assert schema.files == ("src/db/schema.sql",)
    assert show.meta == {"leverage": "src/ui/list.ts", "requirements": "3.1"}


def test_waves_are_phases_with_barriers() -> None:
    """2 waves; 3 is in none, so it waits for all that is listed before; 9.9 is no task."""
    found = imported("kiro-waves.md")
    plan = found.plan
    assert plan.name == "Themes"
    assert [(task.id, task.phase) for task in plan.tasks] == [
        ("1.1", "wave-0"),
        ("1.2", "wave-1"),
        ("2.1", "wave-0"),
        ("2.2", "wave-1"),
        ("3", None),
    ]
    assert [phase.sync for phase in plan.phases] == [True, False]
    assert after(plan)["3"] == ("1.1", "1.2", "2.1")
    said = [(remark.line, remark.rule) for remark in found.remarks]
    assert (28, "no-such-task") in said
    assert (15, "not-in-graph") in said


def test_a_wave_that_names_a_group_means_its_tasks_in_order() -> None:
    """The variant with `wave` and a description: 3 stands for 3.1 and 3.2."""
    plan = imported("kiro-waves-numbered.md").plan
    assert [(phase.title, phase.sync) for phase in plan.phases] == [
        ("See it fail.", True),
        ("Repair it.", False),
    ]
    assert after(plan) == {"1": (), "2": (), "3.1": (), "3.2": ("3.1",)}
    assert [task.phase for task in plan.tasks] == ["wave-0", "wave-0", "wave-1", "wave-1"]


def test_waves_that_depend_on_others_become_edges() -> None:
    """The variant with `name` and `depends_on`: a diamond, so no barrier may hold a side back."""
    plan = imported("kiro-waves-named.md").plan
    assert after(plan) == {"1": (), "2": ("1",), "3": ("1",), "4": ("2", "3")}
    assert not any(phase.sync for phase in plan.phases)
    assert [phase.title for phase in plan.phases] == ["Start", "One side", "Other side", "End"]
    assert plan.agents_limit >= 2


def test_waves_can_be_plain_lists() -> None:
    plan = imported("kiro-waves-lists.md").plan
    assert [task.phase for task in plan.tasks] == ["wave-0", "wave-1", "wave-1"]
    assert plan.phases[0].sync


def test_arrows_are_edges_also_over_several_lines_and_to_groups() -> None:
    """7 tasks; T2 means 2.1 then 2.2; the 7 in brackets is a title; 6 is not drawn."""
    assert after(imported("kiro-arrows.md").plan) == {
        "1": (),
        "2.1": ("1",),
        "2.2": ("2.1",),
        "3": ("1",),
        "4": ("2.2",),
        "5": ("2.2", "3"),
        "6": ("1", "2.1", "2.2", "3", "4", "5"),
    }


def test_a_number_that_stands_twice_keeps_both_tasks() -> None:
    plan = of("- [ ] 1. a\n- [ ] 1. b\n- [ ] 2. c\n")
    assert [task.title for task in plan.tasks] == ["a", "b", "c"]


def test_a_graph_that_is_no_json_is_left_and_said() -> None:
    text = '- [ ] 1. a\n- [ ] 2. b\n\n## Task Dependency Graph\n\n```json\n{"waves": [}\n```\n'
    found = import_text(text, file="tasks.md", format="kiro")
    assert (7, "graph-not-read") in [(remark.line, remark.rule) for remark in found.remarks]
    assert after(found.plan) == {"1": (), "2": ("1",)}


def test_arrows_that_go_round_are_refused() -> None:
    with pytest.raises(PlanProblems):
        of("## Task Dependency Graph\nT1 --> T2 --> T1\n\n## Tasks\n- [ ] 1. a\n- [ ] 2. b\n")


def test_the_format_is_recognised_by_its_numbers_and_marks() -> None:
    assert detect("x/tasks.md", (DOCUMENTS / "kiro-plain.md").read_text(encoding="utf-8")) == "kiro"
