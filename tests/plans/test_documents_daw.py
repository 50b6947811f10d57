"""The document with tables of durations, dependencies and slots: every row of it is in the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.plan import GateWhen, NoteKind, Plan, Strategy
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Heard, Imported
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "daw-agent-parallelism.md"

# wave, id, duration, dependencies: copied from the document row by row
ROWS = """
1 CORE-001 30min -
1 INFRA-001 2hr CORE-001
1 INFRA-002 1hr CORE-001
1 PROMPT-GOV-001 1hr CORE-001
2 CORE-002 1hr CORE-001
2 FRONTEND-001 30min CORE-001
2 AUTH-001 1hr CORE-001
2 DB-001 2hr CORE-002
2 CORE-003 3hr CORE-002
2 MODEL-001 4hr CORE-002
3 AUTH-002 2hr CORE-002,AUTH-001
3 MCP-SEC-001 4hr CORE-003,AUTH-002
3 MCP-SEC-002 3hr MCP-SEC-001
3 MCP-SEC-003 3hr MCP-SEC-001
3 MCP-SEC-004 3hr MCP-SEC-001
3 PROMPT-GOV-002 4hr PROMPT-GOV-001,CORE-002
4 CORE-004 3hr CORE-002
4 CORE-005 2hr CORE-002
4 CORE-006 3hr CORE-002,DB-001
4 OPS-001 2hr CORE-002
5 PLANNER-001 6hr CORE-002,DB-001,CORE-003,MODEL-001
5 PLANNER-002 3hr PLANNER-001
5 COMPLEXITY-001 4hr PLANNER-001,CORE-003
5 TASK-DECOMP-001 4hr PLANNER-001,COMPLEXITY-001
5 PRD-OUTPUT-001 3hr PLANNER-001
6 EXECUTOR-001 6hr CORE-005,CORE-004,CORE-003,MODEL-001
6 OPS-002 4hr EXECUTOR-001,DB-001,CORE-003
6 RULES-001 3hr EXECUTOR-001
7 VALIDATOR-001 8hr CORE-002,MODEL-001,CORE-003
7 VALIDATOR-002 4hr VALIDATOR-001
7 POLICY-001 6hr VALIDATOR-001
7 POLICY-002 4hr DB-001,POLICY-001
8 API-001 4hr CORE-002,AUTH-002
8 STREAMING-001 4hr CORE-002,FRONTEND-001
8 FRONTEND-AUTH-001 3hr FRONTEND-001,AUTH-001
8 FRONTEND-002 4hr FRONTEND-001,STREAMING-001
8 FRONTEND-003 4hr FRONTEND-001,STREAMING-001
8 INFRA-003 3hr INFRA-002
9 EVAL-001 3hr PLANNER-001,EXECUTOR-001
9 EVAL-002 6hr EVAL-001,VALIDATOR-001
9 EVAL-003 3hr EVAL-002
9 UAT-001 6hr VALIDATOR-001,FRONTEND-002,CORE-003
9 UAT-002 3hr UAT-001
9 UAT-003 3hr UAT-001
9 DRIFT-001 4hr OPS-001,EXECUTOR-001
9 DRIFT-002 3hr DRIFT-001
10 ORCHESTRATOR-001 8hr MODEL-001,PLANNER-001,EXECUTOR-001,VALIDATOR-001
"""
WAVES = {  # rows in the table of each wave, and what the heading calls it
    "Wave 1: Foundation": 4,
    "Wave 2: Core Backend": 6,
    "Wave 3: Security & Auth": 6,
    "Wave 4: Core Agents": 4,
    "Wave 5: Planner": 5,
    "Wave 6: Executor": 3,
    "Wave 7: Validator": 4,
    "Wave 8: Frontend & UAT": 6,
    "Wave 9: Eval & Operations": 8,
    "Wave 10: Orchestrator": 1,
}
HOURS = {"30min": 0.5, "1hr": 1, "2hr": 2, "3hr": 3, "4hr": 4, "6hr": 6, "8hr": 8}


@pytest.fixture(scope="module")
def imported() -> Imported:
    text = DOCUMENT.read_text(encoding="utf-8")
    return build(read_markdown(text, file=DOCUMENT.name), file=DOCUMENT.name)


@pytest.fixture(scope="module")
def plan(imported: Imported) -> Plan:
    return imported.plan


def test_every_row_is_a_task_with_its_duration_and_dependencies(plan: Plan) -> None:
    """47 rows in ten tables: 47 tasks, in order, each after exactly the tasks its row names."""
    expected = [line.split() for line in ROWS.split("\n") if line]
    assert len(expected) == len(plan.tasks) == 47
    found = [
        [task.id, (task.estimate_s or 0) / 3600, ",".join(task.after) or "-"] for task in plan.tasks
    ]
    assert found == [[row[1], HOURS[row[2]], row[3]] for row in expected]
    assert sum(len(task.after) for task in plan.tasks) == 76
    assert sum(task.estimate_s or 0 for task in plan.tasks) == 161 * 3600


def test_waves_are_phases(plan: Plan) -> None:
    """Ten waves with the tasks of their tables; the dependencies say when a task may start."""
    titles = {phase.id: phase.title for phase in plan.phases}
    rows = [titles[task.phase] for task in plan.tasks if task.phase]
    assert {title: rows.count(title) for title in titles.values()} == WAVES
    assert list(titles.values()) == list(WAVES)
    numbers = [line.split()[0] for line in ROWS.split("\n") if line]
    assert [title.split()[1].rstrip(":") for title in rows] == numbers
    assert plan.strategy is Strategy.EAGER
    assert not any(phase.sync for phase in plan.phases)


def test_eight_agents_at_once(plan: Plan) -> None:
    """`Up to 8 concurrent` says more than the largest table."""
    assert plan.agents_limit == 8


def test_columns_without_a_key_are_kept(plan: Plan) -> None:
    """Slots and the numbers of agents are no settings, but what the author wrote."""
    assert plan.by_id["MCP-SEC-004"].meta["agent id"] == "A5"  # type: ignore[index]
    slots = [int(task.meta["parallel slots"]) for task in plan.tasks]
    assert (slots.count(1), slots.count(2), slots.count(3)) == (16, 19, 12)
    assert {task.agent for task in plan.tasks} == {None}


def test_titles_and_prompts_say_what_is_known(plan: Plan) -> None:
    """The document has only ids: the title adds the wave, the prompt where the definitions are."""
    task = plan.tasks[11]
    assert (task.id, task.title) == ("MCP-SEC-001", "MCP-SEC-001: Security & Auth")
    assert task.line == 100
    assert "docs/planning/tasks.json" in task.prompt
    assert "Wave 3: Security & Auth" in task.prompt


def test_categories_are_routes(plan: Plan) -> None:
    """Seven ids and globs in four categories; the fifth names no task and is a note."""
    routes = [(route.match.id, route.model) for route in plan.routes]
    assert routes == [
        ("CORE-001", "haiku"),
        ("INFRA-*", "haiku"),
        ("MODEL-*", "sonnet"),
        ("PLANNER-*", "sonnet"),
        ("MCP-SEC-*", "sonnet"),
        ("EVAL-*", "sonnet"),
        ("UAT-*", "sonnet"),
    ]
    models = [plan.settings(task.id).model for task in plan.tasks]
    assert (models.count("haiku"), models.count("sonnet")) == (4, 13)
    notes = [note.text for note in plan.notes if "Subagent Type" in note.text]
    assert len(notes) == 5
    assert "test-runner" in notes[3]


def test_the_checklist_is_five_checks_for_each_task(plan: Plan) -> None:
    """No command is made up: the sentences are told to agents."""
    assert [gate.check for gate in plan.gates] == [
        "Code compiles (TypeScript: 0 errors)",
        "Tests pass (pytest/jest)",
        "Lint passes (ruff/eslint)",
        "Integration verified (if applicable)",
        "Progress files updated",
    ]
    assert {gate.when for gate in plan.gates} == {(GateWhen.TASK,)}
    assert not any(gate.armed for gate in plan.gates)


def test_risks_and_references_are_notes(plan: Plan) -> None:
    """Five risks with what is done about them, four references."""
    risks = [note for note in plan.notes if note.kind is NoteKind.RISK]
    assert [note.line for note in risks] == [268, 269, 270, 271, 272]
    assert risks[4].answer == "3-retry policy before human escalation"
    references = [note.text for note in plan.notes if note.kind is NoteKind.REFERENCE]
    assert references == [
        "Task definitions: docs/planning/tasks.json",
        "Agent specifications: agents.md",
        "TDD workflow: docs/planning/tdd_workflow.md",
        "Progress tracking: PROGRESS.md",
    ]
    protocol = [note for note in plan.notes if note.kind is NoteKind.PROTOCOL]
    assert len(protocol) == 6


def test_what_was_guessed(imported: Imported) -> None:
    """The time an attempt may take, and the number of agents."""
    guesses = [(one.line, one.rule) for one in imported.remarks if one.heard is Heard.GUESSED]
    assert guesses == [(1, "timeout-from-estimates"), (17, "agents-at-once")]


def test_the_plan_is_a_plan(plan: Plan) -> None:
    """Written as a file and read again it is the same."""
    again = read_plan(write_plan(plan), file="plan.toml")
    assert again.tasks == plan.tasks
    assert again.notes == plan.notes
