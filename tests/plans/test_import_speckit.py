"""spec-kit's `tasks.md` becomes a plan; figures were counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.plan import NoteKind, Plan
from agentdeck.plans.imports.detect import detect, import_text
from agentdeck.plans.imports.draft import Imported
from agentdeck.plans.problems import PlanProblems
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENTS = Path(__file__).parent / "documents" / "structured"


def imported(name: str) -> Imported:
    found = import_text((DOCUMENTS / name).read_text(encoding="utf-8"), file="specs/004-x/tasks.md")
    assert found.format == "speckit"
    assert read_plan(write_plan(found.plan), file="plan.toml") == found.plan
    return found


def of(text: str) -> Plan:
    return import_text(text, file="tasks.md", format="speckit").plan


def after(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {task.id: tuple(task.after) for task in plan.tasks}


def test_every_task_of_every_phase_is_in_the_plan() -> None:
    """13 tasks in 5 phases: 2, 3, 4, 2, 2; the first task is done."""
    plan = imported("speckit-tasks.md").plan
    assert plan.name == "Photo albums"
    assert [task.id for task in plan.tasks] == [f"T{number:03}" for number in range(1, 14)]
    sizes = [sum(task.phase == phase.id for task in plan.tasks) for phase in plan.phases]
    assert sizes == [2, 3, 4, 2, 2]
    assert [task.id for task in plan.tasks if task.defer] == ["T001"]
    assert plan.tasks[0].line == 14
    assert plan.tasks[12].line == 58


def test_setup_and_foundation_are_barriers_and_stories_are_independent() -> None:
    """Polish waits for the last tasks of both stories: T009, and T010 and T011."""
    plan = imported("speckit-tasks.md").plan
    assert [phase.sync for phase in plan.phases] == [True, True, False, False, False]
    assert set(after(plan)["T012"]) == {"T009", "T010", "T011"}
    assert not after(plan)["T010"]
    assert not after(plan)["T011"]


def test_inside_a_phase_only_tasks_without_p_follow_each_other() -> None:
    """T005 follows T003 and names T004; T008 names T006 and T007; T009 follows T008."""
    found = after(imported("speckit-tasks.md").plan)
    assert found["T002"] == found["T003"] == found["T004"] == ()
    assert set(found["T005"]) == {"T003", "T004"}
    assert found["T008"] == ("T006", "T007")
    assert found["T009"] == ("T008",)


def test_labels_files_titles_and_details_are_read() -> None:
    plan = imported("speckit-tasks.md").plan
    service = plan.tasks[7]
    assert service.labels == ("US1",)
    assert service.title == "Album service in src/services/albums.ts"
    assert service.files == ("src/services/albums.ts", "src/lib/names.ts")
    assert "Names are unique" in service.prompt
    assert plan.tasks[1].files == (".eslintrc.json",)
    assert plan.tasks[11].files == ("docs/",)
    assert plan.tasks[12].files == ()


def test_an_independent_test_closes_its_phase_and_checkpoints_are_notes() -> None:
    plan = imported("speckit-tasks.md").plan
    (gate,) = plan.gates
    assert gate.check == "Make an album and see it in the list"
    assert plan.phases[2].gates == (gate.name,)
    criteria = [note.text for note in plan.notes if note.kind is NoteKind.CRITERION]
    assert [text.rsplit(": ", 1)[-1] for text in criteria] == [
        "Foundation ready",
        "Albums can be made",
    ]


def test_without_user_stories_each_phase_waits_for_the_one_before() -> None:
    """The older form: 3 phases, 6 tasks; lines about dependencies add edges."""
    plan = imported("speckit-older.md").plan
    assert [phase.sync for phase in plan.phases] == [True, True, False]
    found = after(plan)
    assert set(found["T004"]) == {"T002", "T003"}
    assert set(found["T006"]) == {"T002", "T003", "T004", "T005"}


def test_one_story_alone_is_a_barrier_for_what_follows() -> None:
    plan = of("## Phase 1: User Story 1\n- [ ] T001 [US1] a\n## Phase 2: Polish\n- [ ] T002 b\n")
    assert [phase.sync for phase in plan.phases] == [True, False]
    assert after(plan)["T002"] == ()


def test_a_loop_is_refused() -> None:
    first, second = "T001 [P] a (depends on T002)", "T002 [P] b (depends on T001)"
    with pytest.raises(PlanProblems):
        of(f"## Phase 1: A\n- [ ] {first}\n- [ ] {second}\n")


def test_a_document_without_tasks_is_refused() -> None:
    with pytest.raises(PlanProblems):
        of("# Tasks: nothing\n\n## Phase 1: Setup\n")


def test_ranges_that_name_too_many_are_refused_quickly() -> None:
    """Each line asks for a million dependencies."""
    with pytest.raises(PlanProblems):
        of("- [ ] T001 a\n## Dependencies\n" + f"- {'T1-T999, ' * 100} blocks T001\n" * 50)


def test_the_format_is_recognised_by_its_tasks() -> None:
    assert detect("x.md", (DOCUMENTS / "speckit-older.md").read_text(encoding="utf-8")) == "speckit"
