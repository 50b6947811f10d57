"""The document with models, files and tokens under waves: every row and the deferred tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentdeck.core.plan import NoteKind, Plan, Strategy, Task
from agentdeck.plans.imports.build import build
from agentdeck.plans.imports.draft import Heard, Imported
from agentdeck.plans.imports.markdown.document import read_markdown
from agentdeck.plans.reader import read_plan
from agentdeck.plans.writer import write_plan

DOCUMENT = Path(__file__).parent / "documents" / "mah-parallel-execution.md"

# wave, id, title, model, files, tokens: copied from the document row by row
ROWS = """
1 | MAH-TODO-007 | PHP settings template | haiku | internal/php/ | 5K
1 | MAH-TODO-008 | System command handler | haiku | internal/system/ | 5K
1 | MAH-TODO-009 | Metrics collector fields | haiku | internal/metrics/ | 5K
1 | MAH-4C-004 | API key management | haiku | internal/api/keys/ | 8K
1 | MAH-4C-005 | Rate limiting feedback | haiku | internal/middleware/ | 8K
1 | MAH-4D-010 | Audit trail for AI | haiku | internal/audit/ | 8K
2 | MAH-4A-006 | Env vars manager | sonnet | internal/deploy/env/ | 15K
2 | MAH-4A-007 | Build logs & history | sonnet | internal/deploy/logs/ | 15K
2 | MAH-4C-009 | Zapier/n8n integration | haiku | internal/integrations/ | 10K
2 | MAH-4D-008 | Incident timeline | sonnet | internal/incidents/ | 15K
2 | MAH-3E-001 | Admin reports | sonnet | internal/admin/reports/ | 15K
3 | MAH-4A-001 | Git deployment | sonnet | internal/deploy/git/ | 20K
3 | MAH-4A-002 | GitHub/GitLab webhooks | sonnet | internal/webhooks/ | 20K
3 | MAH-4C-003 | WebSocket events | sonnet | internal/ws/ | 20K
3 | MAH-3D-001 | Cron job manager | sonnet | internal/cron/ | 20K
4 | MAH-4A-003 | Node.js hosting (PM2) | sonnet | internal/runtime/nodejs/ | 25K
4 | MAH-4A-004 | Python hosting | sonnet | internal/runtime/python/ | 25K
4 | MAH-4A-005 | Static site generators | sonnet | internal/runtime/static/ | 25K
4 | MAH-4A-010 | Docker container hosting | sonnet | internal/runtime/docker/ | 30K
5 | MAH-4C-002 | GraphQL API | sonnet | internal/graphql/ | 30K
5 | MAH-4C-008 | CLI tool (mah-cli) | sonnet | cmd/mah-cli/ | 30K
5 | MAH-4D-009 | Slack/Discord bot | sonnet | internal/chatops/ | 25K
5 | MAH-4F-001 | SSH web terminal | sonnet | internal/terminal/ | 30K
6 | MAH-4E-001 | Agent-based architecture | sonnet | internal/agent/ | 35K
6 | MAH-4E-003 | Account placement algorithms | sonnet | internal/placement/ | 25K
6 | MAH-4E-004 | Live migration | sonnet | internal/migration/ | 30K
"""
REASON = "Requires architectural decisions, very high complexity"


@pytest.fixture(scope="module")
def imported() -> Imported:
    text = DOCUMENT.read_text(encoding="utf-8")
    return build(read_markdown(text, file=DOCUMENT.name), file=DOCUMENT.name)


@pytest.fixture(scope="module")
def plan(imported: Imported) -> Plan:
    return imported.plan


def live(plan: Plan) -> list[Task]:
    return [task for task in plan.tasks if task.defer is None]


def test_every_row_is_a_task_with_its_model_files_and_tokens(plan: Plan) -> None:
    """26 rows in six tables."""
    expected = [[cell.strip() for cell in line.split("|")] for line in ROWS.split("\n") if line]
    tasks = live(plan)
    assert len(expected) == len(tasks) == 26
    found = [
        [t.id, t.title, t.model, ",".join(t.files), f"{(t.tokens or 0) // 1000}K"] for t in tasks
    ]
    assert found == [row[1:] for row in expected]
    assert sum(task.tokens or 0 for task in tasks) == 499_000
    models = [task.model for task in tasks]
    assert (models.count("haiku"), models.count("sonnet")) == (7, 19)


def test_waves_are_phases_and_barriers(plan: Plan) -> None:
    """6, 5, 4, 4, 4 and 3 tasks; "merge sequentially after each wave" makes barriers."""
    titles = [phase.title for phase in plan.phases]
    assert titles == [
        "Wave 1: Simple/Independent Tasks",
        "Wave 2: Medium Complexity",
        "Wave 3: Core Features",
        "Wave 4: App Hosting",
        "Wave 5: Advanced Features",
        "Wave 6: Multi-Server Foundation",
        "Deferred: Phase 4B: Go-Powered WordPress",
    ]
    counts = [sum(task.phase == phase.id for task in plan.tasks) for phase in plan.phases]
    assert counts == [6, 5, 4, 4, 4, 3, 10]
    assert plan.strategy is Strategy.WAVES
    assert plan.agents_limit == 6


def test_the_deferred_range_is_ten_tasks(plan: Plan) -> None:
    """`MAH-4B-001 through MAH-4B-010`, each with the stated reason and 50K tokens."""
    deferred = [task for task in plan.tasks if task.defer is not None]
    assert [task.id for task in deferred] == [f"MAH-4B-{n:03d}" for n in range(1, 11)]
    assert {task.defer for task in deferred} == {REASON}
    assert {task.tokens for task in deferred} == {50_000}
    assert {task.line for task in deferred} == {107}
    assert all("planned separately with human input" in task.prompt for task in deferred)


def test_the_inventory_gives_complexity(plan: Plan) -> None:
    """Series are found in the ids: `TODO fixes` in MAH-TODO-…, `Phase 3` in MAH-3D-… and 3E."""
    found: dict[str | None, int] = {}
    for task in plan.tasks:
        found[task.complexity] = found.get(task.complexity, 0) + 1
    assert found == {
        "low-medium": 3,  # TODO fixes
        "medium": 6 + 1 + 2,  # 4C, 4F, Phase 3
        "medium-high": 8 + 3,  # 4A, 4D
        "high": 3,  # 4E
        "very-high": 10,  # 4B
    }


def test_protocol_constraint_and_reasons_are_notes(plan: Plan) -> None:
    """Five steps with what belongs to them; the constraint with its three rules; nine series."""
    protocol = [note for note in plan.notes if note.kind is NoteKind.PROTOCOL]
    assert [note.line for note in protocol] == [117, 121, 125, 129, 133]
    assert "Claim tasks on Planner API; Create branches: task/{TASK-ID}" in protocol[0].text
    (constraint,) = [note for note in plan.notes if note.kind is NoteKind.CONSTRAINT]
    assert constraint.line == 21
    assert constraint.text.endswith("Merge sequentially after each wave")
    rationale = [note for note in plan.notes if note.kind is NoteKind.RATIONALE]
    assert [note.line for note in rationale] == [40, 105]
    assert sum(note.text.startswith("Series: ") for note in plan.notes) == 9
    assert sum("Focus: " in note.text for note in plan.notes) == 6


def test_what_was_guessed(imported: Imported) -> None:
    """Eight series, the barriers, the agents and the tokens of the deferred tasks."""
    guesses = [(one.line, one.rule) for one in imported.remarks if one.heard is Heard.GUESSED]
    assert guesses == [
        *((line, "series-by-id") for line in range(9, 17)),
        (24, "stated-barrier"),
        (28, "agents-at-once"),
        (109, "each-task"),
    ]


def test_what_has_no_place_is_told(imported: Imported) -> None:
    """No task of the plan is of the series `Suite`."""
    left = [(one.line, one.rule) for one in imported.remarks if one.heard is Heard.LEFT]
    assert (17, "series") in left


def test_the_plan_is_a_plan(plan: Plan) -> None:
    """Written as a file and read again it is the same."""
    again = read_plan(write_plan(plan), file="plan.toml")
    assert again.tasks == plan.tasks
    assert again.notes == plan.notes
